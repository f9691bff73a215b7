"""The directory's SQL: people, numbers, groups, tenants and domains. Functions of a connection, nothing decided.

Lists of any length are handled in batches: one statement for each thousand, or one prepared statement run with
all rows.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from isthmus.access.model import EVERYTHING, Reach, Scope
from isthmus.addressing import Aor
from isthmus.directory import device_store, groups
from isthmus.directory.batches import in_batches as in_batches
from isthmus.directory.batches import upsert as upsert
from isthmus.directory.model import Credentials, Device, Person
from isthmus.directory.tables import departed, domain, membership, person, subgroup, tenant

_STREAM = 5000  # people read at a time when all are read


def people_by_aor(connection: Connection, aors: Iterable[Aor]) -> dict[Aor, Person]:
    """Those of the people who exist."""
    found: dict[Aor, Person] = {}
    for batch in in_batches(aors):
        keys = [str(aor) for aor in batch]
        rows = connection.execute(select(person).where(person.c.aor.in_(keys))).all()
        for each in _with_groups(connection, rows):
            found[each.aor] = each
    return found


def owners(connection: Connection, numbers: Iterable[str]) -> dict[str, tuple[Aor, str]]:
    """Who owns each of the numbers now: address and tenant. Numbers without an owner are left out."""
    found: dict[str, tuple[Aor, str]] = {}
    for batch in in_batches(numbers):
        query = select(person.c.number, person.c.aor, person.c.tenant).where(person.c.number.in_(batch))
        found |= {row.number: (Aor.parse(row.aor), row.tenant) for row in connection.execute(query)}
    return found


def find_people(
    connection: Connection,
    *,
    home: str | None,
    group: str | None,
    match: str | None,
    after: Aor | None,
    limit: int,
    reach: Reach = EVERYTHING,
    enabled: bool | None = None,
    offset: int = 0,
    among: Select[Any] | None = None,
) -> list[Person]:
    """People in the order of their addresses, from behind `after` on, who fit all that is given.

    offset: how many of them to leave out first. among: a query for the ids of whom to look among.
    """
    query = _filtered(connection, select(person), home, group, match, reach, enabled)
    if among is not None:
        query = query.where(person.c.id.in_(among))
    query = query.order_by(person.c.aor).limit(limit).offset(offset)
    if after is not None:
        query = query.where(person.c.aor > str(after))
    return _with_groups(connection, connection.execute(query).all())


def count_people(
    connection: Connection,
    *,
    home: str | None,
    group: str | None,
    match: str | None,
    reach: Reach = EVERYTHING,
    enabled: bool | None = None,
) -> int:
    """How many fit."""
    query = _filtered(connection, select(func.count()).select_from(person), home, group, match, reach, enabled)
    return int(connection.execute(query).scalar_one())


def all_people(connection: Connection) -> Iterator[Person]:
    """Everybody, ascending by the bytes of the address, a few thousand in memory at a time."""
    after: Aor | None = None
    while True:
        page = find_people(connection, home=None, group=None, match=None, after=after, limit=_STREAM)
        yield from page
        if len(page) < _STREAM:
            return
        after = page[-1].aor


def insert_people(connection: Connection, people: Sequence[Person]) -> None:
    """Add people who don't exist; each gets an id who has none. Raises IntegrityError where one exists already, or a
    number is taken.
    """
    if not people:
        return
    connection.execute(insert(person), [{**_row(each), "id": each.id or new_id()} for each in people])
    _insert_memberships(connection, people)
    device_store.put(connection, people)


def update_people(connection: Connection, people: Sequence[Person]) -> None:
    """Replace people who exist. Numbers may change hands among them, in any order."""
    if not people:
        return
    release_numbers(connection, [each.aor for each in people])
    rows = [{f"to_{name}": value for name, value in _row(each).items()} for each in people]
    columns = [column.name for column in person.columns if column.name not in ("aor", "id")]
    connection.execute(
        update(person)
        .where(person.c.aor == bindparam("to_aor"))
        .values(
            {name: bindparam(f"to_{name}") for name in columns} | {"id": func.coalesce(bindparam("to_id"), person.c.id)}
        ),
        rows,
    )
    _delete_memberships(connection, people)
    _insert_memberships(connection, people)
    device_store.put(connection, people)


def holders(connection: Connection, ids: Iterable[str]) -> dict[str, Aor]:
    """Who has each of the ids now; those of nobody are left out."""
    found: dict[str, Aor] = {}
    for batch in in_batches(ids):
        query = select(person.c.id, person.c.aor).where(person.c.id.in_(batch))
        found |= {id_: Aor.parse(aor) for id_, aor in connection.execute(query)}
    return found


def release_ids(connection: Connection, ids: Iterable[str]) -> None:
    """Take the ids from whoever has them."""
    for batch in in_batches(ids):
        connection.execute(update(person).where(person.c.id.in_(batch)).values(id=None))


def set_homes(connection: Connection, moves: Sequence[tuple[Aor, str, int, str]]) -> int:
    """Compare and set: address, home and epoch as expected, new home. Returns how many were as expected."""
    statement = (
        update(person)
        .where(person.c.aor == bindparam("of_aor"))
        .where(person.c.home == bindparam("from_home"))
        .where(person.c.home_epoch == bindparam("from_epoch"))
        .values(home=bindparam("to_home"), home_epoch=bindparam("to_epoch"))
    )
    rows = [
        {"of_aor": str(aor), "from_home": home, "from_epoch": epoch, "to_home": target, "to_epoch": epoch + 1}
        for aor, home, epoch, target in moves
    ]
    return connection.execute(statement, rows).rowcount if rows else 0


def release_numbers(connection: Connection, aors: Iterable[Aor]) -> None:
    """Take the numbers away from these people."""
    for batch in in_batches(aors):
        keys = [str(aor) for aor in batch]
        connection.execute(
            update(person).where(person.c.aor.in_(keys)).where(person.c.number.is_not(None)).values(number=None)
        )


def delete_people(connection: Connection, people: Sequence[Person]) -> None:
    """Remove people, keeping their epochs for the day the address comes back."""
    device_store.delete(connection, people)
    for batch in in_batches(people):
        connection.execute(delete(person).where(person.c.aor.in_([str(each.aor) for each in batch])))
    rows = [{"aor": str(each.aor), "home_epoch": each.home_epoch} for each in people]
    upsert(connection, departed, rows, ("home_epoch",))


def departed_epochs(connection: Connection, aors: Iterable[Aor]) -> dict[Aor, int]:
    """The last epochs of those of the addresses that belonged to somebody before."""
    found: dict[Aor, int] = {}
    for batch in in_batches(aors):
        query = select(departed).where(departed.c.aor.in_([str(aor) for aor in batch]))
        found |= {Aor.parse(row.aor): int(row.home_epoch) for row in connection.execute(query)}
    return found


def domains(connection: Connection) -> dict[str, str]:
    """Every domain with its tenant."""
    return {row.name: row.tenant for row in connection.execute(select(domain))}


def tenants(connection: Connection) -> list[str]:
    """The names of all tenants, sorted."""
    return list(connection.execute(select(tenant.c.name).order_by(tenant.c.name)).scalars())


def put_tenants(connection: Connection, names: Iterable[str]) -> None:
    """Make sure that these tenants exist."""
    upsert(connection, tenant, [{"name": name} for name in names], ())


def suspended(connection: Connection) -> frozenset[str]:
    """The names of the tenants that are suspended."""
    return frozenset(connection.execute(select(tenant.c.name).where(tenant.c.suspended)).scalars())


def set_suspended(connection: Connection, name: str, value: bool) -> None:
    """Suspend the tenant, or let it go on."""
    connection.execute(update(tenant).where(tenant.c.name == name).values(suspended=value))


def delete_domains(connection: Connection, names: Iterable[str]) -> None:
    """Remove domains in which nobody has an address."""
    for batch in in_batches(names):
        connection.execute(delete(domain).where(domain.c.name.in_(batch)))


def put_domains(connection: Connection, pairs: Iterable[tuple[str, str]]) -> None:
    """Make sure that these domains exist and belong to these tenants."""
    upsert(connection, domain, [{"name": name, "tenant": owner} for name, owner in pairs], ("tenant",))


def new_id() -> str:
    """A stable id for a person."""
    return uuid.uuid4().hex


def reached(reach: Reach) -> ColumnElement[bool]:
    """`reach.covers` of people, as SQL."""
    return and_(or_(false(), *map(_in_scope, reach.scopes)), *map(reached, reach.also))


def _in_scope(scope: Scope) -> ColumnElement[bool]:
    if scope.own or scope.owner:
        return person.c.id == scope.own if scope.own else false()
    parts: list[ColumnElement[bool]] = [true()]
    if scope.tenants is not None:
        parts.append(person.c.tenant.in_(scope.tenants))
    if scope.sites is not None:
        parts.append(person.c.home.in_(scope.sites))
    if scope.groups is not None:
        parts.append(person.c.aor.in_(select(membership.c.aor).where(membership.c.group_name.in_(scope.groups))))
    return and_(*parts)


def _filtered(
    connection: Connection,
    query: Select[Any],
    home: str | None,
    group: str | None,
    match: str | None,
    reach: Reach,
    enabled: bool | None,
) -> Select[Any]:
    if not reach.everything:
        query = query.where(reached(reach))
    if home is not None:
        query = query.where(person.c.home == home)
    if enabled is not None:
        query = query.where(person.c.enabled.is_(enabled))
    if group is not None:
        query = query.where(or_(*_memberships(connection, group)))
    if match:
        wanted = match.lower()
        query = query.where(
            or_(
                person.c.aor.contains(wanted, autoescape=True),
                person.c.number.contains(wanted, autoescape=True),
                func.lower(person.c.display_name).contains(wanted, autoescape=True),
            )
        )
    return query


def _memberships(connection: Connection, group: str) -> Iterator[ColumnElement[bool]]:
    """In the group of that name of whatever tenant, directly or by way of a group in it."""
    yield person.c.aor.in_(select(membership.c.aor).where(membership.c.group_name == group))
    for owner, inside in nestings(connection).items():
        if nested := groups.within(group, inside) - {group}:
            members = select(membership.c.aor).where(membership.c.group_name.in_(nested))
            yield and_(person.c.tenant == owner, person.c.aor.in_(members))


def nestings(connection: Connection) -> dict[str, groups.Nesting]:
    """For each tenant that has nested groups: which groups are directly in which."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in connection.execute(select(subgroup).order_by(subgroup.c.child)):
        found[row.tenant][row.parent].append(row.child)
    return {name: dict(inside) for name, inside in found.items()}


