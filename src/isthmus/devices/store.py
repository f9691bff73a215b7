"""The SQL of devices beside the directory's own: listing, last use, what has to end. Functions of a connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from isthmus.access.model import EVERYTHING, Reach
from isthmus.addressing import Aor
from isthmus.devices.model import Owned, Use
from isthmus.devices.tables import device_use
from isthmus.directory import device_store
from isthmus.directory import store as directory_store
from isthmus.directory.batches import in_batches, upsert
from isthmus.directory.tables import device, device_ended, person


@dataclass(frozen=True, slots=True)
class Ended:
    """A secret that opens nothing any more. looked: how often what it had registered was looked for."""

    aor: Aor
    name: str
    generation: int
    looked: int


def owned(
    connection: Connection, *, aor: Aor | None, after: str | None, limit: int, reach: Reach = EVERYTHING
) -> list[Owned]:
    """Devices in the order of their names, from behind `after` on: a person's, or of all within reach."""
    query = select(device, person.c.tenant).join(person, person.c.aor == device.c.aor).order_by(device.c.name)
    if not reach.everything:
        query = query.where(directory_store.reached(reach))
    if aor is not None:
        query = query.where(device.c.aor == str(aor))
    if after is not None:
        query = query.where(device.c.name > after)
    rows = connection.execute(query.limit(limit)).all()
    return [Owned(Aor.parse(row.aor), row.tenant, device_store.device_of(row)) for row in rows]


def one(connection: Connection, name: str) -> Owned | None:
    """The device of this name."""
    query = select(device, person.c.tenant).join(person, person.c.aor == device.c.aor).where(device.c.name == name)
    row = connection.execute(query).one_or_none()
    return None if row is None else Owned(Aor.parse(row.aor), row.tenant, device_store.device_of(row))


def with_former_until(connection: Connection, now_ms: int) -> list[str]:
    """Devices whose former secret's time is over by now."""
    query = select(device.c.name).where(device.c.former_until_ms > 0, device.c.former_until_ms <= now_ms)
    return list(connection.execute(query).scalars())


def uses(connection: Connection, names: Iterable[str]) -> dict[str, Use]:
    """When those of the devices that were seen here were seen last."""
    found: dict[str, Use] = {}
    for batch in in_batches(names):
        for row in connection.execute(select(device_use).where(device_use.c.name.in_(batch))):
            found[row.name] = Use(row.name, int(row.generation), int(row.at_ms), row.address, row.edge, row.client)
    return found


def put_uses(connection: Connection, seen: Sequence[Use]) -> None:
    """Remember when these were seen; those that are no devices of ours are passed over."""
    known = device_store.by_name(connection, (each.name for each in seen))
    rows = [
        {
            "name": each.name,
            "generation": each.generation,
            "at_ms": each.at_ms,
            "address": each.address,
            "edge": each.edge,
            "client": each.client,
        }
        for each in seen
        if each.name in known
    ]
    upsert(connection, device_use, rows, ("generation", "at_ms", "address", "edge", "client"))


def due(connection: Connection, now_ms: int, limit: int) -> list[Ended]:
    """What has ended and is to be looked for now."""
    query = select(device_ended).where(device_ended.c.next_ms <= now_ms).order_by(device_ended.c.next_ms).limit(limit)
    return [
        Ended(Aor.parse(row.aor), row.name, int(row.generation), int(row.looked)) for row in connection.execute(query)
    ]


def look_again(connection: Connection, ended: Ended, next_ms: int) -> None:
    """Look for it once more then."""
    connection.execute(
        update(device_ended)
        .where(
            device_ended.c.aor == str(ended.aor),
            device_ended.c.name == ended.name,
            device_ended.c.generation == ended.generation,
        )
        .values(looked=ended.looked + 1, next_ms=next_ms)
    )


def forget(connection: Connection, ended: Ended) -> None:
    """Nothing can be registered with it any more. Of a device that is no more nothing is left then."""
    connection.execute(
        delete(device_ended).where(
            device_ended.c.aor == str(ended.aor),
            device_ended.c.name == ended.name,
            device_ended.c.generation == ended.generation,
        )
    )
    if not device_store.by_name(connection, [ended.name]):
        connection.execute(delete(device_use).where(device_use.c.name == ended.name))
