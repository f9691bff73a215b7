"""Activity as a site keeps it: events in, profiles and alerts in the database, and what people do with them."""

from __future__ import annotations

import collections
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import Connection, Engine

from isthmus.access.model import EVERYTHING, Object, Reach
from isthmus.activity import alerts, store
from isthmus.activity.model import Alert, Event, Kind, Severity, State
from isthmus.activity.profile import Profile
from isthmus.activity.rules import Settings
from isthmus.activity.watch import Watch
from isthmus.addressing import Aor, barring
from isthmus.audit.model import Actor
from isthmus.database import reading, writing
from isthmus.directory.journal import Journal
from isthmus.directory.model import Person, PersonChanges
from isthmus.directory.rules import as_object
from isthmus.directory.store import people_by_aor
from isthmus.errors import IsthmusError, NotFoundError, RefusedError, UsageError

_log = logging.getLogger(__name__)

_WAITING = 100_000  # events; more than that, and the oldest are dropped
_AT_ONCE = 2000
_PAGE = 500  # alerts
_HELD = 20_000  # profiles in memory
_TENANTS = 50_000  # accounts whose tenant is remembered
_TENANT_S = 60.0  # for so long
_TELLINGS_AN_HOUR = 60  # of one channel; what is more stands in the list alone
_DAY_S = 86_400.0
_SILENT_S = 10.0  # how long a site that did not take events is left in peace
_REFUSED = (Kind.REFUSED, Kind.SIGN_IN_REFUSED)
_ACCOUNT = "account:"
_TOKEN = "token:"  # noqa: S105 - `token:ACCOUNT/ID`
_OPERATOR = "cli:"
_FORGET_PROFILE_S, _FORGET_ALERT_S = 180 * _DAY_S, 400 * _DAY_S


class Browser(Protocol):
    """Where somebody signs in from."""

    @property
    def address(self) -> str: ...

    @property
    def agent(self) -> str: ...


class People(Protocol):
    """What is needed of the directory."""

    def get(self, aor: Aor, reach: Reach = EVERYTHING) -> Person: ...

    def set(self, aor: Aor, changes: PersonChanges, *, actor: str, key: str | None = None) -> Person: ...

    def write_here(self, actor: str, work: Callable[[Journal], Any]) -> Any: ...


class _Known(NamedTuple):
    """What the directory said of an account. tenant: None for who does not exist. since: when it said so.

    id: the person's stable one, empty for an account without a person.
    """

    tenant: str | None
    home: str
    since: float
    id: str = ""


