"""When a voice route is open: `mon-fri 08:00-18:00; sat 09:00-12:00`, in the time of some place. Pure."""

from __future__ import annotations

import functools
import re
import zoneinfo
from datetime import UTC, datetime

import msgspec

from isthmus.errors import UsageError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"([a-z,-]+) +([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9])")
_MOST_WINDOWS = 20
_DAY_MIN = 24 * 60
_FORM = "Write it as mon-fri 08:00-18:00; sat,sun 10:00-12:00."


class Hours(msgspec.Struct, frozen=True, array_like=True):
    """Windows of a week. zone: IANA name. windows: days (0 is Monday), first minute of the day and the one after the
    last; where that is not after the first, the window reaches into the next day."""

    zone: str
    windows: tuple[tuple[tuple[int, ...], int, int], ...]

    def are_open(self, at_s: int) -> bool:
        """Whether a moment (Unix seconds) is within them."""
        local = datetime.fromtimestamp(at_s, UTC).astimezone(_zone(self.zone))
        day, minute = local.weekday(), local.hour * 60 + local.minute
        return any(_holds(window, day, minute) for window in self.windows)

    def __str__(self) -> str:
        return "; ".join(f"{_days(days)} {_clock(first)}-{_clock(last)}" for days, first, last in self.windows)


def parsed(text: str, zone: str) -> Hours:
    """What an administrator wrote. Raises UsageError for the first fault."""
    try:
        _zone(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"{zone!r} is no time zone", do="Write it as Europe/Berlin.") from error
    parts = [part.strip().lower() for part in text.split(";") if part.strip()]
    if not 1 <= len(parts) <= _MOST_WINDOWS:
        raise UsageError(f"{text[:80]!r} has no hours, or too many", do=_FORM)
    return Hours(zone, tuple(_window(part) for part in parts))


def _window(part: str) -> tuple[tuple[int, ...], int, int]:
    match = _WINDOW.fullmatch(part)
    if match is None:
        raise UsageError(f"{part[:80]!r} are no hours", do=_FORM)
    first, last = int(match[2]) * 60 + int(match[3]), int(match[4]) * 60 + int(match[5])
    if first >= _DAY_MIN or last > _DAY_MIN:
        raise UsageError(f"{part[:80]!r} has an hour that no day has", do=_FORM)
    days: list[int] = []
    for each in match[1].split(","):
        begin, _, end = each.partition("-")
        if begin not in DAYS or (end and end not in DAYS) or each.endswith("-"):
            raise UsageError(f"{each[:20]!r} is no day", do=f"Days are {', '.join(DAYS)}.")
        start = DAYS.index(begin)
        days += [(start + i) % 7 for i in range((DAYS.index(end) - start) % 7 + 1 if end else 1)]
    return tuple(sorted(set(days))), first, last


def _holds(window: tuple[tuple[int, ...], int, int], day: int, minute: int) -> bool:
    days, first, last = window
    if first < last:
        return day in days and first <= minute < last
    return (day in days and minute >= first) or ((day - 1) % 7 in days and minute < last)


def _days(days: tuple[int, ...]) -> str:
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}" for run in runs)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@functools.lru_cache(maxsize=64)
def _zone(name: str) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(name)
