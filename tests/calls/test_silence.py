"""Which gateways count as gone, by how they answer OPTIONS."""

from __future__ import annotations

import pytest

from isthmus.calls.silence import DOWN, TRYING, UP, Asked, Silence

SETTLED_S = 30.0


@pytest.fixture
def silence() -> Silence:
    return Silence(SETTLED_S)


def seen(silence: Silence, *asked: Asked, runs_s: float = 100.0) -> list[bool]:
    """Whether the gateway counts as gone, look by look."""
    return ["gw" in silence.look({"gw": each}, runs_s) for each in asked]


def test_one_that_has_answered_and_leaves_two_without_an_answer_is_gone(silence: Silence):
    looks = [Asked(UP, 0), Asked(TRYING, 1), Asked(DOWN, 2), Asked(DOWN, 3)]
    assert seen(silence, *looks) == [False, False, True, True]


def test_it_is_back_with_its_next_answer(silence: Silence):
    assert seen(silence, Asked(UP, 0), Asked(DOWN, 2), Asked(UP, 2)) == [False, True, False]


def test_one_that_never_answers_may_carry_calls_all_the_same(silence: Silence):
    # All are held for up at first.
    looks = [Asked(UP, 0), Asked(TRYING, 1), Asked(DOWN, 2), Asked(DOWN, 3)]
    assert seen(silence, *looks, runs_s=SETTLED_S / 2) == [False] * 4
    assert seen(silence, Asked(DOWN, 4), Asked(DOWN, 5), runs_s=10 * SETTLED_S) == [False] * 2


def test_soon_after_the_start_one_is_known_by_an_answer_that_was_measured(silence: Silence):
    looks = [Asked(UP, 0, measured=True), Asked(DOWN, 2, measured=True)]
    assert seen(silence, *looks, runs_s=1) == [False, True]


def test_soon_after_the_start_one_is_known_by_coming_back(silence: Silence):
    assert seen(silence, Asked(TRYING, 1), Asked(UP, 1), Asked(DOWN, 3), runs_s=1) == [False, False, True]
    assert seen(Silence(SETTLED_S), Asked(DOWN, 2), Asked(UP, 2), Asked(DOWN, 4), runs_s=1) == [False, False, True]


def test_one_that_says_that_it_has_no_time_is_there(silence: Silence):
    assert seen(silence, Asked(UP, 0), Asked(DOWN, 0), Asked(DOWN, 1)) == [False, False, False]


def test_one_is_not_held_for_the_other(silence: Silence):
    silence.look({"one": Asked(UP, 0), "other": Asked(UP, 0)}, 100)
    assert silence.look({"one": Asked(UP, 0), "other": Asked(DOWN, 2)}, 101) == {"other"}
