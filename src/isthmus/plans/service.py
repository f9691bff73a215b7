"""The write path of calling plans: plans, who has them, what tenants say of their calls, credit."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection

from isthmus.addressing import Aor
from isthmus.database import reading
from isthmus.directory import group_store, groups
from isthmus.directory import store as directory_store
from isthmus.directory.journal import Journal
from isthmus.directory.model import Person
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError, UsageError
from isthmus.plans import following, refusing, rules, store
from isthmus.plans.model import Account, Change, Charge, Credit, Deposit, Given, Holder, Plan, Usage, Use
from isthmus.policy import licence_store
from isthmus.policy import store as policy_store

_LARGEST = 10**15  # millionths: a billion of the currency
_LONGEST_TEXT = 200


def _new_id() -> str:
    return secrets.token_hex(8)


class Plans:
    """The calling plans at one site. clock: Unix seconds. changed: called when calls may be refused or let go by now;
    regrouped: when somebody has a plan or none any more. followed: after a write to the directory by which that is so.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        clock: Callable[[], float] = time.time,
        changed: Callable[[], object] = lambda: None,
        regrouped: Callable[[], object] = lambda: None,
    ) -> None:
        self._directory, self._clock, self.changed, self.regrouped = directory, clock, changed, regrouped
        self.followed: Callable[[], object] = lambda: None
        self._follows = False

    # What follows from the directory

    def follow(self, log: Journal) -> None:
        """Let plans follow who is in which group; see `Directory.join`."""
        if following.follow(log):
            self._follows = True

    def relicensed(self) -> None:
        """A write of licences is committed, by which plans may have changed: no change of the directory's feed."""
        if self._follows:
            self._follows = False
            self.changed()
            self.regrouped()

    def committed(self, seq: int) -> None:
        """A write to the directory is committed: calls follow where plans did."""
        if self._follows:
            self._follows = False
            self.followed()

    # Reading

    def listed(self, tenant: str) -> list[tuple[Plan, int, list[Given]]]:
        """A tenant's plans, by name, how many have each, and which groups and licences do."""
        with reading(self._directory.engine) as connection:
            found, counts = store.plans(connection, tenant), store.count_holders(connection, tenant)
            given = store.given(connection, tenant)
        return [
            (plan, counts.get(name, 0), [each for each in given if each.plan == name]) for name, plan in found.items()
        ]

    def get(self, tenant: str, name: str) -> tuple[Plan, list[Holder]]:
        """One, and who has it, by address. Raises NotFoundError."""
        with reading(self._directory.engine) as connection:
            plan = _existing(store.plans(connection, tenant).get(name), name)
            holders = [each for each in store.holders(connection, tenant) if each.plan == name]
        return plan, sorted(holders, key=lambda each: each.aor)

    def given(self, tenant: str, name: str) -> tuple[list[Given], list[Aor]]:
        """Which groups and licences have a plan, and who of them waits for it."""
        with reading(self._directory.engine) as connection:
            found = [each for each in store.given(connection, tenant) if each.plan == name]
            return found, following.waiting(connection, tenant, name)

    def of(self, aor: Aor) -> tuple[Holder | None, list[Given]]:
        """Somebody's plan, and all that their groups and licences give them, the first one first."""
        with reading(self._directory.engine) as connection:
            person = directory_store.people_by_aor(connection, [aor]).get(aor)
            if person is None:
                raise NotFoundError(f"nobody is called {aor}", do="To see who is there: isthmus user list")
            holder = next(iter(store.holders(connection, person.tenant, [person.id])), None)
            nesting = directory_store.nestings(connection).get(person.tenant, {})
            within = groups.containing(person.groups, groups.inverted(nesting))
            holds = following.licences_of(connection, person.tenant, [aor]).get(aor, ())
            return holder, rules.of_groups(store.given(connection, person.tenant), within, holds)

    def usage(self, tenant: str, month: str = "") -> Usage:
        """What a tenant's people used in a month (YYYY-MM; empty: this one), and the credit that took."""
        when = month or self.month()
        with reading(self._directory.engine) as connection:
            plans, holders = store.plans(connection, tenant), store.holders(connection, tenant)
            used = store.used(connection, tenant, when)
            spent = store.spent(connection, tenant, when)
        uses = refusing.uses(plans, holders, lambda *key: used.get(key, 0))
        return Usage(tenant, when, tuple(uses), spent)

    def together(self, tenant: str, month: str = "") -> Usage:
        """As `usage`, but of each plan what all who have it used, of what all of them have."""
        when = month or self.month()
        with reading(self._directory.engine) as connection:
            plans, counts = store.plans(connection, tenant), store.count_holders(connection, tenant)
            used = store.used(connection, tenant, when)
            spent = store.spent(connection, tenant, when)
        uses = refusing.together(plans, counts, lambda *key: used.get(key, 0))
        return Usage(tenant, when, tuple(uses), spent)

    def people(
        self, tenant: str, name: str, *, match: str | None = None, after: Aor | None = None, limit: int = 100
    ) -> list[tuple[Holder, Person, list[Use]]]:
        """Who has a plan and fits what is sought, by address, with what they used this month. Raises NotFoundError."""
        with reading(self._directory.engine) as connection:
            plan = _existing(store.plans(connection, tenant).get(name), name)
            found = store.find_holders(connection, tenant, name, match=match, after=after, limit=limit)
            count = store.count_holders(connection, tenant).get(name, 0)
            used = store.used(connection, tenant, self.month())
        own = partial(refusing.own_uses, plan, holders=count, used_s=lambda *key: used.get(key, 0))
        return [(holder, person, own(holder=holder)) for holder, person in found]

    def used_by(self, holder: Holder) -> list[Use]:
        """What somebody used this month; where people share their minutes, what all of them did, too."""
        tenant = holder.tenant
        with reading(self._directory.engine) as connection:
            plan = store.plans(connection, tenant)[holder.plan]
            count = store.count_holders(connection, tenant).get(plan.name, 0)
            used = store.used(connection, tenant, self.month())
        own = refusing.own_uses(plan, holder, count, lambda *key: used.get(key, 0))
        pool = refusing.together({plan.name: plan}, {plan.name: count}, lambda *key: used.get(key, 0))
        return [*own, *pool] if plan.pooled else own

    def account(self, tenant: str) -> Account:
        """What a tenant said of its calls."""
        with reading(self._directory.engine) as connection:
            return store.account(connection, tenant)

    def credit(self, tenant: str) -> tuple[Credit, list[Deposit]]:
        """What there is, and what was added, the newest first."""
        with reading(self._directory.engine) as connection:
            return store.credit(connection, tenant), store.deposits(connection, tenant, 100)

    def charges(self, tenant: str, month: str = "", *, limit: int = 100) -> list[tuple[Charge, str]]:
        """A month's charges, the newest first, with the callers' addresses (empty for who is no more)."""
        with reading(self._directory.engine) as connection:
            found = store.charges(connection, tenant, month or self.month(), limit=limit)
            named = directory_store.holders(connection, {each.call.person for each in found})
        return [(each, str(named.get(each.call.person, ""))) for each in found]

    def holders_of(self, tenant: str) -> frozenset[str]:
        """Who of a tenant has a plan, by id: for classes of service."""
        with reading(self._directory.engine) as connection:
            return frozenset(each.person for each in store.holders(connection, tenant))

    def month(self) -> str:
        """The one that is now."""
        return rules.month_of(round(self._clock() * 1000))

    # Writing

    def define(self, wanted: Plan, *, actor: str, key: str | None = None) -> Plan:
        """Make a plan, or make it anew. Raises UsageError, NotFoundError (no such tenant), RefusedError."""
        plan = rules.checked(wanted)

        def work(log: Journal) -> None:
            if plan.tenant not in directory_store.tenants(log.connection):
                raise NotFoundError(f"there is no tenant {plan.tenant!r}")
            before = store.plans(log.connection, plan.tenant).get(plan.name)
            _require_room(log, plan, 0)
            store.put_plan(log.connection, plan)
            if before is not None and before.most != plan.most:
                following.settle(log.connection, plan.tenant)
            if before != plan:
                log.entry("plan.set", _key(plan), before and public(before), public(plan), tenant=plan.tenant)

        self._directory.write_here(actor, work, key=key, request=("plan.set", plan))
        self.changed()
        return plan

    def remove(self, tenant: str, name: str, *, actor: str, key: str | None = None) -> None:
        """Give a plan up that nobody has. Raises NotFoundError, RefusedError."""

        def work(log: Journal) -> None:
            plan = _existing(store.plans(log.connection, tenant).get(name), name)
            given = store.given(log.connection, tenant)
            having = (
                ("people", store.holders(log.connection, tenant)),
                ("groups", [each for each in given if each.group]),
                ("licences", [each for each in given if each.licence]),
            )
            for who, some in having:
                if any(each.plan == name for each in some):
                    raise RefusedError(f"{who} have {name} still", do=f"See who: isthmus plan show {name}")
            store.delete_plan(log.connection, plan)
            log.entry("plan.delete", _key(plan), public(plan), None, tenant=tenant)

        self._directory.write_here(actor, work, key=key, request=("plan.delete", tenant, name))
        self.changed()

    def assign(
        self,
        tenant: str,
        name: str | None,
        people: Sequence[Aor],
        given: Sequence[str] = (),
        rank: int = 0,
        *,
        licences: Sequence[str] = (),
        actor: str,
        key: str | None = None,
    ) -> list[Holder]:
        """Let people, the groups `given`, and whoever holds the licences have a plan instead of any other; None: no
        plan. All of them or nobody.

        rank: of groups and licences; the lowest wins. Raises NotFoundError (who or what is missing), RefusedError (more
        than the plan is for; who has it by a group or licence).
        """
        wanted = _wanted(tenant, name, given, licences, rank)

        def work(log: Journal) -> None:
            _assign(log, tenant, name, people, wanted)

        asked = ("plan.assign", tenant, name, tuple(map(str, people)), *((tuple(wanted),) if wanted else ()))
        self._directory.write_here(actor, work, key=key, request=asked)
        # First what the plan refuses: by their classes people call by it from then on.
        self.changed()
        self.regrouped()
        with reading(self._directory.engine) as connection:
            return [each for each in store.holders(connection, tenant) if each.aor in set(map(str, people))]

    def preview(
        self,
        tenant: str,
        name: str | None,
        people: Sequence[Aor],
        given: Sequence[str] = (),
        rank: int = 0,
        *,
        licences: Sequence[str] = (),
        actor: str,
    ) -> list[Change]:
        """Who would have which plan instead of which, by address, if `assign` were called so. Raises as that does."""
        wanted = _wanted(tenant, name, given, licences, rank)

        def work(log: Journal) -> list[Change]:
            before = store.holders(log.connection, tenant)
            _assign(log, tenant, name, people, wanted)
            return rules.changes(before, store.holders(log.connection, tenant))

        return self._directory.rehearse(actor, work)

    def set_account(self, wanted: Account, *, actor: str, key: str | None = None) -> Account:
        """Take down what a tenant says of its calls. Raises UsageError, NotFoundError."""
        account = rules.checked_account(wanted)

        def work(log: Journal) -> None:
            if account.tenant not in directory_store.tenants(log.connection):
                raise NotFoundError(f"there is no tenant {account.tenant!r}")
            before = store.account(log.connection, account.tenant)
            if before != account:
                store.put_account(log.connection, account)
                told = (_account_public(before), _account_public(account))
                log.entry("plan.account", f"account:{account.tenant}", *told, tenant=account.tenant)

        self._directory.write_here(actor, work, key=key, request=("plan.account", account))
        self.changed()
        return account

    def deposit(
        self, tenant: str, micro: int, currency: str, what: str, *, actor: str, key: str | None = None
    ) -> Credit:
        """Add credit, or take some back (negative). Raises UsageError, NotFoundError, RefusedError."""
        if not micro or abs(micro) > _LARGEST:
            raise UsageError("that is no amount", do="Write it as 50 or 12.50.")
        if not (currency.isascii() and currency.isalpha() and currency.isupper() and len(currency) == 3):
            raise UsageError(f"{currency[:20]!r} is no currency, such as EUR (ISO 4217)")
        text = " ".join(what.split())
        if len(text) > _LONGEST_TEXT or not text.isprintable():
            raise UsageError(f"the note is longer than {_LONGEST_TEXT} characters, or can't be shown")

        def work(log: Journal) -> None:
            if tenant not in directory_store.tenants(log.connection):
                raise NotFoundError(f"there is no tenant {tenant!r}")
            before = store.credit(log.connection, tenant)
            if before.currency and before.currency != currency and before.balance_micro:
                raise RefusedError(f"the credit of {tenant} is in {before.currency}", where=currency)
            made = Deposit(_new_id(), tenant, micro, currency, text, str(log.actor), log.at_ms)
            store.add_deposit(log.connection, made)
            after = store.credit(log.connection, tenant)
            told = ({"balance": each.balance_micro / 1e6, "currency": currency} for each in (before, after))
            log.entry("credit.add", f"credit:{tenant}", *told, tenant=tenant)

        asked = ("credit.add", tenant, micro, currency, what)
        self._directory.write_here(actor, work, key=key, request=asked)
        self.changed()
        return self.credit(tenant)[0]


