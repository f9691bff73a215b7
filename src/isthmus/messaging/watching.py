"""Tabs at this site of people who are at home elsewhere: their homes are asked, again and again, to tell them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from isthmus.errors import IsthmusError
from isthmus.messaging.feed import Peer
from isthmus.messaging.service import Messaging

_EVERY_S = 15.0
AGAIN = {"event": "chats.again"}  # something may have been missed: look anew


class Watching:
    """tell: (people, event, key) to tabs here. Safe to use from several threads."""

    def __init__(
        self,
        messaging: Messaging,
        peers: Mapping[str, Peer],
        tell: Callable[[Iterable[str], Mapping[str, Any], str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._messaging, self._peers, self._tell, self._clock = messaging, peers, tell, clock
        self._asked: dict[str, tuple[list[str], float]] = {}  # home -> for whom, and when
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._told: dict[str, str] = {}  # person -> home and its run, when that last knew of their tabs

    def joined(self, person: str) -> None:
        """A tab was opened."""
        with self._lock:
            self._open[person] += 1

    def left(self, person: str) -> None:
        """One was closed."""
        with self._lock:
            self._open[person] -= 1
            if self._open[person] <= 0:
                del self._open[person]
                self._told.pop(person, None)

    def watch(self) -> None:
        """Ask the homes where something is different, or it is time. Those look anew whose home was not told of them
        before, or has forgotten it, or is another one now: something may have happened in between."""
        with self._lock:
            people = list(self._open)
        homes = self._messaging.homes_of(people)
        away: dict[str, list[str]] = {}
        for person, home in homes.items():
            if home in self._peers:
                away.setdefault(home, []).append(person)
            elif self._told.pop(person, None) is not None:  # moved here meanwhile
                self._tell([person], AGAIN, "chats.again")
        for home, those in away.items():
            asked, at = self._asked.get(home, ([], float("-inf")))
            if asked == those and self._clock() - at < _EVERY_S:
                continue
            try:
                run = f"{home} {self._peers[home].ask('/link/messages/watch', {'people': those})['run']}"
            except IsthmusError:
                self._asked.pop(home, None)
                self._told |= dict.fromkeys(those, "")
                continue
            missed = [person for person in those if self._told.get(person) != run]
            self._told |= dict.fromkeys(those, run)
            self._asked[home] = (those, self._clock())
            self._tell(missed, AGAIN, "chats.again")
