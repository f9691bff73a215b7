"""ETags for every answer to a GET that has none, and 304 where the asker has it already (RFC 9110 8.8.3, 13.1.2)."""

from __future__ import annotations

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isthmus.api.preconditions import CHANGEABLE

_MOST = 4 << 20  # bytes of an answer that is held back to make its tag; longer ones have none


class Conditional:
    """ASGI middleware, inside the gate: a tag tells nobody anything of what they may not see.

    A tag made here is of the answer's bytes. It is weak, unless the object can be changed at the same address: then
    it is what If-Match goes by (api/preconditions.py).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or say that nothing is different."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        wanted = Headers(scope=scope).get("if-none-match", "")
        strong = scope.get("state", {}).get("path") in CHANGEABLE
        await self._app(scope, receive, _Answer(send, wanted, "" if strong else "W/"))


class _Answer:
    """Holds a JSON answer back until it is whole, or too long."""

    def __init__(self, send: Send, wanted: str, mark: str) -> None:
        self._mark = mark
        self._send, self._wanted = send, [_opaque(each) for each in wanted.split(",") if each.strip()]
        self._start: Message | None = None
        self._parts: list[bytes] = []
        self._size = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            media = Headers(raw=message["headers"]).get("content-type", "")
            if message["status"] == 200 and media.startswith("application/json"):
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._parts.append(message.get("body", b""))
            self._size += len(self._parts[-1])
            if message.get("more_body") and self._size <= _MOST:
                return
            await self._whole(self._start, more=bool(message.get("more_body")))
            return
        await self._send(message)

    async def _whole(self, start: Message, *, more: bool) -> None:
        body, self._start, self._parts = b"".join(self._parts), None, []
        headers = MutableHeaders(raw=start["headers"])
        if not more:
            headers.setdefault("ETag", f'{self._mark}"{hashlib.sha256(body).hexdigest()[:32]}"')
        tag = headers.get("etag")
        if tag is not None and ("*" in self._wanted or _opaque(tag) in self._wanted):
            kept = [(n, v) for n, v in start["headers"] if n.lower() not in (b"content-length", b"content-type")]
            await self._send({**start, "status": 304, "headers": kept})
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


def _opaque(tag: str) -> str:
    """The tag for the weak comparison, which If-None-Match goes by."""
    return tag.strip().removeprefix("W/")
