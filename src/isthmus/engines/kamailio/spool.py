"""Keeps what workers tell of calls until the control service takes it.

It goes into a named pipe, which all workers hold open: so the kernel keeps up to a megabyte, some 2,500 events, while
the control service is away, and nothing of it is lost with that. What the pipe does not take at once stays in the
worker's memory and goes with one of its next requests; what is more than `_KEPT` events is dropped and counted, and the
count goes along with the next event. No lock, no waiting, no file on a disk, no other process on the path of a call.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections import deque

from isthmus.records.model import Event
from isthmus.records.wire import HELD, encode

_KEPT = 5000  # events
_AGAIN_S = 1.0  # between two tries to open the pipe in vain


class Spool:
    """One a worker. path: of the pipe, opened at first use, after the fork; empty: none."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._pipe: int | None = None
        self._failed = -_AGAIN_S
        self._kept: deque[Event] = deque()
        self._dropped = 0

    def tell(self, event: Event) -> None:
        """Tell it at once, or later."""
        if not self._path:
            return
        if len(self._kept) >= _KEPT:
            self._dropped += 1
            return
        self._kept.append(event)
        self.flush()

    def flush(self) -> None:
        """Tell what was kept, as far as it is taken at once. Costs nothing where there is none."""
        while self._kept and self._is_open() and self._written(encode(self._kept[0], self._dropped)):
            self._kept.popleft()
            self._dropped = 0

    def _written(self, line: bytes) -> bool:
        """Lines are no longer than PIPE_BUF: the pipe takes them whole or not at all (pipe(7))."""
        assert self._pipe is not None
        try:
            return os.write(self._pipe, line) == len(line)
        except OSError:
            return False

    def _is_open(self) -> bool:
        if self._pipe is not None:
            return True
        now = time.monotonic()
        if now - self._failed < _AGAIN_S:
            return False
        self._failed = now
        with contextlib.suppress(OSError):
            # For reading too: it opens without a reader, and what is in it outlives the reader.
            self._pipe = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, HELD)  # where that is refused, less is what there is
        return self._pipe is not None
