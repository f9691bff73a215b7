"""The SQL of groups. Functions of a connection, nothing decided."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, distinct, func, insert, or_, select, union
from sqlalchemy import delete as delete_from

from isthmus.addressing import Aor
from isthmus.directory.model import Group
from isthmus.directory.store import in_batches, upsert
from isthmus.directory.tables import directory_group, membership, person, subgroup
from isthmus.errors import NotFoundError

Key = tuple[str, str]  # tenant and name


def key_text(tenant: str, name: str) -> str:
    """How the feed and the audit log name a group. No tenant's name has a slash in it."""
    return f"{tenant}/{name}"


def key_of(text: str) -> Key:
    """Tenant and name again."""
    tenant, _, name = text.partition("/")
    return tenant, name


def by_key(connection: Connection, keys: Iterable[Key]) -> dict[Key, Group]:
    """Those of the groups that have a row."""
    found: dict[Key, Group] = {}
    for tenant, names in _by_tenant(keys).items():
        for batch in in_batches(names):
            inside = _inside(connection, tenant, batch)
            query = select(directory_group).where(directory_group.c.tenant == tenant, directory_group.c.name.in_(batch))
            for row in connection.execute(query):
                groups = tuple(sorted(inside.get(row.name, ())))
                before = tuple(json.loads(row.formerly))
                found[tenant, row.name] = Group(tenant, row.name, row.description, row.source, groups, before)
    return found


def names(connection: Connection, tenant: str, *, match: str | None, after: str | None, limit: int) -> list[str]:
    """Names of groups, with a row or at people alone, in order, from behind `after` on."""
    made = select(directory_group.c.name.label("name")).where(directory_group.c.tenant == tenant)
    worn = (
        select(membership.c.group_name.label("name"))
        .join(person, person.c.aor == membership.c.aor)
        .where(person.c.tenant == tenant)
    )
    every = union(made, worn).subquery()
    query = select(every.c.name)
    if match:
        query = query.where(func.lower(every.c.name).contains(match.lower(), autoescape=True))
    found = sorted(name for (name,) in connection.execute(query) if after is None or name > after)
    return found[:limit]


def worn(connection: Connection, tenant: str, name: str) -> bool:
    """Whether the group stands at anybody of the tenant."""
    return connection.execute(_people(tenant, [name]).limit(1)).first() is not None


def require(connection: Connection, tenant: str, name: str) -> Group:
    """The group; one that stands at people alone as what it is. Raises NotFoundError."""
    if group := by_key(connection, [(tenant, name)]).get((tenant, name)):
        return group
    if not worn(connection, tenant, name):
        raise NotFoundError(f"there is no group {name!r}", do="To see which there are: isthmus group list")
    return Group(tenant, name)


def direct_counts(connection: Connection, tenant: str, groups: Collection[str]) -> dict[str, int]:
    """How many people are directly in each; those with nobody are left out."""
    found: dict[str, int] = {}
    for batch in in_batches(groups):
        query = (
            select(membership.c.group_name, func.count())
            .join(person, person.c.aor == membership.c.aor)
            .where(person.c.tenant == tenant, membership.c.group_name.in_(batch))
            .group_by(membership.c.group_name)
        )
        found |= {name: int(count) for name, count in connection.execute(query)}
    return found


def count_people(connection: Connection, tenant: str, groups: Collection[str]) -> int:
    """How many people are directly in at least one of them."""
    query = _people(tenant, groups).with_only_columns(func.count(distinct(membership.c.aor)))
    return int(connection.execute(query).scalar_one())


def people(connection: Connection, tenant: str, groups: Collection[str]) -> list[Aor]:
    """Who is directly in at least one of them, by address."""
    found: set[str] = set()
    for batch in in_batches(groups):
        found |= set(connection.execute(_people(tenant, batch)).scalars())
    return [Aor.parse(aor) for aor in sorted(found)]


def memberships(connection: Connection, aors: Iterable[Aor]) -> dict[Aor, tuple[str, tuple[str, ...]]]:
    """Tenant and direct groups of those of the people who exist: less to read than whole people."""
    found: dict[Aor, tuple[str, tuple[str, ...]]] = {}
    for batch in in_batches(aors):
        keys = [str(aor) for aor in batch]
        worn: dict[str, list[str]] = defaultdict(list)
        for aor, name in connection.execute(select(membership).where(membership.c.aor.in_(keys))):
            worn[aor].append(name)
        query = select(person.c.aor, person.c.tenant).where(person.c.aor.in_(keys))
        for aor, tenant in connection.execute(query):
            found[Aor.parse(aor)] = (tenant, tuple(sorted(worn.get(aor, ()))))
    return found


def parents(connection: Connection, tenant: str, name: str) -> list[str]:
    """The groups that this one is directly in."""
    query = select(subgroup.c.parent).where(subgroup.c.tenant == tenant, subgroup.c.child == name)
    return sorted(connection.execute(query).scalars())


def put(connection: Connection, groups: Sequence[Group]) -> None:
    """Make the groups as given, with what is in them."""
    rows = [
        {
            "tenant": each.tenant,
            "name": each.name,
            "description": each.description,
            "source": each.source,
            "formerly": json.dumps(each.formerly),
        }
        for each in groups
    ]
    upsert(connection, directory_group, rows, ("description", "source", "formerly"))
    for batch in in_batches(groups, 200):
        keys = [_is(subgroup.c.tenant, subgroup.c.parent, (each.tenant, each.name)) for each in batch]
        connection.execute(delete_from(subgroup).where(or_(*keys)))
    edges = [{"tenant": each.tenant, "parent": each.name, "child": child} for each in groups for child in each.groups]
    if edges:
        connection.execute(insert(subgroup), edges)


def delete(connection: Connection, keys: Iterable[Key]) -> None:
    """Remove the rows of these groups, and what was in them; not the names at people, nor in other groups."""
    for batch in in_batches(keys, 200):
        every = [_is(directory_group.c.tenant, directory_group.c.name, key) for key in batch]
        connection.execute(delete_from(directory_group).where(or_(*every)))


def _people(tenant: str, groups: Collection[str]) -> Any:
    return (
        select(membership.c.aor)
        .join(person, person.c.aor == membership.c.aor)
        .where(person.c.tenant == tenant, membership.c.group_name.in_(groups))
    )


def _inside(connection: Connection, tenant: str, groups: Collection[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    query = select(subgroup).where(subgroup.c.tenant == tenant, subgroup.c.parent.in_(groups))
    for row in connection.execute(query):
        found[row.parent].append(row.child)
    return found


def _is(tenant: Any, name: Any, key: Key) -> ColumnElement[bool]:
    return and_(tenant == key[0], name == key[1])


def _by_tenant(keys: Iterable[Key]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for tenant, name in keys:
        found[tenant].append(name)
    return found
