"""The SQL of emergency locations. Functions of a connection, nothing decided."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select

from isthmus.addressing import Aor
from isthmus.directory import tables as directory
from isthmus.directory.batches import in_batches, upsert
from isthmus.emergency.model import Choice, Civic, Element, Loan, NetworkElement, Place, Point
from isthmus.emergency.tables import choice, elin, loan, network, place


def tenants(connection: Connection) -> list[str]:
    """Those that have a place."""
    return list(connection.execute(select(place.c.tenant).distinct().order_by(place.c.tenant)).scalars())


def places(connection: Connection, tenant: str, name: str | None = None) -> list[Place]:
    """The tenant's places by name, all or one."""
    query, numbers = select(place).where(place.c.tenant == tenant), select(elin).where(elin.c.tenant == tenant)
    if name is not None:
        query, numbers = query.where(place.c.name == name), numbers.where(elin.c.place == name)
    pools: dict[str, list[str]] = {}
    for row in connection.execute(numbers.order_by(elin.c.number)):
        pools.setdefault(row.place, []).append(row.number)
    rows = connection.execute(query.order_by(place.c.name))
    return [
        Place(
            row.tenant, row.name, _civic(row), _point(row), tuple(pools.get(row.name, ())), row.policy, row.is_default
        )
        for row in rows
    ]


def put_place(connection: Connection, wanted: Place) -> None:
    """Make the place as given, with its numbers. Of defaults there is one a tenant: the last."""
    if wanted.default:
        connection.execute(place.update().where(place.c.tenant == wanted.tenant).values(is_default=False))
    row = {
        "tenant": wanted.tenant,
        "name": wanted.name,
        "policy": wanted.policy,
        "is_default": wanted.default,
        **_address_row(wanted.civic, wanted.point),
    }
    upsert(connection, place, [row], ("country", "elements", "latitude", "longitude", "policy", "is_default"))
    connection.execute(delete(elin).where(elin.c.tenant == wanted.tenant, elin.c.place == wanted.name))
    rows = [{"number": number, "tenant": wanted.tenant, "place": wanted.name} for number in wanted.elins]
    if rows:
        connection.execute(insert(elin), rows)


def delete_place(connection: Connection, gone: Place) -> None:
    """Remove a place that nothing leads to."""
    connection.execute(delete(elin).where(elin.c.tenant == gone.tenant, elin.c.place == gone.name))
    connection.execute(delete(place).where(place.c.tenant == gone.tenant, place.c.name == gone.name))


