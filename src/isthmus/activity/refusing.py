"""Wrong passwords: for one account, from one network, and few from each of many networks."""

from __future__ import annotations

from isthmus.activity.looking import TIMES_USUAL, Settings, Thresholds, device_of, finding_of, is_recent
from isthmus.activity.model import Event, Finding, Lesson, Severity
from isthmus.activity.places import client_of, network_of
from isthmus.activity.profile import SEEN, Organisation, Profile, Source, day_of
from isthmus.addressing import barring

_SHARED_TIMES = 4  # as many accounts of a network where many people are usually; it takes one more
_ATTEMPTS = 40.0  # an hour, at such names
_SPRAYED_WIDELY = 12.0  # accounts an hour, in all, from networks where nobody is usually
_SPRAYED_NETWORKS = 4


def refused(event: Event, profile: Profile, _organisation: Organisation, settings: Settings) -> list[Finding]:
    """A wrong password. Only what comes from where it says counts for a network; the burst counts all."""
    network = network_of(event.address)
    if not is_recent(profile, event.at):
        profile.failed_from = {}
    failures = profile.failures.add(event.at, 1.0)
    if network and (network in profile.failed_from or len(profile.failed_from) < 8):
        profile.failed_from[network] = profile.failed_from.get(network, 0.0) + 1.0
    if failures < max(settings.thresholds.wrong_passwords, TIMES_USUAL * profile.failures.peak):
        return []
    profile.failures.alerted = True
    where = ", ".join(sorted(profile.failed_from)) or "addresses that can't be told"
    now = f"{failures:.0f} wrong passwords for {event.account} within ten minutes, from {where}"
    usual = f"at most {profile.failures.peak:.0f}"
    lessons = (Lesson("failures", "", failures),)
    severity = Severity.WARNING if len(profile.failed_from) > 2 else Severity.NOTICE
    blocks = tuple(barring.network(each) for each in sorted(profile.failed_from)[:3])
    return [finding_of(event, "failures", "", severity, now, usual, lessons, (*blocks, barring.ACCOUNT))]


def observe_refused(
    event: Event, source: Source, organisation: Organisation, tenant: str, least: Thresholds
) -> list[Finding]:
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
    given = (("network", network), ("client", by), ("account", event.account), ("device", device_of(event)))
    evidence = tuple(each for each in given if each[0] != "device" or each[1])
    found: list[Finding] = []
    if event.known and accounts >= (_SHARED_TIMES * least.sprayed_accounts + 1 if office else least.sprayed_accounts):
        now = f"{network} tried wrong passwords for {accounts} different accounts within an hour, with {by}"
        usual = "a network fails for one or two" if not office else "people mistype here, but fewer at once"
        found.append(Finding(event.at, subject, "password-spray", "", Severity.HIGH, now, usual, evidence))
    if not event.known and (strangers >= least.scanned_names * (3 if office else 1) or attempts >= _ATTEMPTS):
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
    if accounts < max(_SPRAYED_WIDELY, TIMES_USUAL * usually.peak) or networks < _SPRAYED_NETWORKS:
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
