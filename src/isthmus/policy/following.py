"""What follows from changes in the directory: who is in the line of a plan, and what was given to who is gone.

Runs in the transaction of the change, so that a licence, a place in the line or a policy never outlives its reason:
somebody new with an old address begins with nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from isthmus.addressing import Aor
from isthmus.directory import group_store, groups
from isthmus.directory import store as directory_store
from isthmus.directory.journal import GROUP, PERSON, Journal
from isthmus.policy import following_people, licence_store, licences, store
from isthmus.policy.following_people import Given
from isthmus.policy.model import Assignment, Level

_log = logging.getLogger(__name__)


def follow(log: Journal) -> None:
    """Bring lines and grants up to what the write changed of people and groups."""
    people = [Aor.parse(key) for kind, key in log.changes if kind == PERSON]
    changed = [group_store.key_of(key) for kind, key in log.changes if kind == GROUP]
    if not people and not changed and log.more_to_come is None:
        return
    _rename_groups(log)
    following_people.follow(log)
    _forget_people(log, people)
    _forget_groups(log, changed)
    plans: dict[str, list[str]] = {}
    for plan in licence_store.plans(log.connection):
        plans.setdefault(plan.tenant, []).append(plan.name)
    for tenant, names in plans.items():
        # A change in who contains whom bears on people who are not in the write themselves.
        settle(log, tenant, names, None if any(owner == tenant for owner, _ in changed) else people)


def settle(log: Journal, tenant: str, plans: Sequence[str], people: Collection[Aor] | None = None) -> None:
    """Let everybody whom these plans are assigned to be in their lines, and nobody else.

    people: whom to look at; None for everybody concerned.
    """
    connection = log.connection
    assignments = [each for each in licence_store.assignments(connection, tenant) if each.plan in plans]
    nesting = directory_store.nestings(connection).get(tenant, {})
    if people is None:
        lines = {plan: {aor for _, aor in licence_store.line(connection, tenant, plan)} for plan in plans}
        people = set().union(*lines.values(), _assigned(connection, tenant, assignments, nesting))
    else:
        places = licence_store.places_of(connection, people)
        lines = {plan: {aor for aor, of in places.items() if (tenant, plan) in of} for plan in plans}
    if not assignments and not any(lines.values()):
        return
    members = {
        aor: direct for aor, (owner, direct) in group_store.memberships(connection, people).items() if owner == tenant
    }
    entitled = licences.entitled(members, assignments, nesting)
    came: dict[str, int] = {}
    for plan in plans:
        wanted = entitled.get(plan, set())
        gone, new = lines[plan] - wanted, sorted(wanted - lines[plan])
        licence_store.leave(connection, tenant, plan, gone)
        licence_store.append(connection, tenant, plan, new)
        if gone or new:
            log.lines.add(tenant)
        if len(new) > len(gone):
            came[plan] = len(new) - len(gone)
    _alarm(log, tenant, came)


def _assigned(
    connection: Connection, tenant: str, assignments: Iterable[Assignment], nesting: groups.Nesting
) -> set[Aor]:
    found: set[Aor] = set()
    inside: set[str] = set()
    for each in assignments:
        if each.level is Level.PERSON:
            found.add(Aor.parse(each.target))
        else:
            inside |= groups.within(each.target, nesting)
    return found | set(group_store.people(connection, tenant, inside))


def _alarm(log: Journal, tenant: str, came: Mapping[str, int]) -> None:
    """Say that more people wait than did: in the audit log, and in the service's. came: plan to how many more."""
    if not came:
        return
    lengths = licence_store.lengths(log.connection, tenant)
    for plan in licence_store.plans(log.connection, tenant):
        wait = lengths.get(plan.name, 0) - plan.count
        if plan.name in came and wait > 0:
            waited = max(wait - came[plan.name], 0)
            log.entry("licence.shortage", f"{tenant}/{plan.name}", {"waiting": waited}, {"waiting": wait})
            _log.warning("%d people of tenant %s wait for a licence of %s", wait, tenant, plan.name)


def _forget_people(log: Journal, people: Sequence[Aor]) -> None:
    """What was given to people who are no more."""
    connection = log.connection
    present = group_store.memberships(connection, people)
    gone = [aor for aor in people if aor not in present]
    for aor, lines in licence_store.places_of(connection, gone).items():
        for tenant, plan in lines:
            licence_store.leave(connection, tenant, plan, [aor])
            log.lines.add(tenant)
    _forget(log, Level.PERSON, [(None, str(aor)) for aor in gone])


def _rename_groups(log: Journal) -> None:
    """What was given to groups stays with them under their new names."""
    connection = log.connection
    for tenant, name, new in log.renamed_groups:
        for grant in store.grants_to(connection, Level.GROUP, [name]):
            if grant.tenant == tenant:
                store.delete_grants(connection, [grant])
                store.put_grant(connection, replace(grant, target=new))
        for each in licence_store.assigned_to(connection, Level.GROUP, [name]):
            if each.tenant == tenant:
                licence_store.delete_assignments(connection, [each])
                licence_store.put_assignments(connection, [replace(each, target=new)])


def _forget_groups(log: Journal, changed: Sequence[tuple[str, str]]) -> None:
    """What was given to groups that are no more."""
    present = group_store.by_key(log.connection, changed)
    _forget(log, Level.GROUP, [key for key in changed if key not in present])


def _forget(log: Journal, level: Level, gone: Collection[tuple[str | None, str]]) -> None:
    """gone: tenant (None: whichever) and target."""
    if not gone:
        return
    connection = log.connection
    targets = {target for _, target in gone}

    def is_gone(tenant: str, target: str) -> bool:
        return (None, target) in gone or (tenant, target) in gone

    grants = [each for each in store.grants_to(connection, level, targets) if is_gone(each.tenant, each.target)]
    assigned = [
        each for each in licence_store.assigned_to(connection, level, targets) if is_gone(each.tenant, each.target)
    ]
    store.delete_grants(connection, grants)
    licence_store.delete_assignments(connection, assigned)
    following_people.forget(log, [Given(grants, assigned)])
