"""Lending numbers, in virtual time: two calls share none unless the pool is exhausted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.emergency import elin
from isthmus.emergency.model import Loan
from isthmus.errors import UsageError

POOL = ("+14255550190", "+14255550191", "+14255550192")
WINDOW_S = 3600


class Desk:
    """A pool and its loans, as they are kept."""

    def __init__(self, pool: tuple[str, ...] = POOL) -> None:
        self.pool, self.loans = pool, dict[str, Loan]()

    def call(self, who: str, at_s: float, device: str = "") -> tuple[Loan, Loan | None]:
        wanted = Loan("", "main", "hq", who, device, f"call-{at_s}", int(at_s * 1000))
        made, lost = elin.lent(self.loans.values(), self.pool, wanted, WINDOW_S)
        self.loans[made.number] = made
        return made, lost

    def back(self, number: str, at_s: float) -> str | None:
        loan = elin.called_back(self.loans.get(number), int(at_s * 1000))
        return loan and loan.aor


def test_each_caller_has_a_number_of_their_own_while_there_are_any():
    desk = Desk()
    made = [desk.call(who, at)[0] for at, who in enumerate(("a", "b", "c"))]
    assert {each.number for each in made} == set(POOL)
    assert [desk.back(each.number, 100) for each in made] == ["a", "b", "c"]


def test_a_call_back_is_for_the_window_alone():
    desk = Desk()
    made, _ = desk.call("a", 0)
    assert desk.back(made.number, WINDOW_S - 0.001) == "a"
    assert desk.back(made.number, WINDOW_S) is None
    assert desk.back("+14255550199", 1) is None


def test_who_calls_again_keeps_their_number_and_the_window_begins_anew():
    desk = Desk()
    first, _ = desk.call("a", 0)
    desk.call("b", 1)
    again, lost = desk.call("a", 1800)
    assert (again.number, lost) == (first.number, None)
    assert desk.back(first.number, WINDOW_S + 1799) == "a"


def test_another_device_of_the_same_person_has_another_number():
    desk = Desk()
    assert desk.call("a", 0, "dev1")[0].number != desk.call("a", 1, "dev2")[0].number


def test_an_exhausted_pool_takes_the_oldest_loan_and_says_so():
    desk = Desk()
    first, *_ = [desk.call(who, at)[0] for at, who in enumerate(("a", "b", "c"))]
    made, lost = desk.call("d", 10)
    assert lost == first
    assert made.number == first.number
    assert desk.back(first.number, 11) == "d"


def test_of_free_numbers_the_one_that_was_free_for_longest_is_lent():
    """Whoever wrote a number down yesterday is to reach nobody else with it, for as long as can be."""
    desk = Desk()
    first, second, third = (desk.call(who, at)[0] for at, who in enumerate(("a", "b", "c")))
    desk.call("a", 1000)  # its window ends last
    later = 3 * WINDOW_S
    assert [desk.call(who, later + n)[0].number for n, who in enumerate("xyz")] == [
        second.number, third.number, first.number,
    ]  # fmt: skip


def test_a_pool_without_numbers():
    with pytest.raises(UsageError, match="no numbers"):
        Desk(()).call("a", 0)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 3000)), max_size=40), st.integers(1, 5))
def test_nobody_shares_a_number_while_one_is_free(calls: list[tuple[str, int]], size: int):
    desk = Desk(tuple(f"+142555501{number:02}" for number in range(size)))
    now = 0
    for who, after in calls:
        now += after
        running = {each.number for each in desk.loans.values() if each.until_ms > now * 1000 and each.aor != who}
        made, lost = desk.call(who, now)
        assert desk.back(made.number, now) == who
        assert made.number in desk.pool
        if len(running) < size:
            assert lost is None
            assert made.number not in running
        else:
            assert lost is not None
