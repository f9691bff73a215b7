"""HTTP routes of moves: for people on this machine, and for the authority's move at this site."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict

from isthmus.access.api import Reached
from isthmus.access.model import Reach
from isthmus.addressing import Aor
from isthmus.audit.web import LocalActor
from isthmus.directory.api import KeyHeader
from isthmus.errors import IsthmusError, RefusedError, UsageError
from isthmus.homing.model import Batch, Move, State
from isthmus.homing.participants import Participant, Registry
from isthmus.homing.remote import from_wire, review_to_wire, to_wire
from isthmus.homing.service import MoveService, Planned

Members = Callable[[str, str, Reach], list[Aor]]


class MoveBody(BaseModel):
    """Who is to move where: addresses, or everybody of a group who is not at home there yet.

    at: Unix seconds at which it begins; at once where that is left out.
    """

    model_config = ConfigDict(extra="forbid")

    to: str
    aors: list[str] | None = None
    group: str | None = None
    dry_run: bool = False
    at: float | None = None


def local_router(moves: MoveService, group_members: Members) -> APIRouter:
    """/v1/moves. group_members: (group, target, reach) -> members within reach who are not at home at the target."""
    router = APIRouter(prefix="/v1/moves")

    @router.post("")
    def start(
        body: MoveBody, reach: Reached, response: Response, actor: LocalActor, key: KeyHeader = None
    ) -> dict[str, Any]:
        moves.check_target(body.to)
        people = _people(body, group_members, reach)
        if body.dry_run:
            return {"to": body.to, "people": [planned_json(entry) for entry in moves.plan(people, body.to, reach)]}
        batch = moves.start(people, body.to, actor=actor, key=key, reach=reach, at=body.at)
        response.headers["Location"] = f"/v1/operations/{batch.id}"
        return _with_people(moves, batch, "not_moved")

    @router.get("")
    def batches(reach: Reached, limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> list[dict[str, Any]]:
        return [batch_json(batch) for batch in moves.batches(limit, reach)]

    @router.get("/{batch_id}")
    def show(
        batch_id: str, reach: Reached, people: Annotated[str, Query(pattern="^(all|not_moved|none)$")] = "not_moved"
    ) -> dict[str, Any]:
        return _with_people(moves, moves.get(batch_id, reach), people)

    @router.post("/{batch_id}/pause")
    def pause(batch_id: str, reach: Reached, actor: LocalActor) -> dict[str, Any]:
        return batch_json(moves.pause(batch_id, reach, actor=actor))

    @router.post("/{batch_id}/resume")
    def resume(batch_id: str, reach: Reached, actor: LocalActor) -> dict[str, Any]:
        return batch_json(moves.resume(batch_id, reach, actor=actor))

    @router.post("/{batch_id}/cancel")
    def cancel(batch_id: str, reach: Reached, actor: LocalActor) -> dict[str, Any]:
        return batch_json(moves.cancel(batch_id, reach, actor=actor))

    return router


def link_router(registry: Registry, authority: str) -> APIRouter:
    """/link/moves: the authority works with this site's participants. Nobody else may."""
    router = APIRouter(prefix="/link/moves")

    @router.post("/{part}/{work}")
    async def work(
        part: str, work: str, request: Request, peer: Annotated[str, Header(alias="X-Isthmus-Peer")]
    ) -> Response:
        if peer != authority:
            raise RefusedError(f"only the authority, {authority}, moves people", where=peer)
        body = _read(await request.body())
        result = await run_in_threadpool(_perform, registry.get(part), work, body)
        # Not the framework's encoder: what phones said may hold bytes that are no UTF-8, as lone surrogates.
        return Response(json.dumps(result, ensure_ascii=True), media_type="application/json")

    return router


