"""Activity on either database, with a directory behind it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from isthmus.activity.model import Event, Kind
from isthmus.activity.rules import Settings
from isthmus.activity.service import Activity
from isthmus.directory.service import Directory
from tests.directory.conftest import authority, database_url, engine, new, postgresql

__all__ = ["database_url", "engine", "postgresql"]

DAY = 86_400.0
START = 1_767_571_200.0  # a Monday, 00:00 UTC


@pytest.fixture
def directory(engine: Engine) -> Directory:
    made = authority(engine)
    for user, number in (("alice", "+14255550101"), ("bob", "+14255550102")):
        made.create(new(user, number), actor="test")
    return made


@pytest.fixture
def make(engine: Engine, directory: Directory) -> Callable[..., Activity]:
    """Makes the service anew, as after a restart."""
    return lambda **more: Activity(
        engine, directory, Settings(), **{"tenant": "main", "clock": lambda: START + 60 * DAY, **more}
    )


@pytest.fixture
def activity(make: Callable[..., Activity]) -> Activity:
    return make()


def call(number: str, at: float = START, account: str = "alice@contoso.example", call_id: str = "c1") -> Event:
    return Event(at, Kind.CALL, account, True, "192.0.2.7", "", "Desk 1.0", number, "+14255550101", call_id)


def register(at: float, address: str = "192.0.2.7", client: str = "Desk 1.0", country: str = "") -> Event:
    return Event(at, Kind.REGISTER, "alice@contoso.example", True, address, country, client)


def refused(at: float, account: str = "alice@contoso.example", address: str = "203.0.113.9") -> Event:
    return Event(at, Kind.REFUSED, account, True, address, "", "guesser")
