"""A directory on either database, and people to put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, update

from isthmus.addressing import Aor
from isthmus.database import open_database
from isthmus.directory.model import Credentials, NewPerson
from isthmus.directory.service import Directory
from isthmus.directory.tables import feed, metadata
from tests.databases import database_url, migrated_sqlite, postgresql

__all__ = ["database_url", "postgresql"]

HOMES = ("premises", "online")


def aor(user: str) -> Aor:
    return Aor(user, "contoso.example")


def new(user: str, number: str | None = None, home: str = "premises", **more: object) -> NewPerson:
    return NewPerson(aor(user), user.capitalize(), home, Credentials.of(aor(user), "secret"), number, **more)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = open_database(database_url)
    yield made
    made.dispose()


@pytest.fixture
def directory(engine: Engine) -> Directory:
    """The authority's, with one tenant and one domain."""
    return authority(engine)


def authority(engine: Engine, **more: object) -> Directory:
    made = Directory(engine, site="premises", homes=HOMES, **more)
    made.create_tenant("main", actor="test")
    made.add_domain("contoso.example", "main", actor="test")
    return made


@pytest.fixture
def other_site(tmp_path: Path) -> Iterator[Callable[[], Directory]]:
    """Makes directories of site `online`, each with an empty database of its own."""
    engines: list[Engine] = []

    def make() -> Directory:
        url = migrated_sqlite(tmp_path / f"online{len(engines)}.db")
        engines.append(open_database(url))
        return Directory(engines[-1], site="online", authority="premises", homes=HOMES)

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def shared_other_sites(other_site: Callable[[], Directory]) -> Callable[[], tuple[Directory, Directory]]:
    """Two directories of site `online`, emptied at each call: for tests that run many examples."""
    made = (other_site(), other_site())

    def empty() -> tuple[Directory, Directory]:
        for directory in made:
            wipe(directory._engine)
        return made

    return empty


@pytest.fixture
def shared_other_site(other_site: Callable[[], Directory]) -> Callable[[], Directory]:
    """One of them."""
    made = other_site()

    def empty() -> Directory:
        wipe(made._engine)
        return made

    return empty


def wipe(engine: Engine) -> None:
    """As new, but for the schema."""
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table is not feed:
                connection.execute(delete(table))
        connection.execute(update(feed).values(seq=0))