def _read(raw: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        raise UsageError("the request is not JSON") from None
    if not isinstance(body, dict):
        raise UsageError("the request is not a JSON object")
    return body


def _perform(part: Participant, work: str, body: Mapping[str, Any]) -> Any:
    if work not in _WORK:
        raise UsageError(f"a move has no step {work!r}")
    return _WORK[work](part, body)


def _people_in(body: Mapping[str, Any]) -> list[Aor]:
    people = body.get("people")
    if not isinstance(people, list):
        raise UsageError("the request has no list of people")
    return [Aor.parse(str(aor)) for aor in people]


def _data_in(body: Mapping[str, Any], name: str = "data") -> dict[Aor, Any]:
    data = body.get(name)
    if not isinstance(data, dict):
        raise UsageError(f"the request has no {name}")
    return from_wire(data)


def _import(part: Participant, body: Mapping[str, Any]) -> Any:
    before = None if body.get("before") is None else _data_in(body, "before")
    return to_wire(part.import_(_data_in(body), before))


_WORK: dict[str, Callable[[Participant, Mapping[str, Any]], Any]] = {
    "check": lambda part, body: to_wire(part.check(_people_in(body), str(body.get("target", "")))),
    "describe": lambda part, body: to_wire(part.describe(_people_in(body))),
    "review": lambda part, body: {
        str(aor): review_to_wire(review)
        for aor, review in part.review(_data_in(body), str(body.get("target", ""))).items()
    },
    "export": lambda part, body: to_wire(part.export(_people_in(body))),
    "import": _import,
    "verify": lambda part, body: to_wire(part.verify(_data_in(body))),
    "undo": lambda part, body: part.undo(_people_in(body)),
    "clean_up": lambda part, body: to_wire(part.clean_up(_data_in(body))),
}


def _people(body: MoveBody, group_members: Members, reach: Reach) -> list[Aor]:
    """Raises UsageError with every address that is none."""
    if (body.aors is None) == (body.group is None):
        raise UsageError("name people or a group, one of the two")
    if body.group is not None:
        members = group_members(body.group, body.to, reach)
        if not members:
            raise UsageError(f"nobody in group {body.group!r} has another home than {body.to}")
        return members
    people, faults = [], []
    for text in body.aors or ():
        try:
            people.append(Aor.parse(text))
        except IsthmusError as error:
            faults.append(str(error))
    if faults:
        raise UsageError("; ".join(faults))
    return people


def _with_people(moves: MoveService, batch: Batch, which: str) -> dict[str, Any]:
    if which == "none":
        return batch_json(batch)
    people = moves.people(batch.id, failed_only=which == "not_moved")
    return batch_json(batch) | {"people": [move_json(move) for move in people]}


def batch_json(batch: Batch) -> dict[str, Any]:
    """A batch as the API shows it. rate_per_s: people moved a second since it began."""
    moved = batch.counts.get(State.MOVED, 0)
    ended = batch.finished if batch.finished is not None else time.time()
    took_s = max(ended - batch.created, 0.001)
    waiting = batch.counts.get(State.QUEUED, 0)
    failed = batch.counts.get(State.NOT_MOVED, 0) + batch.counts.get(State.CANCELLED, 0)
    return {
        "id": batch.id,
        "to": batch.target,
        "state": batch.state.value,
        "actor": batch.actor,
        "created": batch.created,
        "finished": batch.finished,
        "begins": batch.begins,
        "note": "" if batch.begins else batch.note,
        "total": batch.total,
        "moved": moved,
        "not_moved": failed,
        "waiting": waiting,
        "under_way": batch.total - moved - failed - waiting,
        "counts": {state.value: count for state, count in batch.counts.items()},
        "rate_per_s": round(moved / took_s, 1),
    }


def move_json(move: Move) -> dict[str, Any]:
    """A person's move as the API shows it."""
    return {
        "aor": str(move.aor),
        "state": move.state.value,
        "from": move.source,
        "epoch": move.new_epoch if move.new_epoch >= 0 else None,
        "reasons": list(move.reasons),
        "note": move.note,
    }


def planned_json(entry: Planned) -> dict[str, Any]:
    """One line of a dry run."""
    return {
        "aor": str(entry.aor),
        "from": entry.source,
        "ok": not entry.reasons,
        "reasons": list(entry.reasons),
        "notes": list(entry.notes),
    }
