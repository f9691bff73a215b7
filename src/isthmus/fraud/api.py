"""HTTP routes of caps and blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from isthmus.audit.web import LocalActor
from isthmus.fraud import counting
from isthmus.fraud.capping import Capping
from isthmus.fraud.model import Block, Cap, Kind
from isthmus.fraud.service import Guard, block_json
from isthmus.link.api import PeerName, known_peer
from isthmus.routing.model import Direction


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BlockBody(_Body):
    """What is blocked, or excepted from blocks. what: as in fraud.model.Block."""

    direction: Direction
    what: StrictStr = Field(max_length=300)
    exception: StrictBool = False
    reason: StrictStr = Field(default="", max_length=1000)


class UnblockBody(_Body):
    """What is blocked no more."""

    direction: Direction
    what: StrictStr = Field(max_length=300)


class CapNameBody(_Body):
    """Whose cap. key: a country or a trunk; nothing for the tenant's."""

    kind: Kind
    key: StrictStr = Field(default="", max_length=100)


class CapBody(CapNameBody):
    """What is to be different of a cap. 0: any number."""

    calls: StrictInt | None = None
    minutes: StrictInt | None = None
    cost: StrictStr | None = Field(default=None, max_length=30)
    ends: StrictBool | None = None
    zone: StrictStr | None = Field(default=None, max_length=100)


def router(guard: Guard, capping: Capping, own_tenant: str) -> APIRouter:
    """/v1/blocks and /v1/caps. own_tenant: whose are meant when a request names no tenant."""
    made = APIRouter()

    @made.get("/v1/blocks")
    def blocks(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [block_json(each) for each in guard.listed_blocks(tenant)]

    @made.post("/v1/blocks")
    def block(body: BlockBody, actor: LocalActor, tenant: str = own_tenant) -> dict[str, Any]:
        return block_json(guard.block(Block(tenant, **body.model_dump()), actor=actor))

    @made.post("/v1/blocks/remove", status_code=204)
    def unblock(body: UnblockBody, actor: LocalActor, tenant: str = own_tenant) -> None:
        guard.unblock(tenant, body.direction, body.what, actor=actor)

    @made.get("/v1/caps")
    def caps(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [cap_json(each, capping) for each in guard.listed_caps(tenant)]

    @made.post("/v1/caps")
    def cap(body: CapBody, actor: LocalActor, tenant: str = own_tenant) -> dict[str, Any]:
        given = body.model_dump(exclude={"kind", "key"})
        changes = {name: value for name, value in given.items() if value is not None}
        return cap_json(guard.set_cap(tenant, body.kind, body.key, changes, actor=actor), capping)

    @made.post("/v1/caps/remove", status_code=204)
    def remove(body: CapNameBody, actor: LocalActor, tenant: str = own_tenant) -> None:
        guard.remove_cap(tenant, body.kind, body.key, actor=actor)

    return made


def link_router(guard: Guard, peers: Sequence[str]) -> APIRouter:
    """Routes for peers."""
    made = APIRouter()

    @made.post("/link/blocks")
    def told(peer: PeerName) -> list[dict[str, Any]]:
        known_peer(peer, peers)
        return [block_json(each) for each in guard.told()]

    return made


def cap_json(cap: Cap, capping: Capping) -> dict[str, Any]:
    """A cap, and what calls under it have come to today: minutes, cost, and which limit is reached."""
    used = capping.used(cap)
    return {
        **asdict(cap),
        "kind": cap.kind.value,
        "used_minutes": round(used.minutes, 2),
        "used_cost": f"{used.cost:.4f}",
        "reached": counting.is_reached(cap, used),
    }
