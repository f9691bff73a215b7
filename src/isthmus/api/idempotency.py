"""Idempotency-Key on every POST: asked twice, done once (draft-ietf-httpapi-idempotency-key-header-07)."""

from __future__ import annotations

import hashlib
import logging
import re

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isthmus.access.model import Principal
from isthmus.api import errors
from isthmus.api.answered import Answer, Answered
from isthmus.api.permissions import RULES, SCIM_PATH, On
from isthmus.errors import IsthmusError, RefusedError, UsageError

_log = logging.getLogger(__name__)

PATTERN = r"^[\x21-\x7e]{1,200}$"
_KEY = re.compile(PATTERN)
_HEADER = "idempotency-key"
_REPLAYED = [(b"idempotency-replayed", b"true")]
# As if it was said today: who answers adds these again.
_OF_THE_MOMENT = frozenset({b"date", b"server", b"set-cookie"})


def takes_key(method: str, path: str) -> bool:
    """Whether the route takes a key.

    Not signing in: its answers are sessions and steps towards one, which are never given out twice. Not SCIM, where
    the names of what is made say whether it is there already.
    """
    rule = RULES[method, path]
    own = path.startswith(("/v1/session", "/oauth/")) or path == SCIM_PATH
    return method == "POST" and rule.on is not On.ANYONE and not own


class Idempotent:
    """ASGI middleware, inside the gate: who asks a second time has to be allowed to, as the first time."""

    def __init__(self, app: ASGIApp, *, answered: Answered) -> None:
        self._app, self._answered = app, answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or answer as before."""
        key = _key_of(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        try:
            if not _KEY.fullmatch(key):
                raise UsageError("an idempotency key is 1 to 200 printable ASCII characters", where="Idempotency-Key")
            body = await _whole(receive)
            asked, request = _asked(scope, key), _request(scope, body)
            before = await run_in_threadpool(self._answered.begin, asked, request)
            if before is not None and not before.whole:
                raise RefusedError(
                    "this was done already, and its answer was too long to keep", do="Look at the result."
                )
        except HTTPException as error:  # too large
            await errors.problem(error.status_code, str(error.detail))(scope, receive, send)
            return
        except IsthmusError as error:
            await errors.answer(error)(scope, receive, send)
            return
        if before is not None:
            await send({"type": "http.response.start", "status": before.status, "headers": _REPLAYED + before.headers})
            await send({"type": "http.response.body", "body": before.body})
            return
        await self._first(scope, _again(body, receive), send, asked, request)

    async def _first(self, scope: Scope, receive: Receive, send: Send, asked: str, request: str) -> None:
        kept = _Kept(send)
        answer: Answer | None = None
        try:
            await self._app(scope, receive, kept)
            answer = kept.answer()
        finally:
            try:
                await run_in_threadpool(self._answered.end, asked, request, answer)
            except IsthmusError as error:
                # It is done, and its answer is on the way or must not be lost for this.
                _log.warning("an answer could not be kept under its idempotency key: %s", error)
            await kept.flush()


class _Kept:
    """Passes an answer on, and holds its end back until it is kept: who has it may ask again at once."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._parts: list[bytes] = []
        self._last: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            if not message.get("more_body"):
                self._last = message
                return
        await self._send(message)

    def answer(self) -> Answer | None:
        """What is to be kept: refusals are not, for nothing was done."""
        if self._start is None or self._last is None or self._start["status"] not in range(200, 300):
            return None
        headers = [(n, v) for n, v in self._start["headers"] if n.lower() not in _OF_THE_MOMENT]
        return Answer(self._start["status"], headers, b"".join(self._parts))

    async def flush(self) -> None:
        """Send the end."""
        if self._last is not None:
            await self._send(self._last)


def _key_of(scope: Scope) -> str | None:
    """The key, where the route takes one."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    state = scope.get("state", {})
    given = Headers(scope=scope).getlist(_HEADER)
    if not given or "route" not in state or not takes_key("POST", state["path"]):
        return None
    return ", ".join(given)  # more than one has a space in it, and is refused


def _asked(scope: Scope, key: str) -> str:
    """Who, what they showed (a token may see less than its account), which route, which key."""
    principal = scope["state"]["principal"]
    assert isinstance(principal, Principal)
    limit = "" if principal.limit is None else ",".join(sorted(principal.limit))
    parts = (principal.kind, principal.id, principal.actor, limit, scope["state"]["path"], key)
    return "\n".join(parts)


def _request(scope: Scope, body: bytes) -> str:
    """What was asked: the address with its query, and the body."""
    query: bytes = scope["query_string"]
    return f"{scope['path']}?{query.decode('latin-1')} {hashlib.sha256(body).hexdigest()}"


async def _whole(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise UsageError("the request was cut off")
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, then whatever else comes."""
    given = False

    async def receiving() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving
