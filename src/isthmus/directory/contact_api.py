"""HTTP route by which people find one another: names, addresses and numbers, and nothing else."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from isthmus.access.api import Acting, Reached, next_page
from isthmus.access.model import Principal, Reach, Scope
from isthmus.addressing import Aor
from isthmus.directory.model import Person
from isthmus.directory.service import Directory


def router(directory: Directory) -> APIRouter:
    """GET /v1/contacts: who may be looked up to call them."""
    routes = APIRouter()

    @routes.get("/v1/contacts")
    def contacts(
        request: Request,
        response: Response,
        principal: Acting,
        reach: Reached,
        match: Annotated[str | None, Query(max_length=200)] = None,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    ) -> list[dict[str, Any]]:
        behind = Aor.parse(after) if after else None
        found = directory.people(match=match, after=behind, limit=limit, reach=colleagues(principal, reach))
        if len(found) == limit:
            response.headers["Link"] = next_page(request, after=str(found[-1].aor))
        return [public(person) for person in found if person.enabled]

    return routes


def colleagues(principal: Principal, reach: Reach) -> Reach:
    """Whom somebody may look up: whoever is a person themselves finds all of their tenant, others whom they may see."""
    if principal.tenant is None or not any(scope.own for scope in reach.scopes):
        return reach
    return Reach((Scope(tenants=frozenset({principal.tenant})),))


def public(person: Person) -> dict[str, Any]:
    """What everybody of a tenant may know of one another."""
    return {"aor": str(person.aor), "display_name": person.display_name, "number": person.number}
