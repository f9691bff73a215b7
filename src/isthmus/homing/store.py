"""Moves in SQL. Functions of a connection; the transactions are the service's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, false, func, or_, select, true, update

from isthmus.access.model import EVERYTHING, Reach, Scope
from isthmus.addressing import Aor
from isthmus.homing.model import Batch, BatchState, Move, State
from isthmus.homing.rules import FINAL
from isthmus.homing.tables import batch, move

_IN = 500  # values in one IN (...): SQLite allows more, the planner likes fewer


def insert_batch(connection: Connection, made: Batch, *, key: str | None, request: str) -> None:
    """A new batch without people. Raises IntegrityError when the actor used the key before."""
    connection.execute(
        batch.insert().values(
            id=made.id,
            target=made.target,
            actor=made.actor,
            key=key,
            request=request,
            state=made.state.value,
            run=made.run,
            note=made.note,
            created_ms=int(made.created * 1000),
            finished_ms=None if made.finished is None else int(made.finished * 1000),
            tenant=made.tenant,
        )
    )


def insert_moves(connection: Connection, moves: Sequence[Move]) -> None:
    """People of a batch. The caller has made sure, in this transaction, that none has an open move elsewhere."""
    if moves:
        connection.execute(move.insert(), [_row(entry) for entry in moves])


def save(connection: Connection, moves: Iterable[Move]) -> None:
    """Write the present state of these moves."""
    for entry in moves:
        values = _row(entry)
        connection.execute(
            move.update()
            .where(move.c.batch == values.pop("batch"), move.c.position == values.pop("position"))
            .values(values)
        )


def in_chunk(connection: Connection, batch_id: str, chunk: int) -> list[Move]:
    """The open moves of one chunk."""
    query = select(move).where(move.c.batch == batch_id, move.c.chunk == chunk, move.c.open)
    return [_move(row) for row in connection.execute(query.order_by(move.c.position)).mappings()]


def first_open_chunk(connection: Connection, batch_id: str) -> int | None:
    """The lowest chunk that has an open move."""
    found: int | None = connection.scalar(select(func.min(move.c.chunk)).where(move.c.batch == batch_id, move.c.open))
    return found


def open_moves(connection: Connection, people: Sequence[Aor]) -> dict[Aor, str]:
    """The batch in which each of these people has an open move, for those who have one."""
    found: dict[Aor, str] = {}
    for start in range(0, len(people), _IN):
        names = [str(aor) for aor in people[start : start + _IN]]
        query = select(move.c.aor, move.c.batch).where(move.c.aor.in_(names), move.c.open)
        found |= {Aor.parse(row.aor): row.batch for row in connection.execute(query)}
    return found


def finish_queued(connection: Connection, batch_id: str, state: State, reason: str) -> list[Move]:
    """End all moves of a batch that are not begun. Returns them as they are now; the batch has to be locked."""
    queued = (move.c.batch == batch_id, move.c.state == State.QUEUED.value)
    rows = connection.execute(select(move).where(*queued).order_by(move.c.position)).mappings().all()
    connection.execute(update(move).where(*queued).values(state=state.value, open=False, reasons=json.dumps([reason])))
    return [replace(_move(row), state=state, reasons=(reason,)) for row in rows]


def set_batch(connection: Connection, batch_id: str, **values: Any) -> None:
    """Change columns of a batch."""
    connection.execute(update(batch).where(batch.c.id == batch_id).values(**values))


def get_batch(connection: Connection, batch_id: str) -> Batch | None:
    """One batch with its counts."""
    row = connection.execute(select(batch).where(batch.c.id == batch_id)).mappings().first()
    return None if row is None else _batch(row, _counts(connection, [batch_id]).get(batch_id, {}))


def by_key(connection: Connection, actor: str, key: str) -> tuple[str, str] | None:
    """(id, digest of the request) of the batch that `actor` made with this key."""
    row = connection.execute(
        select(batch.c.id, batch.c.request).where(batch.c.actor == actor, batch.c.key == key)
    ).first()
    return None if row is None else (row.id, row.request)


def batches(connection: Connection, limit: int, reach: Reach = EVERYTHING) -> list[Batch]:
    """The newest batches within reach, newest first."""
    query = select(batch).order_by(batch.c.created_ms.desc(), batch.c.id).limit(limit)
    if not reach.everything:
        query = query.where(or_(false(), *map(_in_scope, reach.scopes)))
    rows = connection.execute(query).mappings().all()
    counts = _counts(connection, [row["id"] for row in rows])
    return [_batch(row, counts.get(row["id"], {})) for row in rows]


def _in_scope(scope: Scope) -> ColumnElement[bool]:
    """`Scope.covers` of `Batch.as_object`, as SQL: a batch has no site and no groups that a limit could fit."""
    if scope.own or scope.sites is not None or scope.groups is not None:
        return false()
    mine = batch.c.actor == scope.owner if scope.owner else true()
    return mine if scope.tenants is None else and_(mine, batch.c.tenant.in_(scope.tenants))


def unfinished(connection: Connection) -> list[tuple[str, int, BatchState]]:
    """(id, run, state) of every batch that is not over."""
    query = select(batch.c.id, batch.c.run, batch.c.state).where(batch.c.finished_ms.is_(None))
    return [(row.id, row.run, BatchState(row.state)) for row in connection.execute(query.order_by(batch.c.created_ms))]


def begun(connection: Connection, batch_id: str) -> bool:
    """Whether somebody of the batch is under way."""
    query = select(move.c.position).where(move.c.batch == batch_id, move.c.open, move.c.state != State.QUEUED.value)
    return connection.execute(query.limit(1)).first() is not None


def people_of(connection: Connection, batch_id: str, *, failed_only: bool = False) -> list[Move]:
    """The people of a batch in their order; failed_only: those who were not moved and those who wait."""
    query = select(move).where(move.c.batch == batch_id)
    if failed_only:
        query = query.where((move.c.state.in_([State.NOT_MOVED.value, State.CANCELLED.value])) | (move.c.note != ""))
    return [_move(row) for row in connection.execute(query.order_by(move.c.position)).mappings()]


def lock_batch(connection: Connection, batch_id: str) -> None:
    """Keep other writers off this batch until the transaction ends (SQLite's writers are alone anyway)."""
    connection.execute(select(batch.c.id).where(batch.c.id == batch_id).with_for_update())


def _counts(connection: Connection, ids: Sequence[str]) -> dict[str, dict[State, int]]:
    query = select(move.c.batch, move.c.state, func.count()).where(move.c.batch.in_(ids))
    found: dict[str, dict[State, int]] = {}
    for batch_id, state, count in connection.execute(query.group_by(move.c.batch, move.c.state)):
        found.setdefault(batch_id, {})[State(state)] = count
    return found


def _batch(row: RowMapping, counts: dict[State, int]) -> Batch:
    finished = row["finished_ms"]
    return Batch(
        id=row["id"],
        target=row["target"],
        actor=row["actor"],
        state=BatchState(row["state"]),
        created=row["created_ms"] / 1000,
        finished=None if finished is None else finished / 1000,
        run=row["run"],
        note=row["note"],
        counts=counts,
        tenant=row["tenant"],
    )


def _row(entry: Move) -> dict[str, Any]:
    return {
        "batch": entry.batch,
        "position": entry.position,
        "chunk": entry.chunk,
        "aor": str(entry.aor),
        "state": entry.state.value,
        "source": entry.source,
        "epoch": entry.epoch,
        "new_epoch": entry.new_epoch,
        "reasons": json.dumps(entry.reasons),
        "note": entry.note,
        "handed": json.dumps(entry.handed),
        "tries": entry.tries,
        "open": entry.state not in FINAL,
    }


def _move(row: Mapping[str, Any] | RowMapping) -> Move:
    return Move(
        batch=row["batch"],
        position=row["position"],
        chunk=row["chunk"],
        aor=Aor.parse(row["aor"]),
        state=State(row["state"]),
        source=row["source"],
        epoch=row["epoch"],
        new_epoch=row["new_epoch"],
        reasons=tuple(json.loads(row["reasons"])),
        note=row["note"],
        handed=json.loads(row["handed"]),
        tries=row["tries"],
    )
