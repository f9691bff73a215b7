"""The SQL of SCIM. Functions of a connection and a tenant, nothing decided."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, delete, func, insert, select, update

from isthmus.directory.store import in_batches, upsert
from isthmus.scim.model import Member, Stored
from isthmus.scim.tables import group, member, removal, user

_KINDS = {"User": user, "Group": group}


def is_sound(text: str) -> bool:
    """Whether both databases can hold the text: no zero byte, no half of a surrogate pair."""
    return not any(each == "\0" or "\ud800" <= each <= "\udfff" for each in text)


def tenants(connection: Connection) -> list[str]:
    """Tenants that somebody was pushed to."""
    return sorted(connection.execute(select(user.c.tenant).distinct()).scalars())


def find(
    connection: Connection,
    kind: str,
    tenant: str,
    *,
    ids: Collection[str] | None = None,
    keys: Collection[str] | None = None,
    external_ids: Collection[str] | None = None,
    containing: str | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[Stored]:
    """Users or groups in the order of their ids, without memberships: all, or those that are named in one way.

    keys: names as they are compared. containing: groups in which this member is directly. after: so many are skipped.
    """
    table = _KINDS[kind]
    query = _present(select(table), table, tenant).order_by(table.c.id)
    if containing is not None and not is_sound(containing):
        return []
    if containing is not None:
        inside = select(member.c.group_id).where(member.c.tenant == tenant, member.c.member == containing)
        query = query.where(table.c.id.in_(inside))
    for column, values in ((table.c.id, ids), (table.c.key, keys), (table.c.external_id, external_ids)):
        if values is not None:
            rows: list[RowMapping] = []
            for some in in_batches(filter(is_sound, values)):
                rows += connection.execute(query.where(column.in_(some))).mappings()
            return [_stored(row) for row in rows]
    if limit is not None:
        query = query.offset(after).limit(limit)
    return [_stored(row) for row in connection.execute(query).mappings()]


def count(connection: Connection, kind: str, tenant: str) -> int:
    """How many there are."""
    table = _KINDS[kind]
    return int(connection.execute(_present(select(func.count()), table, tenant)).scalar_one())


def last_change(connection: Connection, tenant: str) -> int | None:
    """When the provider changed anything last, milliseconds since 1970."""
    found = [
        connection.execute(select(func.max(column)).where(table.c.tenant == tenant)).scalar()
        for table, column in ((user, user.c.modified_ms), (user, user.c.deleted_ms), (group, group.c.modified_ms))
    ]
    return max((each for each in found if each is not None), default=None)


def put(connection: Connection, kind: str, tenant: str, key: str, stored: Stored) -> None:
    """Make or change a user or a group; its memberships are left alone."""
    row = {
        "tenant": tenant,
        "id": stored.id,
        "key": key,
        "name": stored.name,
        "external_id": stored.external_id,
        "version": stored.version,
        "created_ms": stored.created_ms,
        "modified_ms": stored.modified_ms,
        "resource": json.dumps(stored.resource),
    }
    columns = ["key", "name", "external_id", "version", "created_ms", "modified_ms", "resource"]
    if kind == "User":
        row["deleted_ms"] = None
        columns.append("deleted_ms")
    upsert(connection, _KINDS[kind], [row], tuple(columns))


def bury(connection: Connection, tenant: str, object_id: str, now_ms: int) -> None:
    """A user is gone: only what tells the same person again is kept."""
    connection.execute(
        update(user)
        .where(user.c.tenant == tenant, user.c.id == object_id)
        .values(deleted_ms=now_ms, version=user.c.version + 1, resource="{}")
    )


def buried(connection: Connection, tenant: str, key: str, external_id: str) -> Stored | None:
    """Who is gone and had this name and this id at the provider."""
    query = select(user).where(user.c.tenant == tenant, user.c.external_id == external_id, user.c.key == key)
    row = connection.execute(query.where(user.c.deleted_ms.is_not(None)).limit(1)).mappings().first()
    return None if row is None else _stored(row)


def forget_buried(connection: Connection, tenant: str, before_ms: int) -> None:
    """Forget who is gone since before then."""
    connection.execute(delete(user).where(user.c.tenant == tenant, user.c.deleted_ms < before_ms))


def drop_group(connection: Connection, tenant: str, object_id: str) -> None:
    """Remove a group and what is in it."""
    connection.execute(delete(group).where(group.c.tenant == tenant, group.c.id == object_id))
    connection.execute(delete(member).where(member.c.tenant == tenant, member.c.group_id == object_id))


def touch(connection: Connection, kind: str, tenant: str, ids: Iterable[str], now_ms: int) -> None:
    """What is shown of these has changed with something else."""
    table = _KINDS[kind]
    for some in in_batches(ids):
        connection.execute(
            update(table)
            .where(table.c.tenant == tenant, table.c.id.in_(some))
            .values(version=table.c.version + 1, modified_ms=now_ms)
        )


# Members


def members(connection: Connection, tenant: str, groups: Collection[str]) -> dict[str, list[Member]]:
    """What is directly in each of the groups, in the order of ids."""
    found: dict[str, list[Member]] = defaultdict(list)
    for some in in_batches(groups):
        query = select(member).where(member.c.tenant == tenant, member.c.group_id.in_(some)).order_by(member.c.member)
        for row in connection.execute(query):
            found[row.group_id].append(Member(row.member, row.is_group, row.display))
    return found


def groups_of(
    connection: Connection, tenant: str, ids: Collection[str] | None = None
) -> dict[str, list[tuple[str, str]]]:
    """The groups (id, name) that members are directly in; of all members without `ids`."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    query = (
        select(member.c.member, group.c.id, group.c.name)
        .join(group, (group.c.tenant == member.c.tenant) & (group.c.id == member.c.group_id))
        .where(member.c.tenant == tenant)
        .order_by(group.c.id)
    )
    batches: Iterable[Any] = [None] if ids is None else in_batches(ids)
    for some in batches:
        narrowed = query if some is None else query.where(member.c.member.in_(some))
        for row in connection.execute(narrowed):
            found[row.member].append((row.id, row.name))
    return found


