"""Charges the site's call records as they come, once each, and keeps the refusals that follow from it up to date.

Only this site's own records: it is its trunks that cost, and what another site's cost is charged there.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from sqlalchemy import Connection

from isthmus.activity.model import Alert, Severity
from isthmus.database import reading
from isthmus.directory import journal
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.plans import refusing, rules, store
from isthmus.plans.ending import spoken_so_far, to_end
from isthmus.plans.model import Charge, Credit, Plan, Spoken
from isthmus.records import rules as record_rules
from isthmus.records import store as record_store
from isthmus.records.model import Rate, Record
from isthmus.routing.refusals import Refusal

_log = logging.getLogger(__name__)
_AT_ONCE = 1000  # records a transaction
_LOOK_S = 60.0  # until people's new addresses and what else nobody told of is followed
RULE = "calling-credit"


class Refuses(Protocol):
    """The snapshot, as it is written (routing.snapshot.SnapshotWriter)."""

    def refuse(self, by: str, wanted: Mapping[str, Sequence[Refusal]]) -> frozenset[str]: ...


class Charging:
    """One a site. trunks: names of those for plans. tell: has an alert of a tenant delivered (`Activity.tell_now`)."""

    def __init__(
        self,
        directory: Directory,
        site: str,
        trunks: Iterable[str],
        snapshot: Refuses,
        *,
        tell: Callable[[str, Alert], object] = lambda tenant, alert: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory, self._site, self._trunks, self._snapshot = directory, site, tuple(trunks), snapshot
        self._tell, self._clock = tell, clock
        self._refusing = threading.Lock()
        self._stale, self._looked, self._month = True, 0.0, ""

    def work(self) -> None:
        """Charge what is new, and refuse what is used up. Raises UnavailableError; it is tried again then."""
        while self.charge_new():
            self._stale = True
        now = self._clock()
        if self._stale or not 0 <= now - self._looked < _LOOK_S or rules.month_of(round(now * 1000)) != self._month:
            # Before: what changes meanwhile is looked at the next time.
            self._stale, self._looked, self._month = False, now, rules.month_of(round(now * 1000))
            try:
                self.refuse()
            except BaseException:
                self._stale = True
                raise

    def touch(self) -> None:
        """Plans, credit or what a tenant says are different now: `work` looks at what follows."""
        self._stale = True

    def charge_new(self) -> int:
        """Charge the next records of this site, some at a time. Returns how many were looked at."""
        with reading(self._directory.engine) as connection:
            stream, _ = journal.head(connection)
            after = store.position(connection, stream)
            found = record_store.page(connection, self._site, stream, after, _AT_ONCE)
        if not found:
            return 0
        self.charge(found, stream=stream, upto=found[-1].seq)
        return len(found)

    def charge(self, records: Sequence[Record], *, stream: str = "", upto: int = 0) -> list[Charge]:
        """Charge these, each once, however often and in whatever order they come. Gives the charges that are new, and
        those that changed because of them. upto: the number up to which records of `stream` were looked at then.
        """
        told: list[tuple[Credit, Credit]] = []

        def work(log: Journal) -> list[Charge]:
            connection = log.connection
            calls = self._calls(connection, records)
            before = {tenant: store.credit(connection, tenant) for tenant in {each.tenant for each in calls}}
            done: list[Charge] = []
            for (tenant, month, plan, bucket, whose), some in _apart(connection, calls):
                done += _settle(connection, tenant, month, plan, bucket, whose, some)
            store.put_charges(connection, done)
            if stream:
                store.set_position(connection, stream, upto)
            told[:] = [(each, store.credit(connection, tenant)) for tenant, each in before.items()]
            return done

        done = self._directory.write_here(f"site:{self._site}", work)
        for was, now in told:
            self._warn(was, now)
        return done

    def refuse(self) -> frozenset[str]:
        """Bring the refusals in the snapshot up to date. Returns the keys that changed."""
        # One after the other, or what was found out earlier could be written later.
        with self._refusing:
            return self._snapshot.refuse(refusing.BY, self.refusals())

    def refusals(self) -> dict[str, list[Refusal]]:
        """All that follow from plans, credit and what tenants block, as of now."""
        month = rules.month_of(round(self._clock() * 1000))
        until_s = rules.end_of(month)
        found: dict[str, list[Refusal]] = {}
        with reading(self._directory.engine) as connection:
            for tenant in store.tenants(connection):
                plans, holders = store.plans(connection, tenant), store.holders(connection, tenant)
                used = store.used(connection, tenant, month)
                uses = refusing.uses(plans, holders, lambda *key, used=used: used.get(key, 0))
                account, credit = store.account(connection, tenant), store.credit(connection, tenant)
                for key, some in refusing.refusals(account, plans, holders, uses, credit, until_s).items():
                    found.setdefault(key, []).extend(some)
        return found

    def spent_calls(self) -> list[str]:
        """Call-IDs of the calls that are up and whose minutes or credit are used up, of tenants that let such end."""
        now = self._clock()
        found: list[str] = []
        with reading(self._directory.engine) as connection:
            ending = [each for each in store.tenants(connection) if store.account(connection, each).end_calls]
            legs = list(record_store.legs(connection).values()) if ending else []
            for tenant in ending:
                plans, holders = store.plans(connection, tenant), store.holders(connection, tenant)
                by_aor = {each.aor: each for each in holders}

                def rates(number: str, tenant: str = tenant) -> list[Rate]:
                    return record_store.rates(connection, tenant, record_rules.prefixes(number))

                up = [(leg, spoken_so_far(leg, self._trunks, by_aor, plans, rates, now)) for leg in legs]
                calls = [(leg.begins.call_id, call) for leg, call in up if call is not None and leg.begins is not None]
                if calls:
                    used = store.used(connection, tenant, rules.month_of(round(now * 1000)))
                    have = {name: sum(each.plan == name for each in holders) for name in plans}
                    credit = store.credit(connection, tenant)
                    found += to_end(calls, plans, have, lambda *key, used=used: used.get(key, 0), credit)
        return found

    def _calls(self, connection: Connection, records: Sequence[Record]) -> list[Spoken]:
        """Those of the records that there is something to charge of, and that have not been charged."""
        people = {each.caller_person for each in records if each.caller_person}
        holders = {each.person: each for each in store.holders(connection, people=people)}
        plans = {tenant: store.plans(connection, tenant) for tenant in {each.tenant for each in holders.values()}}
        seen: dict[tuple[str, str], list[int]] = defaultdict(list)
        for each in records:
            seen[each.site, each.stream].append(each.seq)
        charged = {name: store.known(connection, *name, seqs) for name, seqs in seen.items()}
        found: dict[tuple[str, str, int], Spoken] = {}
        for record in records:
            holder = holders.get(record.caller_person)
            if holder is None or record.seq in charged[record.site, record.stream]:
                continue
            call = rules.spoken(record, self._trunks, holders, plans[holder.tenant])
            if call is not None:
                found[call.site, call.stream, call.seq] = call
        return list(found.values())

    def _warn(self, was: Credit, now: Credit) -> None:
        mark = rules.warned(was.percent, now.percent)
        if mark is None and not (was.balance_micro > 0 >= now.balance_micro):
            return
        left = f"{max(0, now.balance_micro) / 1e6:.2f} {now.currency}"
        words = (
            f"less than {mark:.0f} % of the calling credit is left: {left}" if mark and now.balance_micro > 0 else ""
        )
        at = self._clock()
        name = f"{now.tenant}|{mark}|{now.full_micro}|{int(at)}"
        alert = Alert(
            id=hashlib.blake2b(name.encode(), digest_size=5).hexdigest(),
            subject=f"tenant:{now.tenant}",
            rule=RULE,
            about=f"{now.tenant} {mark}",
            severity=Severity.HIGH if now.percent <= rules.WARN_PERCENT[-1] else Severity.WARNING,
            first=at,
            last=at,
            count=1,
            now=words or f"the calling credit of {now.tenant} is used up",
            usual="calls are paid for from it",
            evidence={"tenant": [now.tenant], "left": [left]},
        )
        try:
            self._tell(now.tenant, alert)
        except Exception as error:
            _log.warning("that the credit of %s goes down could not be told: %s", now.tenant, error)


_Shared = tuple[str, str, Plan, str, str]
"""Tenant, month, plan, bucket and person (`*` for a pool) of calls that share their minutes."""


def _apart(connection: Connection, calls: Iterable[Spoken]) -> list[tuple[_Shared, list[Spoken]]]:
    plans: dict[str, dict[str, Plan]] = {}
    found: dict[_Shared, list[Spoken]] = defaultdict(list)
    for call in calls:
        if call.tenant not in plans:
            plans[call.tenant] = store.plans(connection, call.tenant)
        plan = plans[call.tenant][call.plan]
        found[call.tenant, call.month, plan, call.bucket, "*" if plan.pooled else call.person].append(call)
    return list(found.items())


def _settle(
    connection: Connection, tenant: str, month: str, plan: Plan, bucket: str, whose: str, new: Sequence[Spoken]
) -> list[Charge]:
    """The charges of new calls, and of those that began after one of them, whose share of the minutes is another."""
    have = sum(each.plan == plan.name for each in store.holders(connection, tenant)) if plan.pooled else 1
    limit = rules.limit_s(plan, bucket, have)
    last_ms, used = store.reached(connection, tenant, month, plan.name, bucket, whose)
    if min(each.began_ms for each in new) > last_ms:
        return rules.settled(new, plan, None if limit is None else limit - used)
    present = {each.call.place: each for each in store.calls(connection, tenant, month, plan.name, bucket, whose)}
    again = rules.settled([*(each.call for each in present.values()), *new], plan, limit)
    return [each for each in again if present.get(each.call.place) != each]
