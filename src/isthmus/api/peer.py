"""Lets only configured peers at the link API, and connectors at the part of it that is for them."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_PEER, _CONNECTOR = "x-isthmus-peer", "x-isthmus-connector"
_FOR_CONNECTORS = "/link/connector/"


class PeersOnly:
    """ASGI middleware: a request must carry the name of exactly one configured peer in `X-Isthmus-Peer`, or, below
    `/link/connector/`, that of exactly one connector in `X-Isthmus-Connector`, which the route looks up.

    haproxy takes any such header away and sets its own from the certificate it verified; the socket can be reached
    through haproxy alone.
    """

    def __init__(self, app: ASGIApp, peers: frozenset[str]) -> None:
        self._app, self._peers = app, peers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse."""
        if scope["type"] == "http":
            given = Headers(scope=scope)
            peers, connectors = given.getlist(_PEER), given.getlist(_CONNECTOR)
            if scope["path"].startswith(_FOR_CONNECTORS):
                fits = len(connectors) == 1 and not peers
            else:
                fits = len(peers) == 1 and peers[0] in self._peers and not connectors
            if not fits:
                refusal = {"what": "only the configured peers of this site may ask this", "where": "", "do": ""}
                await JSONResponse(refusal, status_code=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)
