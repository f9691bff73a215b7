"""HTTP routes of voice routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from isthmus.audit.web import LocalActor
from isthmus.directory.api import KeyHeader
from isthmus.pstn import rules
from isthmus.pstn.model import VoiceRoute
from isthmus.pstn.service import VoiceRoutes, public

_Names = list[StrictStr]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RouteBody(_Body):
    """A new route. ways: `carrier`, `@premises`, or `carrier=60` with its share of 100. cost: a minute, as 0.012."""

    name: StrictStr
    patterns: _Names = Field(max_length=100)
    ways: _Names = Field(max_length=100)
    usages: _Names = Field(default=["default"], max_length=100)
    priority: StrictInt = 100
    cost: StrictStr = "0"
    hours: StrictStr = ""
    zone: StrictStr = "UTC"
    description: StrictStr = ""


class RouteChangesBody(_Body):
    """What is to be different."""

    patterns: _Names | None = Field(default=None, max_length=100)
    ways: _Names | None = Field(default=None, max_length=100)
    usages: _Names | None = Field(default=None, max_length=100)
    priority: StrictInt | None = None
    cost: StrictStr | None = None
    hours: StrictStr | None = None
    zone: StrictStr | None = None
    description: StrictStr | None = None


def router(routes: VoiceRoutes, own_tenant: str) -> APIRouter:
    """/v1/routes. own_tenant: whose routes are meant when a request names no tenant."""
    made = APIRouter(prefix="/v1/routes")

    @made.get("")
    def listed(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [public(each) for each in routes.listed(tenant)]

    @made.get("/{name}")
    def one(name: str, tenant: str = own_tenant) -> dict[str, Any]:
        return public(routes.get(tenant, name))

    @made.post("", status_code=201)
    def create(body: RouteBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> dict[str, Any]:
        wanted = VoiceRoute(tenant=tenant, **_values(body))
        return public(routes.create(wanted, actor=actor, key=key))

    @made.patch("/{name}")
    def change(
        name: str, body: RouteChangesBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> dict[str, Any]:
        return public(routes.set(tenant, name, _values(body), actor=actor, key=key))

    @made.delete("/{name}", status_code=204)
    def delete(name: str, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> None:
        routes.delete(tenant, name, actor=actor, key=key)

    return made


def _values(body: _Body) -> dict[str, Any]:
    given = {name: value for name, value in body.model_dump().items() if value is not None}
    lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    if "ways" in lists:
        lists["ways"] = tuple(map(rules.way_of, given["ways"]))
    return {**given, **lists}


def trunk_router(states: Callable[[], list[dict[str, Any]]]) -> APIRouter:
    """/v1/trunks. states: gives how each is."""
    made = APIRouter()

    @made.get("/v1/trunks")
    def trunks() -> list[dict[str, Any]]:
        return states()

    return made
