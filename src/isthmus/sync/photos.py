"""Photos of people, as their source has them: files by the hash of what is in them, so that each is there once.

They are no part of what travels between the sites or what calls are routed by: another site asks for one when somebody
wants to see it, and keeps it by its hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from isthmus.errors import UnavailableError

MOST_BYTES = 100 * 1024  # Active Directory takes no more, and 648x648 need some 240 KB as JPEG only at their finest
_HASH = re.compile(r"[0-9a-f]{64}")
_YOUNG_S = 3600.0  # a run that goes on may have just written it


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo. media_type: by what is in it, never by what somebody said."""

    hash: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Taking:
    """Which attributes hold photos, in lower case, and where they go. keep: gives the hash; empty for what is none."""

    attributes: frozenset[str] = frozenset()
    keep: Callable[[bytes], str] = lambda raw: ""


NO_PHOTOS = Taking()


class Photos:
    """The photos in a folder of the site's state."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, raw: bytes) -> str:
        """Keep a photo; its hash. Empty for what is no JPEG or PNG, or too large. Raises UnavailableError."""
        if not media_type(raw) or len(raw) > MOST_BYTES:
            return ""
        name = hashlib.sha256(raw).hexdigest()
        path = self._path(name)
        if not path.exists():
            part = path.with_name(f"{name}.{secrets.token_hex(4)}.part")
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                part.write_bytes(raw)
                part.rename(path)
            except OSError as error:
                with contextlib.suppress(OSError):
                    part.unlink()
                raise UnavailableError(
                    f"a photo can't be written ({error.strerror})", where=str(path.parent), do="Look for a full disk."
                ) from error
        return name

    def get(self, name: str) -> Photo | None:
        """The photo of that hash. None where it is not here, or not what it was."""
        if _HASH.fullmatch(name) is None:
            return None
        try:
            data = self._path(name).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data).hexdigest() != name:
            return None
        return Photo(name, media_type(data), data)

    def sweep(self, used: Collection[str], now: float | None = None) -> int:
        """Drop those that are nobody's any more; how many."""
        before = (time.time() if now is None else now) - _YOUNG_S
        dropped = 0
        for path in self._folder.glob("??/*"):
            with contextlib.suppress(OSError):
                if path.name not in used and path.stat().st_mtime < before:
                    path.unlink()
                    dropped += 1
        return dropped

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


def media_type(raw: bytes) -> str:
    """`image/jpeg` or `image/png`, by the first bytes; empty for anything else."""
    if raw.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/png" if raw.startswith(b"\x89PNG\r\n\x1a\n") else ""
