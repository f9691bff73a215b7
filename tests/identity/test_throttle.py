"""Back-off and rates, in virtual time."""

import pytest

from isthmus.errors import TooManyError
from isthmus.identity.throttle import BackOff, Rate, network


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def waits(back_off: BackOff, key: str) -> float:
    try:
        back_off.check(key)
    except TooManyError as error:
        return error.retry_after_s
    return 0.0


def test_pauses_double_up_to_a_quarter_of_an_hour_and_are_forgotten():
    clock = Clock()
    back_off = BackOff(3, clock)
    seen = []
    for _ in range(15):
        clock.now += waits(back_off, "a")
        back_off.failed("a")
        seen.append(waits(back_off, "a"))
    assert seen[:6] == [0, 0, 1, 2, 4, 8]
    assert seen[-1] == 900
    assert waits(back_off, "b") == 0
    clock.now += 3601
    back_off.failed("a")
    assert waits(back_off, "a") == 0


def test_who_gets_it_right_starts_anew():
    back_off = BackOff(2, Clock())
    back_off.failed("a")
    back_off.failed("a")
    with pytest.raises(TooManyError):
        back_off.check("a")
    back_off.succeeded("a")
    assert waits(back_off, "a") == 0


def test_a_bucket_fills_again():
    clock = Clock()
    rate = Rate(2, 3, clock)
    assert [rate.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert rate.take("b") == 0
    clock.now += 0.5
    assert rate.take("a") == 0
    assert rate.take("a") > 0


def test_millions_of_keys_take_little_memory():
    rate, back_off = Rate(1, 1, Clock()), BackOff(1, Clock())
    for number in range(52_000):
        rate.take(str(number))
        back_off.failed(str(number))
    assert len(rate._buckets) == len(back_off._records) == 50_000


def test_an_ipv6_customer_counts_as_one():
    assert network("2001:db8::1") == network("2001:db8::ffff:1") != network("2001:db8:0:1::1")
    assert network("192.0.2.1") != network("192.0.2.2")
    assert network("local") == "local"
