"""What calls for help need of what was told in passing: a file each, so that it outlives a restart of the SIP engine.

Its workers write and read it themselves: that a call for help is made, and where from, must hang on no other process.
Here are what a person chose who is at home at another site, as that says when their phone registers here, and the
numbers lent to calls of which the database knows nothing, or not yet. None of it is kept for long: a file's time of
change is the time at which it ends.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

PRUNE_S = 300.0
"""How often it is looked through."""
KINDS = ("choices", "loans")
"""Folders of what people chose at their home, and of numbers lent."""
_MOST = 50_000
"""Files that stay when it is looked through."""


class Heard:
    """folder: for one kind of thing. clock: seconds since 1970. Safe to use from several processes."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = folder, clock

    def put(self, key: str, value: bytes, until: float) -> None:
        """Keep a value until then (seconds since 1970), whole or not at all. Raises OSError (a full disk)."""
        path = self._path(key)
        if self._read(path) != value:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{os.getpid()}")
            try:
                with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                    file.write(value)
                os.utime(fresh, (until, until))
                fresh.replace(path)
            except OSError:
                fresh.unlink(missing_ok=True)
                raise
        else:
            os.utime(path, (until, until))

    def get(self, key: str) -> bytes | None:
        """What is kept under this key; None where nothing is, or it has ended. Raises OSError."""
        path = self._path(key)
        try:
            return path.read_bytes() if path.stat().st_mtime > self._clock() else None
        except FileNotFoundError:
            return None

    def drop(self, key: str) -> None:
        """Forget it, where it is there. Raises OSError."""
        self._path(key).unlink(missing_ok=True)

    def prune(self) -> None:
        """Take away what has ended, and of too many those that end first. Raises OSError."""
        now, ends = self._clock(), dict[str, float]()
        try:
            with os.scandir(self._folder) as found:
                for each in found:
                    try:
                        ends[each.path] = each.stat().st_mtime
                    except FileNotFoundError:
                        continue  # dropped meanwhile
        except FileNotFoundError:
            return
        by_end = sorted(ends, key=lambda path: ends[path])
        for position, path in enumerate(by_end):
            if ends[path] <= now or position < len(by_end) - _MOST:
                Path(path).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:32]

    @staticmethod
    def _read(path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def prune_all(folder: Path) -> None:
    """Of each kind what has ended. Raises OSError."""
    for kind in KINDS:
        Heard(folder / kind).prune()
