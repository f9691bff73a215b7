"""Countries of addresses, from an MMDB file that the operator brings (such databases are licensed)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import maxminddb

_log = logging.getLogger(__name__)
_LOOK_S = 60.0


class Countries:
    """Reads the file, and reads it anew when it was replaced. Without one, or with a damaged one, nothing is known."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._reader: maxminddb.Reader | None = None
        self._version: tuple[int, int] | None = None
        self._looked = -_LOOK_S
        self._lock = threading.Lock()

    def of(self, address: str) -> str:
        """ISO 3166 code of the country of an IP address; empty where that is not known."""
        with self._lock:
            self._open()
            if self._reader is None:
                return ""
            try:
                found: Any = self._reader.get(address.strip("[]"))
            except (ValueError, maxminddb.InvalidDatabaseError):
                return ""
        if not isinstance(found, dict):
            return ""
        for name in ("country", "registered_country"):
            part = found.get(name)
            code = part.get("iso_code") if isinstance(part, dict) else part
            if isinstance(code, str) and len(code) == 2:
                return code.upper()
        return ""

    def _open(self) -> None:
        if self._clock() - self._looked < _LOOK_S:
            return
        self._looked = self._clock()
        try:
            stat = self._path.stat()
            version = (stat.st_mtime_ns, stat.st_size)
            if version == self._version:
                return
            opened = maxminddb.open_database(str(self._path), maxminddb.MODE_MEMORY)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            if self._version != (0, 0):
                _log.warning("countries of addresses are not known: %s: %s", self._path, error)
            self._version = (0, 0)
            return
        self._reader, self._version = opened, version
