"""Remembers when and where each device last proved itself at this site.

The SIP engine's workers tell it by the way that all they tell goes (activity/feed.py), and never wait. Here it stays in
memory, and what is new goes to the database every few seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from sqlalchemy import Engine

from isthmus.activity.model import Event
from isthmus.database import reading, writing
from isthmus.devices import store
from isthmus.devices.model import Use

_MOST = 200_000  # devices in memory
_NEWS_MS = 60_000  # a device seen at the place where it was is written down no more often


class Uses:
    """When each device was last seen at this site. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._seen: dict[str, Use] = {}
        self._written: dict[str, Use] = {}
        self._news: set[str] = set()

    def take(self, event: Event) -> None:
        """What a worker told. Returns at once."""
        use = use_of(event)
        if use is not None:
            self.note(use)

    def note(self, use: Use) -> None:
        """A device was seen. Costs no more than memory."""
        with self._lock:
            before = self._seen.get(use.name)
            if before is None and len(self._seen) >= _MOST:
                return
            if before is None or before.at_ms <= use.at_ms:
                self._seen[use.name] = use
                written = self._written.get(use.name)
                if written is None or _is_news(written, use):
                    self._news.add(use.name)

    def of(self, names: Iterable[str]) -> dict[str, Use]:
        """When those of the devices that were seen here were seen last."""
        wanted = list(names)
        with reading(self._engine) as connection:
            found = store.uses(connection, wanted)
        with self._lock:
            fresh = {name: self._seen[name] for name in wanted if name in self._seen}
        for name, use in fresh.items():
            if name not in found or found[name].at_ms < use.at_ms:
                found[name] = use
        return found

    def write(self, *, everything: bool = False) -> None:
        """Write down what is new: another place, another client, or a minute later. everything: at the end."""
        with self._lock:
            if everything:
                self._news |= {name for name, use in self._seen.items() if self._written.get(name) != use}
            news = [self._seen[name] for name in self._news]
        if not news:
            return
        with writing(self._engine) as connection:
            store.put_uses(connection, news)
        with self._lock:
            self._written |= {use.name: use for use in news}
            self._news -= {use.name for use in news if self._seen[use.name] == use}


def _is_news(before: Use, now: Use) -> bool:
    same = (before.address, before.edge, before.client, before.generation) == (
        now.address,
        now.edge,
        now.client,
        now.generation,
    )
    return not same or now.at_ms - before.at_ms >= _NEWS_MS


def use_of(event: Event) -> Use | None:
    """The use that an event of the kind DEVICE tells of; None where it is none."""
    name, _, generation = event.device.partition(".")
    if not name or not (generation.isascii() and generation.isdecimal()):
        return None
    return Use(name, int(generation), int(event.at * 1000), event.address, event.edge, event.client)