def _with_groups(connection: Connection, rows: Sequence[Row[Any]]) -> list[Person]:
    names: dict[str, list[str]] = defaultdict(list)
    for batch in in_batches(row.aor for row in rows):
        query = select(membership).where(membership.c.aor.in_(batch))
        for aor, group in connection.execute(query):
            names[aor].append(group)
    devices = device_store.of_people(connection, (row.aor for row in rows))
    return [_person(row, tuple(sorted(names.get(row.aor, ()))), devices.get(row.aor, ())) for row in rows]


def _person(row: Row[Any], names: tuple[str, ...], devices: tuple[Device, ...]) -> Person:
    user, _, host = row.aor.rpartition("@")  # written by us in its one form: no need to parse it anew
    return Person(
        aor=Aor(user, host),
        tenant=row.tenant,
        display_name=row.display_name,
        number=row.number,
        home=row.home,
        home_epoch=int(row.home_epoch),
        credentials=Credentials(bytes(row.ha1_md5), bytes(row.ha1_sha256)),
        enabled=row.enabled,
        groups=names,
        id=row.id or "",
        devices=devices,
        barred=tuple(row.barred.split()),
    )


def _row(each: Person) -> dict[str, Any]:
    return {
        "aor": str(each.aor),
        "domain": each.aor.domain,
        "tenant": each.tenant,
        "display_name": each.display_name,
        "number": each.number,
        "home": each.home,
        "home_epoch": each.home_epoch,
        "ha1_md5": each.credentials.ha1_md5,
        "ha1_sha256": each.credentials.ha1_sha256,
        "enabled": each.enabled,
        "id": each.id or None,
        "barred": " ".join(each.barred),
    }


def _insert_memberships(connection: Connection, people: Sequence[Person]) -> None:
    rows = [{"aor": str(each.aor), "group_name": group} for each in people for group in each.groups]
    if rows:
        connection.execute(insert(membership), rows)


def _delete_memberships(connection: Connection, people: Sequence[Person]) -> None:
    for batch in in_batches(people):
        connection.execute(delete(membership).where(membership.c.aor.in_([str(each.aor) for each in batch])))