def public(plan: Plan) -> dict[str, Any]:
    """A plan as the API, the CLI and the audit log show it. Minutes: null for without limit."""
    return {"tenant": plan.tenant, "name": plan.name, **store.settings_of(plan)}


def _account_public(account: Account) -> dict[str, Any]:
    return {**asdict(account), "blocked": list(account.blocked)}


def without_tenant(account: Account, tenant: str) -> Account:
    """The same of another tenant."""
    return replace(account, tenant=tenant)


def _wanted(tenant: str, name: str | None, groups: Sequence[str], licences: Sequence[str], rank: int) -> list[Given]:
    return [
        *(Given(tenant, group, name or "", rank) for group in groups),
        *(Given(tenant, "", name or "", rank, licence) for licence in licences),
    ]


def _assign(log: Journal, tenant: str, name: str | None, people: Sequence[Aor], wanted: Sequence[Given]) -> None:
    """What `Plans.assign` does, within its transaction."""
    connection = log.connection
    plan = None if name is None else _existing(store.plans(connection, tenant).get(name), name)
    found = directory_store.people_by_aor(connection, people)
    for aor in people:
        if aor not in found or found[aor].tenant != tenant:
            raise NotFoundError(f"nobody is called {aor}", do="To see who is there: isthmus user list")
    ids = [found[aor].id for aor in people]
    held = store.holders(connection, tenant, ids)
    before = {each.person: each.plan for each in held}
    # Who has had it by a group has it by name from now on, which needs no more room.
    new = [each for each in ids if before.get(each) != name]
    if plan is None:
        _require_own(held)
        store.delete_holders(connection, ids)
    else:
        _require_room(log, plan, len(new))
        store.put_holders(connection, tenant, plan.name, ids)
    for aor in people:
        was = before.get(found[aor].id)
        if was != name:
            told = ({"plan": each} if each else None for each in (was, name))
            log.entry("plan.assign" if name else "plan.unassign", str(aor), *told, tenant=tenant)
    if new:
        # Who has a plan calls by other trunks: their classes of service are made anew.
        policy_store.count_revision(connection)
    _give(log, wanted)
    if wanted or new:
        following.settle(connection, tenant, None if wanted else people)
    if wanted and plan is not None and (wait := following.waiting(connection, tenant, plan.name)):
        raise RefusedError(f"{plan.name} is for {plan.most} people, and {len(wait)} more would have it")


