"""What is out of the usual. Pure: the same events in the same order give the same findings; no clock, no chance.

`observe` looks at one event against what is known, then lets the profile learn it. What a finding is about is not
learnt: else whoever goes on for long enough would be usual. People's word (`teach`) makes it usual.

A sign-in is weighed by what is new about it, since each thing alone happens to everybody:

| new | weight |
|---|---|
| country of the address | 3 (1.5 for who often is in new ones, 1 where colleagues are usually there) |
| country other than that in which the same client was within two hours | 1.5 |
| network | 1 (0.5 for who often is in new ones, 0 where colleagues are usually there) |
| client | 1 |
| network and client at once | 0.5 |
| an hour at which the account never does anything | 0.5 |
| five or more wrong passwords within the hour before, from there | 3 |

From `_SUSPICIOUS` on it is a finding. An account that is not learnt yet (`_LEARNT_DAYS`) has no usual: there only
wrong passwords before, a country in which nobody of the organisation is, dear numbers and volumes count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from isthmus.activity.model import (
    BLOCK_ABROAD,
    BLOCK_ACCOUNT,
    BLOCK_PREMIUM,
    BLOCK_PSTN,
    Event,
    Finding,
    Kind,
    Lesson,
    Severity,
    network_block,
)
from isthmus.activity.places import Destination, client_of, destination_of, network_of
from isthmus.activity.profile import SEEN, OpenCall, Organisation, Profile, Source, Volume, day_of

_LEARNT_DAYS = 5.0
_LEARNT_ORGANISATION_DAYS = 7  # since its first event
_TRAVELS_S = 7200.0  # in less nobody is in another country with what was here
_SUSPICIOUS = 2.5
_GUESSES = 5
_HOURS_LEARNT_DAYS = 8.0  # on which the person did something
_RARE_HOUR = 0.04  # of these days
_MANY_PLACES = 4
_OPEN_CALLS = 32
_CALL_ENDS_S = 43_200.0  # as long as the SIP engine lets a call be
_TIMES_USUAL = 3.0

# Floors: below, a volume is never a finding. Chosen so that people's own busy days stay below (bench activity).
_FAILURES = 25.0  # in 10 minutes
_ABROAD_CALLS = 15.0  # an hour
_OUTSIDE_CALLS = 60.0  # an hour
_ABROAD_MINUTES = 180.0  # a day
_ABROAD_AT_ONCE = 4.0
_EXPORTED = 500.0  # records a day
_SPRAYED = 6  # accounts from one network in an hour
_SPRAYED_SHARED = 25  # where many people are usually
_STRANGERS = 8  # names that nobody has
_ATTEMPTS = 40.0  # an hour, at such names
_SPRAYED_WIDELY = 12.0  # accounts an hour, in all, from networks where nobody is usually
_SPRAYED_NETWORKS = 4


class Settings(msgspec.Struct, frozen=True):
    """time_zone: in which hours of the day are told and learnt. home_countries: where calls are not abroad."""

    time_zone: str = "UTC"
    home_countries: tuple[str, ...] = ()


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


def observe_refused(event: Event, source: Source, organisation: Organisation, tenant: str) -> list[Finding]:
    """Everything odd about what was refused from one network, whoever it was for. event.address: proved."""
    network, day = network_of(event.address), day_of(event.at)
    shared = organisation.networks.held.get(network)
    office = shared is not None and shared.shared and organisation.networks.knows(network, day)
    attempts = 0.0
    if event.known:
        accounts, strangers = source.accounts.add(event.account, event.at), len(source.strangers.seen)
    else:
        accounts, strangers = len(source.accounts.seen), source.strangers.add(event.account, event.at)
        attempts = source.attempts.add(event.at, 1.0)
    subject, by = f"network:{network}", client_of(event.client)
    evidence = (("network", network), ("client", by), ("account", event.account))
    found: list[Finding] = []
    if event.known and accounts >= (_SPRAYED_SHARED if office else _SPRAYED):
        now = f"{network} tried wrong passwords for {accounts} different accounts within an hour, with {by}"
        usual = "a network fails for one or two" if not office else "people mistype here, but fewer at once"
        found.append(Finding(event.at, subject, "password-spray", "", Severity.HIGH, now, usual, evidence))
    if not event.known and (strangers >= _STRANGERS * (3 if office else 1) or attempts >= _ATTEMPTS):
        now = f"{network} tried {strangers} names that nobody has within an hour, with {by}"
        usual = "phones know their own name"
        found.append(Finding(event.at, subject, "scan", "", Severity.NOTICE, now, usual, evidence))
    if event.known and not organisation.networks.knows(network, day):
        found += _sprayed_widely(event, organisation, network, tenant, learn=not found)
    return found


def _sprayed_widely(
    event: Event, organisation: Organisation, network: str, tenant: str, *, learn: bool
) -> list[Finding]:
    """Few wrong passwords from each of many networks: seen only by looking at all accounts together.

    learn: whether nothing else is odd about the event: what one network does must not make many networks usual.
    """
    accounts = organisation.failed_accounts.add(event.account, event.at)
    networks = organisation.failed_networks.add(network, event.at)
    usually = organisation.failures
    usually.roll(event.at)
    if accounts < max(_SPRAYED_WIDELY, _TIMES_USUAL * usually.peak) or networks < _SPRAYED_NETWORKS:
        if learn:
            usually.current = max(usually.current, float(accounts))
        return []
    usually.alerted = True
    now = (
        f"within an hour {_many(accounts)} accounts had wrong passwords from {_many(networks)} networks where nobody "
        "is usually"
    )
    usual = f"at most {usually.peak:.0f} accounts an hour"
    evidence = (("network", network), ("account", event.account))
    return [Finding(event.at, f"tenant:{tenant}", "wide-spray", "", Severity.HIGH, now, usual, evidence)]


def _many(count: int) -> str:
    """A count of what is remembered up to `SEEN` of."""
    return f"{count} or more" if count in (SEEN, 4 * SEEN) else str(count)


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


# Signing in and registering


def _came_in(event: Event, profile: Profile, organisation: Organisation, settings: Settings) -> list[Finding]:
    day, network, client = day_of(event.at), network_of(event.address), client_of(event.client)
    weight, reasons = 0.0, []
    for part, reason in _weighed(event, profile, organisation, settings, network, client):
        weight += part
        reasons.append(reason)
    found: list[Finding] = []
    lessons = _place_lessons(event, network, client)
    if weight >= _SUSPICIOUS:
        strange = event.country and not profile.countries.knows(event.country, day)
        verb = "signed in" if event.kind is Kind.SIGN_IN else "registered a phone"
        where = f"{network or 'an unknown network'}{_in_country(event)}"
        severity = Severity.HIGH if weight >= 5.0 else Severity.WARNING if weight >= 3.0 else Severity.NOTICE
        now = f"{event.account} {verb} from {where} with {client}: {', '.join(reasons)}"
        about, blocks = event.country if strange else network, (network_block(network), BLOCK_ACCOUNT)
        found.append(_of(event, "unusual-sign-in", about, severity, now, _usual_places(profile, day), lessons, blocks))
    found += _many_places(event, profile, network, day, lessons)
    if not found:
        _learn_place(event, profile, organisation, network, client, settings)
    return found


def _weighed(
    event: Event, profile: Profile, organisation: Organisation, settings: Settings, network: str, client: str
) -> Iterator[tuple[float, str]]:
    """What is new, each with its weight."""
    day = day_of(event.at)
    learnt = profile.days > _LEARNT_DAYS
    new_network = bool(network) and not profile.networks.knows(network, day)
    colleagues = organisation.shares(organisation.networks, network, event.account, day)
    guesses = profile.failed_from.get(network, 0.0) if _is_recent(profile, event.at) else 0.0
    if guesses >= _GUESSES and new_network and not colleagues:
        yield 3.0, f"after {guesses:.0f} wrong passwords from there"
    if event.country and not profile.countries.knows(event.country, day):
        if organisation.shares(organisation.countries, event.country, event.account, day):
            if learnt:
                yield 1.0, "a new country for this account"
        elif learnt and profile.new_countries / profile.days > 0.1:
            yield 1.5, "a new country, as often"
        elif learnt or _is_learnt(organisation, day):
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
        if (hour := _odd_hour(event, profile, settings)) is not None:
            yield 0.5, f"at {hour:02}h, when it never does anything"


def _many_places(event: Event, profile: Profile, network: str, day: int, lessons: tuple[Lesson, ...]) -> list[Finding]:
    if not network:
        return []
    places = profile.places.add(network, event.at)
    strange = [seen for seen in profile.places.seen if not profile.networks.knows(seen, day)]
    profile.places_peak.roll(event.at)
    usual = profile.places_peak.peak
    if places >= max(_MANY_PLACES, usual + 2) and len(strange) >= _MANY_PLACES - 1:
        profile.places_peak.alerted = True
        now = (
            f"{event.account} was used from {places} networks within an hour: {', '.join(sorted(profile.places.seen))}"
        )
        taught = (*lessons, Lesson("places_peak", "", float(places)))
        most = f"at most {max(1, round(usual))} networks an hour"
        return [_of(event, "many-places", "", Severity.HIGH, now, most, taught, (BLOCK_ACCOUNT,))]
    profile.places_peak.current = max(profile.places_peak.current, float(places))
    return []


def _learn_place(
    event: Event, profile: Profile, organisation: Organisation, network: str, client: str, settings: Settings
) -> None:
    day = day_of(event.at)
    if network and profile.networks.learn(network, day):
        profile.novelties += 1.0
    if network:
        before = organisation.networks.held.get(network)
        if before is None or before.last < day or before.owner != event.account:
            organisation.networks.learn(network, day, event.account)
    profile.clients.learn(client, day)
    if event.country:
        if profile.countries.learn(event.country, day):
            profile.new_countries += 1.0
        profile.whereabouts.pop(client, None)
        profile.whereabouts[client] = (event.country, event.at)
        if len(profile.whereabouts) > 8:
            del profile.whereabouts[next(iter(profile.whereabouts))]
        organisation.countries.learn(event.country, day, event.account)
    profile.failed_from.pop(network, None)
    if event.kind is Kind.SIGN_IN:
        _learn_hour(event, profile, settings)


def _refused(event: Event, profile: Profile, _organisation: Organisation, _settings: Settings) -> list[Finding]:
    """A wrong password. Only what comes from where it says counts for a network; the burst counts all."""
    network = network_of(event.address)
    if not _is_recent(profile, event.at):
        profile.failed_from = {}
    failures = profile.failures.add(event.at, 1.0)
    if network and (network in profile.failed_from or len(profile.failed_from) < 8):
        profile.failed_from[network] = profile.failed_from.get(network, 0.0) + 1.0
    if failures < max(_FAILURES, _TIMES_USUAL * profile.failures.peak):
        return []
    profile.failures.alerted = True
    where = ", ".join(sorted(profile.failed_from)) or "addresses that can't be told"
    now = f"{failures:.0f} wrong passwords for {event.account} within ten minutes, from {where}"
    usual = f"at most {profile.failures.peak:.0f}"
    lessons = (Lesson("failures", "", failures),)
    severity = Severity.WARNING if len(profile.failed_from) > 2 else Severity.NOTICE
    blocks = tuple(network_block(each) for each in sorted(profile.failed_from)[:3])
    return [_of(event, "failures", "", severity, now, usual, lessons, (*blocks, BLOCK_ACCOUNT))]


def _is_recent(profile: Profile, at: float) -> bool:
    """Whether the failures that are remembered are of the last hour."""
    return at - (profile.failures.window + 1) * profile.failures.width_s < 3600.0


# Calls


def _called(event: Event, profile: Profile, organisation: Organisation, settings: Settings) -> list[Finding]:
    day, where = day_of(event.at), destination_of(event.number)
    abroad = where.region not in settings.home_countries
    if event.own_number:
        abroad = abroad and where.region != destination_of(event.own_number).region
    odd = _odd_hour(event, profile, settings)
    found = _new_destination(event, profile, organisation, where, abroad=abroad, odd=odd)
    found += _call_volumes(event, profile, where, abroad=abroad, odd=odd is not None)
    if not found:
        if profile.destinations.learn(str(where), day) or not organisation.destinations.knows(str(where), day):
            organisation.destinations.learn(str(where), day, event.account)
        _learn_hour(event, profile, settings)
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
        blocks = (BLOCK_PREMIUM, BLOCK_PSTN, BLOCK_ACCOUNT)
        return [_of(event, "premium-call", name, severity, now, usual, lessons, blocks)]
    learnt = profile.days > _LEARNT_DAYS or _is_learnt(organisation, day)
    strange_place = bool(event.address) and not profile.networks.knows(network_of(event.address), day)
    if not abroad or not learnt or (colleagues and not (odd is not None and strange_place)):
        return []
    severity = Severity.NOTICE if odd is None and not strange_place else Severity.WARNING
    place = f", from {network_of(event.address)}, which is new" if strange_place and profile.days > _LEARNT_DAYS else ""
    now = f"{event.account} calls {event.number} in {where.region}{hour}{place}"
    usual = f"it calls {_named(profile.destinations.usual(day), 'nobody')}"
    if not colleagues:
        usual += f", and nobody here calls {where.region}"
    return [_of(event, "new-country", name, severity, now, usual, lessons, (BLOCK_ABROAD, BLOCK_PSTN, BLOCK_ACCOUNT))]


def _call_volumes(event: Event, profile: Profile, where: Destination, *, abroad: bool, odd: bool) -> list[Finding]:
    """Too many calls. At hours at which the account never calls, half as many are."""
    for call_id in [key for key, call in profile.calls.items() if event.at - call.began > _CALL_ENDS_S]:
        del profile.calls[call_id]
    if event.call_id:
        if len(profile.calls) >= _OPEN_CALLS:
            del profile.calls[min(profile.calls, key=lambda key: (profile.calls[key].began, key))]
        profile.calls[event.call_id] = OpenCall(event.at, where.region, abroad or where.dear)
    share = 0.5 if odd else 1.0
    outside = profile.outside_calls.add(event.at, 1.0)
    found = _exceeded(
        event, profile, "outside_calls", outside, _OUTSIDE_CALLS * share, "{} calls to the PSTN within an hour",
        "{} an hour", (BLOCK_PSTN, BLOCK_ACCOUNT),
    )  # fmt: skip
    if not (abroad or where.dear):
        return found
    blocks = (BLOCK_ABROAD, BLOCK_PSTN, BLOCK_ACCOUNT)
    calls = profile.abroad_calls.add(event.at, 1.0)
    found += _exceeded(
        event, profile, "abroad_calls", calls, _ABROAD_CALLS * share, "{} calls abroad within an hour",
        "{} an hour", blocks,
    )  # fmt: skip
    at_once = float(sum(call.abroad for call in profile.calls.values()))
    profile.abroad_at_once.roll(event.at)
    more = _exceeded(
        event, profile, "abroad_at_once", at_once, _ABROAD_AT_ONCE, "{} calls abroad at once", "{} at once", blocks
    )
    if not more:
        profile.abroad_at_once.current = max(profile.abroad_at_once.current, at_once)
    return found + more


def _exceeded(
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
    if value < max(floor, _TIMES_USUAL * volume.peak):
        return []
    volume.alerted = True
    lessons = (Lesson(name, "", value),)
    told = f"{event.account}: {now.format(round(value))}"
    if event.number:
        told += f", last to {event.number}"
    return [_of(event, rule, "", severity, told, f"at most {usual.format(round(volume.peak))}", lessons, blocks)]


def _answered(event: Event, profile: Profile, _organisation: Organisation, _settings: Settings) -> list[Finding]:
    if (call := profile.calls.get(event.call_id)) is not None and not call.answered:
        call.answered = event.at
    return []


def _ended(event: Event, profile: Profile, _organisation: Organisation, _settings: Settings) -> list[Finding]:
    call = profile.calls.pop(event.call_id, None)
    if call is None or not call.answered or not call.abroad:
        return []
    minutes = profile.abroad_minutes.add(event.at, max(0.0, event.at - call.answered) / 60.0)
    now = f"{{}} minutes abroad within a day, last to {call.destination}"
    blocks = (BLOCK_ABROAD, BLOCK_PSTN, BLOCK_ACCOUNT)
    return _exceeded(event, profile, "abroad_minutes", minutes, _ABROAD_MINUTES, now, "{} minutes a day", blocks)


# Exports


def _exported(event: Event, profile: Profile, organisation: Organisation, settings: Settings) -> list[Finding]:
    records = profile.exports.add(event.at, float(event.count))
    odd = _odd_hour(event, profile, settings)
    severity = Severity.HIGH if odd is not None else Severity.WARNING
    hour = f", at {odd:02}h, when it never does anything" if odd is not None else ""
    found = _exceeded(
        event, profile, "exports", records, _EXPORTED, f"{{}} records exported within a day{hour}", "{} a day",
        (BLOCK_ACCOUNT,), severity, "bulk-export",
    )  # fmt: skip
    if not found:
        _learn_hour(event, profile, settings)
    return found


# Parts


def _is_learnt(organisation: Organisation, day: int) -> bool:
    """Whether enough is known of the organisation to say what is new for all of it."""
    return 0 < organisation.first_day <= day - _LEARNT_ORGANISATION_DAYS


def _ago(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds < 3600 else f"{seconds / 3600:.0f} hours"


def _hour_slot(at: float, settings: Settings) -> tuple[int, int]:
    """Hour of the day, and its place in `Profile.hours`: workdays, then the weekend."""
    local = datetime.fromtimestamp(at, ZoneInfo(settings.time_zone))
    return local.hour, local.hour + (24 if local.weekday() >= 5 else 0)


def _learn_hour(event: Event, profile: Profile, settings: Settings) -> None:
    """Once an hour; phones that refresh by themselves tell nothing of a person's hours."""
    hour = int(event.at // 3600)
    if hour == profile.last_hour:
        return
    profile.last_hour = hour
    profile.hours[_hour_slot(event.at, settings)[1]] += 1.0
    if profile.acted_day != day_of(event.at):
        profile.acted_day = day_of(event.at)
        profile.acted_days += 1.0


def _odd_hour(event: Event, profile: Profile, settings: Settings) -> int | None:
    """The hour, if the account is learnt and next to never does anything about then, on any day of the week."""
    if profile.acted_days < _HOURS_LEARNT_DAYS:
        return None
    hour, _ = _hour_slot(event.at, settings)
    near = sum(profile.hours[part + (hour + step) % 24] for part in (0, 24) for step in (-1, 0, 1))
    return hour if near < _RARE_HOUR * profile.acted_days else None


def _in_country(event: Event) -> str:
    return f" ({event.country})" if event.country else ""


def _usual_places(profile: Profile, day: int) -> str:
    networks = _named(profile.networks.usual(day), "no network yet")
    countries = profile.countries.usual(day)
    clients = _named(profile.clients.usual(day), "no client yet")
    return f"{networks}{f' ({_named(countries, str())})' if countries else ''} with {clients}"


def _named(names: list[str], none: str) -> str:
    return ", ".join(names) or none


def _place_lessons(event: Event, network: str, client: str) -> tuple[Lesson, ...]:
    given = (("network", network), ("client", client), ("country", event.country))
    return tuple(Lesson(kind, value) for kind, value in given if value)


def _of(
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
        ("number", event.number),
    )
    evidence = tuple((name, value) for name, value in given if value)
    return Finding(event.at, event.account, rule, about, severity, now, usual, evidence, lessons, blocks)


_Rule = Callable[[Event, Profile, Organisation, Settings], list[Finding]]
_RULES: dict[Kind, _Rule] = {
    Kind.REGISTER: _came_in,
    Kind.SIGN_IN: _came_in,
    Kind.REFUSED: _refused,
    Kind.SIGN_IN_REFUSED: _refused,
    Kind.CALL: _called,
    Kind.ANSWERED: _answered,
    Kind.ENDED: _ended,
    Kind.EXPORT: _exported,
}
