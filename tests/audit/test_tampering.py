"""Whatever is done to the log behind the program's back is found, and the first entry concerned is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from isthmus.audit import append, rules, store, verifying
from isthmus.audit.model import Entry, Fault, Kind
from isthmus.database import migrate, open_database, reading, writing
from isthmus.errors import RefusedError, UnavailableError
from tests.audit.conftest import entry, fill, tampering

COUNT = 8
COLUMNS = ("at_ms", "actor", "action", "object", "tenant", "path", "address", "before", "after")


def faults(engine: Engine) -> tuple[Fault, ...]:
    with reading(engine) as connection:
        return verifying.verify(connection, ()).faults


def first(engine: Engine) -> tuple[int, Kind]:
    found = faults(engine)
    assert len(found) == 1, found
    assert str(found[0].id) in found[0].what
    return found[0].id, found[0].kind


def test_a_log_that_nobody_touched_is_whole(engine: Engine):
    assert faults(engine) == ()
    fill(engine, COUNT)
    assert faults(engine) == ()
    with writing(engine) as connection:
        assert append(connection, []) == 0
        assert append(connection, [entry(9, before=None, after=None)]) == COUNT + 1
    assert faults(engine) == ()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE audit SET actor = 'somebody else' WHERE id = 3", (3, Kind.CHANGED)),
        ("UPDATE audit SET before = NULL WHERE id = 3", (3, Kind.CHANGED)),
        ("UPDATE audit SET digest = (SELECT digest FROM audit WHERE id = 1) WHERE id = 8", (8, Kind.CHANGED)),
        ("DELETE FROM audit WHERE id = 1", (1, Kind.MISSING)),
        ("DELETE FROM audit WHERE id IN (4, 5)", (4, Kind.MISSING)),
        ("DELETE FROM audit WHERE id > 6", (7, Kind.CUT_OFF)),
        ("DELETE FROM audit", (1, Kind.CUT_OFF)),
        ("UPDATE audit_chain SET seq = 7", (8, Kind.INSERTED)),
        ("UPDATE audit_chain SET digest = (SELECT digest FROM audit WHERE id = 1)", (8, Kind.CHANGED)),
        ("UPDATE audit_chain SET chain = 'another'", (1, Kind.CHANGED)),
        ("UPDATE audit_chain SET cut = 2, cut_by = 4; DELETE FROM audit WHERE id < 3", (3, Kind.CHANGED)),
    ],
)
def test_the_first_entry_that_is_wrong_is_named(engine: Engine, statement: str, found: tuple[int, Kind]):
    fill(engine, COUNT)
    with tampering(engine) as connection:
        for each in statement.split(";"):
            connection.execute(text(each))
    assert first(engine) == found


def test_entries_that_changed_places_are_told_with_where_they_are(engine: Engine):
    fill(engine, COUNT)
    with tampering(engine) as connection:
        _swap(connection, 3, 6)
    assert first(engine) == (3, Kind.REORDERED)
    assert "stands as entry 6 now" in faults(engine)[0].what


def test_an_entry_put_in_between_is_found_though_its_own_digest_is_right(engine: Engine):
    fill(engine, COUNT)
    with tampering(engine) as connection:
        before = store.get(connection, 3)
        assert before is not None
        for id_ in range(COUNT, 3, -1):
            connection.execute(text(f"UPDATE audit SET id = {id_ + 1} WHERE id = {id_}"))
        forged = entry(99)
        store._insert(connection, [(4, *forged, rules.digest(before.digest, 4, forged))])
        connection.execute(text(f"UPDATE audit_chain SET seq = {COUNT + 1}"))
    assert first(engine)[0] == 5


def test_an_entry_appended_past_the_head_is_found(engine: Engine):
    fill(engine, COUNT)
    with tampering(engine) as connection:
        last = store.get(connection, COUNT)
        assert last is not None
        store._insert(connection, [(COUNT + 1, *entry(9), rules.digest(last.digest, COUNT + 1, entry(9)))])
    assert first(engine) == (COUNT + 1, Kind.INSERTED)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'x' WHERE id = 2",
        "UPDATE audit SET id = 100 WHERE id = 2",
        "DELETE FROM audit WHERE id = 2",
        "DELETE FROM audit",
        "DELETE FROM audit_chain",
        "UPDATE audit_chain SET seq = 3",
        "UPDATE audit_chain SET chain = 'x'",
        "INSERT INTO audit_chain SELECT 2, chain, seq, digest, cut, cut_by FROM audit_chain",
    ],
)
def test_the_database_refuses_to_take_anything_from_the_log(engine: Engine, statement: str):
    fill(engine, COUNT)
    with pytest.raises((DBAPIError, UnavailableError), match="can only be added to"), writing(engine) as connection:
        connection.execute(text(statement))
    assert faults(engine) == ()


def test_the_database_refuses_to_replace_an_entry(engine: Engine):
    fill(engine, COUNT)
    statement = "INSERT INTO audit SELECT * FROM audit WHERE id = 2"
    if engine.dialect.name == "sqlite":
        statement = statement.replace("INSERT", "INSERT OR REPLACE")
    with pytest.raises((DBAPIError, UnavailableError)), writing(engine) as connection:
        connection.execute(text(statement))
    assert faults(engine) == ()


@pytest.mark.engine
def test_postgresql_refuses_to_truncate(postgresql, tmp_path: Path):
    url = postgresql.new_database()
    migrate(url)
    engine = open_database(url)
    fill(engine, COUNT)
    for table in ("audit", "audit_chain"):
        with pytest.raises(UnavailableError, match="can only be added to"), writing(engine) as connection:
            connection.execute(text(f"TRUNCATE {table}"))
    assert faults(engine) == ()
    engine.dispose()


def test_a_head_that_is_gone_or_damaged_is_told(engine: Engine):
    fill(engine, COUNT)
    with tampering(engine) as connection:
        connection.execute(text("DELETE FROM audit_chain"))
    with pytest.raises(RefusedError, match="gone or damaged"):
        faults(engine)


# What follows is done many times over: on SQLite, each time from the same beginning.


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path_factory.mktemp('audit') / 'x.db'}"
    migrate(url)
    engine = open_database(url)
    fill(engine, COUNT)
    with writing(engine) as connection:
        for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
    yield engine
    engine.dispose()


IDS = st.integers(1, COUNT)
VALUES = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=5), st.binary(max_size=5), st.floats())
ONCE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def detected(engine: Engine, tamper: Callable[[Connection], None]) -> tuple[Fault, ...] | None:
    """What is found after `tamper`, which is undone again; None where it changed nothing."""
    with engine.connect() as connection, connection.begin() as transaction:
        try:
            before = list(store.rows(connection, 0))
            try:
                tamper(connection)
            except DBAPIError:
                return None  # the schema itself refuses it
            after = list(store.rows(connection, 0))
            return None if _same(before, after) else verifying.verify(connection, ()).faults
        finally:
            transaction.rollback()


def _same(one: list[rules.Row], other: list[rules.Row]) -> bool:
    """Equal in value and type: 1 is not 1.0 here."""
    return [[(type(v), v) for v in row] for row in one] == [[(type(v), v) for v in row] for row in other]


@ONCE
@given(id_=IDS, column=st.sampled_from((*COLUMNS, "digest")), value=VALUES)
def test_any_change_of_any_field_is_found_at_its_entry(many: Engine, id_: int, column: str, value: object):
    def tamper(connection: Connection) -> None:
        connection.exec_driver_sql(f'UPDATE audit SET "{column}" = ? WHERE id = ?', (value, id_))

    found = detected(many, tamper)
    assert found is None or [(fault.id, fault.kind) for fault in found] == [(id_, Kind.CHANGED)]


@ONCE
@given(id_=IDS, column=st.sampled_from(("actor", "before", "after")), raw=st.binary(min_size=1, max_size=4))
def test_bytes_that_are_no_text_are_found_and_named(many: Engine, id_: int, column: str, raw: bytes):
    def tamper(connection: Connection) -> None:
        connection.exec_driver_sql(f'UPDATE audit SET "{column}" = CAST(? AS TEXT) WHERE id = ?', (raw, id_))

    found = detected(many, tamper)
    assert found is None or [fault.id for fault in found] == [id_]


@ONCE
@given(gone=st.sets(IDS, min_size=1))
def test_any_deletion_is_found_at_the_first_one(many: Engine, gone: set[int]):
    def tamper(connection: Connection) -> None:
        connection.execute(text(f"DELETE FROM audit WHERE id IN ({', '.join(map(str, gone))})"))

    found = detected(many, tamper)
    assert found is not None
    assert [fault.id for fault in found] == [min(gone)]
    assert found[0].kind in (Kind.MISSING, Kind.CUT_OFF)


@ONCE
@given(order=st.permutations(range(1, COUNT + 1)))
def test_any_other_order_is_found_at_the_first_one_out_of_place(many: Engine, order: list[int]):
    def tamper(connection: Connection) -> None:
        connection.execute(text("UPDATE audit SET id = id + 1000"))
        for position, id_ in enumerate(order, 1):
            connection.execute(text(f"UPDATE audit SET id = {position} WHERE id = {id_ + 1000}"))

    found = detected(many, tamper)
    moved = [position for position, id_ in enumerate(order, 1) if position != id_]
    if not moved:
        assert found is None
        return
    assert found is not None
    assert [(fault.id, fault.kind) for fault in found] == [(moved[0], Kind.REORDERED)]


@ONCE
@given(id_=st.integers(-3, COUNT + 5), number=st.integers(1, 50), honest=st.booleans(), renumber=st.booleans())
def test_any_insertion_is_found(many: Engine, id_: int, number: int, honest: bool, renumber: bool):
    """honest: the new row's digest fits where it stands. renumber: what is behind makes room for it."""

    def tamper(connection: Connection) -> None:
        rows = {row[0]: row for row in store.rows(connection, 0)}
        before = rows[id_ - 1][-1] if id_ - 1 in rows else rules.genesis(store.head(connection).chain)
        if renumber:
            connection.execute(text(f"UPDATE audit SET id = -id - 1000000 WHERE id >= {id_}"))
            connection.execute(text("UPDATE audit SET id = -id - 1000000 + 1 WHERE id < -1000000"))
            connection.execute(text(f"UPDATE audit_chain SET seq = {COUNT + 1}"))
        forged: Entry = entry(number)
        digest = rules.digest(before, id_, forged) if honest else b"\0" * 32
        store._insert(connection, [(id_, *forged, digest)])

    found = detected(many, tamper)
    assert found is None or found


@ONCE
@given(keep=st.integers(0, COUNT - 1), fix_head=st.booleans())
def test_a_cut_end_is_found_unless_the_head_is_changed_with_it(many: Engine, keep: int, fix_head: bool):
    def tamper(connection: Connection) -> None:
        rows = {row[0]: row for row in store.rows(connection, 0)}
        connection.execute(text(f"DELETE FROM audit WHERE id > {keep}"))
        if fix_head:
            digest = rows[keep][-1] if keep else rules.genesis(store.head(connection).chain)
            connection.exec_driver_sql("UPDATE audit_chain SET seq = ?, digest = ?", (keep, digest))

    found = detected(many, tamper)
    assert found is not None
    # With the head changed as well, the anchors alone know: see test_anchors.
    assert [(fault.id, fault.kind) for fault in found] == ([] if fix_head else [(keep + 1, Kind.CUT_OFF)])


def _swap(connection: Connection, one: int, other: int) -> None:
    for from_, to in ((one, -1), (other, one), (-1, other)):
        connection.execute(text(f"UPDATE audit SET id = {to} WHERE id = {from_}"))
