"""Caps at work: what is counted of legs and records, what is refused and ended for it, and who is told."""

from __future__ import annotations

import msgspec
import pytest

from isthmus.activity.telling import commands
from isthmus.fraud.model import Block, Cap, Kind
from isthmus.policy.model import Grant, Level, Policy
from isthmus.records.wire import Page
from isthmus.routing.model import Direction
from tests.fraud.conftest import Watched
from tests.records.conftest import ALICE, BOB, answered, begins, bye, dials, failed

CUBA, LONDON = "+5352612345", "+442079460123"
HOUR = 3600.0


def calls(watched: Watched, number: str = CUBA, name: str = "c1", **more: str) -> float:
    """Alice's call is answered now; gives when that was."""
    at = watched.office.clock.now_s
    watched.office.recorder.take(dials(at - 2, number, name, **more))
    watched.office.recorder.take(answered(at, name))
    watched.office.recorder.write()
    return at


def hangs_up(watched: Watched, name: str = "c1") -> None:
    watched.office.recorder.take(bye(watched.office.clock.now_s, name))


def cap(watched: Watched, kind: Kind, key: str = "", **changes: object) -> Cap:
    return watched.guard.set_cap("main", kind, key, changes, actor="anna")


def used(watched: Watched, wanted: Cap) -> float:
    return round(watched.capping.used(wanted).minutes, 3)


def test_a_call_counts_while_it_is_up_and_the_same_once_it_has_its_record(watched: Watched):
    cuba = cap(watched, Kind.COUNTRY, "CU", minutes=10)
    calls(watched)
    assert watched.work(after_s=9 * 60) == {}
    assert used(watched, cuba) == 9
    assert watched.work(after_s=60) == {"country CU main": ["minutes"]}
    hangs_up(watched)
    for after_s in (0.5, 0.5, 300.0, 1.0):  # a leg that ended, then a record
        assert watched.work(after_s) == {"country CU main": ["minutes"]}
        assert used(watched, cuba) == 10
    assert len(watched.office.all()) == 1


def test_a_restart_keeps_what_was_counted(watched: Watched):
    cap(watched, Kind.TENANT, minutes=10)
    calls(watched, name="over")
    watched.work(after_s=6 * 60)
    hangs_up(watched, "over")
    watched.work(after_s=300)
    calls(watched, name="up")
    watched.restart()
    assert watched.work(after_s=3 * 60) == {}
    watched.restart()
    assert watched.work(after_s=60) == {"tenant main": ["minutes"]}


def test_with_the_next_day_it_is_over(watched: Watched):
    tenant = cap(watched, Kind.TENANT, minutes=10, zone="America/Los_Angeles")
    calls(watched)
    watched.work(after_s=11 * 60)
    hangs_up(watched)
    # 1,800,000,000 is 00:00 on a day there.
    assert watched.work(after_s=12 * HOUR) == {"tenant main": ["minutes"]}
    assert watched.work(after_s=12 * HOUR) == {}
    assert used(watched, tenant) == 0


def test_calls_that_are_up_end_where_the_cap_says_so(watched: Watched):
    cap(watched, Kind.COUNTRY, "CU", minutes=10, ends=True)
    cap(watched, Kind.COUNTRY, "GB", minutes=10)
    calls(watched, CUBA, "cuba")
    calls(watched, LONDON, "london")
    watched.work(after_s=10 * 60)
    assert watched.ended == ["cuba"]
    watched.work(after_s=1)
    assert watched.ended == ["cuba"]  # it is on its way
    watched.work(after_s=5)
    assert watched.ended == ["cuba", "cuba"]  # and tried again


def test_cost_counts_as_it_grows(watched: Watched):
    watched.office.rates.replace("main", "prefix,name,price_per_minute,currency\n+53,Cuba,0.60,EUR\n", actor="test")
    cap(watched, Kind.TRUNK, "carrier", cost="3")
    calls(watched)
    assert watched.work(after_s=4 * 60) == {}
    assert watched.work(after_s=60) == {"trunk carrier": ["cost"]}
    hangs_up(watched)
    assert watched.work(after_s=300) == {"trunk carrier": ["cost"]}


def test_people_have_theirs_by_policy(watched: Watched):
    settings = (("minutes_a_day", 5), ("end_at_limit", True))
    watched.policies.create(Policy("main", "calling", "short", settings, ""), actor="test")
    watched.policies.grant(Grant("main", "calling", "short", Level.PERSON, ALICE, 0), actor="test")
    calls(watched, name="alice")
    calls(watched, name="bob", caller=BOB)
    assert watched.work(after_s=5 * 60) == {f"person {ALICE}": ["minutes"]}
    assert watched.ended == ["alice"]
    watched.policies.revoke("main", "calling", Level.PERSON, ALICE, actor="test")
    assert watched.work(after_s=1) == {}