def lenders(connection: Connection, numbers: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Tenant and place in whose pool each of these numbers is, for those that are in one."""
    found: dict[str, tuple[str, str]] = {}
    for batch in in_batches(numbers):
        for row in connection.execute(select(elin).where(elin.c.number.in_(batch))):
            found[row.number] = (row.tenant, row.place)
    return found


def owned(connection: Connection, numbers: Iterable[str]) -> dict[str, str]:
    """The addresses of people whose own number is one of these."""
    found: dict[str, str] = {}
    person = directory.person
    for batch in in_batches(numbers):
        query = select(person.c.number, person.c.aor).where(person.c.number.in_(batch))
        found |= {row.number: row.aor for row in connection.execute(query)}
    return found


def network_of(
    connection: Connection,
    tenant: str,
    *,
    kind: Element | None = None,
    place_name: str | None = None,
    id_: str | None = None,
    port: str | None = None,
) -> list[NetworkElement]:
    """Parts of the tenant's network, by kind, id and port."""
    query = select(network).where(network.c.tenant == tenant)
    wanted = ((network.c.kind, kind and kind.value), (network.c.place, place_name), (network.c.id, id_))
    for column, value in (*wanted, (network.c.port, port)):
        if value is not None:
            query = query.where(column == value)
    rows = connection.execute(query.order_by(network.c.kind, network.c.id, network.c.port))
    return [NetworkElement(row.tenant, Element(row.kind), row.id, row.place, row.port) for row in rows]


def put_network(connection: Connection, wanted: Sequence[NetworkElement]) -> None:
    """Let these lead to their places."""
    rows = [
        {"tenant": each.tenant, "kind": each.kind.value, "id": each.id, "port": each.port, "place": each.place}
        for each in wanted
    ]
    upsert(connection, network, rows, ("place",))


def delete_network(connection: Connection, gone: Iterable[NetworkElement]) -> None:
    """Remove these."""
    for each in gone:
        connection.execute(
            delete(network).where(
                network.c.tenant == each.tenant,
                network.c.kind == each.kind.value,
                network.c.id == each.id,
                network.c.port == each.port,
            )
        )


def choices(connection: Connection, people: Iterable[Aor]) -> dict[Aor, list[Choice]]:
    """What those of the people have chosen who have: for all their devices first, then by device."""
    found: dict[Aor, list[Choice]] = {}
    for batch in in_batches(str(aor) for aor in people):
        _add_choices(connection, directory.person.c.aor.in_(batch), found)
    return found


def choices_of(connection: Connection, tenant: str) -> dict[Aor, list[Choice]]:
    """The same of all people of a tenant."""
    found: dict[Aor, list[Choice]] = {}
    _add_choices(connection, directory.person.c.tenant == tenant, found)
    return found


def choosing_tenants(connection: Connection) -> list[str]:
    """Those of whom somebody has chosen."""
    person = directory.person
    query = select(person.c.tenant).join(choice, person.c.id == choice.c.person_id).distinct()
    return list(connection.execute(query).scalars())


def put_choice(connection: Connection, person_id: str, wanted: Choice) -> None:
    """Make the choice."""
    row = {
        "person_id": person_id,
        "device": wanted.device,
        "place": wanted.place,
        "confirmed_ms": wanted.confirmed_ms,
        **_address_row(wanted.civic or Civic(""), wanted.point),
    }
    columns = ("place", "country", "elements", "latitude", "longitude", "confirmed_ms")
    upsert(connection, choice, [row], columns)


def delete_choices(connection: Connection, person_id: str, device: str | None = None) -> None:
    """Remove what a person chose, for one device (empty: for the others) or all."""
    query = delete(choice).where(choice.c.person_id == person_id)
    connection.execute(query if device is None else query.where(choice.c.device == device))


def choosing(connection: Connection, tenant: str, name: str) -> int:
    """How many people have chosen this place."""
    person = directory.person
    query = (
        select(func.count(choice.c.person_id.distinct()))
        .join(person, person.c.id == choice.c.person_id)
        .where(person.c.tenant == tenant, choice.c.place == name)
    )
    return int(connection.execute(query).scalar_one())


def forget_gone(connection: Connection) -> int:
    """Drop what was chosen by people who are no more. Returns how much that was."""
    present = select(directory.person.c.id).where(directory.person.c.id == choice.c.person_id)
    return connection.execute(delete(choice).where(~present.exists())).rowcount


def loans_of(connection: Connection, numbers: Iterable[str]) -> list[Loan]:
    """The last loan of each of these numbers, ended ones too."""
    return [_loan(row) for batch in in_batches(numbers) for row in _loan_rows(connection, batch)]


def loans(connection: Connection, tenant: str, now_ms: int) -> list[Loan]:
    """The tenant's loans that have not ended by now, the newest first."""
    query = select(loan).where(loan.c.tenant == tenant, loan.c.until_ms > now_ms)
    return [_loan(row) for row in connection.execute(query.order_by(loan.c.lent_ms.desc(), loan.c.number))]


def all_loans(connection: Connection) -> list[Loan]:
    """The last loan of each number that was ever lent, by number."""
    return [_loan(row) for row in connection.execute(select(loan).order_by(loan.c.number))]


def put_loan(connection: Connection, wanted: Loan) -> None:
    """Make the loan; it takes the place of the number's last one."""
    row = {name: getattr(wanted, name) for name in wanted.__struct_fields__}
    upsert(connection, loan, [row], [name for name in row if name != "number"])


def _add_choices(connection: Connection, whose: ColumnElement[bool], found: dict[Aor, list[Choice]]) -> None:
    person = directory.person
    query = select(choice, person.c.aor).join(person, person.c.id == choice.c.person_id).where(whose)
    for row in connection.execute(query.order_by(choice.c.device)):
        civic = _civic(row) if row.country else None
        made = Choice(row.aor, row.device, row.place, civic, _point(row), int(row.confirmed_ms))
        found.setdefault(Aor.parse(row.aor), []).append(made)


def _pool(pools: dict[str, list[str]], name: str) -> tuple[str, ...]:
    return tuple(pools.get(name, ()))


def _loan_rows(connection: Connection, numbers: Sequence[str]) -> Iterable[Row[Any]]:
    return connection.execute(select(loan).where(loan.c.number.in_(numbers)))


def _loan(row: Row[Any]) -> Loan:
    fields = row._mapping
    return Loan(**{name: fields[name] for name in Loan.__struct_fields__})


def _address_row(civic: Civic, point: Point | None) -> dict[str, Any]:
    return {
        "country": civic.country,
        "elements": json.dumps(dict(civic.elements), ensure_ascii=False),
        "latitude": point and point.latitude,
        "longitude": point and point.longitude,
    }


def _civic(row: Row[Any]) -> Civic:
    # In the order in which they were written, which is that of civic.ELEMENTS.
    return Civic(row.country, tuple(json.loads(row.elements).items()))


def _point(row: Row[Any]) -> Point | None:
    return None if row.latitude is None else Point(float(row.latitude), float(row.longitude))