def put_members(connection: Connection, tenant: str, group_id: str, items: Sequence[Member]) -> None:
    """Put these into a group, or say of them anew."""
    rows = [
        {"tenant": tenant, "group_id": group_id, "member": each.id, "is_group": each.is_group, "display": each.display}
        for each in items
    ]
    upsert(connection, member, rows, ("is_group", "display"))


def drop_members(connection: Connection, tenant: str, ids: Collection[str], group_id: str | None = None) -> list[str]:
    """Take these out of a group, or of all groups. Returns the groups they were in."""
    where = [member.c.tenant == tenant] + ([] if group_id is None else [member.c.group_id == group_id])
    touched: set[str] = set()
    for some in in_batches(ids):
        query = delete(member).where(*where, member.c.member.in_(some)).returning(member.c.group_id)
        touched |= set(connection.execute(query).scalars())
    return sorted(touched)


def kinds(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, tuple[bool, str]]:
    """Of what there is of these: whether it is a group, and its name."""
    found: dict[str, tuple[bool, str]] = {}
    for some in in_batches(filter(is_sound, ids)):
        for table in (user, group):
            query = _present(select(table.c.id, table.c.name), table, tenant).where(table.c.id.in_(some))
            found |= {row.id: (table is group, row.name) for row in connection.execute(query)}
    return found


# Removals


def removals(connection: Connection, tenant: str, since_ms: int) -> int:
    """How many people were disabled by pushes since then."""
    query = select(func.count()).select_from(removal).where(removal.c.tenant == tenant, removal.c.at_ms >= since_ms)
    return int(connection.execute(query).scalar_one())


def note_removals(connection: Connection, tenant: str, number: int, now_ms: int, since_ms: int) -> None:
    """Remember that people were disabled now; what was before `since_ms` is of no interest any more."""
    connection.execute(delete(removal).where(removal.c.tenant == tenant, removal.c.at_ms < since_ms))
    connection.execute(insert(removal), [{"tenant": tenant, "at_ms": now_ms}] * number)


def _present(query: Select[Any], table: Table, tenant: str) -> Select[Any]:
    query = query.where(table.c.tenant == tenant)
    return query.where(user.c.deleted_ms.is_(None)) if table is user else query


def _stored(row: RowMapping) -> Stored:
    return Stored(
        id=row["id"],
        name=row["name"],
        external_id=row["external_id"],
        version=row["version"],
        created_ms=row["created_ms"],
        modified_ms=row["modified_ms"],
        resource=json.loads(row["resource"]),
    )
