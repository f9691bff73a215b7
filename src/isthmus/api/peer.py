"""Lets only configured peers at the link API."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_HEADER = "x-isthmus-peer"


class PeersOnly:
    """ASGI middleware: a request must carry the name of exactly one configured peer in `X-Isthmus-Peer`.

    haproxy takes any such header away and sets its own from the certificate it verified; the socket can be reached
    through haproxy alone.
    """

    def __init__(self, app: ASGIApp, peers: frozenset[str]) -> None:
        self._app, self._peers = app, peers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse."""
        if scope["type"] == "http":
            named = Headers(scope=scope).getlist(_HEADER)
            if len(named) != 1 or named[0] not in self._peers:
                refusal = {"what": "only the configured peers of this site may ask this", "where": "", "do": ""}
                await JSONResponse(refusal, status_code=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)
