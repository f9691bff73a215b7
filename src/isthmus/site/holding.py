"""Keeps the SQLite databases of a site's processes open while those come and go.

A database in WAL mode has two files beside it, -wal and -shm. Whoever opens it as the only one begins by cutting -shm
to nothing, and whoever closes it last removes both: on a full disk they can't be made again, and a process that was
killed would not come back before there is room. With the supervisor's own connection nobody is ever the only one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path


def hold(paths: Iterable[Path]) -> list[sqlite3.Connection]:
    """A connection to each database, to be kept for as long as its process may be started again.

    A database that is not there yet is made, empty and for the owner alone. One that can't be opened is left out:
    whoever needs it will say why. No other descriptor of these files may be closed in this process later, since the
    kernel would drop the locks with it (fcntl(2)).
    """
    held = []
    for path in paths:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        except (OSError, sqlite3.Error):
            continue
        try:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("SELECT count(*) FROM sqlite_master").fetchall()  # joins -shm; leaves nothing open
        except sqlite3.Error:
            database.close()
        else:
            held.append(database)
    return held
