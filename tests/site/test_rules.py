"""Restarts and back-off in virtual time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.site import rules
from isthmus.site.rules import Process, State


def test_a_process_that_answers_is_up():
    process = rules.answered(rules.started(Process(), 10.0), 10.5)
    assert (process.state, process.since, process.restarts) == (State.UP, 10.5, 0)


def test_one_that_dies_at_once_is_tried_ever_more_rarely():
    process, delays = Process(), []
    for _ in range(9):
        process = rules.exited(rules.started(process, 0.0), 0.0, "ended with status 1")
        delays.append(rules.delay_s(process))
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0]
    assert process.reason == "ended with status 1"


@pytest.mark.parametrize(("lived_s", "delay_s"), [(29.9, 0.8), (30.0, 0.2)])
def test_half_a_minute_up_is_forgiveness(lived_s: float, delay_s: float):
    process = Process(failures=2)
    process = rules.answered(rules.started(process, 0.0), 1.0)
    assert rules.delay_s(rules.exited(process, 1.0 + lived_s, "killed by SIGKILL")) == delay_s


def test_half_a_minute_without_ever_answering_is_not():
    process = rules.exited(rules.started(Process(failures=2), 0.0), 45.0, "ended with status 1")
    assert rules.delay_s(process) == 0.8


def test_five_missed_probes_are_a_hang_and_one_answer_clears_them():
    process = rules.answered(rules.started(Process(), 0.0), 0.1)
    for _ in range(4):
        process = rules.missed(process, "timed out")
    assert not rules.hung(process, 8.0)
    assert not rules.hung(rules.missed(rules.answered(process, 9.0), "timed out"), 10.0)
    assert rules.hung(rules.missed(process, "timed out"), 10.0)


def test_one_that_starts_has_a_minute_to_answer():
    process = rules.started(Process(), 0.0)
    for _ in range(500):
        process = rules.missed(process, "no socket yet")
    assert not rules.hung(process, 59.9)
    assert rules.hung(process, 60.0)


def test_restarts_are_counted_from_the_second_start():
    process = Process()
    for count in range(4):
        process = rules.started(process, 0.0)
        assert process.restarts == count
        process = rules.exited(process, 0.0, "")


EVENTS = st.sampled_from(["started", "answered", "missed", "exited"])


@given(st.lists(st.tuples(EVENTS, st.floats(0.0, 100.0))))
def test_delays_stay_within_their_bounds_whatever_happens(events: list[tuple[str, float]]):
    process, now = Process(), 0.0
    for event, passed in events:
        now += passed
        if event == "started":
            process = rules.started(process, now)
        elif event == "answered":
            process = rules.answered(process, now)
        elif event == "missed":
            process = rules.missed(process, "timed out")
        else:
            process = rules.exited(process, now, "ended")
            assert rules.FIRST_DELAY_S <= rules.delay_s(process) <= rules.LONGEST_DELAY_S
        assert process.since <= now
