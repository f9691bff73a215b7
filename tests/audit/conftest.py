"""An audit log on either database, and ways to tamper with it that the triggers would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from isthmus.audit import Entry, append
from isthmus.audit.service import AuditLog
from isthmus.database import open_database, writing
from tests.databases import database_url, empty_database_url, postgresql

__all__ = ["database_url", "empty_database_url", "postgresql"]

DAY_S = 86_400


class Clock:
    """A time that stands still until it is moved; begins at noon."""

    def __init__(self) -> None:
        self.now = 20_000 * DAY_S + DAY_S / 2

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = open_database(database_url)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(engine: Engine, tmp_path: Path, clock: Clock) -> AuditLog:
    return AuditLog(engine, tmp_path / "state", site="premises", clock=clock)


def entry(number: int, **more: Any) -> Entry:
    values = {"actor": f"cli:user{number % 3}", "action": "person.set", "object_": f"p{number}@contoso.example"}
    return Entry.of(
        **{**values, "before": {"n": number - 1}, "after": {"n": number, "tenant": "main"}, "at_ms": number, **more}
    )


def fill(engine: Engine, count: int, at_ms: int = 0) -> None:
    with writing(engine) as connection:
        append(connection, [entry(number, at_ms=at_ms + number) for number in range(1, count + 1)])


@contextmanager
def tampering(engine: Engine) -> Iterator[Connection]:
    """A connection of somebody who may do anything to the database: no trigger holds."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            yield connection
            return
        triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _ in triggers:
            connection.execute(text(f"DROP TRIGGER {name}"))
        yield connection
        for _, sql in triggers:
            connection.exec_driver_sql(sql)
