"""Hours of routes: what an administrator writes, and when that is."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import UsageError
from isthmus.routing.hours import DAYS, parsed

BERLIN = "Europe/Berlin"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN)).timestamp())


@pytest.mark.parametrize(
    ("text", "moment", "is_open"),
    [
        ("mon-fri 08:00-18:00", "2026-11-23 08:00", True),
        ("mon-fri 08:00-18:00", "2026-11-23 07:59", False),
        ("mon-fri 08:00-18:00", "2026-11-27 17:59", True),
        ("mon-fri 08:00-18:00", "2026-11-27 18:00", False),
        ("mon-fri 08:00-18:00", "2026-11-28 12:00", False),
        ("mon-fri 08:00-18:00; sat,sun 10:00-12:00", "2026-11-28 11:00", True),
        ("fri-mon 00:00-24:00", "2026-11-29 23:59", True),
        ("fri-mon 00:00-24:00", "2026-12-01 00:00", False),
        ("fri 22:00-06:00", "2026-11-28 05:59", True),
        ("fri 22:00-06:00", "2026-11-28 06:00", False),
        ("fri 22:00-06:00", "2026-11-27 05:00", False),
        ("sun 22:00-06:00", "2026-11-30 05:00", True),
        ("sun 01:00-02:00", "2026-03-29 01:30", True),  # an hour before summer time begins
    ],
)
def test_a_moment_is_within_the_hours_of_a_place(text: str, moment: str, is_open: bool):
    assert parsed(text, BERLIN).are_open(at(moment)) is is_open


WINDOWS = st.builds(
    lambda days, first, last: f"{','.join(days)} {first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02}",
    st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
    st.integers(0, 1439),
    st.integers(0, 1440),
)


@given(st.lists(WINDOWS, min_size=1, max_size=5))
def test_what_is_printed_is_read_back(windows: list[str]):
    first = parsed("; ".join(windows), BERLIN)
    assert parsed(str(first), BERLIN) == first


@pytest.mark.parametrize(
    "text", ["", ";", "mon", "mon 8-18", "mon 25:00-26:00", "mon 08:00-24:01", "mo 08:00-18:00", "mon- 08:00-18:00"]
)
def test_what_are_no_hours_is_refused(text: str):
    with pytest.raises(UsageError):
        parsed(text, BERLIN)


@pytest.mark.parametrize("zone", ["", "Berlin", "../../etc/passwd", "Europe/Nowhere"])
def test_a_zone_that_nobody_knows_is_refused(zone: str):
    with pytest.raises(UsageError):
        parsed("mon 08:00-18:00", zone)
