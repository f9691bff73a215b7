"""Hears what one peer tells of presence: a question that waits for news, again and again, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from typing import Any, Protocol

from isthmus.errors import IsthmusError
from isthmus.link.client import LinkDownError
from isthmus.presence.service import Presence
from isthmus.presence.wire import page_of

_log = logging.getLogger(__name__)
WAIT_S = 2.0
"""So long the peer waits for something to tell. Also how soon a link that went silent is noticed, and some."""
_MORE_S = 2.0
_AGAIN_S = (0.1, 0.3, 0.5, 1.0)


class Peer(Protocol):
    """What is needed of a PeerClient."""

    @property
    def peer(self) -> str: ...

    def get(self, path: str, *, timeout_s: float | None = None) -> Any: ...

    def close(self) -> None: ...


class Following:
    """`start` begins, `stop` ends."""

    def __init__(self, presence: Presence, client: Peer) -> None:
        self._presence, self._client = presence, client
        self._stop = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=f"presence of {client.peer}", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """End; does not wait for the answer under way, which changes nothing any more."""
        self._stop.set()
        self._client.close()
        if self._thread.is_alive():
            self._thread.join(WAIT_S + _MORE_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            if self.ask():
                self._failures = 0
            else:
                self._stop.wait(_AGAIN_S[min(self._failures, len(_AGAIN_S) - 1)])
                self._failures += 1

    def ask(self) -> bool:
        """Ask once, and take in the answer; whether there was one."""
        peer = self._client.peer
        run, after = self._presence.position(peer)
        # While it is not known to be there it is not let wait.
        wait_s = WAIT_S if self._presence.sites().get(peer) else 0
        try:
            told = self._client.get(
                f"/link/presence?run={run}&after={after}&wait_s={wait_s}", timeout_s=WAIT_S + _MORE_S
            )
            if not self._stop.is_set():
                self._presence.apply(peer, page_of(told))
        except IsthmusError as error:
            if not self._stop.is_set():
                self._presence.lost(peer, error.reason if isinstance(error, LinkDownError) else str(error))
            return False
        except Exception as error:
            if not self._stop.is_set():
                _log.exception("presence of %s", peer)
                self._presence.lost(peer, f"{type(error).__name__}: {error}")
            return False
        return True
