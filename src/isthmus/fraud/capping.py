"""Counts what calls come to, and sees that caps hold: refusals for the snapshot, calls that are ended, alerts.

Nothing here is on the path of a call. What is counted is made of the call records and of the legs that have none yet,
which the database both has: so a restart loses nothing, and nothing is counted twice.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection

from isthmus.activity.model import Alert, Severity
from isthmus.addressing.destination import destination_of
from isthmus.connectors.bounds import DayCap, Days, Price
from isthmus.database import reading
from isthmus.directory.service import Directory
from isthmus.fraud import counting, rules, store
from isthmus.fraud.counting import Ledger
from isthmus.fraud.model import Cap, Key, Kind, Spoken, Used
from isthmus.fraud.people import PeoplesCaps
from isthmus.fraud.service import Guard
from isthmus.records import rules as record_rules
from isthmus.records import store as record_store
from isthmus.records.model import Leg, Rate, Record, Route
from isthmus.routing.refusals import Refusal

_log = logging.getLogger(__name__)
_AT_ONCE = 2000  # records a reading
_KEPT_MS = 3 * 86_400_000  # a day anywhere, and a call that lasted another one
_END_AGAIN_S = 5.0
_MOST_PRICES = 1000
"""Lines of a rate table that a connector is told."""
RULE = "cap-reached"


class Refuses(Protocol):
    """The snapshot, as it is written (routing.snapshot.SnapshotWriter)."""

    def refuse(self, by: str, wanted: Mapping[str, Sequence[Refusal]]) -> frozenset[str]: ...


class Capping:
    """One a site. end: ends the calls with these Call-IDs. tell: has an alert of a tenant delivered.

    zone: the site's, for tenants that say none. clock: Unix seconds.
    """

    def __init__(
        self,
        directory: Directory,
        guard: Guard,
        people: PeoplesCaps,
        snapshot: Refuses,
        *,
        site: str,
        own_tenant: str,
        zone: str = "UTC",
        end: Callable[[Collection[str]], object] = lambda calls: None,
        tell: Callable[[str, Alert], object] = lambda tenant, alert: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory, self._guard, self._people, self._snapshot = directory, guard, people, snapshot
        self._site, self._own_tenant, self._zone = site, own_tenant, zone
        self._tell, self._clock, self._ending = tell, clock, Ending(end)
        self._zones: dict[str, str] = {}
        self._ledger = self._fresh()
        self._positions: dict[tuple[str, str], int] = {}
        self._rates: dict[tuple[str, str], list[Rate]] = {}
        self._told: set[str] = set()
        self._used: dict[Key, Used] = {}
        self._counted: tuple[dict[Key, Used], dict[tuple[str, str], int]] = ({}, {})

    def work(self) -> None:
        """Count, refuse, end, tell. Raises UnavailableError; it is tried again then."""
        now = self._clock()
        now_ms = int(now * 1000)
        caps = self._guard.every_cap()
        self._follow_zones(caps)
        self.follow_blocks()
        if not caps and not self._people.are_any():
            self._snapshot.refuse(rules.CAPS, {})  # without a limit nothing is counted
            self._used, self._counted = {}, ({}, {})
            return
        with reading(self._directory.engine) as connection:
            # The legs first: one that has its record by then is known by its name.
            up = self._up(connection, now_ms)
            self._read(connection, now_ms)
            self._used = self._ledger.used(now_ms, up)
            self._counted = self._used, dict(self._positions)
            people, addresses = self._people.of(connection, self._used)
        reached = counting.reached((*caps, *people), self._used)
        self._snapshot.refuse(
            rules.CAPS, rules.limits(reached, addresses, lambda cap: counting.midnight(now_ms, self._zone_of(cap)))
        )
        self._ending.work(counting.to_end((cap for cap, _ in reached), up), now)
        for cap, limit in reached:
            self._say(cap, limit, addresses, now)

    def follow_blocks(self) -> None:
        """Have calls follow the blocks as they are now. Raises UnavailableError; `work` tries again then."""
        self._snapshot.refuse(rules.BLOCKS, rules.blocked(self._guard.every_block()))

    def used(self, cap: Cap) -> Used:
        """What calls under a cap have come to today."""
        return self._used.get(counting.key_of(cap), Used())

    def days_of(self, tenant: str, people: Collection[str], connector: str) -> Days:
        """The limits of the day for a connector of the tenant's, with what is counted. people: addresses there.

        Those of trunks are not among them, and neither is what calls that are up have come to at the connector.
        """
        caps = [each for each in self._guard.every_cap() if each.tenant == tenant and each.kind is not Kind.TRUNK]
        used, positions = self._counted
        addresses: dict[str, str] = {}
        rates: list[Rate] = []
        with reading(self._directory.engine) as connection:
            if people and self._people.are_any():
                found = record_store.people_at(connection, people)
                addresses = {who.id: aor for aor, who in found.items() if who.tenant == tenant}
                of_people, _ = self._people.of(connection, [(Kind.PERSON, tenant, each) for each in addresses])
                caps += of_people
            if any(float(each.cost) for each in caps):
                rates = record_store.rates(connection, tenant)
        now_ms = int(self._clock() * 1000)
        told = []
        for cap in caps:
            if not cap.minutes and not float(cap.cost):
                continue
            by, key = used.get(counting.key_of(cap), Used()), addresses.get(cap.key, cap.key)
            told.append(DayCap(cap.kind.value, key, cap.minutes, cap.cost, by.milliseconds, by.micro, cap.ends))
        prices = [Price(r.prefix, r.price_micro, r.currency, r.minimum_s, r.increment_s) for r in rates]
        if not told:
            return Days()
        zone = self._zones.get(tenant) or self._zone
        return Days(
            zone,
            counting.midnight(now_ms, zone),
            tuple(told),
            {stream: seq for (site, stream), seq in sorted(positions.items()) if site == connector},
            tuple(prices) if len(prices) <= _MOST_PRICES else (),
        )

    def _fresh(self) -> Ledger:
        return Ledger(lambda tenant: self._zones.get(tenant) or self._zone, self._own_tenant)

    def _zone_of(self, cap: Cap) -> str:
        return self._zones.get(cap.tenant) or self._zone

    def _follow_zones(self, caps: Sequence[Cap]) -> None:
        zones = {cap.tenant: cap.zone for cap in caps if cap.zone}
        if zones != self._zones:
            # Another day begins and ends elsewhere: all is counted anew.
            self._zones, self._ledger, self._positions = zones, self._fresh(), {}

    def _read(self, connection: Connection, now_ms: int) -> None:
        since_ms = now_ms - _KEPT_MS
        for site, stream in store.positions(connection):
            while True:
                after = self._positions.get((site, stream), 0)
                last, found = store.dialled(connection, site, stream, after, since_ms, _AT_ONCE)
                for record in found:
                    self._ledger.add(of_record(record, self._site))
                self._positions[site, stream] = last
                if last == after:
                    break
        self._ledger.forget(since_ms)

    def _up(self, connection: Connection, now_ms: int) -> list[Spoken]:
        """The calls by this site's trunks that were answered and have no record yet."""
        legs = [leg for leg in record_store.legs(connection).values() if is_outside(leg)]
        people = record_store.people_at(connection, {leg.begins.caller for leg in legs if leg.begins})
        found: list[Spoken] = []
        live: set[tuple[str, str]] = set()
        for leg in legs:
            assert leg.begins is not None
            assert leg.answered is not None
            who = people.get(leg.begins.caller)
            call = of_leg(leg, self._site, who.tenant if who else "", who.id if who else "", now_ms)
            if who is not None:
                live.add(asked := (who.tenant, leg.begins.callee))
                if asked not in self._rates:
                    self._rates[asked] = record_store.rates(connection, who.tenant, record_rules.prefixes(asked[1]))
                cost = record_rules.cost_of(asked[1], (call.to_ms - call.from_ms) / 1000, self._rates[asked])
                if cost is not None:
                    call = with_cost(call, cost.micro, cost.currency)
            found.append(call)
        self._rates = {asked: rates for asked, rates in self._rates.items() if asked in live}
        return found

    def _say(self, cap: Cap, limit: str, addresses: Mapping[str, str], now: float) -> None:
        who = addresses.get(cap.key, "") if cap.kind is Kind.PERSON else ""
        zone = self._zone_of(cap)
        about = f"{cap.tenant}|{cap.kind}|{cap.key}|{limit}|{counting.day_of(int(now * 1000), zone)}"
        if about in self._told:
            return
        alert = Alert(
            # The same for the whole day: told once, over restarts, too.
            id=hashlib.blake2b(about.encode("utf-8", "surrogateescape"), digest_size=5).hexdigest(),
            subject=who or f"tenant:{cap.tenant}",
            rule=RULE,
            about=about,
            severity=Severity.WARNING,
            first=now,
            last=now,
            count=1,
            now=f"{rules.words(cap, limit, who)}; more are refused until midnight ({zone})",
            usual="fewer calls",
            evidence={cap.kind.value: [who or cap.key], "block": [_block_command(cap, who)]},
            blocks=("calls:pstn", "account") if who else (),
        )
        try:
            self._tell(cap.tenant, alert)
            self._told.add(about)
        except Exception as error:
            _log.warning("that a limit of calls is reached could not be told: %s", error)

    def health(self) -> dict[str, Any]:
        """How it stands, for GET /v1/health."""
        return {"reached": len(self._told)}


