"""Passwords that were breached, looked up in a file on this machine: nothing of a password leaves it.

The file has the form in which Pwned Passwords are published: a line `SHA1:COUNT` for each, 40 hexadecimal digits in
capitals, in ascending order (as `PwnedPasswordsDownloader` writes them into one file). It may be of any size: a look
reads some forty lines of it (NIST SP 800-63B 3.1.1.2 asks for such a list).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import BinaryIO

from isthmus.errors import UsageError

_LINE = re.compile(rb"([0-9A-Fa-f]{40})(:[0-9]+)?\s*")
_LONGEST_LINE = 80


class Breached:
    """The list in a file; None: no list."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def check(self, password: str) -> None:
        """Raises UsageError for a password of the list. A list that can't be used keeps nobody from a password."""
        if self._path is None:
            return
        wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
        try:
            with self._path.open("rb") as file:
                found = _find(file, wanted)
        except (OSError, ValueError):
            return  # `fault` tells it
        if found:
            raise UsageError("the password is in a list of breached ones", do="Choose another, and never this again.")

    def fault(self) -> str:
        """Why the list can't be used; empty where it can, or there is none."""
        if self._path is None:
            return ""
        try:
            with self._path.open("rb") as file:
                _check_form(file)
        except OSError as error:
            return f"{self._path}: {error.strerror or error}"
        except ValueError as error:
            return f"{self._path}: {error}"
        return ""


def _find(file: BinaryIO, wanted: bytes) -> bool:
    """Binary search for the line that begins with `wanted`. Raises ValueError for what is no line of such a list."""
    first, behind = 0, file.seek(0, 2)  # the line we look for begins at one of these offsets
    while first < behind:
        middle = (first + behind) // 2
        start = _line_start(file, middle, first)
        hashed, end = _line(file, start)
        if hashed == wanted:
            return True
        if hashed < wanted:
            first = end
        else:
            behind = start
    return False


def _line_start(file: BinaryIO, offset: int, least: int) -> int:
    """Where the line that covers the offset begins, not before `least`, where one begins."""
    from_ = max(least, offset - _LONGEST_LINE)
    file.seek(from_)
    before = file.read(offset - from_)
    newline = before.rfind(b"\n")
    if newline >= 0:
        return from_ + newline + 1
    if from_ > least:
        raise ValueError("a line is too long for a list of hashes")
    return least


def _line(file: BinaryIO, start: int) -> tuple[bytes, int]:
    file.seek(start)
    line = file.readline(_LONGEST_LINE)
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError("it is no list of SHA-1 hashes, one a line")
    return match[1].upper(), start + len(line)


def _check_form(file: BinaryIO) -> None:
    """A few lines all over the file, in ascending order. Raises ValueError."""
    size = file.seek(0, 2)
    if not size:
        raise ValueError("it is empty")
    hashes = [_line(file, _line_start(file, size * part // 16, 0))[0] for part in range(16)]
    if hashes != sorted(hashes):
        raise ValueError("the hashes are not in ascending order")
