"""What the audit log is told of moves: what was asked for, and what became of each person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from isthmus.addressing import Aor
from isthmus.audit import Actor, Entry, Origin, store
from isthmus.audit.model import Filter
from isthmus.directory.model import Person
from isthmus.homing.model import Batch, BatchState, Move, State


def mover(batch: Batch) -> Actor:
    """Who asked for the batch; the work itself is the move's."""
    return Actor(batch.actor, Origin("move"))


def requested(batch: Batch, moves: Sequence[Move], actor: str, tenant: str, at_ms: int) -> Entry:
    """That a batch was begun. tenant: of all its people, empty where there are several."""
    refused = sum(move.state is State.NOT_MOVED for move in moves)
    begins = {"begins": batch.note} if batch.state is BatchState.SCHEDULED else {}
    after = {"to": batch.target, "people": len(moves), "refused": refused, **begins}
    return Entry.of(actor, "move.request", batch.id, None, after, at_ms=at_ms, tenant=tenant)


def steered(batch: Batch, to: BatchState, actor: str, tenant: str, at_ms: int) -> Entry:
    """That a batch was paused, resumed or cancelled."""
    action = {BatchState.PAUSED: "move.pause", BatchState.RUNNING: "move.resume", BatchState.CANCELLED: "move.cancel"}
    before, after = {"state": batch.state.value}, {"state": to.value}
    return Entry.of(actor, action[to], batch.id, before, after, at_ms=at_ms, tenant=tenant)


def finished(batch: Batch, state: BatchState, tenant: str, at_ms: int) -> Entry:
    """That a batch is over, and how many people came to which end."""
    after = {"state": state.value, **{end.value: count for end, count in batch.counts.items()}}
    return Entry.of(mover(batch), "move.finish", batch.id, None, after, at_ms=at_ms, tenant=tenant)


def outcomes(batch: Batch, moves: Iterable[Move], people: Mapping[Aor, Person], at_ms: int) -> list[Entry]:
    """What became of people whose move is over; where they live is told by the directory's own entry."""
    return [
        Entry.of(
            mover(batch),
            f"move.{move.state.value}",
            str(move.aor),
            None,
            {"batch": batch.id, "to": batch.target, "reasons": list(move.reasons)},
            at_ms=at_ms,
            tenant=people[move.aor].tenant if move.aor in people else "",
        )
        for move in moves
    ]


def tenant_of(connection: Connection, batch_id: str) -> str:
    """The tenant of a batch, as its request says."""
    asked = store.find(connection, Filter(object=batch_id, action="move.request"), limit=1)
    return asked[0].entry.tenant if asked else ""


def one_tenant(people: Iterable[Person]) -> str:
    """The tenant of all of them; empty where there are several, or nobody."""
    tenants = {person.tenant for person in people}
    return tenants.pop() if len(tenants) == 1 else ""
