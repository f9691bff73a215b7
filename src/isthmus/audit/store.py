"""The audit log's SQL. Functions of a connection.

Appending takes the chain's head row first and keeps it until the transaction ends: two writers never extend the chain
from the same entry. It belongs at the end of a transaction, since whoever comes next waits from there on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg
from sqlalchemy import Connection, Select, delete, func, or_, select, text, update
from sqlalchemy.exc import NoResultFound, OperationalError

from isthmus.audit import rules
from isthmus.audit.model import Entry, Filter, Head, Stored
from isthmus.audit.tables import audit, audit_chain
from isthmus.errors import RefusedError

_PAGE = 2000
_TEXTS = (audit.c.actor, audit.c.action, audit.c.object, audit.c.before, audit.c.after)
_FIRST = -(2**63)
_HEAD = select(audit_chain).where(audit_chain.c.id == 1)
_COLUMNS = ", ".join(f'"{column.name}"' for column in audit.columns)
_ROWS = text(
    f"SELECT {_COLUMNS} FROM audit WHERE (id < 1 OR id > :removed) AND id > :after "  # noqa: S608
    f"ORDER BY id LIMIT {_PAGE}"
)
# Plain SQL: SQLAlchemy's own form of it costs more than all the rest of appending.
_INSERT_SQLITE = f"INSERT INTO audit ({_COLUMNS}) VALUES ({', '.join('?' * len(audit.columns))})"  # noqa: S608
_COPY_POSTGRESQL = f"COPY audit ({_COLUMNS}) FROM STDIN"


def append(connection: Connection, entries: Iterable[Entry]) -> int:
    """Add entries to the chain in the connection's transaction, which must be a writing one.

    Returns the id of the last one; 0 where there are none, and nobody waits for anybody then.
    """
    listed = list(entries)
    if not listed:
        return 0
    head = lock(connection)
    seq, last = head.seq, head.digest
    rows: list[tuple[Any, ...]] = []
    for each in listed:
        entry = rules.storable(each)
        seq += 1
        last = rules.digest(last, seq, entry)
        rows.append((seq, *entry, last))
    _insert(connection, rows)
    connection.execute(update(audit_chain).where(audit_chain.c.id == 1).values(seq=seq, digest=last))
    return seq


def lock(connection: Connection) -> Head:
    """The head, which nobody else can extend before this transaction ends. Raises RefusedError as `head`."""
    return _head(connection, _HEAD.with_for_update())


def head(connection: Connection) -> Head:
    """The head as of this transaction. Raises RefusedError where it is gone or damaged."""
    return _head(connection, _HEAD)


def find(
    connection: Connection,
    wanted: Filter = Filter(),  # noqa: B008 (frozen)
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 100,
) -> list[Stored]:
    """Entries that fit: the newest first, those with smaller ids than `before`; with `after`, the oldest behind it."""
    query = _filtered(select(audit), wanted).where(audit.c.id > _cut()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    if after is not None:
        query = query.where(audit.c.id > after).order_by(audit.c.id)
    else:
        query = query.order_by(audit.c.id.desc())
    return [_stored(row) for row in connection.execute(query)]


def get(connection: Connection, id_: int) -> Stored | None:
    """One entry."""
    row = connection.execute(select(audit).where(audit.c.id == id_, audit.c.id > _cut())).one_or_none()
    return None if row is None else _stored(row)


def count(connection: Connection, wanted: Filter) -> int:
    """How many entries fit."""
    query = _filtered(select(func.count()).select_from(audit), wanted).where(audit.c.id > _cut())
    return int(connection.execute(query).scalar_one())


def rows(connection: Connection, removed: int, after: int = _FIRST) -> Iterator[rules.Row]:
    """Every row in the order of ids as the database has it, whatever was done to it, a few thousand at a time.

    removed: leave out what retention has given up, ids 1 to this one. after: begin behind this id.
    """
    with _tolerant(connection):
        while True:
            page = connection.execute(_ROWS, {"removed": removed, "after": after}).all()
            yield from map(tuple, page)
            if len(page) < _PAGE:
                return
            after = page[-1][0]


def first_since(connection: Connection, at_ms: int) -> int | None:
    """The first entry of that time or later, in the order of the chain."""
    query = select(audit.c.id).where(audit.c.id > _cut(), audit.c.at_ms >= at_ms).order_by(audit.c.id).limit(1)
    found: int | None = connection.scalar(query)
    return found


def oldest(connection: Connection) -> tuple[int, int] | None:
    """Id and time (ms) of the oldest entry."""
    query = select(audit.c.id, audit.c.at_ms).where(audit.c.id > _cut()).order_by(audit.c.id).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else (int(row.id), int(row.at_ms))


def give_up(connection: Connection, through: int, by: int) -> None:
    """Let entries up to `through` be removed; entry `by` tells of it."""
    connection.execute(update(audit_chain).where(audit_chain.c.id == 1).values(cut=through, cut_by=by))


def remove(connection: Connection, limit: int) -> int:
    """Remove entries that were given up, at most `limit`. Returns how many."""
    due = select(audit.c.id).where(audit.c.id <= _cut()).order_by(audit.c.id).limit(limit)
    return connection.execute(delete(audit).where(audit.c.id.in_(due))).rowcount


def _insert(connection: Connection, made: Sequence[tuple[Any, ...]]) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_INSERT_SQLITE, list(made))
        return
    # A fifth of what sending each row by itself takes; in the same transaction.
    try:
        raw: Any = connection.connection.driver_connection
        with raw.cursor() as cursor, cursor.copy(_COPY_POSTGRESQL) as copy:
            for row in made:
                copy.write_row(row)
    except psycopg.Error as error:  # as SQLAlchemy would tell it, had it run the statement
        raise OperationalError(_COPY_POSTGRESQL, None, error) from error


def _filtered(query: Select[Any], wanted: Filter) -> Select[Any]:
    for column in (audit.c.actor, audit.c.object, audit.c.tenant, audit.c.path):
        value = getattr(wanted, column.name)
        if value is not None:
            query = query.where(column == value)
    if wanted.action is not None:
        first = wanted.action.removesuffix("*")
        whole = first == wanted.action
        query = query.where(audit.c.action == first if whole else audit.c.action.startswith(first, autoescape=True))
    if wanted.since_ms is not None:
        query = query.where(audit.c.at_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        query = query.where(audit.c.at_ms < wanted.until_ms)
    if wanted.text:
        part = wanted.text.lower()
        query = query.where(or_(*(func.lower(column).contains(part, autoescape=True) for column in _TEXTS)))
    return query


def _cut() -> Any:
    return select(audit_chain.c.cut).where(audit_chain.c.id == 1).scalar_subquery()


def _head(connection: Connection, query: Select[Any]) -> Head:
    try:
        row = connection.execute(query).one()
        return Head(row.chain, int(row.seq), bytes(row.digest), int(row.cut), int(row.cut_by))
    except (NoResultFound, TypeError, ValueError) as error:
        raise RefusedError("the head of the audit log's chain is gone or damaged", where="table audit_chain") from error


def _stored(row: Any) -> Stored:
    id_, *fields, digest = row
    return Stored(int(id_), Entry(*fields), bytes(digest))


class _tolerant:  # noqa: N801 (reads as a function)
    """Lets SQLite hand out texts that are no UTF-8, with surrogates in them, instead of failing."""

    def __init__(self, connection: Connection) -> None:
        self._raw = connection.connection.driver_connection if connection.dialect.name == "sqlite" else None

    def __enter__(self) -> None:
        if self._raw is not None:
            self._raw.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")

    def __exit__(self, *_: object) -> None:
        if self._raw is not None:
            self._raw.text_factory = str
