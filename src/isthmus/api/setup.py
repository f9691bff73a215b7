"""How far a site is set up, for who sees it for the first time: the real state, judged by `readiness.rules`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from fastapi import APIRouter

from isthmus.api import picture
from isthmus.errors import IsthmusError
from isthmus.readiness import rules
from isthmus.readiness.rules import Facts, Thing, Unknown
from isthmus.site.services import Services

_Found = TypeVar("_Found", int, Sequence[Thing])


def router(services: Services) -> APIRouter:
    """GET /v1/setup."""
    routes = APIRouter()

    @routes.get("/v1/setup")
    def setup() -> dict[str, Any]:
        found = rules.steps(_facts(services))
        return {"done": rules.done(found), "steps": [asdict(step) for step in found]}

    return routes


def _facts(services: Services) -> Facts:
    tenant = services.site_file.site.tenant
    sites = picture.all_sites(services)
    reached = [site for site in sites if site["reached"]]
    return Facts(
        domains=_or_why(lambda: [Thing(each.name, _unproved(each)) for each in services.tenants.domains(tenant)]),
        certificates=[
            rules.certificate(each["name"], each["days"], each["fault"])
            for site in reached
            for each in site["certificates"]
        ],
        people=_or_why(services.directory.count),
        peers=[Thing(site["name"], site["why"]) for site in sites if not site["here"]],
        trunks=[Thing(each["name"], _trunk_trouble(each)) for site in reached for each in site["trunks"]],
        numbers=_or_why(lambda: sum(each.block.range.size for each in services.numbers.ranges(tenant))),
        places=_or_why(lambda: len(services.emergency.locations.places(tenant))),
    )


def _unproved(claim: Any) -> str:
    if claim.verified_by is None:
        return claim.trouble or "nobody has proved yet that it is yours"
    return str(claim.trouble)


def _trunk_trouble(trunk: dict[str, Any]) -> str:
    if trunk["registered"] is False:
        return str(trunk["registration_error"]) or "this site is not registered there"
    return "it does not answer" if trunk["state"] in ("down", "waiting") else ""


def _or_why(ask: Callable[[], _Found]) -> _Found | Unknown:
    """What was asked for; where it can't be told here, as a directory that another site keeps, that."""
    try:
        return ask()
    except IsthmusError as error:
        return Unknown(str(error))
