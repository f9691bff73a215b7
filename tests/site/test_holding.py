"""A database that is held keeps its shared files, whoever opens and closes it."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from isthmus.site import holding
from tests.site.sites import site_file

WRITE = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("CREATE TABLE IF NOT EXISTS note (text)")
database.execute("INSERT INTO note VALUES ('kept')")
database.commit()
database.close()
"""


def others_open_and_close(path: Path) -> list[Path]:
    """What stands beside the database when another process has written to it and gone."""
    subprocess.run([sys.executable, "-c", WRITE, path], check=True, timeout=30)
    return sorted(path.parent.glob(f"{path.name}-*"))


def test_the_files_beside_it_outlive_every_other_process(tmp_path: Path):
    path = tmp_path / "isthmus.db"
    held = holding.hold([path])
    beside = [tmp_path / "isthmus.db-shm", tmp_path / "isthmus.db-wal"]
    assert others_open_and_close(path) == beside
    held[0].close()
    assert others_open_and_close(path) == []


def test_it_hinders_no_writer_and_sees_what_they_wrote(tmp_path: Path):
    path = tmp_path / "isthmus.db"
    (held,) = holding.hold([path])
    others_open_and_close(path)
    others_open_and_close(path)
    assert held.execute("SELECT count(*) FROM note").fetchone() == (2,)
    held.close()


def test_what_is_made_is_for_the_owner_alone_and_what_can_not_be_opened_left_out(tmp_path: Path):
    (tmp_path / "no.db").write_bytes(b"this is no database, but long enough to be taken for one" * 20)
    held = holding.hold([tmp_path / "no" / "folder.db", tmp_path / "no.db", tmp_path / "new.db"])
    assert stat.S_IMODE((tmp_path / "new.db").stat().st_mode) == 0o600
    assert len(held) == 1
    assert held[0].execute("PRAGMA journal_mode").fetchone() == ("wal",)
    held[0].close()


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("", ["isthmus.db", "dbos.sqlite"]),
        ("sqlite+pysqlite:////var/lib/x/site.db?timeout=3", ["site.db", "dbos.sqlite"]),
        ("postgresql+psycopg://isthmus@/isthmus?host=/run/postgresql", []),
    ],
)
def test_which_files_a_site_has(tmp_path: Path, url: str, names: list[str]):
    site = site_file(tmp_path, "127.0.0.1", "127.0.0.2", state={"database": url})
    assert [path.name for path in site.database_files] == names
