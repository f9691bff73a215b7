"""Legs, whatever the order in which events come; and what calls cost."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.records import rules
from isthmus.records.model import By, Event, Kind, Leg, MediaPath, Rate, Record, Route
from tests.records.conftest import ALICE, BOB, answered, begins, bye, dials, failed

NOW = 1_000.0


def leg_of(*events: Event, now: float = NOW) -> Leg:
    leg = None
    for event in events:
        leg = rules.heard(leg, event, now)
    assert leg is not None
    return leg


def record_of(leg: Leg, **more: object) -> Record:
    return rules.record_of(leg, site="premises", stream="s", seq=1, people={}, **more)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_in_which_events_come_makes_no_difference(order: tuple[int, ...]):
    events = (begins(100), answered(103), bye(163.5))
    record = record_of(leg_of(*(events[each] for each in order)))
    assert record == record_of(leg_of(*events))
    assert (record.began_ms, record.answered_ms, record.ended_ms) == (100_000, 103_000, 163_500)
    assert (record.seconds, record.by, record.code) == (60.5, By.CALLER, 200)
    assert (record.caller, record.callee, record.route) == (ALICE, BOB, Route.LOCAL)


def test_who_hung_up_is_told_by_the_tag():
    assert record_of(leg_of(begins(1), answered(2), bye(3, tag="a"))).by == By.CALLER
    assert record_of(leg_of(begins(1), answered(2), bye(3, tag="b"))).by == By.CALLEE
    assert record_of(leg_of(answered(2), bye(3, tag="b"))).by == By.UNKNOWN


def test_answers_and_ends_that_come_again_change_nothing():
    once = leg_of(begins(1), answered(2), bye(3))
    again = leg_of(begins(1), answered(2), answered(2.5), bye(3), bye(3.5, tag="b"))
    assert record_of(again) == record_of(once)


def test_where_media_went_is_said_by_the_answer_and_by_the_end_where_that_changed():
    begin, end = begins(NOW), bye(NOW + 9)
    past = answered(NOW + 2, media=MediaPath.PAST)
    assert record_of(leg_of(begin, past, end)).media == "past"
    assert record_of(leg_of(begin, past, bye(NOW + 9, media=MediaPath.PAST_FIRST))).media == "past-first"
    assert record_of(leg_of(begin, answered(NOW + 2, media=MediaPath.RELAYED), end)).media == "relayed"
    assert record_of(leg_of(begin, failed(NOW + 2))).media == ""


def test_another_way_is_the_one_that_counts():
    other = Event(
        5, Kind.REROUTED, "c1", "edge", route=Route.DIAL, way="carrier", rule="way-out", text="the link is cut"
    )
    begun = begins(1, callee="+12065550123", route=Route.RELAY, way="online", whom="")
    record = record_of(leg_of(begun, other, answered(7), bye(9)))
    assert (record.route, record.way, record.rule) == (Route.DIAL, "carrier", "way-out")


def test_a_seal_that_led_past_a_refusal_is_a_transfer():
    refused = begins(1, route=Route.REFUSE, whom="")
    assert record_of(leg_of(refused, answered(2), bye(3))).route == Route.TRANSFER
    assert record_of(leg_of(refused, failed(2, 404, by=By.NETWORK))).route == Route.REFUSE


class TestWhenALegIsOver:
    def test_not_before_another_worker_could_have_its_say(self):
        leg = leg_of(begins(1), failed(2))
        assert not rules.is_over(leg, NOW + rules.SETTLE_S - 0.1)
        assert rules.is_over(leg, NOW + rules.SETTLE_S)

    def test_one_that_misses_a_part_waits_for_what_a_worker_kept(self):
        for leg in (leg_of(begins(1), bye(2)), leg_of(answered(1), bye(2)), leg_of(failed(2))):
            assert not rules.is_over(leg, NOW + rules.LATE_S - 1)
            assert rules.is_over(leg, NOW + rules.LATE_S)

    def test_never_while_its_end_is_unknown(self):
        assert not rules.is_over(leg_of(begins(1), answered(2)), NOW + 1e6)


class TestAnEndThatWasNotHeard:
    def test_a_dialog_that_is_up_is_left_alone(self):
        leg = leg_of(begins(1), answered(2))
        assert rules.to_look_for(leg, NOW + rules.LOOK_S)
        assert rules.looked_for(leg, up=True, now=NOW + 60).ends is None

    def test_the_call_ended_when_it_was_last_known_of(self):
        leg = rules.looked_for(leg_of(begins(1), answered(2)), up=True, now=NOW + 60)
        once = rules.looked_for(leg, up=False, now=NOW + 90)
        assert once.ends is None  # it may be on its way
        twice = rules.looked_for(once, up=False, now=NOW + 120)
        record = record_of(twice)
        assert rules.is_over(twice, NOW + 120)
        assert (record.ended_ms, record.by, record.reason) == (1_060_000, By.NETWORK, rules.LOST)
        assert record.answered_ms == 2000

    def test_one_that_comes_after_all_is_the_end(self):
        once = rules.looked_for(leg_of(begins(1), answered(2)), up=False, now=NOW + 60)
        leg = rules.heard(once, bye(40), NOW + 70)
        assert record_of(leg).ended_ms == 40_000

    def test_nobody_answered_a_call_of_which_only_the_beginning_is_known(self):
        leg = leg_of(begins(1))
        for after in (60, 90):
            leg = rules.looked_for(leg, up=False, now=NOW + after)
        assert record_of(leg).answered_ms is None


def test_a_call_id_that_is_used_again_is_another_call():
    leg = leg_of(begins(1), failed(2, 422))
    assert rules.begins_anew(leg, begins(2.1))
    assert not rules.begins_anew(leg, begins(1.5))
    assert not rules.begins_anew(leg_of(begins(1)), begins(2))


def test_what_comes_after_the_record_is_late():
    assert rules.is_late(bye(5), 2000)
    assert rules.is_late(begins(1), 2000)  # its end was there before it
    assert not rules.is_late(begins(2.1), 2000)
    assert not rules.is_late(bye(5), None)


RATES = [
    Rate("+1", "North America", 600_000, "USD"),
    Rate("+1206", "Seattle", 60_000, "USD", minimum_s=30, increment_s=6),
    Rate("+44", "United Kingdom", 1_000_000, "GBP", increment_s=60),
]


@pytest.mark.parametrize(
    ("number", "seconds", "micro", "prefix"),
    [
        ("+14255550199", 60, 600_000, "+1"),
        ("+14255550199", 0.2, 10_000, "+1"),  # a second that was begun
        ("+12065550123", 1, 30_000, "+1206"),  # the minimum; the longest prefix
        ("+12065550123", 31, 36_000, "+1206"),  # whole increments
        ("+442079460000", 60, 1_000_000, "+44"),
        ("+442079460000", 60.001, 2_000_000, "+44"),
    ],
)
def test_what_a_call_costs(number: str, seconds: float, micro: int, prefix: str):
    cost = rules.cost_of(number, seconds, RATES)
    assert cost is not None
    assert (cost.micro, cost.prefix) == (micro, prefix)


def test_a_call_without_a_rate_has_no_cost():
    assert rules.cost_of("+4930901820", 60, RATES) is None
    assert rules.cost_of("sos.112", 60, RATES) is None
    assert record_of(leg_of(dials(1, "+12065550123"), failed(2)), rates=RATES).cost_micro is None


@given(st.floats(0, 50_000), st.floats(0, 50_000), st.integers(1, 60), st.integers(0, 60))
def test_a_longer_call_never_costs_less(one: float, other: float, increment: int, minimum: int):
    rate = Rate("+1", "x", 123_457, "USD", minimum, increment)
    short, long = (rules.cost_of("+12065550123", each, [rate]) for each in sorted((one, other)))
    assert short is not None and long is not None
    assert short.micro <= long.micro


@given(st.permutations([begins(100), answered(103), bye(110), bye(111, tag="b"), answered(104)]))
def test_any_order_with_repetitions_gives_one_record(events: list[Event]):
    assert record_of(leg_of(*events)) == record_of(leg_of(begins(100), answered(103), bye(110)))
