"""Anchors: where the chain stood, in a file of the state folder, each with a MAC.

Whoever changes the database alone, and be it all of the chain, contradicts them. `audit.key` (hex, 0600) makes the
MACs; `audit.anchors` has one JSON object a line: the newest, and the last one of each day before.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec

from isthmus.audit.model import Anchor
from isthmus.errors import RefusedError, UsageError
from isthmus.pki.store import write_private

_DAY_MS = 86_400_000


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    chain: str
    id: int
    digest: str
    at_ms: int
    cut: int
    mac: str = ""


_decoder = msgspec.json.Decoder(_Line)


class AnchorFile:
    """The anchors of one site. folder: its state folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "audit.anchors"
        self._key_path = folder / "audit.key"

    def read(self) -> list[Anchor]:
        """All anchors, the oldest first; empty where there is no file.

        Raises RefusedError for one that was not written with this site's key, or that can't be read.
        """
        if not self.path.exists():
            return []
        key = self._key()
        return [self._checked(line, number, key) for number, line in enumerate(_lines(self.path), 1)]

    def add(self, anchor: Anchor) -> None:
        """Note one more. Anchors before the cut, and all but the last of a day, are let go."""
        self._write([*self.read(), anchor])

    def begin_anew(self, anchor: Anchor) -> Path | None:
        """Put the present anchors aside, and go on from this one alone. Returns where they are now."""
        aside: Path | None = None
        if self.path.exists():
            aside = self.path.with_name(f"{self.path.name}.{anchor.at_ms}")
            self.path.rename(aside)
        self._write([anchor])
        return aside

    def _write(self, anchors: Sequence[Anchor]) -> None:
        key = self._key(make=True)
        lines = (line_of(anchor, mac=_mac(key, anchor)) for anchor in thinned(anchors))
        write_private(self.path, b"".join(lines))

    def _checked(self, line: bytes, number: int, key: bytes) -> Anchor:
        anchor, mac = _parse(line, f"{self.path}: line {number}")
        if not hmac.compare_digest(mac, _mac(key, anchor)):
            raise RefusedError(
                "the anchor was not written with this site's key: it was changed, or audit.key is another one",
                where=f"{self.path}: line {number}",
            )
        return anchor

    def _key(self, *, make: bool = False) -> bytes:
        try:
            return bytes.fromhex(self._key_path.read_text(encoding="ascii").strip())
        except FileNotFoundError:
            if not make or self.path.exists():
                raise RefusedError("the key of the anchors is gone", where=str(self._key_path)) from None
            write_private(self._key_path, secrets.token_hex(32).encode())
            return self._key()
        except (OSError, ValueError) as error:
            raise RefusedError(f"the key of the anchors can't be read ({error})", where=str(self._key_path)) from error


def read_foreign(path: Path) -> list[Anchor]:
    """Anchors that were kept elsewhere; the place vouches for them, not the MAC. Raises UsageError."""
    try:
        lines = list(_lines(path))
    except OSError as error:
        raise UsageError(f"the anchors can't be read ({error.strerror})", where=str(path)) from error
    return [_parse(line, f"{path}: line {number}")[0] for number, line in enumerate(lines, 1)]


def line_of(anchor: Anchor, mac: str = "") -> bytes:
    """An anchor as a line of a file."""
    return msgspec.json.encode(_Line(**asdict(anchor), mac=mac)) + b"\n"


def thinned(anchors: Iterable[Anchor]) -> list[Anchor]:
    """Of each day (UTC) the last one, from the last cut on, in the order of the entries."""
    listed = list(anchors)
    cut = max((anchor.cut for anchor in listed), default=0)
    days = {anchor.at_ms // _DAY_MS: anchor for anchor in listed if anchor.id >= cut}
    return sorted(days.values(), key=lambda anchor: anchor.id)


def _lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().split(b"\n") if line]


def _parse(line: bytes, where: str) -> tuple[Anchor, str]:
    try:
        read = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(f"not an anchor: {error}", where=where) from error
    return Anchor(read.chain, read.id, read.digest, read.at_ms, read.cut), read.mac


def _mac(key: bytes, anchor: Anchor) -> str:
    return hmac.new(key, b"isthmus audit anchor\n" + line_of(anchor), hashlib.sha256).hexdigest()
