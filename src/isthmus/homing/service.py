"""Moves as the administrator sees them: plan, start, follow, pause, resume, cancel. Only the authority runs them."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from isthmus import audit
from isthmus.access import rules as access
from isthmus.access.model import EVERYTHING, Reach
from isthmus.addressing import Aor
from isthmus.audit import Entry
from isthmus.database import reading, writing
from isthmus.errors import NotFoundError, RefusedError, UsageError
from isthmus.homing import auditing, rules, store
from isthmus.homing.model import Batch, BatchState, Move, State
from isthmus.homing.work import Work

_ORDERS = {BatchState.PAUSED: "paused", BatchState.RUNNING: "resumed", BatchState.CANCELLED: "cancelled"}
_LATEST_S = 366 * 86_400.0
CHUNK = 50  # people worked together: enough to make a round trip worth while, few enough to pause soon


@dataclass(frozen=True, slots=True)
class Planned:
    """One person of a move that was only asked for.

    reasons: all that stands against it. notes: what would be different for them at the target.
    """

    aor: Aor
    source: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    tenant: str = ""


class Ledger(Work):
    """The stages, and what the workflow has to know of batches (see workflow.Chunks)."""

    def next_chunk(self, batch_id: str, run: int) -> int | None:
        """The chunk to work on; None when the batch is over, paused, or another run has taken over."""
        with writing(self._engine) as connection:
            store.lock_batch(connection, batch_id)
            batch = store.get_batch(connection, batch_id)
            if batch is None or batch.run != run or batch.finished is not None:
                return None
            chunk = store.first_open_chunk(connection, batch_id)
            if chunk is None:
                state = BatchState.DONE if batch.state is not BatchState.CANCELLED else batch.state
                now_ms = self._now_ms()
                store.set_batch(connection, batch_id, state=state.value, finished_ms=now_ms, note="")
                tenant = auditing.tenant_of(connection, batch_id)
                audit.append(connection, [auditing.finished(batch, state, tenant, now_ms)])
                return None
            if batch.state is BatchState.SCHEDULED:
                return None
            begun = any(move.state is not State.QUEUED for move in store.in_chunk(connection, batch_id, chunk))
            return None if batch.state is BatchState.PAUSED and not begun else chunk

    def may_work(self, batch_id: str, run: int) -> bool:
        """Whether this run is still the one to work on the batch."""
        with reading(self._engine) as connection:
            batch = store.get_batch(connection, batch_id)
        return batch is not None and batch.run == run

    def note(self, batch_id: str, text: str) -> None:
        """Say what the batch waits for; empty when it goes on."""
        with writing(self._engine) as connection:
            batch = store.get_batch(connection, batch_id)
            if batch is not None and batch.note != text:
                store.set_batch(connection, batch_id, note=text)

    def unfinished(self) -> list[tuple[str, int]]:
        """(batch, run) of every batch that somebody has to be working on.

        Paused ones rest between chunks, scheduled ones until their moment has come.
        """
        with reading(self._engine) as connection:
            return [
                (batch_id, run)
                for batch_id, run, state in store.unfinished(connection)
                if self._is_due(connection, batch_id, state)
            ]

    def _is_due(self, connection: Connection, batch_id: str, state: BatchState) -> bool:
        if state is BatchState.PAUSED:
            return store.begun(connection, batch_id)
        if state is BatchState.SCHEDULED:
            batch = store.get_batch(connection, batch_id)
            return batch is not None and (batch.begins or 0.0) * 1000 <= self._now_ms()
        return True

    def new_run(self, batch_id: str) -> int:
        """Count the batch's run up; returns the new one. A scheduled one begins with it."""
        with writing(self._engine) as connection:
            store.lock_batch(connection, batch_id)
            batch = store.get_batch(connection, batch_id)
            if batch is None:
                raise NotFoundError(f"there is no batch {batch_id!r}")
            begins = {"state": BatchState.RUNNING.value, "note": ""} if batch.state is BatchState.SCHEDULED else {}
            store.set_batch(connection, batch_id, run=batch.run + 1, **begins)
            return batch.run + 1


