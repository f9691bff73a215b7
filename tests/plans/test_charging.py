"""The same records give the same charges, in whatever order they come, however often, and in whatever parts."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from isthmus.database import writing
from isthmus.directory.service import Directory
from isthmus.plans import rules, tables
from isthmus.plans.model import Plan, Spoken, WhenSpent
from tests.devices.conftest import Clock
from tests.plans.conftest import ALICE, BEGAN_MS, BOB, FR, UK, US, Office

CALLS = st.lists(
    st.tuples(
        st.sampled_from([ALICE, BOB]), st.sampled_from([US, UK, FR]), st.integers(0, 600), st.integers(0, 40),
        st.one_of(st.none(), st.integers(0, 10**6)),
    ),
    min_size=1,
    max_size=12,
)  # fmt: skip


def _spoken(seq: int, seconds: int, began_ms: int, cost: int | None) -> Spoken:
    return Spoken("s", "t", seq, "main", "p", "team", "domestic", "2026-11", began_ms, US, seconds, cost, "USD")


@given(
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 5), st.one_of(st.none(), st.integers(0, 10**6)))),
    st.randoms(use_true_random=False),
    st.one_of(st.none(), st.integers(0, 10_000)),
    st.sampled_from([1, 6, 60]),
)
def test_settling_does_not_depend_on_the_order(
    said: list[tuple[int, int, int | None]], shuffled: random.Random, limit: int | None, increment_s: int
) -> None:
    plan = Plan("main", "team", ("US",), when_spent=WhenSpent.CREDIT, increment_s=increment_s)
    calls = [_spoken(seq, seconds, began, cost) for seq, (seconds, began, cost) in enumerate(said)]
    wanted = rules.settled(calls, plan, limit)
    mixed = [*calls, *calls[::2]]
    shuffled.shuffle(mixed)
    assert rules.settled(mixed, plan, limit) == wanted
    # What the plan covers and what credit pays for is all that was spoken, and never more than there is.
    counted = sum(each.counted_s for each in wanted)
    assert sum(each.plan_s for each in wanted) == (counted if limit is None else min(limit, counted))
    assert all(0 <= each.credit_micro <= (each.call.cost_micro or 0) for each in wanted)


@pytest.mark.parametrize("pooled", [False, True])
@given(calls=CALLS, shuffled=st.randoms(use_true_random=False), cuts=st.lists(st.integers(1, 5), max_size=8))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_balance_does_not_depend_on_how_records_come(
    engine: Engine,
    directory: Directory,
    clock: Clock,
    pooled: bool,
    calls: list[tuple[str, str, int, int, int | None]],
    shuffled: random.Random,
    cuts: list[int],
) -> None:
    with writing(engine) as connection:
        for table in reversed(tables.metadata.sorted_tables):
            if table.name.startswith("calling_"):
                connection.execute(table.delete())
    office = Office(engine, directory, clock)
    office.define(domestic=10, international=5, pooled=pooled, when_spent=WhenSpent.CREDIT)
    office.give(ALICE, BOB)
    office.plans.deposit("main", 3_000_000, "USD", "first", actor="test")
    records = [
        office.record(who, to, seconds / 60, began_ms=BEGAN_MS + began * 60_000, cost_micro=cost)
        for who, to, seconds, began, cost in calls
    ]
    office.charge(*records)
    wanted = (office.balance(), office.used(), office.refused)
    charged = sorted(map(repr, office.plans.charges("main")))

    with writing(engine) as connection:
        connection.execute(tables.calling_charge.delete())
    again = [*records, *records[::2]]
    shuffled.shuffle(again)
    while again:
        some = cuts.pop() if cuts else 1
        office.charge(*again[:some])
        again = again[some:]
    office.charge(*records)
    assert (office.balance(), office.used(), office.refused) == wanted
    assert sorted(map(repr, office.plans.charges("main"))) == charged
    assert dataclasses.is_dataclass(office)
