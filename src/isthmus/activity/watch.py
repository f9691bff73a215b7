"""The whole of what is known, taking events one after the other. Pure: `isthmus.activity.service` keeps it in SQL."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from isthmus.activity import alerts, rules
from isthmus.activity.model import Alert, Event, Finding, Kind, State
from isthmus.activity.places import network_of
from isthmus.activity.profile import Organisation, Profile, Source

_MOST_CALLS = 50_000  # under way at once; the oldest is forgotten, and only its minutes are lost
_MOST_SOURCES = 4096  # networks that were refused lately


class Watch:
    """Profiles by account, organisations by tenant, and the alert each thing belongs to.

    Whoever holds more accounts than fit into memory adds what is stored before `take`, and drops it afterwards.
    changed_*: what is different since `saved`.
    """

    def __init__(self, settings: rules.Settings) -> None:
        self.settings = settings
        self.profiles: dict[str, Profile] = {}
        self.organisations: dict[str, Organisation] = {}
        self.alerts: dict[tuple[str, str, str], Alert] = {}
        self.changed_profiles: dict[str, None] = {}
        self.changed_organisations: dict[str, None] = {}
        self.changed_alerts: dict[tuple[str, str, str], None] = {}
        self._sources: dict[str, Source] = {}
        self._callers: dict[str, str] = {}

    def account_of(self, event: Event) -> str:
        """Whose event it is: what happens to a call later names the call alone."""
        if event.kind in (Kind.ANSWERED, Kind.ENDED):
            return self._callers.get(event.call_id, "")
        return event.account if event.known else ""

    def take(self, event: Event, tenant: str) -> list[Alert]:
        """The alerts that this event raised or let grow. tenant: of the account, or of the site where it has none."""
        organisation = self.organisations.setdefault(tenant, Organisation())
        found: list[Finding] = []
        account = self.account_of(event)
        if account:
            profile = self.profiles.setdefault(account, Profile())
            event = event if event.account else msgspec.structs.replace(event, account=account)
            found += rules.observe(event, profile, organisation, self.settings)
            self.changed_profiles[account] = self.changed_organisations[tenant] = None
            self._follow_call(event, account)
        return [self._raise(finding) for finding in found] + self.take_refused(event, tenant)

    def take_refused(self, event: Event, tenant: str) -> list[Alert]:
        """The same of what an event tells of the network it came from, not of the account."""
        if event.kind not in (Kind.REFUSED, Kind.SIGN_IN_REFUSED) or not network_of(event.address):
            return []
        organisation = self.organisations.setdefault(tenant, Organisation())
        found = rules.observe_refused(
            event, self._source(event.address), organisation, tenant, self.settings.thresholds
        )
        return [self._raise(finding) for finding in found]

    def judge(self, alert: Alert, tenant: str) -> None:
        """People said what it was (`alert.state`). A false alarm is usual from now on: see `rules.teach`."""
        key = (alert.subject, alert.rule, alert.about)
        if alert.state is State.FALSE_ALARM:
            self.alerts.pop(key, None)
        else:
            self.alerts[key] = alert
        if alert.state is State.FALSE_ALARM and alert.lessons:
            profile = self.profiles.setdefault(alert.subject, Profile())
            organisation = self.organisations.setdefault(tenant, Organisation())
            rules.teach(alert.lessons, profile, organisation, alert.subject, alert.last)
            self.changed_profiles[alert.subject] = self.changed_organisations[tenant] = None

    def forget(self, accounts: Iterable[str]) -> None:
        """Drop what is stored elsewhere by now."""
        gone = set(accounts)
        for account in gone:
            self.profiles.pop(account, None)
        self.alerts = {key: alert for key, alert in self.alerts.items() if key[0] not in gone}

    def saved(self) -> None:
        """Everything that has changed is stored."""
        self.changed_profiles, self.changed_organisations, self.changed_alerts = {}, {}, {}

    def _raise(self, finding: Finding) -> Alert:
        key = alerts.key_of(finding)
        present = self.alerts.get(key)
        more = present is not None and alerts.belongs(present, finding)
        alert = alerts.grown(present, finding) if more and present is not None else alerts.raised(finding)
        self.alerts[key] = alert
        self.changed_alerts[key] = None
        return alert

    def _source(self, address: str) -> Source:
        network = network_of(address)
        source = self._sources.pop(network, None) or Source()
        self._sources[network] = source  # the one heard of last is the last
        if len(self._sources) > _MOST_SOURCES:
            del self._sources[next(iter(self._sources))]
        return source

    def _follow_call(self, event: Event, account: str) -> None:
        if event.kind is Kind.CALL and event.call_id:
            self._callers[event.call_id] = account
            if len(self._callers) > _MOST_CALLS:
                del self._callers[next(iter(self._callers))]
        elif event.kind is Kind.ENDED:
            self._callers.pop(event.call_id, None)
