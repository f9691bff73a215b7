"""The SQL of tenants. Functions of a connection, nothing decided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, func, select

from isthmus.activity import tables as activity
from isthmus.directory import tables as directory
from isthmus.directory.store import upsert
from isthmus.emergency import tables as emergency
from isthmus.fraud import tables as fraud
from isthmus.identity import tables as identity
from isthmus.plans import tables as plans
from isthmus.policy import tables as policy
from isthmus.pstn import tables as pstn
from isthmus.scim import tables as scim
from isthmus.tenancy.model import Claim, Limits, Tenant, Usage, VerifiedBy
from isthmus.tenancy.tables import domain_claim, tenant_profile

_PROFILE = ("display_name", "contact", "people", "numbers", "devices", "requests_per_minute", "created_ms")
_CLAIM = ("token", "created_ms", "verified_ms", "verified_by", "checked_ms", "trouble")


def tenants(
    connection: Connection,
    *,
    names: Iterable[str] | None = None,
    match: str | None = None,
    after: str | None = None,
    limit: int = 100_000,
) -> list[Tenant]:
    """Tenants in the order of their names. names: of which alone; None for all."""
    name = directory.tenant.c.name
    query: Select[Any] = (
        select(directory.tenant, tenant_profile)
        .outerjoin(tenant_profile, tenant_profile.c.tenant == name)
        .order_by(name)
        .limit(limit)
    )
    if names is not None:
        query = query.where(name.in_(list(names)))
    if match:
        wanted = match.lower()
        shown = func.lower(tenant_profile.c.display_name)
        query = query.where(name.contains(wanted, autoescape=True) | shown.contains(wanted, autoescape=True))
    if after is not None:
        query = query.where(name > after)
    return [_tenant(row) for row in connection.execute(query)]


def put_profile(connection: Connection, tenant: Tenant) -> None:
    """Write what is known of a tenant that exists, but for whether it is suspended."""
    row = {
        "tenant": tenant.name,
        "display_name": tenant.display_name,
        "contact": tenant.contact,
        "people": tenant.limits.people,
        "numbers": tenant.limits.numbers,
        "devices": tenant.limits.devices,
        "requests_per_minute": tenant.limits.requests_per_minute,
        "created_ms": _ms(tenant.created),
    }
    upsert(connection, tenant_profile, [row], _PROFILE)


def usage(connection: Connection, tenant: str) -> Usage:
    """What the tenant has."""
    people, domains, accounts = directory.person, directory.domain, identity.account
    devices = directory.device

    def count(query: Select[Any]) -> int:
        return int(connection.execute(query).scalar_one())

    return Usage(
        people=count(select(func.count()).select_from(people).where(people.c.tenant == tenant)),
        numbers=count(select(func.count(people.c.number)).where(people.c.tenant == tenant)),
        devices=count(
            select(func.count())
            .select_from(devices.join(people, people.c.aor == devices.c.aor))
            .where(people.c.tenant == tenant)
        ),
        domains=count(select(func.count()).select_from(domains).where(domains.c.tenant == tenant)),
        accounts=count(select(func.count()).select_from(accounts).where(accounts.c.tenant == tenant)),
    )


def limited(connection: Connection, names: Iterable[str]) -> dict[str, Limits]:
    """Those of the tenants that have limits."""
    found = tenants(connection, names=names)
    return {each.name: each.limits for each in found if each.limits != Limits()}


def groups_of(connection: Connection, tenant: str) -> list[tuple[str, str]]:
    """The keys of the tenant's groups."""
    group = directory.directory_group
    query = select(group.c.tenant, group.c.name).where(group.c.tenant == tenant)
    return [(row.tenant, row.name) for row in connection.execute(query)]


def delete_tenant(connection: Connection, name: str) -> None:
    """Remove a tenant that has no people, groups, domains or accounts any more, with all else that is its own."""
    for table in (
        policy.policy_grant, policy.policy, policy.licence_place, policy.licence_assignment, policy.licence_plan,
        identity.custom_role, scim.member, scim.group, scim.user, scim.removal, activity.profile, activity.alert,
        fraud.call_cap, fraud.call_block,
        pstn.voice_route, plans.calling_plan_group, plans.calling_plan_holder, plans.calling_charge,
        plans.calling_deposit, plans.calling_account, plans.calling_plan,
        emergency.network, emergency.elin, emergency.place, emergency.loan,
    ):  # fmt: skip
        connection.execute(delete(table).where(table.c.tenant == name))
    for table in (domain_claim, tenant_profile):
        connection.execute(delete(table).where(table.c.tenant == name))
    connection.execute(delete(directory.tenant).where(directory.tenant.c.name == name))


def claims(connection: Connection, *, tenant: str | None = None, name: str | None = None) -> list[Claim]:
    """Domains claimed and those of the site file, by name; of one tenant, of one name, or all."""
    claimed = select(domain_claim)
    owned = select(directory.domain)
    if tenant is not None:
        claimed = claimed.where(domain_claim.c.tenant == tenant)
        owned = owned.where(directory.domain.c.tenant == tenant)
    if name is not None:
        claimed = claimed.where(domain_claim.c.name == name)
        owned = owned.where(directory.domain.c.name == name)
    found = {(row.name, row.tenant): _claim(row) for row in connection.execute(claimed)}
    for row in connection.execute(owned):
        found.setdefault((row.name, row.tenant), Claim(row.name, row.tenant, verified_by=VerifiedBy.SITE_FILE))
    return [found[key] for key in sorted(found)]


def put_claim(connection: Connection, claim: Claim) -> None:
    """Write a claim down."""
    row = {
        "tenant": claim.tenant,
        "name": claim.name,
        "token": claim.token,
        "created_ms": _ms(claim.created),
        "verified_ms": _ms(claim.verified),
        "verified_by": claim.verified_by.value if claim.verified_by else None,
        "checked_ms": _ms(claim.checked),
        "trouble": claim.trouble,
    }
    upsert(connection, domain_claim, [row], _CLAIM)


def delete_claim(connection: Connection, claim: Claim) -> None:
    """Forget a claim."""
    connection.execute(
        delete(domain_claim).where(and_(domain_claim.c.tenant == claim.tenant, domain_claim.c.name == claim.name))
    )


def people_in(connection: Connection, domain: str) -> int:
    """How many have an address in the domain."""
    query = select(func.count()).select_from(directory.person).where(directory.person.c.domain == domain)
    return int(connection.execute(query).scalar_one())


def _tenant(row: Row[Any]) -> Tenant:
    return Tenant(
        name=row.name,
        display_name=row.display_name or "",
        contact=row.contact or "",
        suspended=row.suspended,
        limits=Limits(row.people, row.numbers, row.devices, row.requests_per_minute),
        created=None if row.created_ms is None else row.created_ms / 1000,
    )


def _claim(row: Row[Any]) -> Claim:
    return Claim(
        name=row.name,
        tenant=row.tenant,
        token=row.token,
        created=row.created_ms / 1000,
        verified=None if row.verified_ms is None else row.verified_ms / 1000,
        verified_by=VerifiedBy(row.verified_by) if row.verified_by else None,
        checked=None if row.checked_ms is None else row.checked_ms / 1000,
        trouble=row.trouble,
    )


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
