"""The SQL of call records. Functions of a connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, false, func, insert, or_, select, true, tuple_

from isthmus.access.model import EVERYTHING, Reach, Scope
from isthmus.addressing import Aor
from isthmus.directory import store as directory_store
from isthmus.directory.batches import in_batches, upsert
from isthmus.directory.tables import person
from isthmus.errors import IsthmusError
from isthmus.records.model import Filter, Leg, Message, Person, Rate, Record, ReportFilter
from isthmus.records.tables import (
    call_leg,
    call_rate,
    call_record,
    call_record_position,
    call_report,
    call_signalling,
)

Name = tuple[str, str]
Cursor = tuple[int, str, int]
"""Where a search goes on: began_ms, site and seq of the last record that was given."""

ReportCursor = tuple[int, str, str, str]
"""The same for what browsers reported: at_ms, Call-ID, kind and who."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Leg)
_messages = msgspec.msgpack.Decoder(tuple[Message, ...])
_c = call_record.c


# Legs that are not over


def legs(connection: Connection) -> dict[Name, Leg]:
    """All of them."""
    return {(row.call_id, row.side): _decoder.decode(row.known) for row in connection.execute(select(call_leg))}


def put_legs(connection: Connection, changed: Mapping[Name, Leg], gone: Iterable[Name]) -> None:
    """Keep these, and forget those that have their records."""
    for batch in in_batches(gone, 400):
        connection.execute(delete(call_leg).where(tuple_(call_leg.c.call_id, call_leg.c.side).in_(batch)))
    rows = [
        {"call_id": call_id, "side": side, "heard_ms": int(leg.heard * 1000), "known": _encoder.encode(leg)}
        for (call_id, side), leg in changed.items()
    ]
    upsert(connection, call_leg, rows, ("heard_ms", "known"))


def last_ended(connection: Connection, site: str, names: Iterable[Name]) -> dict[Name, int]:
    """When the last recorded legs of these names ended at the site, milliseconds since 1970."""
    found: dict[Name, int] = {}
    for batch in in_batches(names, 400):
        query = (
            select(_c.call_id, _c.side, func.max(_c.ended_ms))
            .where(_c.site == site, tuple_(_c.call_id, _c.side).in_(batch))
            .group_by(_c.call_id, _c.side)
        )
        found |= {(call_id, side): int(ended) for call_id, side, ended in connection.execute(query)}
    return found


def people_at(connection: Connection, ends: Iterable[str]) -> dict[str, Person]:
    """Which of these addresses and numbers are our people's now."""
    addresses: dict[str, Aor] = {}
    numbers = []
    for end in set(ends):
        if end.startswith("+"):
            numbers.append(end)
        elif "@" in end:
            try:
                addresses[end] = Aor.parse(end)
            except IsthmusError:
                continue
    owned = {number: aor for number, (aor, _) in directory_store.owners(connection, numbers).items()}
    everybody = directory_store.people_by_aor(connection, [*addresses.values(), *owned.values()])
    return {
        end: Person(found.id, found.tenant)
        for end, aor in (addresses | owned).items()
        if (found := everybody.get(aor)) is not None
    }


# Records


def position(connection: Connection, site: str, stream: str) -> int:
    """The last record of the site that is here."""
    table = call_record_position
    query = select(table.c.seq).where(table.c.site == site, table.c.stream == stream)
    return int(connection.execute(query).scalar() or 0)


def set_position(connection: Connection, site: str, stream: str, seq: int) -> None:
    """The site's records up to this one are here."""
    upsert(connection, call_record_position, [{"site": site, "stream": stream, "seq": seq}], ("seq",))


def add(connection: Connection, records: Sequence[Record]) -> None:
    """Store records; one that is here already is left as it is."""
    rows = [msgspec.structs.asdict(each) for each in records]
    for row in rows:
        del row["messages"]
    upsert(connection, call_record, rows, ())
    signalled = [
        {
            "site": each.site, "stream": each.stream, "seq": each.seq, "ended_ms": each.ended_ms,
            "messages": _encoder.encode(each.messages),
        }
        for each in records
        if each.messages
    ]  # fmt: skip
    upsert(connection, call_signalling, signalled, ())


def page(connection: Connection, site: str, stream: str, after: int, limit: int) -> list[Record]:
    """The site's records behind number `after`, in order."""
    query = select(call_record).where(_c.site == site, _c.stream == stream, _c.seq > after)
    return with_messages(connection, _records(connection, query.order_by(_c.seq).limit(limit)))


def with_messages(connection: Connection, records: Sequence[Record]) -> list[Record]:
    """The records with what was signalled, as far as that is kept."""
    found: dict[tuple[str, str, int], tuple[Message, ...]] = {}
    columns = call_signalling.c
    for batch in in_batches([(each.site, each.stream, each.seq) for each in records], 300):
        query = select(call_signalling).where(tuple_(columns.site, columns.stream, columns.seq).in_(batch))
        for row in connection.execute(query):
            found[row.site, row.stream, row.seq] = _messages.decode(row.messages)
    return [
        msgspec.structs.replace(each, messages=found.get((each.site, each.stream, each.seq), ())) for each in records
    ]


