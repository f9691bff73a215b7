"""Tells one peer what changed here, in order and without a gap, however often the link is cut; and passes on at once
what is only worth telling now (somebody is typing), which is lost where the link is down."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from isthmus.messaging.service import Messaging

_MOST_WHISPERS = 5000
_AT_ONCE = 500


class Peer(Protocol):
    """The link to another site."""

    @property
    def peer(self) -> str: ...

    def ask(self, path: str, body: Any, *, timeout_s: float = ...) -> Any: ...


class Sender:
    """The feed to one peer. `send` is called when there is something, and now and then; by one thread at a time."""

    def __init__(self, messaging: Messaging, peer: Peer) -> None:
        self._messaging, self._peer = messaging, peer
        self._stream = ""
        self.acknowledged = -1  # not known: the peer is asked

    def send(self) -> None:
        """Send until nothing is left. Raises LinkDownError, and goes on next time where the peer says it stopped."""
        try:
            if self.acknowledged < 0:
                self._resume()
            while True:
                page = self._messaging.page(self._peer.peer, self.acknowledged)
                if page.stream != self._stream:  # the database was made anew under us
                    self._resume()
                    continue
                if page.last <= self.acknowledged:
                    return
                if page.items:
                    told = self._peer.ask("/link/messages/feed", msgspec.to_builtins(page), timeout_s=15.0)
                    self.acknowledged = int(told["seq"])
                else:
                    self.acknowledged = page.last
        except BaseException:
            self.acknowledged = -1
            raise

    def _resume(self) -> None:
        told = self._peer.ask("/link/messages/position", {})
        self._stream = self._messaging.page(self._peer.peer, 0, 1).stream
        self.acknowledged = int(told["seq"]) if told["stream"] == self._stream else 0


class Whispers:
    """What is to be told to people at one peer now: (people, event, key)."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._waiting: deque[tuple[list[str], Mapping[str, Any], str]] = deque(maxlen=_MOST_WHISPERS)
        self._lock = threading.Lock()

    def put(self, people: Iterable[str], event: Mapping[str, Any], key: str) -> None:
        """Tell these. From any thread."""
        self._waiting.append((list(people), event, key))

    def send(self) -> None:
        """Send what waits. What can't be sent is lost."""
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(len(self._waiting), _AT_ONCE))]
            self._peer.ask("/link/messages/whisper", {"told": some})
