"""The SQL of the inventory. Functions of a connection, nothing decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from isthmus.addressing import Aor, Telephone
from isthmus.directory.batches import in_batches, upsert
from isthmus.directory.tables import person
from isthmus.numbers.model import (
    Block,
    Hold,
    Kind,
    NumberSource,
    NumberUse,
    Order,
    Owner,
    PortDirection,
    PortState,
    Range,
    counted,
    written,
)
from isthmus.numbers.tables import number_block, number_extension, number_hold, number_port

_RESERVED = "reserved"
_PORT = ("state", "reference", "due", "note", "changed_ms")


# Ranges


def blocks(connection: Connection, tenant: str) -> list[Block]:
    """A tenant's, ascending."""
    query = select(number_block).where(number_block.c.tenant == tenant).order_by(number_block.c.first)
    return [_block(row) for row in connection.execute(query)]


def overlapping(connection: Connection, range_: Range) -> list[Block]:
    """All ranges, whosever, that have a number in common with this one."""
    query = select(number_block).where(number_block.c.first <= range_.last, number_block.c.last >= range_.first)
    return [_block(row) for row in connection.execute(query.order_by(number_block.c.first))]


def insert_block(connection: Connection, block: Block) -> None:
    """Add a range. Raises IntegrityError where one begins there already."""
    row = {
        "first": block.range.first,
        "last": block.range.last,
        "tenant": block.tenant,
        "purpose": block.use,
        "source": block.source,
        "carrier": block.carrier,
        "note": block.note,
        "added_ms": block.added_ms,
    }
    connection.execute(insert(number_block), row)


def delete_block(connection: Connection, block: Block) -> None:
    """Remove a range."""
    connection.execute(delete(number_block).where(number_block.c.first == block.range.first))


# Owners and reservations


def holds(connection: Connection, numbers: Iterable[int]) -> dict[int, Hold]:
    """What keeps these numbers, reservations that are over included."""
    found: dict[int, Hold] = {}
    for batch in in_batches(numbers):
        rows = connection.execute(select(number_hold).where(number_hold.c.number.in_(batch)))
        found |= {int(row.number): _hold(row) for row in rows}
    return found


def holds_in(connection: Connection, range_: Range) -> list[Hold]:
    """What keeps numbers of a range, ascending."""
    query = select(number_hold).where(number_hold.c.number.between(range_.first, range_.last))
    return [_hold(row) for row in connection.execute(query.order_by(number_hold.c.number))]


def holds_of(connection: Connection, tenant: str) -> list[Hold]:
    """What keeps numbers of a tenant, ascending."""
    query = select(number_hold).where(number_hold.c.tenant == tenant).order_by(number_hold.c.number)
    return [_hold(row) for row in connection.execute(query)]


def put_hold(connection: Connection, hold: Hold) -> None:
    """Let something keep a number, instead of whatever did."""
    row = {
        "number": hold.number,
        "tenant": hold.tenant,
        "kind": hold.owner.kind if hold.owner else _RESERVED,
        "name": hold.owner.name if hold.owner else "",
        "made_by": str(hold.by),
        "at_ms": hold.at_ms,
        "until_ms": hold.until_ms,
    }
    upsert(connection, number_hold, [row], ("tenant", "kind", "name", "made_by", "at_ms", "until_ms"))


def delete_holds(connection: Connection, numbers: Iterable[int]) -> None:
    """Let nothing keep these numbers."""
    for batch in in_batches(numbers):
        connection.execute(delete(number_hold).where(number_hold.c.number.in_(batch)))


def forget_reservations(connection: Connection, now_ms: int) -> None:
    """Drop the reservations that are over."""
    connection.execute(
        delete(number_hold).where(number_hold.c.kind == _RESERVED).where(number_hold.c.until_ms <= now_ms)
    )


def people_in(connection: Connection, range_: Range) -> list[tuple[int, Aor, str]]:
    """Whoever has a number of the range: number, address and tenant, ascending."""
    query = select(person.c.number, person.c.aor, person.c.tenant).where(
        person.c.number.startswith(f"+{range_.common}", autoescape=True),
        func.length(person.c.number) == len(written(range_.first)),
    )
    rows = connection.execute(query).all()
    return sorted((counted(r.number), Aor.parse(r.aor), r.tenant) for r in rows if range_.holds(counted(r.number)))


def people_of(connection: Connection, tenant: str) -> list[tuple[int, str]]:
    """Whoever of a tenant has a number: number and address, ascending."""
    query = select(person.c.number, person.c.aor).where(person.c.tenant == tenant, person.c.number.is_not(None))
    return sorted((counted(row.number), row.aor) for row in connection.execute(query))


# Extensions


