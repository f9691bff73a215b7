"""The SQL of people's devices. Functions of a connection, nothing decided.

Whichever way a secret ends (revoked, rotated, with its person, by the feed), it is noted in the same transaction that
what was registered with it has to end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy import delete as delete_from

from isthmus.directory.batches import in_batches, upsert
from isthmus.directory.model import Credentials, Device, Person
from isthmus.directory.tables import device, device_ended

_CHANGING = [column.name for column in device.columns if column.name != "name"]


def of_people(connection: Connection, aors: Iterable[str]) -> dict[str, tuple[Device, ...]]:
    """The devices of those of the people who have any, by name."""
    found: dict[str, list[Device]] = defaultdict(list)
    for batch in in_batches(aors):
        query = select(device).where(device.c.aor.in_(batch)).order_by(device.c.name)
        for row in connection.execute(query):
            found[row.aor].append(device_of(row))
    return {aor: tuple(devices) for aor, devices in found.items()}


def put(connection: Connection, people: Sequence[Person]) -> None:
    """Let exactly these be the devices of these people. One that was somebody else's is taken over."""
    present = of_people(connection, (str(each.aor) for each in people))
    gone: list[str] = []
    ended: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for each in people:
        aor = str(each.aor)
        before, after = present.get(aor, ()), {found.name: found for found in each.devices}
        if before == each.devices:
            continue
        gone += [found.name for found in before if found.name not in after]
        for found in before:
            left = after[found.name].generations if found.name in after else ()
            ended += [_ended(aor, found.name, number) for number in found.generations if number not in left]
        rows += [_row(aor, found) for found in each.devices if found not in before]
    new_owner = {row["name"]: row["aor"] for row in rows}
    for name, (owner, found) in by_name(connection, new_owner).items():
        if owner != new_owner[name]:
            ended += [_ended(owner, name, number) for number in found.generations]
    for batch in in_batches(gone):
        connection.execute(delete_from(device).where(device.c.name.in_(batch)))
    upsert(connection, device, rows, _CHANGING)
    upsert(connection, device_ended, ended, ("looked", "next_ms"))


def delete(connection: Connection, people: Iterable[Person]) -> None:
    """Remove the devices of people who go."""
    aors = [str(each.aor) for each in people]
    present = of_people(connection, aors)
    ended = [
        _ended(aor, found.name, number)
        for aor, devices in present.items()
        for found in devices
        for number in found.generations
    ]
    for batch in in_batches(present):
        connection.execute(delete_from(device).where(device.c.aor.in_(batch)))
    upsert(connection, device_ended, ended, ("looked", "next_ms"))


def by_name(connection: Connection, names: Iterable[str]) -> dict[str, tuple[str, Device]]:
    """Those of the devices that exist: whose each is, and the device."""
    found: dict[str, tuple[str, Device]] = {}
    for batch in in_batches(names):
        query = select(device).where(device.c.name.in_(batch))
        found |= {row.name: (row.aor, device_of(row)) for row in connection.execute(query)}
    return found


def device_of(row: Row[Any]) -> Device:
    """The device that a row tells of."""
    former = Credentials(bytes(row.former_md5), bytes(row.former_sha256)) if row.former_sha256 else None
    return Device(
        name=row.name,
        label=row.label,
        credentials=Credentials(bytes(row.ha1_md5), bytes(row.ha1_sha256)),
        created_ms=int(row.created_ms),
        secret_ms=int(row.secret_ms),
        generation=int(row.generation),
        former=former,
        former_until_ms=int(row.former_until_ms),
    )


def _row(aor: str, each: Device) -> dict[str, Any]:
    former = each.former or Credentials(b"", b"")
    return {
        "name": each.name,
        "aor": aor,
        "label": each.label,
        "generation": each.generation,
        "ha1_md5": each.credentials.ha1_md5,
        "ha1_sha256": each.credentials.ha1_sha256,
        "former_md5": former.ha1_md5,
        "former_sha256": former.ha1_sha256,
        "former_until_ms": each.former_until_ms,
        "created_ms": each.created_ms,
        "secret_ms": each.secret_ms,
    }


def _ended(aor: str, name: str, generation: int) -> dict[str, Any]:
    return {"aor": aor, "name": name, "generation": generation, "looked": 0, "next_ms": 0}
