"""Calls to the PSTN: to where nobody called before, and too many of them."""

from __future__ import annotations

from isthmus.activity import signing, velocity
from isthmus.activity.looking import (
    LEARNT_DAYS,
    Settings,
    Thresholds,
    exceeded,
    finding_of,
    is_learnt,
    learn_hour,
    named,
    odd_hour,
)
from isthmus.activity.model import Event, Finding, Lesson, Severity
from isthmus.activity.places import network_of
from isthmus.activity.profile import OpenCall, Organisation, Profile, day_of
from isthmus.addressing import barring
from isthmus.addressing.destination import Destination, destination_of

_OPEN_CALLS = 32
_CALL_ENDS_S = 43_200.0  # as long as the SIP engine lets a call be


def called(event: Event, profile: Profile, organisation: Organisation, settings: Settings) -> list[Finding]:
    day, where = day_of(event.at), destination_of(event.number)
    abroad = where.region not in settings.home_countries
    if event.own_number:
        abroad = abroad and where.region != destination_of(event.own_number).region
    odd = odd_hour(event, profile, settings)
    found = signing.came_in(event, profile, organisation, settings)
    found += _new_destination(event, profile, organisation, where, abroad=abroad, odd=odd)
    found += velocity.begun(event, profile, settings, abroad=abroad or where.dear)
    found += _call_volumes(event, profile, where, settings.thresholds, abroad=abroad, odd=odd is not None)
    if not found:
        if profile.destinations.learn(str(where), day) or not organisation.destinations.knows(str(where), day):
            organisation.destinations.learn(str(where), day, event.account)
        learn_hour(event, profile, settings)
    return found


def _new_destination(
    event: Event, profile: Profile, organisation: Organisation, where: Destination, *, abroad: bool, odd: int | None
) -> list[Finding]:
    """A call to where this account has not called before: dear numbers from the first day on."""
    day, name = day_of(event.at), str(where)
    if profile.destinations.knows(name, day):
        return []
    colleagues = organisation.shares(organisation.destinations, name, event.account, day)
    lessons = (Lesson("destination", name),)
    hour = f", at {odd:02}h, when it never calls" if odd is not None else ""
    if where.dear:
        now = f"{event.account} calls {event.number}, a premium or satellite number of {where.region}{hour}"
        usual = "nobody here calls such numbers" if not colleagues else "colleagues call such numbers, this account not"
        severity = Severity.WARNING if colleagues else Severity.HIGH
        blocks = (barring.PREMIUM, barring.PSTN, barring.ACCOUNT)
        return [finding_of(event, "premium-call", name, severity, now, usual, lessons, blocks)]
    learnt = profile.days > LEARNT_DAYS or is_learnt(organisation, day)
    strange_place = bool(event.address) and not profile.networks.knows(network_of(event.address), day)
    if not abroad or not learnt or (colleagues and not (odd is not None and strange_place)):
        return []
    severity = Severity.NOTICE if odd is None and not strange_place else Severity.WARNING
    place = f", from {network_of(event.address)}, which is new" if strange_place and profile.days > LEARNT_DAYS else ""
    now = f"{event.account} calls {event.number} in {where.region}{hour}{place}"
    usual = f"it calls {named(profile.destinations.usual(day), 'nobody')}"
    if not colleagues:
        usual += f", and nobody here calls {where.region}"
    return [
        finding_of(
            event,
            "new-country",
            name,
            severity,
            now,
            usual,
            lessons,
            (barring.INTERNATIONAL, barring.PSTN, barring.ACCOUNT),
        )
    ]


def _call_volumes(
    event: Event, profile: Profile, where: Destination, least: Thresholds, *, abroad: bool, odd: bool
) -> list[Finding]:
    """Too many calls. At hours at which the account never calls, half as many are."""
    for call_id in [key for key, call in profile.calls.items() if event.at - call.began > _CALL_ENDS_S]:
        del profile.calls[call_id]
    if event.call_id:
        if len(profile.calls) >= _OPEN_CALLS:
            del profile.calls[min(profile.calls, key=lambda key: (profile.calls[key].began, key))]
        profile.calls[event.call_id] = OpenCall(event.at, where.region, abroad or where.dear, number=event.number)
    share = 0.5 if odd else 1.0
    outside = profile.outside_calls.add(event.at, 1.0)
    found = exceeded(
        event, profile, "outside_calls", outside, least.outside_calls * share, "{} calls to the PSTN within an hour",
        "{} an hour", (barring.PSTN, barring.ACCOUNT),
    )  # fmt: skip
    if not (abroad or where.dear):
        return found
    blocks = (barring.INTERNATIONAL, barring.PSTN, barring.ACCOUNT)
    calls = profile.abroad_calls.add(event.at, 1.0)
    found += exceeded(
        event, profile, "abroad_calls", calls, least.abroad_calls * share, "{} calls abroad within an hour",
        "{} an hour", blocks,
    )  # fmt: skip
    at_once = float(sum(call.abroad for call in profile.calls.values()))
    profile.abroad_at_once.roll(event.at)
    more = exceeded(
        event, profile, "abroad_at_once", at_once, least.abroad_at_once, "{} calls abroad at once", "{} at once", blocks
    )
    if not more:
        profile.abroad_at_once.current = max(profile.abroad_at_once.current, at_once)
    return found + more


def answered(event: Event, profile: Profile, _organisation: Organisation, _settings: Settings) -> list[Finding]:
    if (call := profile.calls.get(event.call_id)) is not None and not call.answered:
        call.answered = event.at
    return []


def ended(event: Event, profile: Profile, _organisation: Organisation, settings: Settings) -> list[Finding]:
    call = profile.calls.pop(event.call_id, None)
    if call is None:
        return []
    found = velocity.over(event, call, profile, settings)
    if not call.answered or not call.abroad:
        return found
    minutes = profile.abroad_minutes.add(event.at, max(0.0, event.at - call.answered) / 60.0)
    now = f"{{}} minutes abroad within a day, last to {call.destination}"
    blocks = (barring.INTERNATIONAL, barring.PSTN, barring.ACCOUNT)
    return found + exceeded(
        event, profile, "abroad_minutes", minutes, settings.thresholds.abroad_minutes, now, "{} minutes a day", blocks
    )
