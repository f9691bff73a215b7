"""Activity on both databases: what is kept over a restart, what people do with alerts, blocks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from isthmus.activity import store
from isthmus.activity.model import Event, Kind, State
from isthmus.activity.moving import ActivityParticipant
from isthmus.activity.service import Activity
from isthmus.activity.tables import metadata
from isthmus.addressing import Aor
from isthmus.database import reading, writing
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError, UnavailableError, UsageError
from tests.activity.conftest import DAY, START, call, refused, register
from tests.directory.conftest import new

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


def test_who_is_given_the_address_of_another_starts_without_their_habits(
    make: Callable[..., Activity], directory: Directory
):
    now = [START + 60 * DAY]
    activity = make(clock=lambda: now[0])
    feed(activity)
    assert activity.profile(str(ALICE)).days > 5
    directory.delete(ALICE, actor="test")
    directory.create(new("alice", "+14255550101"), actor="test")
    with pytest.raises(NotFoundError):
        activity.profile(str(ALICE))
    now[0] += 61
    activity.take(register(START + 8 * DAY, "198.51.100.7", "Soft 1"))
    activity.work()
    assert activity.profile(str(ALICE)).days == 1
    assert activity.listed() == [], "nothing is usual for them yet"


def test_what_is_done_at_another_site_is_looked_at_at_home(
    make: Callable[..., Activity], directory: Directory, engine: Engine
):
    directory.commit_homes([(ALICE, "premises", 1, "online")], actor="test")
    sent: list[tuple[str, list[Event]]] = []
    activity = make(site="premises", send=lambda site, events: sent.append((site, list(events))))
    ended = Event(START + 9, Kind.ENDED, call_id="c1")
    for event in (call("+19005550123"), call("+12065550123", account="bob@contoso.example", call_id="c2"), ended):
        activity.take(event)
    activity.work()
    assert sent == [("online", [call("+19005550123"), ended])]
    assert activity.listed() == [], "bob alone is looked at here"
    activity.take(call("+19005550123"), from_peer=True)
    activity.work()
    assert [alert.subject for alert in activity.listed()] == [str(ALICE)], "what a peer sent goes no further"


def test_while_the_home_takes_nothing_its_people_are_looked_at_here(
    make: Callable[..., Activity], directory: Directory
):
    directory.commit_homes([(ALICE, "premises", 1, "online")], actor="test")

    def down(site: str, events: list[Event]) -> None:
        raise UnavailableError(f"{site} is away")

    activity = make(site="premises", send=down)
    activity.take(call("+19005550123"))
    activity.work()
    assert [alert.rule for alert in activity.listed()] == ["premium-call"]


def test_one_network_that_fails_for_people_of_both_homes_is_seen_where_it_came_in(
    make: Callable[..., Activity], directory: Directory
):
    people = [new(f"u{number}", home="online" if number % 2 else "premises") for number in range(8)]
    for each in people:
        directory.create(each, actor="test")
    activity = make(site="premises", send=lambda site, events: None)
    for index, each in enumerate(people):
        activity.take(refused(START + index, str(each.aor)))
    activity.work()
    assert [alert.rule for alert in activity.listed()] == ["password-spray"]


def test_what_is_usual_goes_along_in_a_move(make: Callable[..., Activity], engine: Engine):
    old_home = make()
    feed(old_home)
    handed = ActivityParticipant(old_home).export([ALICE, Aor("bob", "contoso.example")])
    assert list(handed) == [ALICE]

    with writing(engine) as connection:
        connection.execute(text("DELETE FROM activity_profile"))
    new_home = make()
    new_home.take(register(START + 8 * DAY, "198.51.100.7", "Soft 1"))
    new_home.work()
    assert new_home.listed() == [], "nothing was known"
    participant = ActivityParticipant(new_home)
    assert participant.import_(handed, None) == {ALICE: None}
    assert participant.import_({ALICE: "nonsense"}, None) == {ALICE: None}
    new_home.take(register(START + 9 * DAY, "198.51.100.7", "Soft 1"))
    new_home.work()
    assert [alert.rule for alert in new_home.listed()] == ["unusual-sign-in"]