def test_a_connector_is_told_what_is_counted_under_each_limit_that_is_for_calls_there(watched: Watched):
    settings = (("minutes_a_day", 5),)
    watched.policies.create(Policy("main", "calling", "short", settings, ""), actor="test")
    watched.policies.grant(Grant("main", "calling", "short", Level.PERSON, ALICE, 0), actor="test")
    watched.office.rates.replace("main", "prefix,name,price_per_minute,currency\n+53,Cuba,0.60,EUR\n", actor="test")
    cap(watched, Kind.TENANT, minutes=10, cost="50", zone="America/Los_Angeles")
    cap(watched, Kind.COUNTRY, "GB", calls=2)
    cap(watched, Kind.TRUNK, "carrier", minutes=10)
    calls(watched)
    watched.work(after_s=2 * 60)
    told = watched.capping.days_of("main", [ALICE, BOB], "branch-1")
    assert [(each.kind, each.key, each.minutes, each.cost, each.milliseconds) for each in told.caps] == [
        ("tenant", "main", 10, "50", 120_000),
        ("person", ALICE, 5, "0", 120_000),
    ]
    assert told.caps[0].micro == {"EUR": 1_200_000}
    assert [(each.prefix, each.price_micro) for each in told.prices] == [("+53", 600_000)]
    # 1,800,000,000 is 00:00 on a day there.
    assert (told.zone, told.until_s, told.counted) == ("America/Los_Angeles", 1_800_000_000 + 86_400, {})
    assert watched.capping.days_of("main", [BOB], "branch-1").caps == told.caps[:1]
    assert watched.capping.days_of("another", [], "branch-1").caps == ()


@pytest.mark.parametrize("number", ["sos.911", "short.411"])
def test_emergency_calls_neither_count_nor_end(watched: Watched, number: str):
    tenant = cap(watched, Kind.TENANT, minutes=1, ends=True)
    calls(watched, number)
    assert watched.work(after_s=HOUR) == {}
    assert used(watched, tenant) == 0
    hangs_up(watched)
    assert watched.work(after_s=300) == {}
    assert watched.ended == []


def test_what_nobody_answered_and_what_stayed_inside_counts_for_nothing(watched: Watched):
    tenant = cap(watched, Kind.TENANT, minutes=1)
    at = watched.office.clock.now_s
    watched.office.recorder.take(dials(at, CUBA))
    watched.office.recorder.take(failed(at + 50))
    watched.office.recorder.take(begins(at, "inside"))
    watched.office.recorder.take(answered(at, "inside"))
    assert watched.work(after_s=300) == {}
    assert used(watched, tenant) == 0


def test_people_are_told_once_a_day_and_how_to_stop_it(watched: Watched):
    cap(watched, Kind.COUNTRY, "CU", minutes=1)
    calls(watched)
    for _ in range(3):
        watched.work(after_s=60)
    (alert,) = watched.alerts
    assert alert.now.startswith("calls of main to CU have reached their limit of the day: 1 minutes")
    assert "isthmus call block add country:CU" in commands(alert)
    watched.restart()
    watched.work()
    assert {each.id for each in watched.alerts} == {alert.id}  # the same one: it is told of once


def test_the_snapshot_is_written_when_something_changed_alone(watched: Watched):
    cap(watched, Kind.TENANT, minutes=1)
    calls(watched)
    watched.work(after_s=60)
    before = watched.refused.written
    for _ in range(5):
        watched.work(after_s=1)
    assert watched.refused.written == before


def test_blocks_of_countries_trunks_and_people_are_refusals(watched: Watched):
    for what in ("country:CU", "trunk:carrier", f"person:{ALICE}", "+1900"):
        watched.guard.block(Block("main", Direction.OUT, what), actor="anna")
    watched.work()
    assert set(watched.refused.reasons("block")) == {"country CU main", "tenant main", f"person {ALICE}"}
    watched.guard.unblock("main", Direction.OUT, "country:cu", actor="anna")
    watched.capping.follow_blocks()
    assert "country CU main" not in watched.refused.reasons("block")


def test_calls_by_trunks_of_another_site_count_once_its_records_are_here(watched: Watched):
    tenant, trunk = cap(watched, Kind.TENANT, minutes=30), cap(watched, Kind.TRUNK, "carrier", minutes=30)
    calls(watched)
    watched.office.clock.now_s += 600
    hangs_up(watched)
    watched.work()
    watched.work(after_s=300)
    (own,) = watched.office.all()
    theirs = msgspec.structs.replace(own, site="online", stream="s", seq=1)
    page = Page("online", "s", 1, (theirs,))
    watched.office.records.apply(page, "online", 0)
    watched.work()
    watched.office.records.apply(page, "online", 0)  # told again
    assert watched.work() == {}
    assert (used(watched, tenant), used(watched, trunk)) == (20, 10)  # its trunk of that name is another one
