"""Calls to the PSTN as no person makes them: short ones to many numbers, one number after the other, abroad by night,
and many that come to nothing. From the first day on: fraud does not wait until an account is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from isthmus.activity.looking import Settings, exceeded, finding_of
from isthmus.activity.model import Event, Finding, Severity
from isthmus.activity.profile import OpenCall, Profile
from isthmus.addressing import barring
from isthmus.addressing.destination import destination_of

SHORT_S = 10.0
_NEAR = 2  # numbers so close to one another are a row
_NIGHT = frozenset((22, 23, 0, 1, 2, 3, 4, 5))
_ABROAD = (barring.INTERNATIONAL, barring.PSTN, barring.ACCOUNT)
_OUTSIDE = (barring.PSTN, barring.ACCOUNT)


def begun(event: Event, profile: Profile, settings: Settings, *, abroad: bool) -> list[Finding]:
    """What is odd about a call that begins. abroad: or dear."""
    found = _in_a_row(event, profile, settings)
    if abroad and datetime.fromtimestamp(event.at, ZoneInfo(settings.time_zone)).hour in _NIGHT:
        found += _by_night(event, profile, settings)
    return found


def over(event: Event, call: OpenCall, profile: Profile, settings: Settings) -> list[Finding]:
    """What is odd about a call that is over."""
    least = settings.thresholds
    if not call.answered:
        failed = profile.failed_calls.add(event.at, 1.0)
        now = "{} calls that nobody answered within an hour"
        return exceeded(
            event, profile, "failed_calls", failed, least.failed_calls, now, "{} an hour", _OUTSIDE,
            Severity.WARNING, "failed-calls",
        )  # fmt: skip
    if event.at - call.answered >= SHORT_S or not call.number:
        return []
    numbers = profile.short_numbers.add(call.number, event.at)
    profile.short_calls.roll(event.at)
    now = f"answered calls of less than {SHORT_S:.0f} s to {{}} different numbers within an hour"
    found = exceeded(
        event, profile, "short_calls", float(numbers), least.short_calls, now, "{} an hour", _OUTSIDE,
        Severity.HIGH, "short-calls",
    )  # fmt: skip
    if not found:
        profile.short_calls.current = max(profile.short_calls.current, float(numbers))
    return found


def _in_a_row(event: Event, profile: Profile, settings: Settings) -> list[Finding]:
    profile.numbers.add(event.number, event.at)
    row = longest_row(profile.numbers.seen)
    if row < settings.thresholds.sequential_numbers:
        return []
    now = f"{event.account} calls {row} numbers one after the other within an hour, last {event.number}"
    usual = "people call numbers that have nothing to do with one another"
    return [
        with_command(finding_of(event, "sequential-numbers", "", Severity.HIGH, now, usual, (), _OUTSIDE), event.number)
    ]


def longest_row(numbers: Iterable[str]) -> int:
    """How many of the E.164 numbers lie close to one another, at most."""
    ordered = sorted(int(each[1:]) for each in numbers if each[1:].isdigit())
    longest = row = 0
    before = None
    for each in ordered:
        row = row + 1 if before is not None and each - before <= _NEAR else 1
        longest, before = max(longest, row), each
    return longest


def _by_night(event: Event, profile: Profile, settings: Settings) -> list[Finding]:
    calls = profile.night_abroad.add(event.at, 1.0)
    found = exceeded(
        event, profile, "night_abroad", calls, settings.thresholds.night_abroad,
        "{} calls abroad by night within an hour", "{} an hour", _ABROAD, Severity.HIGH, "night-abroad",
    )  # fmt: skip
    return [with_command(each, event.number) for each in found]


def with_command(finding: Finding, number: str) -> Finding:
    """The finding with the command that keeps everybody from calls to where the number is."""
    command = f"isthmus call block add country:{destination_of(number).region}"
    return msgspec.structs.replace(finding, evidence=(*finding.evidence, ("block", command)))
