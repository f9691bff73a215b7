"""What the rules share: when something is learnt, volumes, hours, and how a finding is put together."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from isthmus.activity.model import Event, Finding, Lesson, Severity
from isthmus.activity.places import client_of, network_of
from isthmus.activity.profile import Organisation, Profile, Volume, day_of

LEARNT_DAYS = 5.0
_LEARNT_ORGANISATION_DAYS = 7  # since its first event
_HOURS_LEARNT_DAYS = 8.0  # on which the person did something
_RARE_HOUR = 0.04  # of these days
TIMES_USUAL = 3.0


class Thresholds(msgspec.Struct, frozen=True):
    """Below these nothing is a finding, however unusual it is.

    Chosen so that people's own busy days stay below, and what attacks do does not (bench activity).
    """

    wrong_passwords: int = 25  # for an account, in ten minutes
    sprayed_accounts: int = 6  # from a network, in an hour
    scanned_names: int = 8  # that nobody has, from a network, in an hour
    networks: int = 4  # of an account, in an hour
    outside_calls: int = 60  # to the PSTN, an hour
    abroad_calls: int = 15  # an hour
    abroad_minutes: int = 180  # a day
    abroad_at_once: int = 4
    exported_records: int = 500  # a day
    short_calls: int = 15  # different numbers, an hour
    sequential_numbers: int = 8  # an hour
    night_abroad: int = 6  # calls, an hour
    failed_calls: int = 30  # an hour


class Settings(msgspec.Struct, frozen=True):
    """time_zone: in which hours of the day are told and learnt. home_countries: where calls are not abroad."""

    time_zone: str = "UTC"
    home_countries: tuple[str, ...] = ()
    thresholds: Thresholds = Thresholds()


def is_learnt(organisation: Organisation, day: int) -> bool:
    """Whether enough is known of the organisation to say what is new for all of it."""
    return 0 < organisation.first_day <= day - _LEARNT_ORGANISATION_DAYS


def is_recent(profile: Profile, at: float) -> bool:
    """Whether the failures that are remembered are of the last hour."""
    return at - (profile.failures.window + 1) * profile.failures.width_s < 3600.0


def _hour_slot(at: float, settings: Settings) -> tuple[int, int]:
    """Hour of the day, and its place in `Profile.hours`: workdays, then the weekend."""
    local = datetime.fromtimestamp(at, ZoneInfo(settings.time_zone))
    return local.hour, local.hour + (24 if local.weekday() >= 5 else 0)


def learn_hour(event: Event, profile: Profile, settings: Settings) -> None:
    """Once an hour; phones that refresh by themselves tell nothing of a person's hours."""
    hour = int(event.at // 3600)
    if hour == profile.last_hour:
        return
    profile.last_hour = hour
    profile.hours[_hour_slot(event.at, settings)[1]] += 1.0
    if profile.acted_day != day_of(event.at):
        profile.acted_day = day_of(event.at)
        profile.acted_days += 1.0


def odd_hour(event: Event, profile: Profile, settings: Settings) -> int | None:
    """The hour, if the account is learnt and next to never does anything about then, on any day of the week."""
    if profile.acted_days < _HOURS_LEARNT_DAYS:
        return None
    hour, _ = _hour_slot(event.at, settings)
    near = sum(profile.hours[part + (hour + step) % 24] for part in (0, 24) for step in (-1, 0, 1))
    return hour if near < _RARE_HOUR * profile.acted_days else None


def exceeded(
    event: Event,
    profile: Profile,
    name: str,
    value: float,
    floor: float,
    now: str,
    usual: str,
    blocks: tuple[str, ...],
    severity: Severity = Severity.HIGH,
    rule: str = "call-volume",
) -> list[Finding]:
    """A finding where a volume is above its floor and several times its usual peak."""
    volume: Volume = getattr(profile, name)
    if value < max(floor, TIMES_USUAL * volume.peak):
        return []
    volume.alerted = True
    lessons = (Lesson(name, "", value),)
    told = f"{event.account}: {now.format(round(value))}"
    if event.number:
        told += f", last to {event.number}"
    return [finding_of(event, rule, "", severity, told, f"at most {usual.format(round(volume.peak))}", lessons, blocks)]


def device_of(event: Event) -> str:
    """The device that did it, without the generation of its secret; empty where that is not known."""
    return event.device.partition(".")[0]


def named(names: list[str], none: str) -> str:
    return ", ".join(names) or none


def finding_of(
    event: Event,
    rule: str,
    about: str,
    severity: Severity,
    now: str,
    usual: str,
    lessons: tuple[Lesson, ...],
    blocks: tuple[str, ...],
) -> Finding:
    given = (
        ("network", network_of(event.address)),
        ("country", event.country),
        ("client", client_of(event.client) if event.client else ""),
        ("device", device_of(event)),
        ("number", event.number),
    )
    evidence = tuple((name, value) for name, value in given if value)
    return Finding(event.at, event.account, rule, about, severity, now, usual, evidence, lessons, blocks)
