"""A connector says what it decides of a request: to online, which asks by what the connector fetches (questions.py)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec

from isthmus.connectors.questions import WAIT_S
from isthmus.errors import IsthmusError, NotFoundError
from isthmus.routing import explain
from isthmus.routing.model import Outcome, Request
from isthmus.routing.snapshot import View

_log = logging.getLogger(__name__)
_PAUSE_S = 3.0
_UNKNOWN_S = 60.0  # a site of an earlier version asks nothing
_SLACK_S = 10.0


class Reader(Protocol):
    """The connector's snapshot."""

    def view(self) -> AbstractContextManager[View]: ...


class Online(Protocol):
    """The way to the site that the connector belongs to (see link.client.PeerClient)."""

    def get(self, path: str, *, timeout_s: float | None = None) -> Any: ...

    def post(self, path: str, body: Any, *, timeout_s: float | None = None) -> Any: ...


class Answering:
    """Fetches questions and answers them, in a thread of its own. away: who can't be reached now."""

    def __init__(self, online: Online, reader: Reader, away: Callable[[], frozenset[str]]) -> None:
        self._online, self._reader, self._away = online, reader, away
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="questions", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a question that is waited for is not waited for longer than a moment."""
        self._stopping.set()
        self._thread.join(1)

    def work(self, wait_s: float = WAIT_S) -> bool:
        """Fetch one question and answer it; whether there was one. Raises IsthmusError."""
        told = self._online.get(f"/link/connector/questions?wait_s={wait_s}", timeout_s=wait_s + _SLACK_S)
        if not told or self._stopping.is_set():
            return False
        outcome = self.judged(msgspec.convert(told["request"], Request))
        self._online.post("/link/connector/answers", {"id": told["id"], "outcome": msgspec.to_builtins(outcome)})
        return True

    def judged(self, request: Request) -> Outcome:
        """What this connector decides of it as things are now."""
        unreachable = request.unreachable | self._away()
        with self._reader.view() as view:
            return explain.judged(msgspec.structs.replace(request, unreachable=unreachable), view)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.work()
            except NotFoundError:
                self._stopping.wait(_UNKNOWN_S)
            except IsthmusError:
                self._stopping.wait(_PAUSE_S)  # that online is away, others say
            except Exception:
                if not self._stopping.is_set():
                    _log.exception("questions")
                    self._stopping.wait(_PAUSE_S)
