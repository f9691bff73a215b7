"""A directory with devices, on either database."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from isthmus.addressing import Aor
from isthmus.database import writing
from isthmus.devices.service import Devices
from isthmus.directory import changing
from isthmus.directory.model import UNCHANGED, Person, PersonChanges
from isthmus.directory.service import Directory
from tests.directory.conftest import authority, database_url, engine, other_site, postgresql, shared_other_site

__all__ = ["database_url", "engine", "other_site", "postgresql", "shared_other_site"]


class Clock:
    """Seconds since 1970, as a test likes."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(engine, clock: Clock) -> Directory:
    return authority(engine, clock=clock)


@pytest.fixture
def devices(directory: Directory, clock: Clock) -> Devices:
    return Devices(directory, clock=clock)


def rename(engine: Engine, directory: Directory, old: Aor, to: Aor) -> None:
    """Give a person another address, as a directory source does."""
    with writing(engine) as connection:
        operation = changing.Alter(old, PersonChanges(UNCHANGED), to)
        (outcome,) = directory.change_many([operation], actor="test", connection=connection)
    assert isinstance(outcome, Person)
