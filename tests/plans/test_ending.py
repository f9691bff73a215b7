"""Calls that are up: which of them end because what pays for them is used up."""

from __future__ import annotations

import pytest

from isthmus.database import writing
from isthmus.plans.model import Account, WhenSpent
from isthmus.records import store as record_store
from isthmus.records.model import Event, Kind, Leg, Rate, Route
from tests.plans.conftest import ALICE, BOB, UK, US, Office

CENT_A_SECOND = Rate("+1", "North America", 600_000, "USD")


@pytest.fixture
def metered(office: Office) -> Office:
    """Alice and Bob pay each second from a credit of one dollar; a second costs a cent."""
    office.define(domestic=0, international=None, when_spent=WhenSpent.CREDIT, increment_s=1)
    office.give(ALICE, BOB)
    office.plans.deposit("main", 1_000_000, "USD", "first", actor="test")
    office.plans.set_account(Account("main", end_calls=True), actor="test")
    with writing(office.engine) as connection:
        record_store.put_rates(connection, "main", [CENT_A_SECOND])
    return office


def up(office: Office, call_id: str, seconds: float, caller: str = ALICE, callee: str = US, way: str = "plan") -> None:
    """A call that was answered so long ago."""
    at = office.clock.now_s - seconds
    begins = Event(at, Kind.BEGINS, call_id, "edge", caller=caller, callee=callee, route=Route.DIAL, way=way)
    leg = Leg(at, begins, answered=Event(at, Kind.ANSWERED, call_id, "edge"))
    with writing(office.engine) as connection:
        record_store.put_legs(connection, {(call_id, "edge"): leg}, ())


def test_a_call_ends_when_it_has_taken_all_the_credit(metered: Office) -> None:
    up(metered, "short", 99)
    assert metered.charging.spent_calls() == []
    metered.clock.now_s += 1
    assert metered.charging.spent_calls() == ["short"]


def test_calls_that_are_up_together_share_the_credit(metered: Office) -> None:
    up(metered, "first", 60)
    up(metered, "second", 30, caller=BOB)
    assert metered.charging.spent_calls() == []
    metered.clock.now_s += 10
    # 70 and 40 cents: the one that began last is one too many.
    assert metered.charging.spent_calls() == ["second"]


def test_only_what_the_credit_pays_for_ends(metered: Office) -> None:
    up(metered, "help", 1000, callee="sos.911")
    up(metered, "by another trunk", 1000, way="carrier")
    up(metered, "unlimited", 1000, callee=UK)
    assert metered.charging.spent_calls() == []


def test_calls_go_on_where_the_tenant_lets_them(metered: Office) -> None:
    metered.plans.set_account(Account("main"), actor="test")
    up(metered, "long", 1000)
    assert metered.charging.spent_calls() == []


def test_minutes_that_end_end_calls_too(office: Office) -> None:
    office.define(domestic=1, international=None)
    office.give(ALICE)
    office.plans.set_account(Account("main", end_calls=True), actor="test")
    office.charge(office.record(minutes=0.5, callee=UK))
    up(office, "one", 59)
    assert office.charging.spent_calls() == []
    office.clock.now_s += 1
    assert office.charging.spent_calls() == ["one"]
