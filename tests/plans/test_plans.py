"""Calling plans: what calls take of minutes and credit, and which calls are refused because of it."""

from __future__ import annotations

import pytest

from isthmus.errors import NotFoundError, RefusedError, UsageError
from isthmus.plans.model import Account, Group, WhenSpent
from isthmus.routing.refusals import of_country, of_person
from tests.plans.conftest import ALICE, BEGAN_MS, BOB, ERIN, FR, UK, US, Office


def test_a_call_takes_whole_minutes_of_the_plan(office: Office) -> None:
    office.define()
    office.give(ALICE)
    office.charge(office.record(minutes=0.1), office.record(minutes=2.5))
    assert office.used() == {("domestic", ALICE): 60 + 180}


def test_domestic_international_and_groups_of_countries_are_counted_apart(office: Office) -> None:
    office.define(international=100, groups=(Group("europe", ("GB", "DE"), 50),), increment_s=1)
    office.give(ALICE)
    office.charge(office.record(callee=US), office.record(callee=UK, minutes=2), office.record(callee=FR, minutes=3))
    assert office.used() == {("domestic", ALICE): 60, ("group:europe", ALICE): 120, ("international", ALICE): 180}


def test_what_is_no_call_by_a_plan_costs_nothing(office: Office) -> None:
    office.define()
    office.give(ALICE)
    office.charge(
        office.record(callee="sos.911"),
        office.record(way="carrier"),
        office.record(answered_ms=None),
        office.record(caller=BOB),
        office.record(route="relay"),
    )
    assert office.used() == {}


def test_a_call_counts_in_the_month_in_which_it_began(office: Office) -> None:
    office.define()
    office.give(ALICE)
    november = 1_796_083_199_000  # 2026-11-30 23:59:59 UTC
    office.charge(office.record(began_ms=november, minutes=10), office.record(began_ms=november + 1000))
    assert {each.used_s for each in office.plans.usage("main", "2026-11").uses if each.used_s} == {600}
    assert {each.used_s for each in office.plans.usage("main", "2026-12").uses if each.used_s} == {60}


def test_when_the_minutes_are_used_up_calls_are_refused_until_the_next_month(office: Office) -> None:
    office.define(international=100)
    office.give(ALICE, BOB)
    office.charge(office.record(minutes=9))
    assert office.refused == {}
    office.charge(office.record(minutes=1))
    (refusal,) = office.refused[of_person(ALICE)]
    assert (refusal.by, refusal.reason, refusal.regions) == ("plan", "minutes-used-up", ("US",))
    assert refusal.phrase == "Calling Plan Minutes Used Up"
    assert refusal.until_s == 1_796_083_200  # 2026-12-01 00:00 UTC: it ends with the month, whoever is there or not
    assert of_person(BOB) not in office.refused
    office.clock.now_s += 2 * 86_400
    office.charging.refuse()
    assert office.refused == {}


def test_what_follows_is_looked_at_when_something_changed_and_now_and_then(office: Office) -> None:
    office.plans.changed = office.charging.touch
    office.define(international=None)
    office.give(ALICE)
    office.charging.work()
    office.refused = {"stays": []}
    office.charging.work()
    assert office.refused == {"stays": []}
    office.plans.set_account(Account("main", ("KP",)), actor="test")
    office.charging.work()
    assert office.reasons(of_country("KP", "main")) == ["country-blocked"]
    office.refused = {}
    office.clock.now_s += 60
    office.charging.work()
    assert office.reasons(of_country("KP", "main")) == ["country-blocked"]


def test_a_pool_is_the_minutes_of_all_of_its_holders(office: Office) -> None:
    office.define(pooled=True, international=None)
    office.give(ALICE, BOB)
    office.charge(office.record(minutes=15))
    assert office.used() == {("domestic", "*"): 900}
    assert office.refused == {}
    office.charge(office.record(caller=BOB, minutes=5))
    assert office.reasons(of_person(ALICE)) == office.reasons(of_person(BOB)) == ["minutes-used-up"]


def test_where_a_plan_has_no_minutes_it_says_so(office: Office) -> None:
    office.define(international=0)
    office.give(ALICE)
    (refusal,) = office.refused[of_person(ALICE)]
    assert (refusal.reason, refusal.but) == ("not-in-plan", ("US",))


