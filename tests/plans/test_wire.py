"""Money as people write it and read it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import UsageError
from isthmus.plans.wire import money, parse_money


@given(st.integers(-(10**14), 10**14))
def test_what_is_shown_is_what_is_read(micro: int) -> None:
    assert parse_money(money(micro)) == micro


@pytest.mark.parametrize(("text", "micro"), [("50", 50_000_000), ("12.50", 12_500_000), ("-0.1", -100_000)])
def test_amounts(text: str, micro: int) -> None:
    assert parse_money(text) == micro


@pytest.mark.parametrize("text", ["", "1,5", "1e9", "1.1234567", "--1", "$5", "1234567890"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(UsageError):
        parse_money(text)


def test_debts_are_shown_as_debts() -> None:
    assert (money(-100_000), money(-1_500_000), money(0)) == ("-0.10", "-1.50", "0.00")
