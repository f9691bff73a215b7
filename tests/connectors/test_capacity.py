"""What is reckoned from some levels of calls."""

from __future__ import annotations

import pytest

from isthmus.connectors.capacity import Before, Ended, Level, Limit, after, ended, reckoned

QUIET = Before(cores=2, engines=0.02, others=0.0)


def level(calls: int, cores: float, *, busy: float = 0.3, loss: float = 0.0, late: float = 0.0) -> Level:
    return Level(calls, cores, busy, loss, late)


def test_levels_grow_by_half_and_end_at_the_ports():
    assert (after(8, 250), after(1, 250), after(200, 250)) == (12, 2, 250)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (level(8, 0.1), None),
        (level(250, 0.1), Ended.PORTS),
        (level(8, 0.1, busy=0.95), Ended.BUSY),
        (level(8, 0.1, loss=0.01), Ended.LOSS),
        (level(8, 0.1, loss=0.01, late=0.1), Ended.LATE),
    ],
)
def test_the_load_is_raised_until_a_limit_is_met(found: Level, why: Ended | None):
    assert ended(found, 250) == why


def test_what_calls_cost_is_reckoned_up_to_what_the_cores_bear():
    found = reckoned([level(8, 0.1), level(100, 1.02)], QUIET, 0.0, 10_000, Ended.TIME)
    assert found is not None
    assert (found.calls, found.seen, found.limit) == (138, 100, Limit.CPU)
    assert found.cpu_percent == pytest.approx(1.0)


def test_setting_them_up_and_what_else_runs_take_their_part():
    busy = Before(cores=2, engines=0.02, others=0.68)
    found = reckoned([level(100, 1.02)], busy, 1.8, 10_000, Ended.TIME)
    assert found is not None
    assert 34 <= found.calls <= 35


def test_there_are_no_more_calls_than_ports():
    found = reckoned([level(100, 0.12)], QUIET, 0.0, 250, Ended.TIME)
    assert found is not None
    assert (found.calls, found.limit) == (250, Limit.PORTS)


def test_where_packets_were_lost_nothing_is_reckoned_beyond_what_was_seen():
    found = reckoned([level(100, 0.2), level(150, 0.3, loss=0.02)], QUIET, 0.0, 10_000, Ended.LOSS)
    assert found is not None
    assert (found.calls, found.seen, found.limit, found.ended) == (100, 100, Limit.LOSS, Ended.LOSS)
    # What makes the load was late itself: that says nothing of the machine.
    found = reckoned([level(100, 0.2), level(150, 0.3, loss=0.02, late=0.2)], QUIET, 0.0, 10_000, Ended.LATE)
    assert found is not None
    assert found.limit is Limit.CPU


def test_without_one_good_level_there_is_no_capacity():
    assert reckoned([level(8, 0.1, loss=0.5)], QUIET, 0.0, 250, Ended.LOSS) is None
