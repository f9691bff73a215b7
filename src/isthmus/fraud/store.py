"""The SQL of caps and blocks. Functions of a connection, nothing decided."""

from __future__ import annotations

import json
from dataclasses import asdict

from sqlalchemy import Connection, delete, select

from isthmus.directory.store import upsert
from isthmus.fraud.model import Block, Cap, Kind
from isthmus.fraud.tables import call_block, call_cap
from isthmus.records import store as record_store
from isthmus.records.model import Record
from isthmus.records.tables import call_record, call_record_position
from isthmus.routing.model import Direction

_r = call_record.c


def caps(connection: Connection, tenant: str | None = None) -> list[Cap]:
    """All of a tenant, or of every one, in the order of their names."""
    query = select(call_cap).order_by(call_cap.c.tenant, call_cap.c.kind, call_cap.c.key)
    if tenant is not None:
        query = query.where(call_cap.c.tenant == tenant)
    return [Cap(row.tenant, Kind(row.kind), row.key, **json.loads(row.settings)) for row in connection.execute(query)]


def put_cap(connection: Connection, cap: Cap) -> None:
    """Make the cap as given."""
    settings = {name: value for name, value in asdict(cap).items() if name not in ("tenant", "kind", "key")}
    row = {"tenant": cap.tenant, "kind": cap.kind.value, "key": cap.key, "settings": json.dumps(settings)}
    upsert(connection, call_cap, [row], ("settings",))


def remove_cap(connection: Connection, tenant: str, kind: Kind, key: str) -> bool:
    """Remove a cap; whether there was one."""
    c = call_cap.c
    gone = delete(call_cap).where(c.tenant == tenant, c.kind == kind.value, c.key == key)
    return bool(connection.execute(gone).rowcount)


def blocks(connection: Connection, tenant: str | None = None) -> list[Block]:
    """All of a tenant, or of every one, in the order of their patterns."""
    query = select(call_block).order_by(
        call_block.c.tenant, call_block.c.direction, call_block.c.what, call_block.c.site
    )
    if tenant is not None:
        query = query.where(call_block.c.tenant == tenant)
    return [
        Block(
            row.tenant,
            Direction(row.direction),
            row.what,
            row.exception,
            row.reason,
            row.made_by,
            row.at_ms / 1000,
            row.site,
        )
        for row in connection.execute(query)
    ]


def put_block(connection: Connection, block: Block) -> None:
    """Make the block as given."""
    row = {
        "site": block.site,
        "tenant": block.tenant,
        "direction": block.direction.value,
        "what": block.what,
        "exception": block.exception,
        "reason": block.reason,
        "made_by": block.by,
        "at_ms": round(block.at * 1000),
    }
    upsert(connection, call_block, [row], ("exception", "reason", "made_by", "at_ms"))


def remove_blocks_of(connection: Connection, site: str) -> None:
    """Remove all that were made at a site."""
    connection.execute(delete(call_block).where(call_block.c.site == site))


def remove_block(connection: Connection, site: str, tenant: str, direction: Direction, what: str) -> bool:
    """Remove a block that was made at the site; whether there was one."""
    c = call_block.c
    gone = delete(call_block).where(c.site == site, c.tenant == tenant, c.direction == direction.value, c.what == what)
    return bool(connection.execute(gone).rowcount)


def positions(connection: Connection) -> set[tuple[str, str]]:
    """The sites whose records there are, each with the database that they come from."""
    c = call_record_position.c
    return {(row.site, row.stream) for row in connection.execute(select(c.site, c.stream))}


def dialled(
    connection: Connection, site: str, stream: str, after: int, since_ms: int, limit: int
) -> tuple[int, list[Record]]:
    """Records behind number `after` of calls that went to the PSTN, were answered and ended since; and up to which
    number was looked.
    """
    query = (
        select(call_record)
        .where(_r.site == site, _r.stream == stream, _r.seq > after, _r.ended_ms >= since_ms)
        .order_by(_r.seq)
        .limit(limit)
    )
    found = [Record(**row._mapping) for row in connection.execute(query)]
    last = found[-1].seq if found else after
    return last, [each for each in found if each.route == "dial" and each.answered_ms is not None]


def tenant_of(connection: Connection, aor: str) -> str:
    """The tenant of a person, by address; empty where nobody has it."""
    found = record_store.people_at(connection, [aor]).get(aor)
    return found.tenant if found else ""
