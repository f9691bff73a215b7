"""A directory on either database, and real servers that sources read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from isthmus.database import open_database
from tests.databases import database_url, migrated_sqlite, postgresql
from tests.support import Loopback, Processes
from tests.sync.slapd import Slapd

__all__ = ["database_url", "postgresql"]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = open_database(database_url)
    yield made
    made.dispose()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    url = migrated_sqlite(tmp_path / "sqlite.db")
    made = open_database(url)
    yield made
    made.dispose()


@pytest.fixture
def slapd(tmp_path: Path, loopback: Loopback, processes: Processes) -> Slapd:
    """An empty directory, up."""
    return Slapd(tmp_path / "slapd", loopback(), processes).start()
