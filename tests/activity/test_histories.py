"""What the rules find in generated histories, and how often they are wrong, beside the plainest rule."""

from __future__ import annotations

import pytest

from tests.activity.judging import Score, baseline, score
from tests.activity.simulator import ATTACKS, Simulator, without_countries

_PEOPLE, _DAYS = 80, 45


@pytest.fixture(scope="module")
def simulated() -> Simulator:
    return Simulator(11, people=_PEOPLE, days=_DAYS, each=2)


def _score(simulated: Simulator, *, countries: bool) -> Score:
    history = simulated.history()
    events = history if countries else list(without_countries(history))
    return score(events, simulated.attacks, people=_PEOPLE, days=_DAYS, marking=False)


def test_most_attacks_are_told_of_and_few_peaceful_days_are_disturbed(simulated: Simulator) -> None:
    ours = _score(simulated, countries=True)
    plain = baseline(simulated.history(), simulated.attacks, people=_PEOPLE, days=_DAYS)

    assert ours.hit_share >= 0.9, ours.misses
    assert ours.false_per_1000 <= 10, ours.examples
    assert ours.hit_share > 1.5 * plain.hit_share
    assert ours.false_per_1000 < plain.false_per_1000 / 4


def test_without_a_table_of_countries_only_a_thief_who_looks_like_the_victim_is_missed(simulated: Simulator) -> None:
    ours = _score(simulated, countries=False)

    assert set(ours.misses) <= {"stolen password, usual client and hours", "password spray, slow, 30 networks"}
    assert ours.false_per_1000 <= 10, ours.examples


def test_calls_that_cost_money_are_found_whoever_makes_them(simulated: Simulator) -> None:
    ours = _score(simulated, countries=False)

    for kind in ATTACKS:
        if "fraud" in kind or "premium" in kind:
            assert ours.hits[kind] == 2, kind


def test_the_same_seed_gives_the_same_alerts() -> None:
    first, again = (Simulator(5, people=30, days=35, each=1) for _ in range(2))

    assert first.history() == again.history()
    scores = [score(each.history(), each.attacks, people=30, days=35, marking=True) for each in (first, again)]
    assert scores[0] == scores[1]
