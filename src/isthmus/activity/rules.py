"""What is out of the usual. Pure: the same events in the same order give the same findings; no clock, no chance.

`observe` looks at one event against what is known, then lets the profile learn it. What a finding is about is not
learnt: else whoever goes on for long enough would be usual. People's word (`teach`) makes it usual.

The rules themselves: `signing` (who comes from where, with what), `refusing` (wrong passwords), `calling`.
"""

from __future__ import annotations

from collections.abc import Callable

from isthmus.activity.calling import answered, called, ended
from isthmus.activity.looking import Settings, Thresholds, exceeded, learn_hour, odd_hour
from isthmus.activity.model import Event, Finding, Kind, Lesson, Severity
from isthmus.activity.profile import Organisation, Profile, Volume, day_of
from isthmus.activity.refusing import observe_refused, refused
from isthmus.activity.signing import came_in
from isthmus.addressing import barring

__all__ = ["Settings", "Thresholds", "observe", "observe_refused", "teach"]


def observe(event: Event, profile: Profile, organisation: Organisation, settings: Settings) -> list[Finding]:
    """Everything odd about one event of a known account; profile and organisation learn the rest of it."""
    day = day_of(event.at)
    rule = _RULES.get(event.kind)
    if rule is None:
        return []
    # Refused ones are a stranger's: they make no day of the account's life.
    if event.kind not in (Kind.REFUSED, Kind.SIGN_IN_REFUSED) and profile.begin_day(day):
        organisation.first_day = organisation.first_day or day
    return rule(event, profile, organisation, settings)


def teach(lessons: tuple[Lesson, ...], profile: Profile, organisation: Organisation, account: str, at: float) -> None:
    """A false alarm: what it was about is usual from now on. Where one may call, colleagues may."""
    day = day_of(at)
    habits = {
        "network": profile.networks,
        "client": profile.clients,
        "country": profile.countries,
        "destination": profile.destinations,
    }
    for lesson in lessons:
        if lesson.kind in habits:
            habits[lesson.kind].teach(lesson.value, day)
            if lesson.kind == "destination":
                organisation.destinations.teach(lesson.value, day, account)
        else:
            volume: Volume = getattr(profile, lesson.kind)
            volume.peak = max(volume.peak, lesson.amount)


def _exported(event: Event, profile: Profile, organisation: Organisation, settings: Settings) -> list[Finding]:
    records = profile.exports.add(event.at, float(event.count))
    odd = odd_hour(event, profile, settings)
    severity = Severity.HIGH if odd is not None else Severity.WARNING
    hour = f", at {odd:02}h, when it never does anything" if odd is not None else ""
    found = exceeded(
        event, profile, "exports", records, settings.thresholds.exported_records,
        f"{{}} records exported within a day{hour}", "{} a day", (barring.ACCOUNT,), severity, "bulk-export",
    )  # fmt: skip
    if not found:
        learn_hour(event, profile, settings)
    return found


_Rule = Callable[[Event, Profile, Organisation, Settings], list[Finding]]
_RULES: dict[Kind, _Rule] = {
    Kind.REGISTER: came_in,
    Kind.SIGN_IN: came_in,
    Kind.REFUSED: refused,
    Kind.SIGN_IN_REFUSED: refused,
    Kind.CALL: called,
    Kind.ANSWERED: answered,
    Kind.ENDED: ended,
    Kind.EXPORT: _exported,
}
