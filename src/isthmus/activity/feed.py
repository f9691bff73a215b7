"""Takes what Kamailio's workers tell: a thread that reads the socket and passes events on."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
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
_AT_ONCE = 256  # messages of one worker before it is another's turn


class Feed:
    """path: of the socket, which only this site's unix user can open. take: called with each event; must be quick."""

    def __init__(self, path: Path, take: Callable[[Event], object]) -> None:
        self._path, self._take = path, take
        self.dropped = 0  # that the senders could not get rid of
        self.malformed = 0
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="activity feed", daemon=True)

    def start(self) -> None:
        """Listen. Raises UnavailableError where the socket can't be made."""
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
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._thread.start()

    def stop(self) -> None:
        """Take what has come so far, and end."""
        if self._thread.is_alive():
            self._wake.send(b"x")
            self._thread.join()
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        self._wake.close()
        self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        while True:
            stopping = False
            for key, _ in self._selector.select():
                if key.data is None:
                    stopping = True
                    continue
                try:
                    key.data(key.fileobj)
                except Exception:
                    _log.exception("activity: a worker's events could not be taken")
            if stopping:
                return

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            sender, _ = listener.accept()
            sender.setblocking(False)
            self._selector.register(sender, selectors.EVENT_READ, self._read)

    def _read(self, sender: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                raw = sender.recv(LONGEST)
            except BlockingIOError:
                return
            except OSError:
                raw = b""
            if not raw:
                self._selector.unregister(sender)
                sender.close()
                return
            try:
                dropped, event = decode(raw)
            except msgspec.DecodeError:
                self.malformed += 1
                continue
            self.dropped += dropped
            self._take(event)
