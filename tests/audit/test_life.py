"""A log as it lives: written, anchored, cut day after day. It is always whole, and one touch anywhere is found."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from isthmus.audit import append, rules, store
from isthmus.audit.service import AuditLog
from isthmus.database import migrate, open_database, reading, writing
from tests.audit.conftest import DAY_S, Clock, entry, tampering

KEEP_DAYS = 3
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 4)),
        st.tuples(st.just("days"), st.integers(1, 3)),
        st.tuples(st.just("anchor"), st.just(0)),
        st.tuples(st.just("cut"), st.just(0)),
    ),
    min_size=3,
    max_size=20,
)
TOUCHES = st.sampled_from(["change", "delete", "swap", "end", "end and head", "cut and head"])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "x.db"
    migrate(f"sqlite:///{path}")
    return path


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, touch=TOUCHES, where=st.integers(0, 1000))
def test_it_is_whole_until_somebody_touches_it(template: Path, steps: list[tuple[str, int]], touch: str, where: int):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(template, Path(folder) / "x.db")
        engine = open_database(f"sqlite:///{folder}/x.db")
        clock = Clock()
        log = AuditLog(engine, Path(folder), site="premises", clock=clock)
        for step, count in steps:
            if step == "append":
                with writing(engine) as connection:
                    append(connection, [entry(n, at_ms=int(clock.now * 1000)) for n in range(count)])
            elif step == "days":
                clock.now += count * DAY_S
            elif step == "anchor":
                log.anchor()
            else:
                log.cut(KEEP_DAYS)
            verdict = log.verify()
            assert verdict.faults == ()
            assert verdict.checked == verdict.last - verdict.cut
        log.anchor()
        _touch(log, engine, touch, where)
        assert log.verify().faults, touch
        engine.dispose()


def _touch(log: AuditLog, engine, touch: str, where: int) -> None:
    with reading(engine) as connection:
        head = store.head(connection)
        ids = [row[0] for row in store.rows(connection, head.cut)]
    id_ = ids[where % len(ids)]
    other = ids[(where + 1) % len(ids)]
    with tampering(engine) as connection:
        if touch == "swap" and other != id_:
            for from_, to in ((id_, -1), (other, id_), (-1, other)):
                connection.execute(text(f"UPDATE audit SET id = {to} WHERE id = {from_}"))
        elif touch == "delete":
            connection.execute(text(f"DELETE FROM audit WHERE id = {id_}"))
        elif touch.startswith("end"):
            before = store.get(connection, id_ - 1)
            connection.execute(text(f"DELETE FROM audit WHERE id >= {id_}"))
            if touch == "end and head":
                digest = before.digest if before else rules.genesis(head.chain)
                connection.exec_driver_sql("UPDATE audit_chain SET seq = ?, digest = ?", (id_ - 1, digest))
        elif touch == "cut and head":
            connection.execute(text(f"DELETE FROM audit WHERE id <= {id_}"))
            connection.exec_driver_sql("UPDATE audit_chain SET cut = ?", (id_,))
        else:
            connection.execute(text(f"UPDATE audit SET actor = actor || '!' WHERE id = {id_}"))
