"""Opening databases, and what happens when they can't be written."""

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import event, text

from isthmus.database import migrate, open_database, reading, writing
from isthmus.directory.service import Directory
from isthmus.errors import UnavailableError, UsageError
from tests.directory.conftest import aor, authority, new


@pytest.mark.parametrize("url", ["", "mysql://x/y", "nonsense", "sqlserver+x://y"])
def test_other_databases_are_refused(url: str):
    with pytest.raises(UsageError, match="neither SQLite nor PostgreSQL"):
        open_database(url)


def test_sqlite_is_private_and_keeps_what_it_committed(tmp_path: Path):
    engine = open_database(f"sqlite:///{tmp_path / 'new' / 'x.db'}")
    assert stat.S_IMODE((tmp_path / "new" / "x.db").stat().st_mode) == 0o600
    with reading(engine) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    engine.dispose()


def test_a_database_that_is_down_is_told_without_its_password():
    with pytest.raises(UnavailableError) as error:
        migrate("postgresql+psycopg://isthmus:hunter2@127.0.0.1:9/isthmus")
    assert "hunter2" not in str(error.value)


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="can't be opened"):
        open_database(f"sqlite:///{tmp_path / 'file' / 'x.db'}")


def test_a_file_that_is_no_database_is_told(tmp_path: Path):
    (tmp_path / "x.db").write_bytes(b"something else altogether" * 1000)
    with pytest.raises(UnavailableError, match="not a database"):
        migrate(f"sqlite:///{tmp_path / 'x.db'}")


def test_a_full_disk_leaves_nothing_half_written_and_reading_goes_on(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'x.db'}"
    migrate(url)
    directory = authority(open_database(url))
    directory.create(new("alice"), actor="test")
    directory._engine.dispose()
    engine = open_database(url)
    limit = event.listens_for(engine, "connect")

    @limit
    def _(connection, _record):  # SQLite's own way to have no room left
        connection.execute("PRAGMA max_page_count=1")

    full = Directory(engine, site="premises")
    for index in range(500):
        try:
            full.create(new(f"u{index}", groups=tuple(f"g{n}" for n in range(50))), actor="test")
        except UnavailableError as error:
            assert "full" in error.what  # noqa: PT017
            break
    else:
        pytest.fail("the disk never filled")
    people = full.people(limit=1000)
    assert len(people) == 1 + index
    assert full.get(aor("alice"))
    page = full.changes_since(0)
    assert {each for each, _ in page.people} == {person.aor for person in people}
    engine.dispose()


def test_an_error_inside_rolls_back(database_url: str):
    engine = open_database(database_url)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))

    def fail() -> None:
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO t VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM t")).scalar() == 0
    engine.dispose()


def test_several_may_open_a_new_database_at_the_same_moment(tmp_path: Path):
    """SQLite refuses all but one that switch to WAL at once."""
    together = threading.Barrier(3)

    def write(name: str) -> None:
        together.wait()
        engine = open_database(f"sqlite:///{tmp_path / name}")
        with writing(engine) as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS x (y)"))
            connection.execute(text("INSERT INTO x VALUES (1)"))
        engine.dispose()

    with ThreadPoolExecutor(3) as pool:
        for number in range(60):
            list(pool.map(write, [f"{number}.db"] * 3))
    engine = open_database(f"sqlite:///{tmp_path / '59.db'}")
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM x")).scalar() == 3
    engine.dispose()


def test_opening_a_database_anew_leaves_the_locks_of_others_in_the_process(tmp_path: Path):
    path = tmp_path / "x.db"
    first = open_database(f"sqlite:///{path}")
    with writing(first) as connection:
        connection.execute(text("CREATE TABLE x (y)"))
        before = _locks(path)
        open_database(f"sqlite:///{path}").dispose()
        assert before and _locks(path) == before
    first.dispose()


def _locks(path: Path) -> list[str]:
    """This process's POSIX locks on the file."""
    inode = f":{path.stat().st_ino} "
    held = [line.split(": ", 1)[1] for line in Path("/proc/locks").read_text().splitlines() if inode in line]
    return sorted(line for line in held if f" {os.getpid()} " in line)
