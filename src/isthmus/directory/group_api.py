"""HTTP routes of groups."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.api import People, Reached, next_page
from isthmus.addressing import Aor
from isthmus.audit.web import LocalActor
from isthmus.directory import wire
from isthmus.directory.api import KeyHeader
from isthmus.directory.grouping import Groups, Members, Overview
from isthmus.errors import UsageError


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GroupBody(_Body):
    """A new group, kept by hand."""

    name: str
    description: str = ""


class MembersBody(_Body):
    """People by address, groups by name."""

    people: list[str] = Field(default=[], max_length=10_000)
    groups: list[str] = Field(default=[], max_length=10_000)


class GroupChangesBody(_Body):
    """What is to be different; whatever is left out stays."""

    name: str | None = None
    description: str | None = None
    add: MembersBody = MembersBody()
    remove: MembersBody = MembersBody()


def router(groups: Groups, people: People, own_tenant: str) -> APIRouter:
    """/v1/groups: listing, looking at, creating, changing and deleting groups.

    own_tenant: whose groups are meant when a request names no tenant.
    """
    routes = APIRouter(prefix="/v1/groups")
    _add_reading(routes, groups, people, own_tenant)
    _add_writing(routes, groups, own_tenant)
    return routes


def _add_reading(routes: APIRouter, groups: Groups, people: People, own_tenant: str) -> None:
    @routes.get("")
    def listed(
        reach: Reached,
        request: Request,
        response: Response,
        tenant: str = own_tenant,
        match: str | None = None,
        member: str | None = None,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    ) -> list[dict[str, Any]]:
        if member is not None:
            return [
                {"name": name, "way": list(way)}
                for name, way in sorted(groups.of(people.get(Aor.parse(member), reach).aor).items())
            ]
        found = [_shown(each) for each in groups.listed(tenant, match=match, after=after, limit=limit)]
        if len(found) == limit:
            response.headers["Link"] = next_page(request, after=found[-1]["name"])
        return found

    @routes.get("/{name:path}")
    def group(name: str, tenant: str = own_tenant) -> dict[str, Any]:
        return _shown(groups.get(tenant, name))


def _add_writing(routes: APIRouter, groups: Groups, own_tenant: str) -> None:
    @routes.post("", status_code=201)
    def create(body: GroupBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> dict[str, Any]:
        made = groups.create(tenant, body.name, body.description, actor=actor, key=key)
        return _shown(groups.get(tenant, made.name))

    @routes.patch("/{name:path}")
    def change(
        name: str,
        body: GroupChangesBody,
        actor: LocalActor,
        tenant: str = own_tenant,
        key: KeyHeader = None,
    ) -> dict[str, Any]:
        add, remove = _members(body.add), _members(body.remove)
        if (body.name is not None) + (body.description is not None) + bool(add or remove) > 1:
            raise UsageError("change the name, the description and the members one after the other")
        if body.name is not None:
            name = groups.rename(tenant, name, body.name, actor=actor, key=key).name
        elif body.description is not None:
            groups.set(tenant, name, body.description, actor=actor, key=key)
        elif add or remove:
            groups.change(tenant, name, add=add, remove=remove, actor=actor, key=key)
        return _shown(groups.get(tenant, name))

    @routes.delete("/{name:path}", status_code=204)
    def delete(name: str, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> None:
        groups.delete(tenant, name, actor=actor, key=key)


def _members(body: MembersBody) -> Members:
    return Members(tuple(Aor.parse(text) for text in body.people), tuple(body.groups))


def _shown(overview: Overview) -> dict[str, Any]:
    return {
        **wire.public_group(overview.group),
        "in": list(overview.parents),
        "people": overview.direct,
        "effective": overview.effective,
    }
