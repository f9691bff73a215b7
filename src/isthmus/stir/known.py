"""Certificates of signers, as a file beside the snapshot: written by the control service, read by calls.

A call needs no network and no other process to judge a signature: a certificate that is not in the file is asked for,
and the next call has it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from isthmus.stir.model import Credential

NAME = "signers"
ASKED = "signers"
"""The engine's table of URLs that calls asked for."""
_decoder = msgspec.msgpack.Decoder(tuple[Credential, ...])
_encoder = msgspec.msgpack.Encoder()


class KnownFile:
    """folder: of the snapshot."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._state = (0, 0, 0)
        self._known: dict[str, Credential] = {}

    def get(self, url: str) -> Credential | None:
        """The certificate at a URL, None where it is not known. Where the file can't be read the last one stands."""
        try:
            stat = self._path.stat()
            state = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if state != self._state:
                self._known = {each.x5u: each for each in _decoder.decode(self._path.read_bytes())}
                self._state = state
        except FileNotFoundError:
            self._known, self._state = {}, (0, 0, 0)
        except (OSError, msgspec.DecodeError):
            pass
        return self._known.get(url)

    def all(self) -> list[Credential]:
        """Every one that is known."""
        self.get("")
        return list(self._known.values())

    def write(self, credentials: Iterable[Credential]) -> None:
        """Let these be what is known, all or none of them. Raises OSError (a full disk)."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(_encoder.encode(tuple(credentials)))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