def extensions(connection: Connection, range_: Range) -> list[tuple[int, str, Aor]]:
    """Who is behind the numbers of a range: number, extension, address; ascending."""
    query = (
        select(number_extension.c.number, number_extension.c.extension, person.c.aor)
        .join(person, person.c.id == number_extension.c.person)
        .where(number_extension.c.number.between(range_.first, range_.last))
        .order_by(number_extension.c.number, number_extension.c.extension)
    )
    return [(int(row.number), row.extension, Aor.parse(row.aor)) for row in connection.execute(query)]


def extensions_of(
    connection: Connection, tenant: str, behind: Telephone | None, limit: int
) -> list[tuple[Telephone, Aor]]:
    """A tenant's extensions and who has them, ascending, from `behind` on."""
    number, extension = number_extension.c.number, number_extension.c.extension
    query = (
        select(number, extension, person.c.aor)
        .join(person, person.c.id == number_extension.c.person)
        .where(number_extension.c.tenant == tenant)
        .order_by(number, extension)
    )
    if behind is not None:
        last = counted(behind.number)
        query = query.where((number > last) | ((number == last) & (extension > behind.extension)))
    rows = connection.execute(query.limit(limit))
    return [(Telephone(written(int(row.number)), row.extension), Aor.parse(row.aor)) for row in rows]


def put_extension(connection: Connection, telephone: Telephone, tenant: str, person_id: str) -> None:
    """Let a person be behind the extension, instead of whoever was."""
    row = {
        "number": counted(telephone.number),
        "extension": telephone.extension,
        "tenant": tenant,
        "person": person_id,
    }
    upsert(connection, number_extension, [row], ("tenant", "person"))


def delete_extension(connection: Connection, telephone: Telephone) -> None:
    """Let nobody be behind the extension."""
    connection.execute(
        delete(number_extension).where(
            number_extension.c.number == counted(telephone.number),
            number_extension.c.extension == telephone.extension,
        )
    )


def delete_extensions_of(connection: Connection, people: Iterable[str]) -> None:
    """Take their extensions from people, by id."""
    for batch in in_batches(people):
        connection.execute(delete(number_extension).where(number_extension.c.person.in_(batch)))


# Porting orders


def orders(connection: Connection, tenant: str) -> list[Order]:
    """A tenant's, the newest first."""
    query = select(number_port).where(number_port.c.tenant == tenant)
    rows = connection.execute(query.order_by(number_port.c.created_ms.desc(), number_port.c.id))
    return [_order(row) for row in rows]


def orders_about(connection: Connection, range_: Range, states: Sequence[PortState]) -> list[Order]:
    """All orders, whosever, in these states that have a number in common with the range."""
    query = select(number_port).where(
        number_port.c.first <= range_.last, number_port.c.last >= range_.first, number_port.c.state.in_(states)
    )
    return [_order(row) for row in connection.execute(query)]


def orders_of_carriers(connection: Connection, carriers: Sequence[str], states: Sequence[PortState]) -> list[Order]:
    """All orders in these states whose numbers these carriers have afterwards, whosever, the oldest first."""
    query = select(number_port).where(number_port.c.carrier.in_(carriers), number_port.c.state.in_(states))
    return [_order(row) for row in connection.execute(query.order_by(number_port.c.created_ms, number_port.c.id))]


def order(connection: Connection, tenant: str, id_: str) -> Order | None:
    """One of a tenant's."""
    query = select(number_port).where(number_port.c.tenant == tenant, number_port.c.id == id_)
    row = connection.execute(query).one_or_none()
    return None if row is None else _order(row)


def put_order(connection: Connection, each: Order) -> None:
    """Write an order down; of one that exists, what can change."""
    changing = {name: getattr(each, name) for name in _PORT}
    known = connection.execute(update(number_port).where(number_port.c.id == each.id).values(changing))
    if known.rowcount:
        return
    row = {
        "id": each.id,
        "tenant": each.block.tenant,
        "direction": each.direction,
        "first": each.block.range.first,
        "last": each.block.range.last,
        "purpose": each.block.use,
        "source": each.block.source,
        "carrier": each.block.carrier,
        "created_ms": each.created_ms,
        **changing,
    }
    connection.execute(insert(number_port), row)


def _block(row: Row[Any]) -> Block:
    return Block(
        Range(int(row.first), int(row.last)),
        row.tenant,
        NumberUse(row.purpose),
        NumberSource(row.source),
        row.carrier,
        row.note,
        int(row.added_ms),
    )


def _hold(row: Row[Any]) -> Hold:
    owner = None if row.kind == _RESERVED else Owner(Kind(row.kind), row.name)
    return Hold(int(row.number), row.tenant, owner, row.made_by, int(row.at_ms), int(row.until_ms))


def _order(row: Row[Any]) -> Order:
    range_ = Range(int(row.first), int(row.last))
    return Order(
        id=row.id,
        direction=PortDirection(row.direction),
        block=Block(range_, row.tenant, NumberUse(row.purpose), NumberSource(row.source), row.carrier),
        state=PortState(row.state),
        reference=row.reference,
        due=row.due,
        note=row.note,
        created_ms=int(row.created_ms),
        changed_ms=int(row.changed_ms),
    )
