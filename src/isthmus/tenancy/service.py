"""The write path of tenants and their domains, and what their limits let through."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection

from isthmus.access import rules as access
from isthmus.access.model import EVERYTHING, Reach
from isthmus.database import reading
from isthmus.directory import group_store
from isthmus.directory import rules as directory_rules
from isthmus.directory import store as directory_store
from isthmus.directory.journal import DOMAIN, GROUP, TENANT, Journal
from isthmus.directory.service import Directory
from isthmus.errors import (
    ChangedError,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    UnavailableError,
    UsageError,
)
from isthmus.tenancy import rules, store
from isthmus.tenancy.model import Claim, Limits, Tenant, TenantChanges, Usage, VerifiedBy

Lookup = Callable[[str], list[str]]

_TOKEN_BYTES = 20  # 160 bits
_MOST_PENDING = 100  # claims of a tenant that nobody has proved


class Tenants:
    """Tenants of one site's directory. own: the site's tenant and domains, which its file keeps."""

    def __init__(
        self,
        directory: Directory,
        lookup: Lookup,
        *,
        own_tenant: str,
        own_domains: Collection[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory, self._lookup, self._clock = directory, lookup, clock
        self._own_tenant, self._own_domains = own_tenant, frozenset(own_domains)

    # Tenants

    def listed(
        self, *, match: str | None = None, after: str | None = None, limit: int = 100, reach: Reach = EVERYTHING
    ) -> list[Tenant]:
        """Those within reach, in the order of their names."""
        with reading(self._directory.engine) as connection:
            names = None
            if not reach.everything:
                names = [name for name in directory_store.tenants(connection) if reach.tenant(name)]
            return store.tenants(connection, names=names, match=match, after=after, limit=limit)

    def get(self, name: str, reach: Reach = EVERYTHING) -> tuple[Tenant, Usage]:
        """A tenant and what it has. Raises NotFoundError."""
        with reading(self._directory.engine) as connection:
            return _existing(connection, name, reach), store.usage(connection, name)

    def create(self, name: str, changes: TenantChanges, *, actor: str, key: str | None = None) -> tuple[Tenant, Usage]:
        """Add a tenant. Raises UsageError, RefusedError (exists)."""
        directory_rules.checked_tenant(name)

        def work(log: Journal) -> str:
            if name in directory_store.tenants(log.connection):
                raise RefusedError(f"there is a tenant {name} already", do=f"To change it: isthmus tenant set {name}")
            tenant = rules.changed(Tenant(name, created=self._clock()), changes)
            directory_store.put_tenants(log.connection, [name])
            self._put(log, None, tenant, "tenant.create")
            return name

        self._directory.write(actor, work, key=key, request=("tenant.create", name, changes), encode=str)
        return self.get(name)

    def set(
        self,
        name: str,
        changes: TenantChanges,
        *,
        actor: str,
        key: str | None = None,
        reach: Reach = EVERYTHING,
        unless_changed: str | None = None,
    ) -> tuple[Tenant, Usage]:
        """Change a tenant. reach: where the limits and the suspension may be changed has to be everywhere.

        Raises NotFoundError, ForbiddenError, UsageError, ChangedError, RefusedError (the site's own is suspended).
        """

        def work(log: Journal) -> None:
            before = _existing(log.connection, name, reach)
            if changes.of_operator and not reach.everything:
                raise ForbiddenError("limits and suspension are the operator's to set", where=name)
            if unless_changed is not None and unless_changed != tag(before):
                raise ChangedError(
                    f"{name} was changed meanwhile", where=name, do="Look again, then repeat the change."
                )
            after = rules.changed(before, changes)
            if after.suspended and name == self._own_tenant:
                raise RefusedError("the site's own tenant can't be suspended", where=name)
            if after != before:
                self._put(log, before, after, "tenant.set")

        self._directory.write(actor, work, key=key, request=("tenant.set", name, changes))
        return self.get(name, reach)

    def delete(self, name: str, *, actor: str, key: str | None = None) -> None:
        """Remove a tenant that has no people and no accounts, with its groups, policies, licences and domains.

        Raises NotFoundError, RefusedError.
        """

        def work(log: Journal) -> None:
            connection = log.connection
            before = _existing(connection, name)
            if name == self._own_tenant:
                raise RefusedError(
                    "the site's own tenant can't be deleted", where=name, do="It stands in the site file."
                )
            has = store.usage(connection, name)
            if has.people or has.accounts:
                raise RefusedError(
                    f"tenant {name} has {has.people} people and {has.accounts} accounts",
                    do="Delete those first; to keep them out meanwhile: isthmus tenant set NAME --suspend",
                )
            for claim in store.claims(connection, tenant=name):
                self._forget(log, claim)
            groups = store.groups_of(connection, name)
            group_store.delete(connection, groups)
            for key_ in groups:
                log.changed(GROUP, group_store.key_text(*key_))
            store.delete_tenant(connection, name)
            log.note(TENANT, name, "tenant.delete", rules.public(before), None, tenant=name)

        self._directory.write(actor, work, key=key, request=("tenant.delete", name))

    def _put(self, log: Journal, before: Tenant | None, after: Tenant, action: str) -> None:
        store.put_profile(log.connection, after)
        directory_store.set_suspended(log.connection, after.name, after.suspended)
        told = before and rules.public(before)
        log.note(TENANT, after.name, action, told, rules.public(after), tenant=after.name)

    # Domains

    def domains(self, tenant: str | None = None) -> list[Claim]:
        """Domains of a tenant, or of all, by name."""
        with reading(self._directory.engine) as connection:
            return store.claims(connection, tenant=tenant)

    def domain(self, tenant: str, name: str) -> Claim:
        """A domain of a tenant. Raises NotFoundError."""
        with reading(self._directory.engine) as connection:
            return _claimed(connection, tenant, name)

    def claim(self, tenant: str, name: str, *, actor: str, key: str | None = None) -> Claim:
        """Say that a domain is the tenant's; nothing can be done with it before it is proved.

        Raises UsageError, NotFoundError, RefusedError (claimed already; too many that are not proved).
        """
        checked = rules.claimable(name)

        def work(log: Journal) -> str:
            _existing(log.connection, tenant)
            present = store.claims(log.connection, tenant=tenant)
            if any(each.name == checked for each in present):
                raise RefusedError(f"{checked} is claimed already", do=f"See: isthmus domain show {checked}")
            if sum(each.verified_by is None for each in present) >= _MOST_PENDING:
                raise RefusedError(
                    f"{_MOST_PENDING} domains wait to be verified", do="Remove those that are not needed."
                )
            made = Claim(checked, tenant, secrets.token_hex(_TOKEN_BYTES), self._clock())
            store.put_claim(log.connection, made)
            log.entry("domain.claim", checked, None, {"name": checked, "tenant": tenant})
            return checked

        request = ("domain.claim", tenant, checked)
        name = self._directory.write(
            actor, work, key=key, request=request, encode=str, decode=lambda _, text: str(text)
        )
        return self.domain(tenant, name)

    def verify(self, tenant: str, name: str, *, actor: str) -> Claim:
        """Look for the TXT record; the domain can be used once it is there.

        Raises NotFoundError, RefusedError (not there; used by another tenant), UnavailableError (no DNS).
        """
        claim = self.domain(tenant, name)
        if claim.verified_by is not None and not claim.trouble:
            return claim
        record = rules.record_of(claim)
        try:
            texts = self._lookup(record["name"])
        except UnavailableError as error:
            self._looked(claim, str(error), actor)
            raise
        if not rules.proves(claim, texts):
            what = f"there is no TXT record {record['value']} at {record['name']}"
            others = f" ({len(texts)} others are)" if texts else ""
            self._looked(claim, what + others, actor)
            raise RefusedError(
                what + others, where=claim.name, do="Add it at the domain's DNS provider, and try again."
            )
        return self._proved(claim, VerifiedBy.DNS, actor)

    def approve(self, tenant: str, name: str, *, actor: str) -> Claim:
        """Vouch for a domain as the operator. Raises NotFoundError, RefusedError (used by another tenant)."""
        claim = self.domain(tenant, name)
        return claim if claim.verified_by is not None else self._proved(claim, VerifiedBy.OPERATOR, actor)

    def remove(self, tenant: str, name: str, *, actor: str, key: str | None = None) -> None:
        """Give a domain up, in which nobody has an address. Raises NotFoundError, RefusedError."""

        def work(log: Journal) -> None:
            claim = _claimed(log.connection, tenant, name)
            if claim.verified_by is not None and claim.name in self._own_domains:
                raise RefusedError(f"{claim.name} stands in the site file", do="Take it out there.")
            people = store.people_in(log.connection, claim.name) if claim.verified_by is not None else 0
            if people:
                raise RefusedError(
                    f"{people} people have an address in {claim.name}", do="Delete or rename them first."
                )
            self._forget(log, claim)

        self._directory.write(actor, work, key=key, request=("domain.remove", tenant, name))

    def _forget(self, log: Journal, claim: Claim) -> None:
        store.delete_claim(log.connection, claim)
        told = {"name": claim.name, "tenant": claim.tenant}
        if claim.verified_by is None:
            log.entry("domain.remove", claim.name, told, None)
            return
        directory_store.delete_domains(log.connection, [claim.name])
        log.note(DOMAIN, claim.name, "domain.remove", told, None)

    def _looked(self, claim: Claim, trouble: str, actor: str) -> None:
        seen = replace(claim, checked=self._clock(), trouble=trouble[:500])

        def work(log: Journal) -> None:
            if _claimed(log.connection, claim.tenant, claim.name).token == claim.token:
                store.put_claim(log.connection, seen)

        self._directory.write(actor, work)

    def _proved(self, claim: Claim, by: VerifiedBy, actor: str) -> Claim:
        def work(log: Journal) -> None:
            now = self._clock()
            if _claimed(log.connection, claim.tenant, claim.name).token != claim.token:
                raise RefusedError(f"{claim.name} was claimed anew meanwhile", do="Try again.")
            owner = directory_store.domains(log.connection).get(claim.name)
            if owner not in (None, claim.tenant):
                raise RefusedError(f"{claim.name} is used by another tenant", do="Ask the operator of the service.")
            directory_store.put_domains(log.connection, [(claim.name, claim.tenant)])
            done = replace(claim, verified=now, verified_by=by, checked=now, trouble="")
            store.put_claim(log.connection, done)
            told = {"name": claim.name, "tenant": claim.tenant, "verified_by": by.value}
            log.note(DOMAIN, claim.name, "domain.verify", None, told)

        self._directory.write(actor, work)
        return self.domain(claim.tenant, claim.name)


def tag(tenant: Tenant) -> str:
    """Changes with whatever others may see of the tenant itself (for ETag)."""
    return hashlib.sha256(json.dumps(rules.public(tenant), sort_keys=True).encode()).hexdigest()[:32]


def keep_within(log: Journal) -> None:
    """Undo a write by which a tenant would have more people, numbers or devices than it may: see Directory.join.

    Raises RefusedError.
    """
    grown = rules.growth(
        (entry.action, entry.before and json.loads(entry.before), entry.after and json.loads(entry.after))
        for entry in log.entries
        if entry.action.startswith(("person.", "device."))
    )
    more = {name for (name, _), number in grown.items() if number > 0}
    for name, limits in (store.limited(log.connection, more) if more else {}).items():
        has = store.usage(log.connection, name)
        for what in ("people", "numbers", "devices"):
            rules.over(what, getattr(limits, what), getattr(has, what), grown[name, what])


def usage_public(has: Usage, limits: Limits) -> dict[str, Any]:
    """What the tenant has, as the API shows it. left: None where there is no limit."""
    left = {
        name: None if limit is None else max(0, limit - getattr(has, name))
        for name, limit in (
            ("people", limits.people),
            ("numbers", limits.numbers),
            ("devices", limits.devices),
        )
    }
    return {**asdict(has), "left": left}


def _existing(connection: Connection, name: str, reach: Reach = EVERYTHING) -> Tenant:
    found = store.tenants(connection, names=[name])
    return access.seen(
        found[0] if found else None,
        reach,
        rules.as_object,
        lambda: NotFoundError(f"there is no tenant {name[:80]!r}", do="To see which there are: isthmus tenant list"),
    )


def _claimed(connection: Connection, tenant: str, name: str) -> Claim:
    try:
        checked = directory_rules.checked_domain(name)
    except UsageError:
        checked = name
    found = store.claims(connection, tenant=tenant, name=checked)
    if not found:
        raise NotFoundError(f"the tenant has no domain {name[:80]!r}", do="To see which there are: isthmus domain list")
    return found[0]
