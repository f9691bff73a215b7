"""Finding entries: by every criterion, newest first, page by page, and all of them without holding them."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from sqlalchemy import Engine

from isthmus.audit import Actor, Entry, Origin, append, wire
from isthmus.audit.model import Filter
from isthmus.audit.service import AuditLog
from isthmus.database import writing
from isthmus.errors import NotFoundError, UsageError
from tests.audit.conftest import Clock, entry, fill


@pytest.fixture
def some(engine: Engine) -> None:
    made = [
        Entry.of("cli:root", "person.create", "alice", None, {"tenant": "main", "name": "Émile"}, at_ms=1000),
        Entry.of(Actor("eve", Origin("api", "192.0.2.1")), "person.set", "bob", {"n": "100%"}, None, at_ms=2000),
        Entry.of("site:online", "feed.apply", "online", None, {"tenant": "other"}, at_ms=3000),
        Entry.of("cli:root", "person.delete", "alice", {"tenant": "main"}, None, at_ms=4000),
    ]
    with writing(engine) as connection:
        append(connection, made)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Filter(), [4, 3, 2, 1]),
        (Filter(actor="cli:root"), [4, 1]),
        (Filter(actor="cli"), []),
        (Filter(action="person.set"), [2]),
        (Filter(action="person.*"), [4, 2, 1]),
        (Filter(action="person%"), []),
        (Filter(object="alice"), [4, 1]),
        (Filter(tenant="main"), [4, 1]),
        (Filter(tenant=""), [2]),
        (Filter(path="api"), [2]),
        (Filter(path="link"), [3]),
        (Filter(since_ms=2000), [4, 3, 2]),
        (Filter(until_ms=2000), [1]),
        (Filter(since_ms=2000, until_ms=4000), [3, 2]),
        (Filter(text="émi"), [1]),
        (Filter(text="100%"), [2]),
        (Filter(text="%"), [2]),
        (Filter(text="ALICE"), [4, 1]),
        (Filter(text="alice", action="person.create"), [1]),
    ],
)
def test_every_criterion(log: AuditLog, some: None, wanted: Filter, ids: list[int]):
    assert [each.id for each in log.find(wanted)] == ids


def test_pages_lead_from_the_newest_to_the_oldest(log: AuditLog, some: None):
    assert [each.id for each in log.find(Filter(), limit=2)] == [4, 3]
    assert [each.id for each in log.find(Filter(), before=3, limit=2)] == [2, 1]
    assert log.find(Filter(), before=1) == []
    assert log.get(2).entry.address == "192.0.2.1"
    with pytest.raises(NotFoundError):
        log.get(5)


def test_an_export_goes_on_behind_an_entry(log: AuditLog, some: None):
    assert [each.id for page in log.pages(Filter(), after=2) for each in page] == [3, 4]


def test_a_line_has_the_states_to_the_byte(log: AuditLog, engine: Engine):
    with writing(engine) as connection:
        append(connection, [entry(1, before=None, after={"z": 1, "a": "é\n", "f": 1.50})])
    stored = log.get(1)
    line = wire.line(stored).decode()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert f'"after":{stored.entry.after}' in line
    assert json.loads(line) == wire.public(stored)
    assert json.loads(line)["before"] is None


def test_many_entries_are_exported_without_holding_them(log: AuditLog, engine: Engine):
    if engine.dialect.name != "sqlite":
        pytest.skip("the same code; once is enough")
    with writing(engine) as connection:
        append(connection, (entry(number) for number in range(30_000)))
    tracemalloc.start()
    size = count = 0
    for page in log.pages(Filter()):
        count += len(page)
        size += sum(len(wire.line(each)) for each in page)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 30_000
    assert peak < size / 3


def test_an_entry_of_its_own(log: AuditLog, clock: Clock):
    log.record("snapshot.rebuild", "premises", actor=Actor("cli:root", Origin("cli", "192.0.2.7")), after={"people": 3})
    stored = log.get(1)
    assert stored.entry == Entry(
        int(clock.now * 1000), "cli:root", "snapshot.rebuild", "premises", "", "cli", "192.0.2.7", None, '{"people":3}'
    )


def test_what_cannot_be_stored_is_stored_visibly(log: AuditLog, engine: Engine):
    with writing(engine) as connection:
        append(connection, [entry(1, actor="a\0b\ud800", object_="x" * 5000)])
    stored = log.get(1).entry
    assert (stored.actor, len(stored.object)) == ("a�b�", 600)
    assert log.verify().faults == ()


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-02", 86_400_000),
        ("1970-01-01T00:00:01", 1000),
        ("1970-01-01T02:00:01+02:00", 1000),
        ("1970-01-01T00:00:01.5Z", 1500),
        (None, None),
    ],
)
def test_times(text: str | None, ms: int | None):
    assert wire.at_ms(text, "--since") == ms


def test_a_time_that_is_none_is_told():
    with pytest.raises(UsageError, match="yesterday"):
        wire.at_ms("yesterday", "--since")


def test_times_are_printed_in_utc():
    assert wire.at_text(1500) == "1970-01-01T00:00:01.500Z"
    assert wire.at_text(2**62) == str(2**62)  # in a row that somebody changed


def test_counting(log: AuditLog, engine: Engine):
    fill(engine, 5)
    assert len(log.find(Filter(), limit=3)) == 3
