"""HTTP routes of the question why a call goes where it goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Query

from isthmus.access.api import Reached
from isthmus.access.model import Reach
from isthmus.addressing import Aor
from isthmus.calls.explaining import Explaining, Question
from isthmus.errors import NotFoundError
from isthmus.link.api import PeerName, known_peer
from isthmus.routing.model import Source

_Text = Annotated[str, Query(max_length=300)]
_Some = Annotated[list[str], Query(max_length=20)]


class People(Protocol):
    """What this needs of the directory."""

    def get_many(self, aors: Iterable[Aor], reach: Reach) -> dict[Aor, Any]: ...


def router(explaining: Explaining, people: People) -> APIRouter:
    """GET /v1/calls/explain and /v1/calls/reaching.

    Only calls of people within reach, and from the PSTN, are explained; only who is within reach is looked for.
    """
    routes = APIRouter()

    def knows(aor: Aor, reach: Reach) -> bool:
        return aor in people.get_many([aor], reach)

    @routes.get("/v1/calls/explain")
    def explain(
        reach: Reached,
        caller: Annotated[str, Query(alias="from", min_length=1, max_length=300)],
        target: Annotated[str, Query(alias="to", min_length=1, max_length=300)],
        at: _Text = "",
        when: _Text = "",
        phone: _Text = "",
        down: _Some = [],  # noqa: B006 (the framework copies it)
        failed: _Some = [],  # noqa: B006
    ) -> dict[str, Any]:
        request, told = explaining.explain(Question(caller, target, at, when, phone, down, failed), reach.tenant)
        if request.source in (Source.PHONE, Source.BRANCH) and not reach.everything:
            aor = Aor.parse(request.caller)
            if not knows(aor, reach):
                raise NotFoundError(f"there is nobody called {aor}", where="from")
        return told

    @routes.get("/v1/calls/reaching")
    def reaching(
        reach: Reached, target: Annotated[str, Query(alias="to", min_length=1, max_length=300)]
    ) -> dict[str, Any]:
        return explaining.reaching(target, lambda aor: reach.everything or knows(Aor.parse(aor), reach))

    return routes


def link_router(explaining: Explaining, peers: Sequence[str]) -> APIRouter:
    """POST /link/judge: what this site, or a connector of it, decides of a request that a peer explains."""
    routes = APIRouter()

    @routes.post("/link/judge")
    def judge(peer: PeerName, body: dict[str, Any]) -> dict[str, Any]:
        known_peer(peer, peers)
        return explaining.judge(body)

    @routes.post("/link/judge/{connector}")
    def judge_at(peer: PeerName, connector: str, body: dict[str, Any]) -> dict[str, Any]:
        known_peer(peer, peers)
        return explaining.judge(body, connector)

    return routes