def test_credit_goes_on_where_minutes_end(office: Office) -> None:
    office.define(when_spent=WhenSpent.CREDIT, international=None)
    office.give(ALICE)
    office.plans.deposit("main", 1_000_000, "USD", "first", actor="test")
    office.charge(office.record(minutes=9))
    assert office.balance() == 1
    # Of four minutes one is of the plan, three cost 0.10 each.
    office.charge(office.record(minutes=4))
    assert office.balance() == pytest.approx(0.7)
    assert office.refused == {}
    office.charge(office.record(minutes=8))
    assert office.balance() == pytest.approx(-0.1)
    assert office.reasons(of_person(ALICE)) == ["credit-used-up"]
    office.plans.deposit("main", 5_000_000, "USD", "more", actor="test")
    assert office.refused == {}


def test_without_credit_minutes_are_all_there_is(office: Office) -> None:
    office.define(when_spent=WhenSpent.CREDIT, international=None)
    office.give(ALICE)
    assert office.refused == {}
    office.charge(office.record(minutes=10))
    assert office.reasons(of_person(ALICE)) == ["credit-used-up"]


def test_a_tenant_is_warned_at_twenty_and_five_percent_and_at_the_end(office: Office) -> None:
    office.define(when_spent=WhenSpent.CREDIT, domestic=0, international=None)
    office.give(ALICE)
    office.plans.deposit("main", 1_000_000, "USD", "first", actor="test")
    for minutes in (7, 1, 1, 0.5, 1):
        office.charge(office.record(minutes=minutes, cost_micro=round(minutes * 100_000)))
    assert [each.now.partition(":")[0] for each in office.told] == [
        "less than 20 % of the calling credit is left",
        "less than 5 % of the calling credit is left",
        "the calling credit of main is used up",
    ]
    assert {each.subject for each in office.told} == {"tenant:main"}


def test_blocked_countries_are_nobodys_to_call(office: Office) -> None:
    office.plans.set_account(Account("main", ("kp", "FR")), actor="test")
    assert office.reasons(of_country("FR", "main")) == ["country-blocked"]
    assert of_country("FR", "fabrikam") not in office.refused


def test_somebody_elses_plan_does_not_exist(office: Office) -> None:
    office.define()
    with pytest.raises(NotFoundError):
        office.plans.get("fabrikam", "team")
    with pytest.raises(NotFoundError):
        office.give(ERIN)
    with pytest.raises(NotFoundError):
        office.give(ERIN, tenant="fabrikam")
    with pytest.raises(NotFoundError):
        office.plans.remove("fabrikam", "team", actor="test")


def test_a_plan_is_for_as_many_as_it_says(office: Office) -> None:
    office.define(most=1)
    office.give(ALICE)
    office.give(ALICE)
    with pytest.raises(RefusedError, match="for 1 people"):
        office.give(BOB)
    with pytest.raises(RefusedError, match="people have team still"):
        office.plans.remove("main", "team", actor="test")
    office.give(ALICE, plan=None)
    office.plans.remove("main", "team", actor="test")


def test_only_records_behind_the_last_ones_are_looked_at(office: Office) -> None:
    from isthmus.database import reading, writing
    from isthmus.directory import journal
    from isthmus.records import store as record_store

    office.define()
    office.give(ALICE)
    with reading(office.engine) as connection:
        stream, _ = journal.head(connection)
    for _ in range(3):
        with writing(office.engine) as connection:
            record_store.add(connection, [office.record(stream=stream)])
        office.charging.work()
        office.charging.work()
    assert office.used() == {("domestic", ALICE): 180}


@pytest.mark.parametrize(
    "said",
    [{"domestic": -1}, {"increment_s": 0}, {"groups": (Group("a b", ("GB",)),)}, {"groups": (Group("a", ("GBR",)),)}],
)
def test_a_plan_that_can_not_be_is_refused(office: Office, said: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        office.define(**said)


def test_credit_is_in_one_currency(office: Office) -> None:
    office.plans.deposit("main", 1_000_000, "USD", "first", actor="test")
    with pytest.raises(RefusedError, match="is in USD"):
        office.plans.deposit("main", 1_000_000, "EUR", "second", actor="test")
    with pytest.raises(UsageError):
        office.plans.deposit("main", 0, "USD", "nothing", actor="test")
    assert BEGAN_MS
