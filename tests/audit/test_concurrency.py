"""Many writers at once, in threads and processes: one chain, and no entry lost."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine

from isthmus.audit import append, store, verifying
from isthmus.audit.model import Filter
from isthmus.database import open_database, reading, writing
from tests.audit.conftest import entry

WRITERS, WRITES = 4, 25


def write(url: str, writer: int) -> None:
    """Transactions of one, two and three entries in turn."""
    engine = open_database(url)
    for number in range(WRITES):
        with writing(engine) as connection:
            append(
                connection, [entry(number, actor=f"w{writer}", object_=f"{number}.{i}") for i in range(number % 3 + 1)]
            )
    engine.dispose()


def check(engine: Engine, writers: list[int]) -> None:
    each = sum(number % 3 + 1 for number in range(WRITES))
    with reading(engine) as connection:
        verdict = verifying.verify(connection, ())
        assert (verdict.faults, verdict.checked) == ((), each * len(writers))
        for writer in writers:
            entries = store.find(connection, Filter(actor=f"w{writer}"), after=0, limit=10_000)
            wanted = [f"{number}.{i}" for number in range(WRITES) for i in range(number % 3 + 1)]
            assert [found.entry.object for found in entries] == wanted


def test_threads_keep_one_chain(engine: Engine, database_url: str):
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, [database_url] * WRITERS, range(WRITERS)))
    check(engine, list(range(WRITERS)))


def test_processes_keep_one_chain(engine: Engine, database_url: str):
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=write, args=(database_url, writer)) for writer in range(WRITERS)]
    for process in started:
        process.start()
    for process in started:
        process.join(120)
    assert [process.exitcode for process in started] == [0] * WRITERS
    check(engine, list(range(WRITERS)))


def test_a_write_that_is_rolled_back_leaves_no_gap(engine: Engine):
    for fail in (False, True, False):
        try:
            with writing(engine) as connection:
                append(connection, [entry(1)])
                if fail:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
    with reading(engine) as connection:
        assert [each.id for each in store.find(connection)] == [2, 1]
        assert verifying.verify(connection, ()).faults == ()
