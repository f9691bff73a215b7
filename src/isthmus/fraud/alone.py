"""Limits of the day at a connector: by what online had counted when it was heard last, and its own calls since then.

It counts always, and what it refuses is asked only while it is alone (routing/branch.py): so it need not know when
that is. Calls that are up it ends in any case, where the limit says so: online counts those that go by a connector when
they are over. Online has counted the connector's records up to a number that it tells; the others, and the calls that
are up, are counted here. Over midnight a day begins of which nothing is known but what is counted here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec
from sqlalchemy import Connection, Engine

from isthmus.connectors.bounds import DayCap, Days
from isthmus.database import reading
from isthmus.directory import journal
from isthmus.fraud import capping, counting, rules, store
from isthmus.fraud.counting import Ledger
from isthmus.fraud.model import Cap, Key, Kind, Spoken, Used
from isthmus.records import rules as record_rules
from isthmus.records import store as record_store
from isthmus.records.model import Rate, Record
from isthmus.routing.refusals import Refusal

_KEPT_MS = 3 * 86_400_000
_AT_ONCE = 2000


class Branch(Protocol):
    """What is known of the branch (connectors.learning.BranchDirectory)."""

    def days(self) -> Days: ...

    def tenant(self) -> str: ...

    def addresses(self) -> dict[str, str]: ...


class BranchCapping:
    """One a connector. site: its name. refuse: makes these all refusals that follow from its counting.

    end: ends the calls with these Call-IDs.
    """

    def __init__(
        self,
        engine: Engine,
        site: str,
        branch: Branch,
        refuse: Callable[[Mapping[str, Sequence[Refusal]]], object],
        end: Callable[[Collection[str]], object],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._site, self._branch, self._refuse, self._clock = engine, site, branch, refuse, clock
        self._ending = capping.Ending(end)

    def work(self) -> None:
        """Count, and refuse what is too much. Raises UnavailableError; it is tried again then."""
        days, tenant = self._branch.days(), self._branch.tenant()
        if not days.caps:
            self._refuse({})
            return
        now_ms = int(self._clock() * 1000)
        people = self._branch.addresses()
        rates = [Rate(p.prefix, "", p.price_micro, p.currency, p.minimum_s, p.increment_s) for p in days.prices]

        def owned(call: Spoken, caller: str, callee: str) -> Spoken:
            # The tenant's in any case, as online sees it, too.
            call = msgspec.structs.replace(call, tenant=tenant, person=people.get(caller, ""))
            cost = record_rules.cost_of(callee, (call.to_ms - call.from_ms) / 1000, rates)
            return call if cost is None else capping.with_cost(call, cost.micro, cost.currency)

        ledger = Ledger(lambda _: days.zone, tenant)
        with reading(self._engine) as connection:
            legs = [leg for leg in record_store.legs(connection).values() if capping.is_outside(leg)]
            for each in self._over(connection, days, now_ms):
                ledger.add(owned(capping.of_record(each, self._site), each.caller, each.callee))
        up = [
            owned(capping.of_leg(leg, self._site, "", "", now_ms), leg.begins.caller, leg.begins.callee)
            for leg in legs
            if leg.begins
        ]
        used = _together(days, ledger.used(now_ms, up), tenant, now_ms)
        caps = [_cap(each, tenant) for each in days.caps]
        addresses = {each.key: each.key for each in caps if each.kind is Kind.PERSON}
        reached = counting.reached(caps, used)
        self._refuse(rules.limits(reached, addresses, lambda cap: counting.midnight(now_ms, days.zone)))
        self._ending.work(counting.to_end((cap for cap, _ in reached), up), now_ms / 1000)

    def _over(self, connection: Connection, days: Days, now_ms: int) -> Iterator[Record]:
        """Calls that have their record, which online has not counted."""
        stream, _ = journal.head(connection)
        after = days.counted.get(stream, 0)
        while True:
            last, found = store.dialled(connection, self._site, stream, after, now_ms - _KEPT_MS, _AT_ONCE)
            yield from found
            if last == after:
                return
            after = last


def _cap(told: DayCap, tenant: str) -> Cap:
    return Cap(tenant, Kind(told.kind), told.key, minutes=told.minutes, cost=told.cost, ends=told.ends)


def _together(days: Days, own: Mapping[Key, Used], tenant: str, now_ms: int) -> dict[Key, Used]:
    """What online had counted on this day, and what was counted here."""
    found: dict[Key, Used] = {}
    for told in days.caps:
        key = counting.key_of(_cap(told, tenant))
        here = own.get(key, Used())
        used = Used(here.milliseconds, dict(here.micro))
        if now_ms < days.until_s * 1000:
            used.milliseconds += told.milliseconds
            for currency, micro in told.micro.items():
                used.micro[currency] = used.micro.get(currency, 0.0) + micro
        found[key] = used
    return found