def _give(log: Journal, wanted: Sequence[Given]) -> None:
    """Let these groups and licences have their plans, or none where none is named. Raises NotFoundError."""
    connection = log.connection
    for each in wanted:
        was = next((one for one in store.given(connection, each.tenant) if one.to == each.to), None)
        told = None if was is None else {"plan": was.plan, "rank": was.rank}
        if not each.plan:
            if was is None:
                what = f"the licence {each.licence}" if each.licence else f"the group {each.group}"
                raise NotFoundError(f"{what} has no plan")
            store.delete_given(connection, was)
            log.entry("plan.ungive", rules.named(each), told, None, tenant=each.tenant)
            continue
        if each.licence:
            _require_licence(connection, each)
        else:
            group_store.require(connection, each.tenant, each.group)
        if was != each:
            store.put_given(connection, each)
            now = {"plan": each.plan, "rank": each.rank}
            log.entry("plan.give", rules.named(each), told, now, tenant=each.tenant)


def _require_licence(connection: Connection, given: Given) -> None:
    if all(each.name != given.licence for each in licence_store.plans(connection, given.tenant)):
        raise NotFoundError(
            f"tenant {given.tenant} has no licences of {given.licence[:40]!r} at this site",
            do=f"See: isthmus licence list. Say how many there are: isthmus licence set {given.licence[:40]} --count N",
        )


def _require_own(holders: Sequence[Holder]) -> None:
    """Raises RefusedError for who has their plan by a group or a licence."""
    for each in holders:
        if not each.by_name:
            by = f"the group {each.group}" if each.group else f"the licence {each.licence}"
            raise RefusedError(f"{each.aor} has {each.plan} by {by}", do=f"Take it from {by}, or that from them.")


def _require_room(log: Journal, plan: Plan, new: int) -> None:
    have = sum(each.plan == plan.name for each in store.holders(log.connection, plan.tenant))
    if plan.most is not None and have + new > plan.most:
        raise RefusedError(f"{plan.name} is for {plan.most} people, and {have + new} would have it")


def _key(plan: Plan) -> str:
    return f"{plan.tenant}/{plan.name}"


def _existing(found: Plan | None, name: str) -> Plan:
    if found is None:
        raise NotFoundError(f"there is no calling plan {name[:40]!r}", do="See: isthmus plan list")
    return found
