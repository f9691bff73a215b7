"""Opening the database, and the two kinds of transaction: `reading` and `writing`.

SQLite: WAL, so that readers never wait for the writer; every transaction that may write begins with BEGIN
IMMEDIATE, since one that began by reading can't be promoted safely once somebody else has written.
`synchronous=FULL`: a home that was committed and told to the other site must still be there after a power cut.

PostgreSQL: readers are REPEATABLE READ, so that all statements of one reading see one state, as in SQLite.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from isthmus.errors import UnavailableError, UsageError

_BUSY_MS = 15_000  # how long a SQLite writer waits for another one
_CONNECT_S = 5
_READ_ONLY = "isthmus_read_only"


def open_database(url: str) -> Engine:
    """An engine for `url` (SQLAlchemy form). Nothing is connected yet, except that SQLite's file is made, 0600.

    Raises UsageError for a URL that is neither SQLite nor PostgreSQL, UnavailableError where the file can't be made.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    # Kept up between uses; one that died meanwhile (a restarted server) is replaced before it is used.
    return create_engine(
        parsed, pool_pre_ping=True, pool_size=10, max_overflow=40, connect_args={"connect_timeout": _CONNECT_S}
    )


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one unchanging state and writes nothing. Raises UnavailableError."""
    options: dict[str, Any] = {_READ_ONLY: True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with _translated(engine), engine.connect() as connection:
        yield connection.execution_options(**options)


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is committed at the end of the context, or rolled back when that is left by an error.

    Raises UnavailableError when the database does not answer or can't write (a full disk): nothing is written then.
    """
    with _translated(engine), engine.begin() as connection:
        yield connection


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() in ("sqlite", "postgresql"):
            return parsed
    except (ArgumentError, NoSuchModuleError):
        pass
    raise UsageError(
        "the database URL is neither SQLite nor PostgreSQL",
        where="state.database",
        do="Leave it empty, or write postgresql+psycopg://user@host/name.",
    )


def _open_sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        _make_private(Path(url.database))
    engine = create_engine(
        url, pool_size=10, max_overflow=40, connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: Path) -> None:
    """The file holds digest secrets. SQLite gives its -wal and -shm files the mode of the file itself.

    A file that exists is never opened here: closing it would drop the locks that SQLite holds on it in this process
    (POSIX locks are the process's; sqlite.org/howtocorrupt.html 2.2).
    """
    try:
        if path.exists():
            if not os.access(path, os.R_OK | os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        try:
            os.link(beside, path)
        except FileExistsError:
            pass  # somebody else was quicker
        finally:
            Path(beside).unlink()
    except OSError as error:
        raise UnavailableError(f"the database can't be opened ({error.strerror})", where=str(path)) from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    # SQLite's own lower() knows ASCII alone; a search for "émile" should find "Émile".
    connection.create_function("lower", 1, lambda text: text and text.lower(), deterministic=True)


def _switch_to_wal(cursor: Any) -> None:
    """Of several that switch a new file at once SQLite refuses all but one without waiting, whatever the timeout."""
    until = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


@contextlib.contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    """What the driver says in its own words becomes one clear line. Broken constraints pass: they have a meaning."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
        raise UnavailableError(
            f"the database refuses ({reason})",
            where=engine.url.render_as_string(hide_password=True),
            do="Nothing was changed. Look for a full disk, or a database that is down.",
        ) from error
