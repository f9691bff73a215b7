"""HTTP routes of STUN and TURN for who is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from isthmus.access.api import Acting
from isthmus.turn.service import IceServers


def router(servers: IceServers) -> APIRouter:
    """/v1/media/ice."""
    routes = APIRouter()

    @routes.get("/v1/media/ice")
    def ice(who: Acting) -> Mapping[str, Any]:
        return servers.given(who)

    return routes