class MoveService:
    """The write path of moves.

    begin: starts the work on (batch, run). authority: name of the site that runs moves, this one when it is `site`.
    """

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        begin: Callable[[str, int], None],
        *,
        site: str,
        authority: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._ledger, self._begin = engine, ledger, begin
        self._site, self._authority, self._clock = site, authority, clock

    def check_target(self, target: str) -> None:
        """Raises NotFoundError for a site that does not exist: one line, in place of one for each person."""
        self._only_authority()
        if target not in self._ledger.site_names:
            known = ", ".join(sorted(self._ledger.site_names))
            raise NotFoundError(f"there is no site {target!r}", do=f"Sites are {known}.")

    def plan(self, people: Sequence[Aor], target: str, reach: Reach = EVERYTHING) -> list[Planned]:
        """What would become of a move: every reason against each person. Changes nothing.

        Who is out of reach is answered as somebody who does not exist.
        """
        self._only_authority()
        planned: list[Planned] = []
        for start in range(0, len(people), CHUNK * 10):
            group = people[start : start + CHUNK * 10]
            facts = self._ledger.facts("", target, group, reach)
            planned += [
                Planned(
                    aor,
                    facts.people[aor].home if aor in facts.people else "",
                    rules.reasons_against(aor, facts),
                    tuple(facts.notes.get(aor, ())),
                    facts.people[aor].tenant if aor in facts.people else "",
                )
                for aor in group
            ]
        return planned

    def start(
        self,
        people: Sequence[Aor],
        target: str,
        *,
        actor: str,
        key: str | None = None,
        reach: Reach = EVERYTHING,
        at: float | None = None,
    ) -> Batch:
        """Begin to move people; those who can't be moved now are in the batch as not moved, with every reason.

        at: Unix seconds at which to begin instead; they are looked at once more then.
        key: idempotency key: the same key and request give the batch that was made the first time.
        Raises RefusedError (not the authority), UsageError (nobody named, a key used for something else).
        """
        self._only_authority()
        unique = list(dict.fromkeys(people))
        if not unique:
            raise UsageError("nobody to move", do="Name people, a group or a file.")
        begins = "" if at is None else _moment(at, self._clock())
        request = hashlib.sha256(f"{target}\n{chr(10).join(map(str, unique))}{begins}".encode()).hexdigest()
        if key is not None and (batch := self._made_before(actor, key, request)):
            return batch
        planned = self.plan(unique, target, reach)
        batch_id = self._write(planned, target, actor, key, request, reach, begins)
        if not begins:
            self._begin(batch_id, 1)
        return self.get(batch_id)

    def _write(
        self,
        planned: Sequence[Planned],
        target: str,
        actor: str,
        key: str | None,
        request: str,
        reach: Reach,
        begins: str,
    ) -> str:
        now = self._clock()
        batch_id = f"{time.strftime('%y%m%d', time.gmtime(now))}-{secrets.token_hex(3)}"
        tenants = {entry.tenant for entry in planned if entry.tenant}
        whose = next(iter(tenants)) if len(tenants) == 1 else ""
        state = BatchState.SCHEDULED if begins else BatchState.RUNNING
        batch = Batch(batch_id, target, actor, state, now, None, 1, begins, {}, whose)
        with writing(self._engine) as connection:
            store.insert_batch(connection, batch, key=key, request=request)
            # Once more inside the transaction: somebody may have begun to move them this instant.
            running = store.open_moves(connection, [entry.aor for entry in planned if entry.source or reach.everything])
            moves: list[Move] = []
            queued = 0
            for position, entry in enumerate(planned):
                reasons = entry.reasons
                if entry.aor in running and not any(running[entry.aor] in reason for reason in reasons):
                    reasons += (f"a move is under way already ({running[entry.aor]})",)
                first = State.NOT_MOVED if reasons else State.QUEUED
                chunk = queued // CHUNK
                queued += first is State.QUEUED
                moves.append(Move(batch_id, position, chunk, entry.aor, first, source=entry.source, reasons=reasons))
            store.insert_moves(connection, moves)
            audit.append(connection, self._told(batch, moves, actor))
        return batch_id

    def _told(self, batch: Batch, moves: Sequence[Move], actor: str) -> list[Entry]:
        people = self._ledger.people(move.aor for move in moves)
        at_ms = int(batch.created * 1000)
        refused = [move for move in moves if move.state is State.NOT_MOVED]
        request = auditing.requested(batch, moves, actor, auditing.one_tenant(people.values()), at_ms)
        return [request, *auditing.outcomes(batch, refused, people, at_ms)]

    def _made_before(self, actor: str, key: str, request: str) -> Batch | None:
        with reading(self._engine) as connection:
            found = store.by_key(connection, actor, key)
        if found is None:
            return None
        if found[1] != request:
            raise UsageError("the idempotency key was used for another move", do="Use a new key.")
        return self.get(found[0])

    def get(self, batch_id: str, reach: Reach = EVERYTHING) -> Batch:
        """One batch, if within reach. Raises NotFoundError."""
        with reading(self._engine) as connection:
            return _existing(connection, batch_id, reach)

    def batches(self, limit: int = 50, reach: Reach = EVERYTHING) -> list[Batch]:
        """The newest batches within reach first."""
        with reading(self._engine) as connection:
            return store.batches(connection, limit, reach)

    def people(self, batch_id: str, *, failed_only: bool = False) -> list[Move]:
        """The people of a batch; failed_only: those not moved, and those who wait. Raises NotFoundError."""
        self.get(batch_id)
        with reading(self._engine) as connection:
            return store.people_of(connection, batch_id, failed_only=failed_only)

    def pause(self, batch_id: str, reach: Reach = EVERYTHING, *, actor: str = "local") -> Batch:
        """Begin with nobody else until resumed; people under way are brought to their end."""
        return self._change(batch_id, (BatchState.RUNNING,), BatchState.PAUSED, reach, actor)

    def resume(self, batch_id: str, reach: Reach = EVERYTHING, *, actor: str = "local") -> Batch:
        """Go on with a paused batch, or begin a scheduled one now."""
        self._change(batch_id, (BatchState.PAUSED, BatchState.SCHEDULED), BatchState.RUNNING, reach, actor)
        self._begin(batch_id, self._ledger.new_run(batch_id))
        return self.get(batch_id)

    def cancel(self, batch_id: str, reach: Reach = EVERYTHING, *, actor: str = "local") -> Batch:
        """End the batch: people not begun stay where they are, people under way are brought to their end."""
        stoppable = (BatchState.RUNNING, BatchState.PAUSED, BatchState.SCHEDULED)
        batch = self._change(batch_id, stoppable, BatchState.CANCELLED, reach, actor)
        self._begin(batch_id, self._ledger.new_run(batch_id))
        return replace(batch, state=BatchState.CANCELLED)

    def _change(self, batch_id: str, allowed: Sequence[BatchState], to: BatchState, reach: Reach, actor: str) -> Batch:
        self._only_authority()
        with writing(self._engine) as connection:
            store.lock_batch(connection, batch_id)
            batch = _existing(connection, batch_id, reach)
            if batch.state is to:
                return batch
            if batch.state not in allowed or batch.finished is not None:
                raise RefusedError(f"batch {batch_id} is {batch.state} and can't be {_ORDERS[to]}")
            store.set_batch(connection, batch_id, state=to.value, note="" if batch.begins else batch.note)
            at_ms = int(self._clock() * 1000)
            tenant = auditing.tenant_of(connection, batch_id)
            told = [auditing.steered(batch, to, actor, tenant, at_ms)]
            if to is BatchState.CANCELLED:
                ended = store.finish_queued(connection, batch_id, State.CANCELLED, "the batch was cancelled")
                people = self._ledger.people(move.aor for move in ended)
                told += auditing.outcomes(batch, ended, people, at_ms)
            audit.append(connection, told)
        return self.get(batch_id)

    def _only_authority(self) -> None:
        if self._site != self._authority:
            raise RefusedError(
                f"{self._site} is not the authority and can't move people",
                do=f"Run it at {self._authority}: --site {self._authority}",
            )


def _moment(at: float, now: float) -> str:
    """A moment to come, RFC 3339. Raises UsageError for one that has passed, or is more than a year away."""
    if not now < at < now + _LATEST_S:
        raise UsageError("a move begins in the future, within a year", where="at", do="Leave it out to begin now.")
    return datetime.fromtimestamp(at, UTC).isoformat()


def _existing(connection: Connection, batch_id: str, reach: Reach) -> Batch:
    return access.seen(
        store.get_batch(connection, batch_id),
        reach,
        Batch.as_object,
        lambda: NotFoundError(f"there is no batch {batch_id!r}", do="See: isthmus move list"),
    )
