"""What calls come to on a day: each once, in any order, by the tenant's day."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.fraud.counting import Ledger, is_reached, key_of, midnight, reached, shares, to_end
from isthmus.fraud.model import Cap, Key, Kind, Spoken, Used

BERLIN = "Europe/Berlin"
TENANT: Key = (Kind.TENANT, "main", "main")
CUBA: Key = (Kind.COUNTRY, "main", "CU")
TRUNK: Key = (Kind.TRUNK, "", "carrier")
ALICE: Key = (Kind.PERSON, "main", "alice")


def ms(text: str, zone: str = BERLIN) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def call(name: str, begins: str, minutes: float, *, micro: int = 0, up: bool = False, **more: str) -> Spoken:
    at = ms(begins)
    told = {"tenant": "main", "person": "alice", "trunk": "carrier", "country": "CU"} | more
    place = ("premises", name, "edge", at)
    return Spoken(place, **told, from_ms=at, to_ms=at + round(minutes * 60_000), micro=micro, currency="EUR", up=up)


def ledger(*calls: Spoken) -> Ledger:
    made = Ledger(lambda tenant: BERLIN, "main")
    for each in calls:
        made.add(each)
    return made


NOON = ms("2026-11-26T12:00")


def test_a_call_counts_for_person_tenant_trunk_and_country():
    used = ledger(call("a", "2026-11-26T10:00", 5, micro=2_000_000)).used(NOON, ())
    assert {key: (each.minutes, each.cost) for key, each in used.items()} == dict.fromkeys(
        (TENANT, CUBA, TRUNK, ALICE), (5.0, 2.0)
    )


def test_a_call_of_nobody_known_counts_for_its_trunk_alone():
    used = ledger(call("a", "2026-11-26T10:00", 5, tenant="", person="")).used(NOON, ())
    assert list(used) == [TRUNK]


def test_a_call_that_is_up_counts_so_far_and_once():
    so_far, whole = call("a", "2026-11-26T11:50", 10, up=True), call("a", "2026-11-26T11:50", 11)
    counted = ledger()
    assert counted.used(NOON, [so_far])[TENANT].minutes == 10
    counted.add(whole)
    assert counted.used(NOON, [so_far])[TENANT].minutes == 11  # the leg that has its record already


def test_a_call_over_midnight_counts_on_both_days():
    counted = ledger(call("a", "2026-11-25T23:50", 30, micro=3_000_000))
    assert counted.used(ms("2026-11-25T23:59"), ())[TENANT].minutes == pytest.approx(10)
    today = counted.used(ms("2026-11-26T08:00"), ())[TENANT]
    assert (today.minutes, today.cost) == (pytest.approx(20), pytest.approx(2.0))


def test_the_day_is_the_tenants():
    zones = {"main": BERLIN, "fabrikam": "America/Los_Angeles"}
    counted = Ledger(zones.__getitem__, "main")
    late = call("a", "2026-11-25T23:00", 5)
    counted.add(late)
    counted.add(call("b", "2026-11-25T23:00", 5, tenant="fabrikam", person="zoe"))
    used = counted.used(ms("2026-11-26T08:00"), ())
    assert TENANT not in used  # yesterday in Berlin, still today in Los Angeles
    assert used[Kind.TENANT, "fabrikam", "fabrikam"].minutes == 5


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-26", 24)])
def test_days_are_as_long_as_they_are_there(day: str, hours: int):
    found = shares(ms(f"{day}T00:00") - 3_600_000, ms(f"{day}T00:00") + 30 * 3_600_000, BERLIN)
    assert dict(found)[date.fromisoformat(day)] == pytest.approx(hours / 31)
    assert sum(share for _, share in found) == pytest.approx(1)


def test_a_day_ends_at_midnight_there():
    assert midnight(NOON, BERLIN) * 1000 == ms("2026-11-27T00:00")
    assert midnight(NOON, "Asia/Tokyo") * 1000 == ms("2026-11-27T00:00", "Asia/Tokyo")


_STARTS = st.integers(ms("2026-11-25T20:00"), ms("2026-11-26T11:00"))
_CALLS = st.lists(
    st.builds(
        lambda n, at, lasts, micro, country: Spoken(
            ("premises", f"c{n}", "edge", at), "main", "alice", "carrier", country, at, at + lasts, micro, "EUR"
        ),
        st.integers(0, 20), _STARTS, st.integers(0, 5 * 3_600_000), st.integers(0, 10**7),
        st.sampled_from(["CU", "FR"]),
    ), max_size=12, unique_by=lambda each: each.name,
)  # fmt: skip


@given(_CALLS, st.data())
def test_in_any_order_and_told_twice_it_comes_to_the_same(calls: list[Spoken], data: st.DataObject):
    again = data.draw(st.permutations(calls + data.draw(st.lists(st.sampled_from(calls), max_size=5)) if calls else []))
    first, other = ledger(*calls).used(NOON, ()), ledger(*again).used(NOON, ())
    assert {key: (pytest.approx(each.minutes), pytest.approx(each.cost)) for key, each in first.items()} == {
        key: (each.minutes, each.cost) for key, each in other.items()
    }
    began = ms("2026-11-26T00:00")
    overlap = sum(
        max(0, each.to_ms - max(each.from_ms, began)) for each in calls if each.from_ms < ms("2026-11-27T00:00")
    )
    after = sum(max(0, each.to_ms - ms("2026-11-27T00:00")) for each in calls)
    assert first.get(TENANT, Used()).milliseconds == pytest.approx(overlap - after, abs=1)


@given(_CALLS, st.integers(0, 12))
def test_what_is_a_leg_yet_and_what_is_a_record_already_makes_no_difference(calls: list[Spoken], cut: int):
    records, legs = calls[:cut], calls[cut:]
    assert {key: each.minutes for key, each in ledger(*records).used(NOON, legs).items()} == pytest.approx(
        {key: each.minutes for key, each in ledger(*calls).used(NOON, ()).items()}
    )


def test_old_days_are_forgotten_and_today_is_not():
    counted = ledger(call("old", "2026-11-20T10:00", 5), call("new", "2026-11-26T10:00", 5))
    counted.forget(ms("2026-11-23T12:00"))
    assert counted.used(NOON, ())[TENANT].minutes == 5
    assert not counted.add(call("new", "2026-11-26T10:00", 5))


@pytest.mark.parametrize(
    ("cap", "limit"),
    [
        (Cap("main", Kind.TENANT, "main"), ""),  # 0: any number
        (Cap("main", Kind.TENANT, "main", minutes=10), "minutes"),
        (Cap("main", Kind.TENANT, "main", minutes=11), ""),
        (Cap("main", Kind.TENANT, "main", cost="2.50"), "cost"),
        (Cap("main", Kind.TENANT, "main", cost="2.51"), ""),
    ],
)
def test_a_cap_is_reached_when_what_was_used_is_as_much(cap: Cap, limit: str):
    assert is_reached(cap, Used(600_000, {"EUR": 2_500_000, "USD": 100})) == limit
    assert is_reached(cap, None) == ""


def test_calls_end_that_count_for_a_cap_that_says_so():
    up = [call("cuba", "2026-11-26T11:50", 10, up=True), call("paris", "2026-11-26T11:50", 10, up=True, country="FR")]
    used = ledger().used(NOON, up)
    ending, other = Cap("main", Kind.COUNTRY, "CU", minutes=10, ends=True), Cap("main", Kind.TENANT, "main", minutes=5)
    found = reached([ending, other], used)
    assert [(cap.kind, limit) for cap, limit in found] == [(Kind.COUNTRY, "minutes"), (Kind.TENANT, "minutes")]
    assert to_end((cap for cap, _ in found), up) == {"cuba"}
    assert key_of(ending) == CUBA
