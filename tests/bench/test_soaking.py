"""What grew by calls, and what only moved."""

from __future__ import annotations

import pytest
from bench.soaking import growth


def test_growth_is_the_slope_by_calls():
    samples = [{"a": 100, "b": 7}, {"a": 120, "b": 7}, {"a": 140, "b": 7}]
    assert growth(samples, [0, 10, 20]) == {"a": 2.0}


def test_what_goes_up_and_down_has_little_of_it():
    samples = [{"a": 100}, {"a": 130}, {"a": 100}, {"a": 130}, {"a": 100}]
    assert growth(samples, [0, 10, 20, 30, 40]) == {}


def test_what_was_not_there_before_counts_from_nothing():
    assert growth([{}, {"a": 5}], [0, 10]) == {"a": pytest.approx(0.5)}


def test_without_calls_nothing_grew_by_them():
    assert growth([{"a": 1}, {"a": 9}], [3, 3]) == {}
