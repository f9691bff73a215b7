"""The audit log: what chaining adds to writing entries, verifying to reading them, and both to a bulk import."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, text

from bench.model import Aim, Figure, Scale
from isthmus.audit import Entry, append, store, verifying
from isthmus.database import migrate, open_database, reading, writing

_AT_ONCE = 1_000  # entries in one transaction, as an import or a page of a sync has them
_PLAIN = "at_ms, actor, action, object, tenant, path, address, before, after"


def measure(scale: Scale) -> list[Figure]:
    """In CPU of this thread, in which SQLite works as well; a transaction by itself in wall time, for it is the disk's.

    The baseline is a table with the same columns and indexes, without chain and triggers.
    """
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
        appended, verified, single = [], [], []
        for round_ in range(-1, scale.rounds):
            engine = _database(Path(folder) / f"{round_}.db")
            plain, chained = _write_plain(engine, scale.audited), _append(engine, scale.audited)
            read, checked = _read(engine), _verify(engine, scale.audited)
            alone = (_one_by_one(engine, scale.writes, chain=True), _one_by_one(engine, scale.writes, chain=False))
            engine.dispose()
            if round_ >= 0:  # the first one warms up
                appended.append((scale.audited / chained, scale.audited / plain))
                verified.append((scale.audited / checked, scale.audited / read))
                single.append(alone)
    return [
        Figure.of(
            "audit.append",
            f"Entries appended to the audit log, {_AT_ONCE:,} a transaction",
            "1/s",
            appended,
            "plain insert",
            Aim("value", 50_000, least=True),
        ),
        Figure.of(
            "audit.single",
            "One entry in a transaction of its own, on disk",
            "ms",
            single,
            "plain insert",
            Aim("ratio", 2.0),
        ),
        Figure.of(
            "audit.verify",
            f"Entries verified, of {scale.audited:,}",
            "1/s",
            verified,
            "reading them",
            Aim("value", 100_000, least=True),
        ),
    ]


def entries(count: int) -> Iterator[Entry]:
    """As an import writes them."""
    for number in range(count):
        after = {
            "aor": f"given.family{number:07}@contoso.example",
            "tenant": "main",
            "display_name": f"Given Family {number}",
            "number": f"+1425{number:07}",
            "home": "premises",
            "home_epoch": 1,
            "enabled": True,
            "groups": ["sales"],
        }
        yield Entry.of("cli:root", "person.create", str(after["aor"]), None, after, at_ms=1_700_000_000_000 + number)


def _database(path: Path) -> Engine:
    url = f"sqlite:///{path}"
    migrate(url)
    engine = open_database(url)
    with writing(engine) as connection:
        columns = "at_ms INTEGER, actor TEXT, action TEXT, object TEXT, tenant TEXT, path TEXT, address TEXT"
        connection.execute(text(f"CREATE TABLE plain (id INTEGER PRIMARY KEY, {columns}, before TEXT, after TEXT)"))
        for name, indexed in {"plain_object": "object, id", "plain_actor": "actor, id", "plain_at": "at_ms"}.items():
            connection.execute(text(f"CREATE INDEX {name} ON plain ({indexed})"))
    return engine


def _batches(count: int) -> list[list[Entry]]:
    made = list(entries(count))
    return [made[start : start + _AT_ONCE] for start in range(0, count, _AT_ONCE)]


def _write_plain(engine: Engine, count: int) -> float:
    batches = _batches(count)
    before = time.thread_time()
    for batch in batches:
        with writing(engine) as connection:
            _insert_plain(connection, batch)
    return time.thread_time() - before


def _insert_plain(connection, batch: list[Entry]) -> None:
    marks = ", ".join("?" * 9)
    connection.exec_driver_sql(f"INSERT INTO plain ({_PLAIN}) VALUES ({marks})", [tuple(entry) for entry in batch])


def _append(engine: Engine, count: int) -> float:
    batches = _batches(count)
    before = time.thread_time()
    for batch in batches:
        with writing(engine) as connection:
            append(connection, batch)
    return time.thread_time() - before


def _one_by_one(engine: Engine, count: int, *, chain: bool) -> float:
    made = list(entries(count))
    before = time.perf_counter()
    for entry in made:
        with writing(engine) as connection:
            if chain:
                append(connection, [entry])
            else:
                _insert_plain(connection, [entry])
    return (time.perf_counter() - before) / count * 1000


def _read(engine: Engine) -> float:
    with reading(engine) as connection:
        before = time.thread_time()
        for _ in store.rows(connection, 0):
            pass
        return time.thread_time() - before


def _verify(engine: Engine, count: int) -> float:
    with reading(engine) as connection:
        before = time.thread_time()
        verdict = verifying.verify(connection, ())
        took = time.thread_time() - before
    assert (verdict.faults, verdict.checked) == ((), count)
    return took
