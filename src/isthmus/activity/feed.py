"""Takes what Kamailio's workers tell: a thread that looks into the socket and passes events on.

It looks twenty times a second instead of waiting to be woken: to wake a reader costs whoever sends many times what the
message itself does, and nobody is in a hurry. In between the kernel holds some 280 messages of each worker.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from isthmus.activity.model import Event
from isthmus.activity.wire import LONGEST, decode
from isthmus.errors import UnavailableError

_log = logging.getLogger(__name__)
_BACKLOG = 128
_LOOK_S = 0.05
_AT_ONCE = 256  # messages of one worker before it is another's turn


class Feed:
    """path: of the socket, which only this site's unix user can open. take: called with each event, in the order of
    their times; must be quick.
    """

    def __init__(self, path: Path, take: Callable[[Event], object]) -> None:
        self._path, self._take = path, take
        self.dropped = 0  # that the senders could not get rid of
        self.malformed = 0
        self._listener: socket.socket | None = None
        self._senders: list[socket.socket] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="activity feed", daemon=True)

    def start(self) -> None:
        """Listen. Raises UnavailableError where the socket can't be made."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        before = os.umask(0o177)
        try:
            listener.bind(str(self._path))
        except OSError as error:
            listener.close()
            raise UnavailableError(f"the socket can't be made ({error.strerror})", where=str(self._path)) from error
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
        self._listener = listener
        self._thread.start()

    def stop(self) -> None:
        """Take what has come so far, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        for opened in (self._listener, *self._senders):
            if opened is not None:
                opened.close()
        self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        while True:
            stopping = self._stop.wait(_LOOK_S)
            try:
                self._look()
            except Exception:
                _log.exception("activity: the workers' events could not be taken")
            if stopping:
                return

    def _look(self) -> None:
        assert self._listener is not None
        while True:
            try:
                sender, _ = self._listener.accept()
            except BlockingIOError:
                break
            sender.setblocking(False)
            self._senders.append(sender)
        more = True
        while more:
            more, events = False, list[Event]()
            for sender in list(self._senders):
                more |= self._read(sender, events)
            # One worker had the beginning of a call, another one its end.
            for event in sorted(events, key=lambda each: each.at):
                self._take(event)

    def _read(self, sender: socket.socket, events: list[Event]) -> bool:
        """Add what a worker has told; whether there may be more."""
        for _ in range(_AT_ONCE):
            try:
                raw = sender.recv(LONGEST)
            except BlockingIOError:
                return False
            except OSError:
                raw = b""
            if not raw:
                self._senders.remove(sender)
                sender.close()
                return False
            try:
                dropped, event = decode(raw)
            except msgspec.DecodeError:
                self.malformed += 1
                continue
            self.dropped += dropped
            events.append(event)
        return True