def find(
    connection: Connection, wanted: Filter, *, before: Cursor | None, limit: int, reach: Reach = EVERYTHING
) -> list[Record]:
    """The newest records that fit and are within reach, from those behind `before` on."""
    query = select(call_record).where(_fits(connection, wanted))
    if not reach.everything:
        query = query.where(_reached(reach))
    if before is not None:
        query = query.where(tuple_(_c.began_ms, _c.site, _c.seq) < tuple_(*before))
    return _records(connection, query.order_by(_c.began_ms.desc(), _c.site.desc(), _c.seq.desc()).limit(limit))


def purge(connection: Connection, before_ms: int, limit: int) -> int:
    """Remove records of calls that ended before then, at most so many. Returns how many."""
    old = select(_c.site, _c.stream, _c.seq).where(_c.ended_ms < before_ms).limit(limit)
    gone = delete(call_record).where(tuple_(_c.site, _c.stream, _c.seq).in_(old))
    return int(connection.execute(gone).rowcount)


def purge_signalling(connection: Connection, before_ms: int, limit: int) -> int:
    """Remove what was signalled of calls that ended before then, at most of so many. Returns of how many."""
    columns = call_signalling.c
    old = select(columns.site, columns.stream, columns.seq).where(columns.ended_ms < before_ms).limit(limit)
    gone = delete(call_signalling).where(tuple_(columns.site, columns.stream, columns.seq).in_(old))
    return int(connection.execute(gone).rowcount)


def _records(connection: Connection, query: object) -> list[Record]:
    return [Record(**row._mapping) for row in connection.execute(query)]  # type: ignore[call-overload]


def _fits(connection: Connection, wanted: Filter) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [true()]
    if wanted.who is not None:
        ends = [_c.caller == wanted.who, _c.callee == wanted.who]
        if (one := people_at(connection, [wanted.who]).get(wanted.who)) is not None and one.id:
            ends += [_c.caller_person == one.id, _c.callee_person == one.id]
        parts.append(or_(*ends))
    if wanted.trunk is not None:
        came = and_(_c.source == "trunk", _c.via == wanted.trunk)
        parts.append(or_(came, and_(_c.route == "dial", _c.way == wanted.trunk)))
    if wanted.answered is not None:
        parts.append(_c.answered_ms.is_not(None) if wanted.answered else _c.answered_ms.is_(None))
    for column, value in ((_c.call_id, wanted.call_id), (_c.site, wanted.site), (_c.code, wanted.code)):
        if value is not None:
            parts.append(column == value)
    if wanted.by is not None:
        parts.append(_c.by == wanted.by)
    if wanted.since_ms is not None:
        parts.append(_c.began_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        parts.append(_c.began_ms < wanted.until_ms)
    return and_(*parts)


def _reached(reach: Reach) -> ColumnElement[bool]:
    """A call is within reach when one of its ends is: as somebody who is here, or was of a tenant that is."""
    here = select(person.c.id).where(person.c.id.is_not(None), directory_store.reached(reach))
    tenants = [_tenants_of(scope) for scope in reach.scopes] if not reach.also else []
    named = [names for names in tenants if names]
    return or_(
        _c.caller_person.in_(here),
        _c.callee_person.in_(here),
        *(or_(_c.caller_tenant.in_(names), _c.callee_tenant.in_(names)) for names in named),
        false(),
    )


def _tenants_of(scope: Scope) -> frozenset[str]:
    """Tenants that are wholly in the scope."""
    narrowed = scope.own or scope.owner or scope.sites is not None or scope.groups is not None
    return frozenset() if narrowed or scope.tenants is None else frozenset(scope.tenants)


# What browsers report


def reports(
    connection: Connection, wanted: ReportFilter, *, before: ReportCursor | None, limit: int, reach: Reach = EVERYTHING
) -> Sequence[Row[Any]]:
    """The newest that fit and whose call has a record within reach, from those behind `before` on."""
    c = call_report.c
    query = select(call_report)
    if wanted.who is not None:
        query = query.where(c.who == wanted.who)
    if wanted.kind is not None:
        query = query.where(c.kind == wanted.kind)
    if wanted.since_ms is not None:
        query = query.where(c.at_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        query = query.where(c.at_ms < wanted.until_ms)
    if not reach.everything:
        query = query.where(select(_c.call_id).where(_c.call_id == c.call_id, _reached(reach)).exists())
    order = (c.at_ms, c.call_id, c.kind, c.who)
    if before is not None:
        query = query.where(tuple_(*order) < tuple_(*before))
    return connection.execute(query.order_by(*(each.desc() for each in order)).limit(limit)).all()


# Rates


def rates(connection: Connection, tenant: str, prefixes: Sequence[str] | None = None) -> list[Rate]:
    """A tenant's rates in the order of their prefixes; only those with one of `prefixes`."""
    query = select(call_rate).where(call_rate.c.tenant == tenant).order_by(call_rate.c.prefix)
    if prefixes is not None:
        query = query.where(call_rate.c.prefix.in_(prefixes))
    return [
        Rate(row.prefix, row.name, row.price_micro, row.currency, row.minimum_s, row.increment_s)
        for row in connection.execute(query)
    ]


def put_rates(connection: Connection, tenant: str, wanted: Sequence[Rate]) -> None:
    """Let these be all of the tenant's rates."""
    connection.execute(delete(call_rate).where(call_rate.c.tenant == tenant))
    if wanted:
        connection.execute(insert(call_rate), [{"tenant": tenant, **msgspec.structs.asdict(each)} for each in wanted])
