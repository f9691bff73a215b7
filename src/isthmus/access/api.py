"""What routes may ask of the request they answer: who asks, and how far they reach. The gate has put it there."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

from fastapi import Depends, Request

from isthmus.access import rules
from isthmus.access.model import Principal, Reach
from isthmus.addressing import Aor


async def acting(request: Request) -> Principal:
    """Who asks."""
    principal = request.scope["state"]["principal"]
    assert isinstance(principal, Principal)
    return principal


async def reached(request: Request) -> Reach:
    """What they may do the thing to that this route is declared for."""
    principal = request.scope["state"]["principal"]
    permission = request.scope["state"]["permission"]
    return rules.reach(principal, permission)


class People(Protocol):
    """What routes that name a person need of the directory."""

    def get(self, aor: Aor, reach: Reach) -> Any:
        """The person. Raises NotFoundError, also for who is out of reach."""


def next_page(request: Request, **more: str) -> str:
    """The Link header that leads to the next page (RFC 8288). more: the parameters by which that one differs."""
    return f'<{request.url.path}?{request.url.include_query_params(**more).query}>; rel="next"'


Acting = Annotated[Principal, Depends(acting)]
Reached = Annotated[Reach, Depends(reached)]
