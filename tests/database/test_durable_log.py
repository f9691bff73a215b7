"""What DBOS writes into the log of a site whose database is gone."""

from __future__ import annotations

import logging

import pytest

from isthmus.database.durable import _Terse

TRACE = """Exception polling schedules: Traceback (most recent call last):
  File "pool.py", line 1, in connect
    connect()
psycopg.OperationalError: connection refused

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "base.py", line 2, in run
    run()
sqlalchemy.exc.OperationalError: connection refused
\tIs the server running locally?
(Background on this error at: somewhere)
"""


class Clock:
    """Moved by hand, in seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def record(text: str, line: int = 1) -> logging.LogRecord:
    return logging.LogRecord("dbos", logging.WARNING, "dbos/_queue.py", line, "%s", (text,), None)


def test_a_traceback_becomes_one_line_with_its_reason(clock: Clock) -> None:
    told = record(TRACE)
    assert _Terse(clock).filter(told)
    assert told.getMessage() == "Exception polling schedules: sqlalchemy.exc.OperationalError: connection refused"


def test_a_place_speaks_once_a_minute_and_others_are_not_kept_silent(clock: Clock) -> None:
    terse = _Terse(clock)
    assert terse.filter(record("gone\nand more"))
    clock.now = 59
    assert not terse.filter(record("gone"))
    assert terse.filter(record("lost", line=2))
    clock.now = 60
    assert terse.filter(record("gone"))
