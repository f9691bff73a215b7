"""Signing in and registering, weighed by what is new about it, since each thing alone happens to everybody:

| new | weight |
|---|---|
| country of the address | 3 (1.5 for who often is in new ones, 1 where colleagues are usually there) |
| country other than that in which the same client was within two hours | 1.5 |
| network | 1 (0.5 for who often is in new ones, 0 where colleagues are usually there) |
| client | 1 |
| network and client at once | 0.5 |
| an hour at which the account never does anything | 0.5 |
| five or more wrong passwords within the hour before, from there | 3 |

From `_SUSPICIOUS` on it is a finding. An account that is not learnt yet (`LEARNT_DAYS`) has no usual: there only wrong
passwords before, and a country in which nobody of the organisation is, count. A call is weighed likewise: whoever
has a password can call without registering.
"""

from __future__ import annotations

from collections.abc import Iterator

from isthmus.activity.looking import (
    LEARNT_DAYS,
    Settings,
    finding_of,
    is_learnt,
    is_recent,
    learn_hour,
    named,
    odd_hour,
)
from isthmus.activity.model import Event, Finding, Kind, Lesson, Severity
from isthmus.activity.places import client_of, network_of
from isthmus.activity.profile import Organisation, Profile, day_of
from isthmus.addressing import barring

_TRAVELS_S = 7200.0  # in less nobody is in another country with what was here
_SUSPICIOUS = 2.5
_GUESSES = 5
_VERBS = {Kind.SIGN_IN: "signed in", Kind.REGISTER: "registered a phone", Kind.CALL: "called"}


def came_in(event: Event, profile: Profile, organisation: Organisation, settings: Settings) -> list[Finding]:
    day, network, client = day_of(event.at), network_of(event.address), client_of(event.client)
    weight, reasons = 0.0, []
    for part, reason in _weighed(event, profile, organisation, settings, network, client):
        weight += part
        reasons.append(reason)
    found: list[Finding] = []
    lessons = _place_lessons(event, network, client)
    if weight >= _SUSPICIOUS:
        strange = event.country and not profile.countries.knows(event.country, day)
        verb = _VERBS.get(event.kind, "came in")
        where = f"{network or 'an unknown network'}{_in_country(event)}"
        severity = Severity.HIGH if weight >= 5.0 else Severity.WARNING if weight >= 3.0 else Severity.NOTICE
        now = f"{event.account} {verb} from {where} with {client}: {', '.join(reasons)}"
        about, blocks = event.country if strange else network, (barring.network(network), barring.ACCOUNT)
        found.append(
            finding_of(event, "unusual-sign-in", about, severity, now, _usual_places(profile, day), lessons, blocks)
        )
    found += _many_places(event, profile, network, day, lessons, settings.thresholds.networks)
    if not found:
        _learn_place(event, profile, organisation, network, client, settings)
    return found


def _weighed(
    event: Event, profile: Profile, organisation: Organisation, settings: Settings, network: str, client: str
) -> Iterator[tuple[float, str]]:
    """What is new, each with its weight."""
    day = day_of(event.at)
    learnt = profile.days > LEARNT_DAYS
    new_network = bool(network) and not profile.networks.knows(network, day)
    colleagues = organisation.shares(organisation.networks, network, event.account, day)
    guesses = profile.failed_from.get(network, 0.0) if is_recent(profile, event.at) else 0.0
    if guesses >= _GUESSES and new_network and not colleagues:
        yield 3.0, f"after {guesses:.0f} wrong passwords from there"
    if event.country and not profile.countries.knows(event.country, day):
        if organisation.shares(organisation.countries, event.country, event.account, day):
            if learnt:
                yield 1.0, "a new country for this account"
        elif learnt and profile.new_countries / profile.days > 0.1:
            yield 1.5, "a new country, as often"
        elif learnt or is_learnt(organisation, day):
            yield 3.0, "a new country"
    if not learnt:
        return
    here, when = profile.whereabouts.get(client, ("", 0.0))
    if here and event.country and event.country != here and event.at - when < _TRAVELS_S:
        yield 1.5, f"{client} was in {here} {_ago(event.at - when)} before"
    new_client = not profile.clients.knows(client, day)
    if new_network and not colleagues:
        often = profile.novelties / profile.days > 0.1
        yield (0.5, "a new network, as often") if often else (1.0, "a new network")
    if new_client:
        yield 1.0, "a new client"
    if new_client and new_network and not colleagues:
        yield 0.5, "both at once"
        if (hour := odd_hour(event, profile, settings)) is not None:
            yield 0.5, f"at {hour:02}h, when it never does anything"


def _many_places(
    event: Event, profile: Profile, network: str, day: int, lessons: tuple[Lesson, ...], least: int
) -> list[Finding]:
    if not network:
        return []
    places = profile.places.add(network, event.at)
    strange = [seen for seen in profile.places.seen if not profile.networks.knows(seen, day)]
    profile.places_peak.roll(event.at)
    usual = profile.places_peak.peak
    if places >= max(least, usual + 2) and len(strange) >= least - 1:
        profile.places_peak.alerted = True
        now = (
            f"{event.account} was used from {places} networks within an hour: {', '.join(sorted(profile.places.seen))}"
        )
        taught = (*lessons, Lesson("places_peak", "", float(places)))
        most = f"at most {max(1, round(usual))} networks an hour"
        return [finding_of(event, "many-places", "", Severity.HIGH, now, most, taught, (barring.ACCOUNT,))]
    profile.places_peak.current = max(profile.places_peak.current, float(places))
    return []


def _learn_place(
    event: Event, profile: Profile, organisation: Organisation, network: str, client: str, settings: Settings
) -> None:
    day = day_of(event.at)
    # The first is no novelty.
    if network and profile.networks.learn(network, day) and len(profile.networks.held) > 1:
        profile.novelties += 1.0
    if network:
        before = organisation.networks.held.get(network)
        if before is None or before.last < day or before.owner != event.account:
            organisation.networks.learn(network, day, event.account)
    profile.clients.learn(client, day)
    if event.country:
        if profile.countries.learn(event.country, day) and len(profile.countries.held) > 1:
            profile.new_countries += 1.0
        profile.whereabouts.pop(client, None)
        profile.whereabouts[client] = (event.country, event.at)
        if len(profile.whereabouts) > 8:
            del profile.whereabouts[next(iter(profile.whereabouts))]
        organisation.countries.learn(event.country, day, event.account)
    profile.failed_from.pop(network, None)
    if event.kind is Kind.SIGN_IN:
        learn_hour(event, profile, settings)


def _ago(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds < 3600 else f"{seconds / 3600:.0f} hours"


def _in_country(event: Event) -> str:
    return f" ({event.country})" if event.country else ""


def _usual_places(profile: Profile, day: int) -> str:
    networks = named(profile.networks.usual(day), "no network yet")
    countries = profile.countries.usual(day)
    clients = named(profile.clients.usual(day), "no client yet")
    return f"{networks}{f' ({named(countries, str())})' if countries else ''} with {clients}"


def _place_lessons(event: Event, network: str, client: str) -> tuple[Lesson, ...]:
    given = (("network", network), ("client", client), ("country", event.country))
    return tuple(Lesson(kind, value) for kind, value in given if value)