class Ending:
    """Has calls ended, and once more where they go on. end: ends the calls with these Call-IDs."""

    def __init__(self, end: Callable[[Collection[str]], object]) -> None:
        self._end = end
        self._ended: dict[str, float] = {}

    def work(self, calls: Collection[str], now: float) -> None:
        """These are the calls to end. now: Unix seconds."""
        self._ended = {call: at for call, at in self._ended.items() if call in calls}
        due = [call for call in calls if now - self._ended.get(call, 0.0) >= _END_AGAIN_S]
        if due:
            self._ended |= dict.fromkeys(due, now)
            self._end(due)


def of_record(record: Record, site: str) -> Spoken:
    """A record of a call that went out by a trunk and was answered. site: this one, whose trunks have caps."""
    assert record.answered_ms is not None
    return Spoken(
        name=(record.site, record.call_id, record.side, record.began_ms),
        tenant=record.caller_tenant,
        person=record.caller_person,
        trunk=record.way if record.site == site else "",
        country=destination_of(record.callee).region,
        from_ms=record.answered_ms,
        to_ms=max(record.ended_ms, record.answered_ms),
        micro=record.cost_micro or 0,
        currency=record.currency,
    )


def of_leg(leg: Leg, site: str, tenant: str, person: str, now_ms: int) -> Spoken:
    """A leg that has no record yet, as far as it has come."""
    begins, answered, way = leg.begins, leg.answered, leg.rerouted or leg.begins
    assert begins is not None
    assert answered is not None
    assert way is not None
    from_ms = round(answered.at * 1000)
    to_ms = now_ms if leg.ends is None else round(leg.ends.at * 1000)
    return Spoken(
        name=(site, begins.call_id, begins.side, round(begins.at * 1000)),
        tenant=tenant,
        person=person,
        trunk=way.way,
        country=destination_of(begins.callee).region,
        from_ms=from_ms,
        to_ms=max(to_ms, from_ms),
        up=leg.ends is None,
    )


def with_cost(call: Spoken, micro: int, currency: str) -> Spoken:
    """The call, with what it cost in millionths of the currency."""
    return Spoken(
        call.name,
        call.tenant,
        call.person,
        call.trunk,
        call.country,
        call.from_ms,
        call.to_ms,
        micro,
        currency,
        call.up,
    )


def is_outside(leg: Leg) -> bool:
    """Whether it is of a call to the PSTN that was answered, and counts."""
    way = leg.rerouted or leg.begins
    if leg.begins is None or leg.answered is None or way is None:
        return False
    # Emergency calls and short codes are no E.164 numbers: nothing counts them, and nothing ends them.
    return way.route == Route.DIAL and leg.begins.callee.startswith("+")


def _block_command(cap: Cap, who: str) -> str:
    """The command that shuts what a cap is for at once."""
    if who:
        return f"isthmus call block add person:{who}"
    if cap.kind is Kind.TENANT:
        return "isthmus call block add + --out"
    return f"isthmus call block add {cap.kind.value}:{cap.key}"
