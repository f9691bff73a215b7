"""Calls as no person makes them: each rule by itself, and what people do all day, which is none of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.activity.model import Alert, Event, Kind
from isthmus.activity.telling import commands
from isthmus.activity.velocity import longest_row
from tests.activity.conftest import START, call
from tests.activity.test_rules import AOR, later, take, weeks, world

NIGHT, NOON = later(2), later(12)


def made(numbers: list[str], at: float = NOON, *, lasts_s: float | None = 60.0, every_s: float = 60.0) -> list[Event]:
    """Calls to these numbers, one after the other. lasts_s: None where nobody answers."""
    events: list[Event] = []
    for n, number in enumerate(numbers):
        begins, name = at + n * every_s, f"v{n}"
        events.append(call(number, begins, call_id=name))
        if lasts_s is not None:
            events.append(Event(begins + 1, Kind.ANSWERED, call_id=name))
        events.append(Event(begins + 1 + (lasts_s or 5.0), Kind.ENDED, call_id=name))
    return sorted(events, key=lambda each: each.at)


def apart(count: int) -> list[str]:
    """Numbers that have nothing to do with one another."""
    return [f"+1206555{(n * 7919) % 10_000:04}" for n in range(count)]


def rules(alerts: list[Alert]) -> set[str]:
    return {alert.rule for alert in alerts}


def test_short_calls_to_many_numbers():
    assert rules(take(world(*weeks()), made(apart(14), lasts_s=4))) == set()
    assert rules(take(world(*weeks()), made(apart(15), lasts_s=4))) == {"short-calls"}
    assert rules(take(world(*weeks()), made(apart(15), lasts_s=12))) == set()
    assert rules(take(world(*weeks()), made(apart(1) * 20, lasts_s=4))) == set()  # always the same number


def test_numbers_one_after_the_other():
    row = [f"+1206555{n:04}" for n in range(100, 108)]
    assert rules(take(world(*weeks()), made(row[:7]))) == set()
    assert rules(take(world(*weeks()), made(row))) == {"sequential-numbers"}
    assert rules(take(world(*weeks()), made(row[::-1]))) == {"sequential-numbers"}
    assert rules(take(world(*weeks()), made(row, every_s=1200))) == set()  # over hours


def test_a_burst_abroad_by_night_says_how_to_close_the_country():
    cuba = [f"+53555{n * 37:05}" for n in range(1, 7)]
    found = {alert.rule: alert for alert in take(world(*weeks()), made(cuba, NIGHT, lasts_s=300))}
    assert "night-abroad" in found
    assert "isthmus call block add country:CU" in commands(found["night-abroad"])
    assert f"isthmus activity block {AOR} calls:international" in commands(found["night-abroad"])
    assert "night-abroad" not in rules(take(world(*weeks()), made(cuba, NOON, lasts_s=300)))
    assert "night-abroad" not in rules(take(world(*weeks()), made(apart(6), NIGHT)))


def test_many_calls_that_nobody_answers():
    assert "failed-calls" not in rules(take(world(*weeks()), made(apart(29), lasts_s=None)))
    assert "failed-calls" in rules(take(world(*weeks()), made(apart(30), lasts_s=None)))


def test_it_is_so_from_the_first_day_on():
    assert "short-calls" in rules(take(world(), made(apart(15), START, lasts_s=4)))


@pytest.mark.parametrize(
    ("numbers", "row"),
    [((), 0), (("+1",), 1), (("+12", "+14", "+16"), 3), (("+12", "+15"), 1), (("+11", "+12", "+19"), 2), (("+x",), 0)],
)
def test_a_row_is_numbers_at_most_two_apart(numbers: tuple[str, ...], row: int):
    assert longest_row(numbers) == row


@given(st.lists(st.integers(1, 60), unique=True), st.randoms())
def test_a_row_does_not_depend_on_the_order(numbers: list[int], random: object):
    texts = [f"+{each}" for each in numbers]
    shuffled = sorted(texts, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert longest_row(texts) == longest_row(shuffled) <= len(texts)