class Activity:
    """One a site; safe to use from several threads.

    tenant: of the site, for what is nobody's. accounts: the tenants of those administrators' accounts that exist, None
    for who is of none. country_of: of an IP address, empty where that is not known.
    channels: names of those by which people are told. site: this one's name. send: takes events to the site that is
    home of who they are about; raises UnavailableError. unbind: takes an account's phones away, after a block.
    """

    def __init__(
        self,
        engine: Engine,
        people: People,
        settings: Settings,
        *,
        tenant: str,
        country_of: Callable[[str], str] = lambda address: "",
        accounts: Callable[[Sequence[str]], Mapping[str, str | None]] = lambda names: {},
        channels: Sequence[str] = (),
        site: str = "",
        send: Callable[[str, list[Event]], None] | None = None,
        unbind: Callable[[Aor, str], None] = lambda aor, word: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._people, self._tenant = engine, people, tenant
        self._accounts = accounts
        self._country_of, self._channels, self._unbind, self._clock = country_of, tuple(channels), unbind, clock
        self._site, self._send = site, send
        self._waiting: collections.deque[tuple[Event, bool]] = collections.deque(maxlen=_WAITING)
        self._watch = Watch(settings)
        self._lock = threading.Lock()  # around the watch
        self._known: dict[str, _Known] = {}
        self._sent_calls: dict[str, str] = {}  # call-id to the site that was told of the call
        self._silent: dict[str, float] = {}  # sites that did not take events, and since when
        self._forgot_at = 0.0
        self.taken = self.dropped = 0

    # Events in

    def take(self, event: Event, *, from_peer: bool = False) -> None:
        """Something happened. Returns at once; `work` looks at it. from_peer: it came from a site already."""
        if len(self._waiting) == _WAITING:
            self.dropped += 1
        self._waiting.append((event, from_peer))

    def work(self) -> None:
        """Look at all that waits, and write down what came of it. Raises UnavailableError; nothing is lost then."""
        while self._waiting or self._has_changes():
            with self._lock:
                self._work_some()
        if self._clock() - self._forgot_at > _DAY_S:
            self._forgot_at = self._clock()
            self._forget()

    def _has_changes(self) -> bool:
        watch = self._watch
        return bool(watch.changed_profiles or watch.changed_alerts or watch.changed_organisations)

    def _work_some(self) -> None:
        taken = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
        try:
            owners = self._owners([event for event, _ in taken])
            batch = self._kept_here(taken)
            self._load([event for event, _ in batch], owners)
        except Exception:
            self._waiting.extendleft(reversed(taken))
            raise
        for event, sent in batch:
            self._look_at(event, owners, sent=sent)
        self._save()

    def _kept_here(self, taken: Sequence[tuple[Event, bool]]) -> list[tuple[Event, bool]]:
        """Send each event to the home of whom it is about, which has the profile; those that can't be stay.

        With True what is kept though it was sent: what was refused also tells of the network it came from.
        """
        elsewhere: dict[str, list[Event]] = {}
        here: list[tuple[Event, bool]] = []
        going: dict[str, str] = {}  # calls that begin in this batch
        for event, from_peer in taken:
            home = "" if from_peer else going.get(event.call_id) or self._home_of(event)
            if home and event.kind is Kind.CALL:
                going[event.call_id] = home
            if home:
                elsewhere.setdefault(home, []).append(event)
            else:
                here.append((event, False))
        for home, events in sorted(elsewhere.items()):
            sent = self._sent(home, events)
            here += [(event, sent) for event in events if not sent or event.kind in _REFUSED]
            if sent:
                self._follow_calls(home, events)
        return sorted(here, key=lambda pair: pair[0].at) if elsewhere else here

    def _home_of(self, event: Event) -> str:
        """The other site that an event has to be sent to; empty where it is looked at here."""
        if self._send is None:
            return ""
        if event.kind in (Kind.ANSWERED, Kind.ENDED):
            return self._sent_calls.get(event.call_id, "")
        known = self._known.get(event.account)
        home = known.home if known else ""
        away = bool(home) and home != self._site and self._clock() - self._silent.get(home, -_SILENT_S) >= _SILENT_S
        return home if away else ""

    def _sent(self, home: str, events: list[Event]) -> bool:
        assert self._send is not None
        try:
            self._send(home, events)
        except IsthmusError as error:
            # Better a thinner profile than none at all: this site looks at them itself meanwhile.
            _log.info("activity: %s does not take events, they are looked at here: %s", home, error)
            self._silent[home] = self._clock()
            return False
        return True

    def _follow_calls(self, home: str, events: Sequence[Event]) -> None:
        for event in events:
            if event.kind is Kind.CALL:
                self._sent_calls[event.call_id] = home
            elif event.kind is Kind.ENDED:
                self._sent_calls.pop(event.call_id, None)
        while len(self._sent_calls) > _WAITING:
            del self._sent_calls[next(iter(self._sent_calls))]

    def _look_at(self, event: Event, owners: Mapping[str, str], *, sent: bool) -> None:
        tenant = owners.get(event.account)
        if sent:
            self._watch.take_refused(event, tenant or self._tenant)
            return
        country = event.country or (self._country_of(event.address) if event.address else "")
        told = msgspec.structs.replace(event, known=tenant is not None, country=country) if event.account else event
        self.taken += 1
        self._watch.take(told, self._tenant_of(self._watch.account_of(event)) if tenant is None else tenant)

    def _owners(self, batch: Sequence[Event]) -> dict[str, str]:
        """The tenants of the accounts that exist; the site's own for operators and who is of no tenant."""
        now = self._clock()
        names = {event.account for event in batch if event.account}
        owners: dict[str, str] = {}
        asked: dict[Aor, str] = {}
        administrators: list[str] = []
        for name in sorted(names):
            known = self._known.get(name)
            if known is not None and now - known.since < _TENANT_S:
                if known.tenant is not None:
                    owners[name] = known.tenant
            elif name.startswith(_OPERATOR):
                owners[name] = self._tenant
            elif name.startswith(_ACCOUNT):
                administrators.append(name.removeprefix(_ACCOUNT))
            elif (aor := _aor(name)) is not None:
                asked[aor] = name
        found: dict[Aor, Person] = {}
        if asked:
            with reading(self._engine) as connection:
                found = people_by_aor(connection, asked)
        for name, tenant in (self._accounts(administrators) if administrators else {}).items():
            owners[_ACCOUNT + name] = tenant or self._tenant
            self._known[_ACCOUNT + name] = _Known(tenant or self._tenant, "", now)
        if len(self._known) > _TENANTS:
            kept = names | self._watch.changed_profiles.keys()
            self._known = {name: each for name, each in self._known.items() if name in kept}
        for aor, name in asked.items():
            person, before = found.get(aor), self._known.get(name)
            known = _Known(person.tenant, person.home, now, person.id) if person else _Known(None, "", now)
            if before is not None and before.id != known.id and name not in self._watch.changed_profiles:
                self._watch.forget([name])  # the address is somebody else's now
            self._known[name] = known
            if person is not None:
                owners[name] = person.tenant
        return owners

    def _load(self, batch: Sequence[Event], owners: Mapping[str, str]) -> None:
        """Bring in what is stored of everything that the batch is about."""
        watch = self._watch
        if len(watch.profiles) > _HELD and not self._has_changes():
            watch.forget(list(watch.profiles)[: _HELD // 2])
        wanted = {event.account if event.account else watch.account_of(event) for event in batch}
        wanted = {name for name in wanted if name in owners or (name in self._known and self._known[name].tenant)}
        missing = sorted(wanted - watch.profiles.keys())
        tenants = sorted({*owners.values(), self._tenant} - watch.organisations.keys())
        networks = [f"tenant:{name}" for name in tenants]
        if not missing and not tenants:
            return
        since = int((min(event.at for event in batch) - alerts.AGAIN_S) * 1000)
        with reading(self._engine) as connection:
            stored = store.profiles(connection, missing)
            for account in missing:
                watch.profiles[account] = stored.get(account) or Profile()
            watch.organisations.update(store.organisations(connection, tenants))
            subjects = [*missing, *networks]
            if tenants:  # at the start: what came from networks is not bound to an account
                found = store.alerts(connection, since_ms=since, limit=10_000)
                networks += [each.subject for _, each in found if each.subject.startswith("network:")]
                subjects = [*missing, *networks]
            for _, alert in reversed(store.alerts(connection, subjects=subjects, since_ms=since, limit=10_000)):
                if alert.state is not State.FALSE_ALARM:
                    watch.alerts[alert.subject, alert.rule, alert.about] = alert

    def _save(self) -> None:
        watch, now_ms = self._watch, int(self._clock() * 1000)
        changed = [watch.alerts[key] for key in watch.changed_alerts if key in watch.alerts]
        news = [alert for alert in changed if alerts.is_news(alert)]
        if news:
            for alert in news:
                told = alerts.told(alert)
                watch.alerts[told.subject, told.rule, told.about] = told
            changed = [watch.alerts[key] for key in watch.changed_alerts if key in watch.alerts]
        with writing(self._engine) as connection:
            store.put_profiles(
                connection,
                {name: (self._tenant_of(name), watch.profiles[name]) for name in watch.changed_profiles},
                {name: watch.organisations[name] for name in watch.changed_organisations},
                now_ms,
            )
            store.put_alerts(connection, [(self._tenant_of(alert.subject), alert) for alert in changed])
            now = self._clock()
            untold = {
                channel
                for channel in (self._channels if news else ())
                if store.made_since(connection, channel, int((now - 3600) * 1000)) >= _TELLINGS_AN_HOUR
            }
            rows = [
                _delivery(alert, channel, now_ms)
                for alert in news
                for channel in self._channels
                if channel not in untold
            ]
            if rows:
                store.add_deliveries(connection, rows)
        watch.saved()
        for alert in news:
            _log.warning("activity alert %s (%s): %s", alert.id, alert.rule, alert.summary)

    def tell_now(self, tenant: str, alert: Alert) -> None:
        """Tell of what no rule found and nobody may miss, such as an emergency call: no limit an hour holds it back.

        Told of twice, it is one alert and one telling. Raises UnavailableError.
        """
        now_ms, told = int(self._clock() * 1000), alerts.told(alert)
        with writing(self._engine) as connection:
            if store.get_alert(connection, alert.id) is None:
                store.put_alerts(connection, [(tenant, told)])
            if rows := [_delivery(alert, channel, now_ms) for channel in self._channels]:
                store.add_deliveries(connection, rows)
        _log.warning("activity alert %s (%s): %s", alert.id, alert.rule, alert.summary)

    def _tenant_of(self, subject: str) -> str:
        if subject.startswith("tenant:"):
            return subject.removeprefix("tenant:")
        known = self._known.get(subject)
        return self._tenant if known is None or known.tenant is None else known.tenant

    def _forget(self) -> None:
        now = self._clock()
        with writing(self._engine) as connection:
            store.forget(connection, int((now - _FORGET_PROFILE_S) * 1000), int((now - _FORGET_ALERT_S) * 1000))

    # What people look at

    def listed(
        self,
        *,
        state: State | None = None,
        subject: str | None = None,
        before_ms: int | None = None,
        limit: int = 100,
        reach: Reach = EVERYTHING,
    ) -> list[Alert]:
        """Alerts within reach, those that went on last first."""
        subjects = None if subject is None else [subject]
        found: list[Alert] = []
        while True:
            with reading(self._engine) as connection:
                page = store.alerts(connection, state=state, subjects=subjects, before_ms=before_ms, limit=_PAGE)
                found += self._within(connection, page, reach)
            if len(found) >= limit or len(page) < _PAGE:
                return found[:limit]
            before_ms = int(page[-1][1].last * 1000)

    def get(self, id_: str, reach: Reach = EVERYTHING) -> Alert:
        """One alert. Raises NotFoundError, also for what is out of reach."""
        return self._stored(id_, reach)[1]

    def profile(self, account: str, reach: Reach = EVERYTHING) -> Profile:
        """What is usual for an account. Raises NotFoundError where nothing is known of it, and out of reach."""
        aor = _aor(account)
        if aor is not None:
            self._people.get(aor, reach)
        self.work()
        if aor is None:
            name = account.removeprefix(_ACCOUNT)
            tenant = self._accounts([name]).get(name) if account.startswith(_ACCOUNT) else None
            if not reach.covers(Object("account", account, tenant or self._tenant)):
                raise NotFoundError(f"nothing is known yet of what {account} does", do="See: isthmus user list")
        with reading(self._engine) as connection:
            found = store.profiles(connection, [account])
        if account not in found:
            raise NotFoundError(f"nothing is known yet of what {account} does", do="See: isthmus user list")
        return found[account]

    def health(self) -> dict[str, Any]:
        """For GET /v1/health: open alerts, and whether all events are looked at."""
        with reading(self._engine) as connection:
            counts = store.open_counts(connection)
        named = {severity.name.lower(): counts.get(int(severity), 0) for severity in Severity}
        return {"ok": not named["high"], "open": named, "events": self.taken, "dropped": self.dropped,
                "waiting": len(self._waiting)}  # fmt: skip

    # What people do

    def judge(self, id_: str, state: State, *, actor: str, reach: Reach = EVERYTHING) -> Alert:
        """Say what an alert was. Raises NotFoundError, RefusedError where it was judged otherwise before."""
        if state is State.OPEN:
            raise UsageError("an alert is confirmed, or a false alarm")
        self.work()
        with self._lock:
            tenant, before = self._stored(id_, reach)
            if before.state is state:
                return before
            if before.state is not State.OPEN:
                raise RefusedError(f"alert {id_} was judged already: {before.state}, by {before.judged_by}")
            after = msgspec.structs.replace(before, state=state, judged_by=str(actor), judged_at=self._clock())
            if after.lessons and state is State.FALSE_ALARM:
                with reading(self._engine) as connection:
                    if after.subject not in self._watch.profiles:
                        self._watch.profiles |= store.profiles(connection, [after.subject])
                    if tenant not in self._watch.organisations:
                        self._watch.organisations |= store.organisations(connection, [tenant])
            self._watch.judge(after, tenant)

            def work(log: Journal) -> None:
                store.put_alerts(log.connection, [(tenant, after)])
                self._put_taught(log.connection, after, tenant, log.at_ms)
                told = {"state": before.state, "tenant": tenant}
                log.entry(f"activity.{state}", f"alert:{id_}", told, {**told, "state": state, "subject": after.subject})

            self._people.write_here(actor, work)
        self.work()
        return after

    def _put_taught(self, connection: Connection, alert: Alert, tenant: str, at_ms: int) -> None:
        """What was learnt of a judgement goes with it, or not at all."""
        watch = self._watch
        if alert.subject in watch.changed_profiles:
            taught = {alert.subject: (tenant, watch.profiles[alert.subject])}
            store.put_profiles(connection, taught, {tenant: watch.organisations[tenant]}, at_ms)

    def block(self, aor: Aor, word: str, *, actor: str, key: str | None = None, reach: Reach = EVERYTHING) -> Person:
        """Keep a person from something: see addressing.barring. Raises UsageError, NotFoundError, RefusedError."""
        if fault := barring.fault_of(word):
            raise UsageError(fault)
        before = self._people.get(aor, reach)
        wanted = tuple(sorted({*before.barred, word}))
        person = self._people.set(aor, PersonChanges(barred=wanted), actor=actor, key=key)
        try:
            self._unbind(aor, word)
        except IsthmusError as error:
            _log.warning("%s is blocked (%s), but its phones stay registered until they refresh: %s", aor, word, error)
        return person

    def unblock(
        self, aor: Aor, word: str | None, *, actor: str, key: str | None = None, reach: Reach = EVERYTHING
    ) -> Person:
        """Take a block away, or all. Raises NotFoundError where there is none."""
        before = self._people.get(aor, reach)
        if not before.barred or (word is not None and word not in before.barred):
            has = ", ".join(before.barred) or "nothing"
            raise NotFoundError(f"{aor} is not kept from {word or 'anything'}, but from {has}")
        left = () if word is None else tuple(each for each in before.barred if each != word)
        return self._people.set(aor, PersonChanges(barred=left), actor=actor, key=key)

    # Moves

    def exported_profiles(self, people: Sequence[Aor]) -> dict[Aor, bytes]:
        """What is known of those of whom anything is, as `import_profiles` takes it."""
        self.work()
        with reading(self._engine) as connection:
            found = store.profiles(connection, map(str, people))
        return {aor: store.encode_profile(found[str(aor)]) for aor in people if str(aor) in found}

    def import_profiles(self, taken: Mapping[Aor, bytes]) -> None:
        """Take profiles over that know more days than those here. What is no profile is passed over."""
        self.work()
        with self._lock:
            read = {str(aor): profile for aor, raw in taken.items() if (profile := store.decode_profile(raw))}
            with writing(self._engine) as connection:
                present = store.profiles(connection, read)
                tenants = {str(aor): person.tenant for aor, person in people_by_aor(connection, taken).items()}
                better = {
                    name: (tenants[name], profile)
                    for name, profile in read.items()
                    if name in tenants and (name not in present or present[name].days < profile.days)
                }
                store.put_profiles(connection, better, {}, int(self._clock() * 1000))
            self._watch.forget(better)

    # Feeds other than SIP

    def signed_in(self, name: str, client: Browser, right: bool, known: bool) -> None:
        """Somebody signed in to pages or API with the right password, or failed to. name: of the account."""
        kind = Kind.SIGN_IN if right else Kind.SIGN_IN_REFUSED
        self.take(Event(self._clock(), kind, f"{_ACCOUNT}{name[:200]}", known, client.address, "", client.agent[:256]))

    def exported(self, actor: Actor, count: int) -> None:
        """Somebody took `count` records out: people, audit entries. What is done by a token its account has done."""
        name = str(actor)
        if name.startswith(_TOKEN):
            name = _ACCOUNT + name.removeprefix(_TOKEN).partition("/")[0]
        self.take(Event(self._clock(), Kind.EXPORT, name[:200], True, actor.origin.address, count=count))

    def _within(self, connection: Connection, alerts: Sequence[tuple[str, Alert]], reach: Reach) -> list[Alert]:
        """Those of the alerts that are about who is within reach; those of networks, for who reaches the tenant."""
        if reach.everything:
            return [alert for _, alert in alerts]
        aors = {alert.subject: aor for _, alert in alerts if (aor := _aor(alert.subject)) is not None}
        people = people_by_aor(connection, aors.values())
        found = []
        for tenant, alert in alerts:
            person = people.get(aors[alert.subject]) if alert.subject in aors else None
            what = Object("alert", alert.subject, tenant) if person is None else as_object(person)
            if reach.covers(what):
                found.append(alert)
        return found

    def _stored(self, id_: str, reach: Reach) -> tuple[str, Alert]:
        with reading(self._engine) as connection:
            found = store.get_alert(connection, id_)
            if found is not None and not self._within(connection, [found], reach):
                found = None
        if found is None:
            raise NotFoundError(f"there is no alert {id_!r}", do="See: isthmus activity alerts")
        return found


def _delivery(alert: Alert, channel: str, now_ms: int) -> dict[str, Any]:
    return {
        "id": f"{alert.id}:{alert.count}:{int(alert.severity)}:{channel}",
        "channel": channel,
        "body": msgspec.json.encode(alert).decode(),
        "made_ms": now_ms,
    }


def _aor(name: str) -> Aor | None:
    """The address, None for what can't be anybody's."""
    try:
        aor = Aor.parse(name)
    except IsthmusError:
        return None
    return aor if str(aor) == name else None
