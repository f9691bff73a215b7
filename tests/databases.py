"""Databases for tests: a SQLite file, and a PostgreSQL started from Debian's package.

Use it in a folder's conftest.py: `from tests.databases import database_url, postgresql`.
"""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from isthmus.database import migrate
from tests.support import wait_for

_PORT = 5432  # only part of the socket's name: nothing listens on TCP


class PostgreSQL:
    """A server of its own in a temporary folder, reached over a unix socket alone."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self.folder = programs, folder
        # PostgreSQL refuses to run as root; Debian's package brings a user for it.
        self._prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if not os.getuid() else []
        self._server: subprocess.Popen[bytes] | None = None
        self._template = ""

    def start(self) -> None:
        """Make an empty cluster and launch the server."""
        data = self.folder / "data"
        if self._prefix:
            os.chown(self.folder, pwd.getpwnam("postgres").pw_uid, -1)
        subprocess.run(
            [*self._prefix, self._programs / "initdb", "-D", data, "-U", "isthmus", "-A", "trust", "-E", "UTF8",
             "--locale=C.UTF-8", "--no-sync", "--no-instructions"],
            check=True, capture_output=True, cwd=self.folder,
        )  # fmt: skip
        self.launch()

    def launch(self) -> None:
        """Start the server, for the first time or after `kill`, and wait until it answers."""
        self._server = subprocess.Popen(
            [*self._prefix, self._programs / "postgres", "-D", self.folder / "data", "-k", self.folder,
             "-p", str(_PORT), "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60"],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=(self.folder / "log").open("ab"), start_new_session=True,
        )  # fmt: skip
        wait_for(self._answers, 60, "PostgreSQL is up")

    def kill(self) -> None:
        """kill -9 of the server and of every process it started, as when its machine loses power."""
        assert self._server is not None
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait(timeout=20)

    def new_database(self, template: str = "template0") -> str:
        """The URL of a new database: an empty one, or a copy of another."""
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return f"postgresql+psycopg://isthmus@/{name}?host={self.folder}&port={_PORT}"

    def migrated_database(self) -> str:
        """The URL of a new database with the newest schema: migrating each would take longer than most tests."""
        if not self._template:
            url = self.new_database()
            migrate(url)
            self._template = _name(url)
        return self.new_database(self._template)

    def drop(self, url: str) -> None:
        name = _name(url)
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGQUIT)  # at once: the data is thrown away
            self._server.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        if self._server is not None and self._server.poll() is not None:
            raise AssertionError((self.folder / "log").read_text())
        psycopg.connect(self._dsn("postgres")).close()
        return True

    def _dsn(self, name: str) -> str:
        return f"host={self.folder} port={_PORT} user=isthmus dbname={name}"


def _name(url: str) -> str:
    return url.split("@/")[1].split("?")[0]


@functools.cache
def _migrated() -> Path:
    """A SQLite file with the newest schema."""
    folder = Path(tempfile.mkdtemp(prefix="isthmus-db-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    migrate(f"sqlite:///{folder / 'migrated.db'}")
    return folder / "migrated.db"


def migrated_sqlite(path: Path) -> str:
    """The URL of the SQLite database at `path`, made with the newest schema where there is none."""
    if not path.exists():
        shutil.copyfile(_migrated(), path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        pytest.fail("Debian's package postgresql is missing: run deploy/bootstrap tests")
    # Not in tmp_path: a socket's path has room for 107 characters, and the user postgres must get there.
    server = PostgreSQL(found[-1], Path(tempfile.mkdtemp(prefix="isthmus-pg-")))
    try:
        server.start()
        yield server
    finally:
        server.stop()


_EITHER = ["sqlite", pytest.param("postgresql", marks=pytest.mark.engine)]


@pytest.fixture(params=_EITHER)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of either kind, with the newest schema and nothing in it."""
    if request.param == "sqlite":
        yield migrated_sqlite(tmp_path / "test.db")
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = server.migrated_database()
    yield url
    server.drop(url)


@pytest.fixture(params=_EITHER)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = server.new_database()
    yield url
    server.drop(url)
