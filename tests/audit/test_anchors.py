"""Anchors: what the database can't know of itself, and what a restored backup looks like."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from isthmus.audit import append, rules, store
from isthmus.audit.anchors import AnchorFile, line_of, read_foreign, thinned
from isthmus.audit.model import Anchor, Filter, Kind
from isthmus.audit.service import AuditLog
from isthmus.database import writing
from isthmus.errors import IsthmusError, RefusedError
from tests.audit.conftest import DAY_S, Clock, entry, fill, tampering

COUNT = 8


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.anchors"


def add(engine: Engine, count: int = 1) -> None:
    with writing(engine) as connection:
        append(connection, [entry(number) for number in range(count)])


def rewrite(engine: Engine, keep: int, more: int) -> None:
    """What somebody does who owns the database: a chain that fits from entry `keep` on, and its head."""
    with tampering(engine) as connection:
        head = store.head(connection)
        last = store.get(connection, keep)
        digest = rules.genesis(head.chain) if last is None else last.digest
        connection.execute(text(f"DELETE FROM audit WHERE id > {keep}"))
        for id_ in range(keep + 1, keep + more + 1):
            forged = entry(id_, actor="nobody")
            digest = rules.digest(digest, id_, forged)
            store._insert(connection, [(id_, *forged, digest)])
        connection.execute(
            text("UPDATE audit_chain SET seq = :seq, digest = :digest"), {"seq": keep + more, "digest": digest}
        )


def test_anchors_are_private_and_agree(log: AuditLog, engine: Engine, file: Path):
    fill(engine, COUNT)
    assert log.verify().notes  # nothing was noted yet, and it says so
    log.anchor()
    assert {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()} == {0o600}
    verdict = log.verify()
    assert (verdict.faults, verdict.notes, verdict.anchors) == ((), (), 1)
    assert (verdict.checked, verdict.first, verdict.last) == (COUNT + 1, 1, COUNT + 1)
    assert log.get(COUNT + 1).entry.action == "audit.anchor"  # that anchors begin here is in the log itself


def test_a_cut_end_is_found_though_the_head_was_changed_with_it(log: AuditLog, engine: Engine):
    fill(engine, COUNT)
    log.anchor()
    rewrite(engine, keep=5, more=0)
    found = log.verify().faults
    assert [(fault.id, fault.kind) for fault in found] == [(6, Kind.CUT_OFF)]
    assert "backup" in found[0].what


def test_a_log_written_anew_is_found(log: AuditLog, engine: Engine, clock: Clock):
    fill(engine, COUNT)
    log.anchor()
    clock.now += DAY_S
    add(engine, 5)
    log.anchor()
    rewrite(engine, keep=COUNT + 3, more=4)
    found = log.verify().faults
    # Right as far as the first anchor; what came after it is in doubt.
    assert [(fault.id, fault.kind) for fault in found] == [(COUNT + 2, Kind.REWRITTEN)]


@pytest.mark.parametrize("more", [0, 2, 3, 9])
def test_no_anchor_is_written_over_what_does_not_follow(log: AuditLog, engine: Engine, file: Path, more: int):
    fill(engine, COUNT)
    log.anchor()
    before = file.read_bytes()
    rewrite(engine, keep=COUNT - 1, more=more)
    for _ in range(2):
        with pytest.raises(RefusedError, match="audit verify"):
            log.anchor()
    assert file.read_bytes() == before
    assert log.verify().faults


def test_nothing_is_anchored_twice_and_new_entries_are(log: AuditLog, engine: Engine, file: Path, clock: Clock):
    fill(engine, COUNT)
    log.anchor()
    before = file.read_bytes()
    clock.now += 60
    log.anchor()
    assert file.read_bytes() == before
    add(engine)
    log.anchor()
    assert len(file.read_text().splitlines()) == 1  # the last one of a day is enough
    clock.now += DAY_S
    add(engine)
    log.anchor()
    assert len(file.read_text().splitlines()) == 2
    assert log.verify().anchors == 2


def test_a_changed_anchor_and_a_lost_key_are_told(log: AuditLog, engine: Engine, file: Path):
    fill(engine, COUNT)
    log.anchor()
    whole = file.read_text()
    file.write_text(whole.replace('"id":9', '"id":8'))
    assert [fault.kind for fault in log.verify().faults] == [Kind.ANCHOR]
    file.write_text("nonsense\n")
    assert [fault.kind for fault in log.verify().faults] == [Kind.ANCHOR]
    with pytest.raises(RefusedError, match="not an anchor"):
        log.anchor()
    file.write_text(whole)
    key = (file.parent / "audit.key").read_text()
    (file.parent / "audit.key").write_text("00" * 32)
    assert "another one" in log.verify().faults[0].what
    (file.parent / "audit.key").unlink()
    assert "gone" in log.verify().faults[0].what
    (file.parent / "audit.key").write_text(key)
    assert log.verify().faults == ()


def test_anchors_kept_elsewhere_find_what_the_own_ones_can_not(log: AuditLog, engine: Engine, file: Path):
    fill(engine, COUNT)
    log.anchor()
    elsewhere = file.parent / "elsewhere.jsonl"
    elsewhere.write_bytes(line_of(log.head()))
    assert log.verify(read_foreign(elsewhere)).anchors == 2
    rewrite(engine, keep=3, more=9)
    for path in (file, file.parent / "audit.key"):  # by somebody who owns the machine
        path.unlink()
    log.anchor()
    assert log.verify().faults == ()
    found = log.verify(read_foreign(elsewhere)).faults
    assert [(fault.id, fault.kind) for fault in found] == [(1, Kind.REWRITTEN)]


def test_an_anchor_of_another_database_is_told(log: AuditLog, engine: Engine):
    fill(engine, COUNT)
    found = log.verify([Anchor("another", 3, "00" * 32, 1)]).faults
    assert [fault.kind for fault in found] == [Kind.REWRITTEN]


def test_a_restored_backup_is_noticed_and_can_be_accepted(log: AuditLog, engine: Engine, file: Path, clock: Clock):
    fill(engine, COUNT)
    log.anchor()
    with pytest.raises(RefusedError, match="agree"):
        log.accept("for no reason", actor="cli:root")
    rewrite(engine, keep=5, more=0)  # to the database a restore is just this
    add(engine, 2)
    with pytest.raises(RefusedError):
        log.anchor()
    clock.now += 1
    id_ = log.accept("restored from Tuesday's backup", actor="cli:root")
    told = log.get(id_).entry
    assert (told.actor, told.action, id_) == ("cli:root", "audit.accept", 8)
    assert '"reason":"restored from Tuesday\'s backup"' in (told.after or "")
    assert f'"id":{COUNT + 1}' in (told.after or "")
    assert log.verify().faults == ()
    add(engine)
    log.anchor()
    assert log.verify().faults == ()
    assert len(list(file.parent.glob("audit.anchors.*"))) == 1  # the old ones are kept


def test_what_is_wrong_within_the_log_can_not_be_accepted(log: AuditLog, engine: Engine):
    fill(engine, COUNT)
    log.anchor()
    with tampering(engine) as connection:
        connection.execute(text("UPDATE audit SET actor = 'x' WHERE id = 3"))
    with pytest.raises(RefusedError, match="entry 3 was changed"):
        log.accept("never mind", actor="cli:root")


def test_the_first_anchor_is_refused_to_a_log_that_is_wrong(log: AuditLog, engine: Engine, file: Path):
    fill(engine, COUNT)
    with tampering(engine) as connection:
        connection.execute(text("DELETE FROM audit WHERE id = 3"))
    with pytest.raises(RefusedError, match="entry 3 is missing"):
        log.anchor()
    assert not file.exists()


def test_of_each_day_the_last_anchor_is_kept_and_none_from_before_the_cut():
    day = 86_400_000
    made = [Anchor("c", n, "", n * day // 2, 0) for n in range(6)] + [Anchor("c", 6, "", 3 * day, 3)]
    assert [anchor.id for anchor in thinned(made)] == [3, 5, 6]


def test_foreign_anchors_that_can_not_be_read_are_told(tmp_path: Path):
    with pytest.raises(IsthmusError, match="can't be read"):
        read_foreign(tmp_path / "missing")
    (tmp_path / "x").write_text('{"chain":1}\n')
    with pytest.raises(IsthmusError, match="not an anchor"):
        read_foreign(tmp_path / "x")
    assert AnchorFile(tmp_path).read() == []


# Retention


def days(engine: Engine, clock: Clock, *numbers: int) -> None:
    """Two entries for each day, counted back from today."""
    with writing(engine) as connection:
        for number in numbers:
            at_ms = int((clock.now - number * DAY_S) * 1000)
            append(connection, [entry(number, at_ms=at_ms), entry(number, at_ms=at_ms + 1)])


def test_whole_days_are_cut_from_the_old_end(log: AuditLog, engine: Engine, clock: Clock):
    days(engine, clock, 12, 11, 10, 9, 1)
    log.anchor()
    assert log.cut(0) == 0
    assert log.cut(20) == 0
    assert log.cut(10) == 4
    entries = log.find(Filter())
    assert [each.id for each in entries] == [12, 11, 10, 9, 8, 7, 6, 5]
    assert [each.entry.action for each in entries[:2]] == ["audit.cut", "audit.anchor"]
    assert entries[0].entry.path == "retention"
    verdict = log.verify()
    assert (verdict.faults, verdict.first, verdict.last, verdict.cut, verdict.checked) == ((), 5, 12, 4, 8)
    assert log.cut(10) == 0  # and not once more on the same day
    clock.now += DAY_S
    assert log.cut(10) == 2
    assert log.verify().faults == ()


def test_the_newest_entry_is_never_cut(log: AuditLog, engine: Engine, clock: Clock):
    days(engine, clock, 500, 450)
    log.anchor()
    assert log.cut(400) == 4  # the newest is the one by which anchors begin
    clock.now += 1000 * DAY_S
    for _ in range(3):
        log.cut(400)
        assert log.find(Filter())
        assert log.verify().faults == ()


def test_what_is_wrong_is_not_cut_but_kept_as_evidence(log: AuditLog, engine: Engine, clock: Clock):
    days(engine, clock, 12, 11, 1)
    log.anchor()
    with tampering(engine) as connection:
        connection.execute(text("UPDATE audit SET object = 'x' WHERE id = 2"))
    with pytest.raises(RefusedError, match="entry 2 was changed"):
        log.cut(10)
    assert len(log.find(Filter())) == 7


def test_a_removal_goes_on_where_it_was_stopped(log: AuditLog, engine: Engine, clock: Clock):
    days(engine, clock, 12, 11, 1)
    log._give_up(int(clock.now * 1000) - 10 * DAY_S * 1000, 10)  # killed here: told, allowed, and not done
    assert log.verify().faults == ()
    assert [each.id for each in log.find(Filter())][-1] == 5
    assert log.cut(10) == 4
    assert log.verify().faults == ()


def test_a_cut_that_retention_did_not_make_is_found(log: AuditLog, engine: Engine, clock: Clock):
    days(engine, clock, 12, 11, 1)
    log.anchor()
    other = AuditLog(engine, Path("/nonexistent"), site="x", clock=clock)
    other.anchor = lambda: None  # somebody with the database alone, who knows how a checkpoint is made
    other._file = type("NoFile", (), {"read": lambda self: [Anchor("", 0, "", 0)], "add": lambda *_: None})()
    assert other.cut(10) == 4
    found = log.verify().faults
    assert [(fault.id, fault.kind) for fault in found] == [(1, Kind.MISSING)]


def test_tampering_with_what_is_left_after_a_cut_is_found(log: AuditLog, engine: Engine, clock: Clock):
    days(engine, clock, 12, 11, 9, 1)
    log.cut(10)
    with tampering(engine) as connection:
        connection.execute(text("DELETE FROM audit WHERE id = 5"))
    assert [fault.id for fault in log.verify().faults] == [5]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET after = replace(after, 'through', 'through_') WHERE action = 'audit.cut'",
        "UPDATE audit SET after = replace(after, '4', '6') WHERE action = 'audit.cut'",
        "UPDATE audit SET after = '[]' WHERE action = 'audit.cut'",
        "UPDATE audit SET after = NULL WHERE action = 'audit.cut'",
        "DELETE FROM audit WHERE action = 'audit.cut'",
        "UPDATE audit_chain SET cut_by = 6",
        "UPDATE audit_chain SET cut = 0",
    ],
)
def test_a_changed_checkpoint_is_found(log: AuditLog, engine: Engine, clock: Clock, change: str):
    days(engine, clock, 12, 11, 9, 1)
    log.cut(10)
    assert log.verify().faults == ()
    with tampering(engine) as connection:
        connection.execute(text(change))
    assert log.verify().faults
