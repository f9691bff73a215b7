"""Takes what Kamailio's workers tell of calls: a thread that looks into the pipe and passes events on.

It looks twenty times a second instead of waiting to be woken, which would cost whoever writes. The pipe stays when the
service ends: workers go on writing into it.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from isthmus.errors import UnavailableError
from isthmus.records.model import Event
from isthmus.records.wire import HELD, decode

_log = logging.getLogger(__name__)
_LOOK_S = 0.05
_CHUNK = 1 << 16


class Feed:
    """path: of the pipe, which only this site's unix user can open. take: called with each event, those of one look in
    the order of their times; must be quick.
    """

    def __init__(self, path: Path, take: Callable[[Event], object]) -> None:
        self._path, self._take = path, take
        self.dropped = 0  # that the workers could not keep
        self.malformed = 0
        self._pipe = -1
        self._rest = b""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="call records feed", daemon=True)

    def start(self) -> None:
        """Make the pipe where there is none, and begin to look. Raises UnavailableError where it can't be made."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._path.is_fifo():
                self._path.unlink(missing_ok=True)
                os.mkfifo(self._path, 0o600)
            # For writing too: else it would be at its end whenever no worker has it open.
            self._pipe = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise UnavailableError(f"the pipe can't be made ({error.strerror})", where=str(self._path)) from error
        with contextlib.suppress(OSError):  # less is what there is then
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, HELD)
        self._thread.start()

    def stop(self) -> None:
        """Take what has come so far, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def _run(self) -> None:
        while True:
            stopping = self._stop.wait(_LOOK_S)
            try:
                self._look()
            except Exception:
                _log.exception("call records: the workers' events could not be taken")
            if stopping:
                return

    def _look(self) -> None:
        events: list[Event] = []
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._pipe, _CHUNK):
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                for line in lines:
                    try:
                        dropped, event = decode(line)
                    except msgspec.DecodeError:
                        self.malformed += 1
                        continue
                    self.dropped += dropped
                    events.append(event)
        # One worker had the beginning of a call, another one its end.
        for event in sorted(events, key=lambda each: each.at):
            self._take(event)
