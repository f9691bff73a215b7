"""Long work as operations: how far it is, and its progress as server-sent events. Moves and runs of synchronisation."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from isthmus.access import rules as access
from isthmus.access.api import Acting, Reached
from isthmus.access.model import Object, Principal, Reach
from isthmus.errors import IsthmusError, NotFoundError, RefusedError, TooManyError
from isthmus.homing.model import Batch, BatchState, State
from isthmus.homing.service import MoveService
from isthmus.sync.model import FINAL, Run, RunState
from isthmus.sync.service import SyncService

_EVERY_S = 0.5  # how often a watched operation is looked at, however many watch it
_PING_S = 15.0  # proxies close what is silent
_LONGEST_S = 600.0  # then the listener comes again, and is asked anew who it is
_MOST, _MOST_EACH = 500, 20  # listeners, and those of one account
_KNOWN = 1000

OperationId = Annotated[str, Path(max_length=64)]
LastEvent = Annotated[str, Header(alias="Last-Event-ID", max_length=64)]


class Operation(BaseModel):
    """Work that goes on after the answer.

    kind: move or sync. state: running, paused, done, cancelled, asking or failed. total, done, failed: of its parts
    (people, changes), as far as they are known. started, ended: Unix seconds. result: where the whole of it is told.
    """

    id: str
    kind: str
    state: str
    finished: bool
    total: int
    done: int
    failed: int
    note: str
    started: float
    ended: float | None
    result: str

    @property
    def version(self) -> str:
        """Changes with anything of it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:24]


class Operations:
    """Finds operations, for those who may see them."""

    def __init__(
        self, moves: MoveService, sync: SyncService, tenant: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._moves, self._sync, self._tenant, self._clock = moves, sync, tenant, clock

    def get(self, id_: str, principal: Principal, reach: Reach) -> Operation:
        """reach: of moves. Raises NotFoundError."""
        try:
            return _of_batch(self._moves.get(id_, reach))
        except NotFoundError:
            site = Object("site", "this site", self._tenant)
            if not access.permit(principal, "directory.read", site, self._clock()).allowed:
                raise _missing(id_) from None
        return self._run(id_)

    def again(self, id_: str, kind: str) -> Operation:
        """How one is now that somebody may see."""
        return _of_batch(self._moves.get(id_)) if kind == "move" else self._run(id_)

    def _run(self, id_: str) -> Operation:
        try:
            return _of_run(self._sync.run(id_, 1)[0], *self._sync.applied(id_))
        except (NotFoundError, RefusedError):
            raise _missing(id_) from None


class Watch:
    """Progress for any number of listeners: none holds a thread or a transaction, and each operation is read once."""

    def __init__(self, read: Callable[[str, str], Operation], every_s: float = _EVERY_S) -> None:
        self._read, self._every_s = read, every_s
        self._present: dict[str, tuple[float, asyncio.Task[Operation]]] = {}
        self._listeners: Counter[str] = Counter()

    def admit(self, who: str) -> None:
        """Raises TooManyError."""
        if self._listeners.total() >= _MOST or self._listeners[who] >= _MOST_EACH:
            raise TooManyError("too many listeners", retry_after_s=5, do="Close some, or ask without events.")

    async def events(self, first: Operation, seen: str, who: str) -> AsyncIterator[str]:
        """What to send from `seen` on (the version of the last event a listener has), until it is over."""
        self._listeners[who] += 1
        try:
            async for text in self._events(first, seen):
                yield text
        finally:
            self._listeners[who] -= 1
            self._listeners += Counter()  # forget who has none

    async def _events(self, operation: Operation, seen: str) -> AsyncIterator[str]:
        began = said = time.monotonic()
        yield f"retry: {int(self._every_s * 4000)}\n\n"
        while True:
            if operation.version != seen:
                seen, said = operation.version, time.monotonic()
                name = "end" if operation.finished else "progress"
                yield f"id: {seen}\nevent: {name}\ndata: {operation.model_dump_json()}\n\n"
            if operation.finished or time.monotonic() - began > _LONGEST_S:
                return
            if time.monotonic() - said > _PING_S:
                said = time.monotonic()
                yield ": still here\n\n"
            await asyncio.sleep(self._every_s)
            try:
                operation = await self._now(operation)
            except IsthmusError as error:
                if isinstance(error, NotFoundError):
                    return

    async def _now(self, operation: Operation) -> Operation:
        at, task = self._present.get(operation.id, (0.0, None))
        if task is None or time.monotonic() - at > self._every_s / 2:
            task = asyncio.create_task(run_in_threadpool(self._read, operation.id, operation.kind))
            if len(self._present) >= _KNOWN:
                self._present.clear()
            self._present[operation.id] = (time.monotonic(), task)
        return await asyncio.shield(task)


def router(operations: Operations, watch: Watch) -> APIRouter:
    """/v1/operations/{id} and its events."""
    routes = APIRouter(prefix="/v1/operations")

    @routes.get("/{operation}", response_model=Operation)
    def show(operation: OperationId, principal: Acting, reach: Reached) -> Operation:
        return operations.get(operation, principal, reach)

    @routes.get(
        "/{operation}/events",
        response_class=StreamingResponse,
        responses={
            200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
            204: {"description": "It is over, and the last event was seen"},
        },
    )
    async def events(operation: OperationId, principal: Acting, reach: Reached, last: LastEvent = "") -> Response:
        found = await run_in_threadpool(operations.get, operation, principal, reach)
        if found.finished and last == found.version:
            return Response(status_code=204)
        watch.admit(principal.id)
        return StreamingResponse(watch.events(found, last, principal.id), media_type="text/event-stream")

    return routes


def _missing(id_: str) -> NotFoundError:
    return NotFoundError(f"there is no operation {id_[:64]!r}")


def _of_batch(batch: Batch) -> Operation:
    counts = batch.counts
    failed = counts.get(State.NOT_MOVED, 0) + counts.get(State.CANCELLED, 0)
    moved = counts.get(State.MOVED, 0)
    finished = batch.finished is not None
    state = batch.state.value
    if not finished and batch.state is BatchState.CANCELLED:
        state = "running"  # what is under way is brought to its end
    return Operation(
        id=batch.id,
        kind="move",
        state=state,
        finished=finished,
        total=batch.total,
        done=moved,
        failed=failed,
        note=batch.note,
        started=batch.created,
        ended=batch.finished,
        result=f"/v1/moves/{batch.id}",
    )


def _of_run(run: Run, total: int, tried: int, failed: int) -> Operation:
    state = run.state.value if run.state in FINAL else "running"
    reading = "the source is being read" if run.state is RunState.READING else ""
    return Operation(
        id=run.id,
        kind="sync",
        state=state,
        finished=run.state in FINAL,
        total=total,
        done=tried - failed,
        failed=failed,
        note=run.note or reading,
        started=run.started,
        ended=run.finished,
        result=f"/v1/directory/runs/{run.id}",
    )
