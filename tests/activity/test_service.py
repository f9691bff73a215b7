"""Activity on both databases: what is kept over a restart, what people do with alerts, blocks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from isthmus.activity import store
from isthmus.activity.model import State
from isthmus.activity.service import Activity
from isthmus.activity.tables import metadata
from isthmus.addressing import Aor
from isthmus.database import reading, writing
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError, UnavailableError, UsageError
from tests.activity.conftest import DAY, START, call, refused, register

ALICE = Aor("alice", "contoso.example")


def test_the_tables_are_those_the_code_means(engine: Engine, directory: Directory):
    with reading(engine) as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in metadata.tables}
        )
        assert compare_metadata(context, metadata) == []


def feed(activity: Activity, days: int = 8) -> None:
    for day in range(days):
        for hour in range(24):
            activity.take(register(START + day * DAY + hour * 3600))
    activity.work()


def test_profiles_and_alerts_outlive_a_restart(make: Callable[..., Activity]):
    before = make()
    feed(before)
    before.take(register(START + 8 * DAY, "198.51.100.7", "Soft 1"))
    before.work()
    (alert,) = before.listed()

    after = make()
    assert after.listed() == [alert]
    after.take(register(START + 8 * DAY + 60, "198.51.100.7", "Soft 1"))
    after.work()
    (grown,) = after.listed()
    assert (grown.id, grown.count) == (alert.id, 2)
    assert after.profile("alice@contoso.example").days > 5


def test_nothing_is_lost_while_the_database_is_away(make: Callable[..., Activity], engine: Engine):
    activity = make()
    activity.take(call("+19005550123"))
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE activity_alert RENAME TO elsewhere"))
    with pytest.raises(UnavailableError):
        activity.work()
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO activity_alert"))
    activity.work()
    assert [alert.rule for alert in activity.listed()] == ["premium-call"]


def test_who_does_not_exist_has_no_profile(activity: Activity, engine: Engine):
    activity.take(refused(START, "nobody@contoso.example"))
    activity.take(refused(START, "\x00@@@"))
    activity.work()
    with reading(engine) as connection:
        assert store.profiles(connection, ["nobody@contoso.example", "\x01"]) == {}


def test_a_false_alarm_teaches_and_is_audited(activity: Activity, directory: Directory, make: Callable[..., Activity]):
    activity.take(call("+19005550123"))
    activity.work()
    (alert,) = activity.listed()
    judged = activity.judge(alert.id, State.FALSE_ALARM, actor="cli:root")
    assert (judged.state, judged.judged_by) == (State.FALSE_ALARM, "cli:root")
    assert activity.judge(alert.id, State.FALSE_ALARM, actor="cli:root") == judged, "again changes nothing"
    with pytest.raises(RefusedError):
        activity.judge(alert.id, State.CONFIRMED, actor="cli:root")

    entry = directory.audit(f"alert:{alert.id}")[0]
    assert (entry["actor"], entry["action"]) == ("cli:root", "activity.false-alarm")
    restarted = make()
    restarted.take(call("+19005550199", START + DAY))
    restarted.work()
    assert restarted.listed(state=State.OPEN) == []


def test_an_alert_that_is_not_there(activity: Activity):
    with pytest.raises(NotFoundError):
        activity.get("nothing")
    with pytest.raises(NotFoundError):
        activity.profile("bob@contoso.example")


def test_a_block_is_a_word_in_the_persons_record_and_is_taken_back(activity: Activity, directory: Directory):
    activity.block(ALICE, "calls:international", actor="cli:root")
    person = activity.block(ALICE, "network:203.0.113.0/24", actor="cli:root")
    assert person.barred == ("calls:international", "network:203.0.113.0/24")
    assert person.enabled, "what the directory's source says is another matter"
    entry = directory.audit(str(ALICE))[0]
    assert entry["actor"] == "cli:root"
    assert activity.unblock(ALICE, "calls:international", actor="x").barred == ("network:203.0.113.0/24",)
    assert activity.unblock(ALICE, None, actor="x").barred == ()
    with pytest.raises(NotFoundError):
        activity.unblock(ALICE, None, actor="x")
    for wrong in ("calls", "network:203.0.113.7/24", "network:x", ""):
        with pytest.raises(UsageError):
            activity.block(ALICE, wrong, actor="x")


def test_a_block_takes_the_phones_away_that_it_is_about(make: Callable[..., Activity]):
    gone: list[tuple[Aor, str]] = []
    make(unbind=lambda aor, word: gone.append((aor, word))).block(ALICE, "account", actor="x")
    assert gone == [(ALICE, "account")]


def test_alerts_are_told_once_and_again_when_they_get_worse(make: Callable[..., Activity], engine: Engine):
    activity = make(channels=("mail",))
    for index in range(30):
        activity.take(refused(START + index, address=""))
    activity.work()
    for index in range(30, 90):
        activity.take(refused(START + index, address=""))
        activity.work()
    with reading(engine) as connection:
        made = store.open_deliveries(connection, "mail", 100)
    assert len(made) == 2, "once at first, once when it was ten times as much"


def test_old_profiles_and_alerts_are_forgotten(activity: Activity, engine: Engine):
    activity.take(call("+19005550123"))
    activity.work()
    with writing(engine) as connection:
        connection.execute(text("UPDATE activity_profile SET updated_ms = 0"))
        assert store.forget(connection, 1, 1) == (2, 0)
