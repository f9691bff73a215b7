"""Secrets in files of their own, which nobody else may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from isthmus.errors import UsageError


def read_secret(path: Path, what: str = "password") -> str:
    """The text in a file that others can't read, without line ends. what: it is, for errors. Raises UsageError."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise UsageError(
                    f"others may read the {what} (mode {stat.S_IMODE(mode):04o})",
                    where=str(path),
                    do=f"chmod 0600 {path}",
                )
            text = file.read(4096).decode().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the {what} can't be read ({error})", where=str(path)) from error
    if not text:
        raise UsageError(f"the {what} file is empty", where=str(path))
    return text
