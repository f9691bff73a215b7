"""The map of locations as a file beside the snapshot: written by the control service, read by calls.

A call needs no database and no other process for it. It is looked at for emergency calls alone, which are few.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from isthmus.emergency.compiled import EmergencyMap, decoded, encoded

_log = logging.getLogger(__name__)
NAME = "locations"


class MapFile:
    """folder: of the snapshot."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._read: tuple[tuple[int, int, int], EmergencyMap] = ((0, 0, 0), EmergencyMap())

    def write(self, made: EmergencyMap) -> bool:
        """Put the map there, whole or not at all; whether it was another one. Raises OSError (a full disk)."""
        raw = encoded(made)
        if self._path.exists() and self._path.read_bytes() == raw:
            return False
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        return True

    def map(self) -> EmergencyMap:
        """The map as it is now; an empty one where there is none, the last one where it can't be read. Never raises."""
        try:
            stat = self._path.stat()
            state = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if state != self._read[0]:
                self._read = (state, decoded(self._path.read_bytes()))
        except FileNotFoundError:
            self._read = ((0, 0, 0), EmergencyMap())
        except (OSError, msgspec.DecodeError) as error:
            _log.warning("the map of emergency locations can't be read: %s", error)
        return self._read[1]


class Keeping:
    """Keeps the file up to date. revision: is another one once the map may be; make: gives the map as of now."""

    def __init__(self, file: MapFile, revision: Callable[[], object], make: Callable[[], EmergencyMap]) -> None:
        self._file, self._revision, self._make = file, revision, make
        self._written: object = None

    def work(self) -> None:
        """Write the map where it may be another one. Raises UnavailableError, OSError; it is tried again then."""
        revision = self._revision()
        if revision == self._written:
            return
        self._file.write(self._make())
        self._written = revision
