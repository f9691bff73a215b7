"""Idempotency-Key for every change: who asks again with the same key gets the first answer, and nothing happens twice.

Routes that write to the directory keep the key in the very transaction of the change (directory.service), where no
crash can come between; those take the header themselves, and are left alone here. For all others the answer is kept
beside the change: a crash between the two leaves the key marked as being worked on for some minutes, and a request
after that is made again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isthmus.api import errors
from isthmus.api.tables import kept_answer
from isthmus.database import writing
from isthmus.errors import IsthmusError, RefusedError, UsageError
from isthmus.identity.sealing import Sealer

HEADER = "idempotency-key"
REPLAYED = "idempotency-replayed"
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_KEPT_MS = 24 * 3600 * 1000
_WORKED_ON_MS = 5 * 60 * 1000
_LONGEST_KEY = 200
_MOST_BYTES = 1 << 20  # of an answer; a longer one is not kept, and the next request is refused
# A sign-in sets cookies, and is not to be had again by whoever knows a key. The protocols have ways of their own.
_APART = ("/v1/session", "/oauth/", "/scim/")


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Answers:
    """The answers of one site. clock: Unix seconds."""

    def __init__(self, engine: Engine, sealer: Sealer, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._sealer, self._clock = engine, sealer, clock

    def begin(self, actor: str, key: str, request: str) -> Kept | None:
        """Mark the request as being worked on, or give the answer it had.

        Raises UsageError (the key was used for something else), RefusedError (it is being worked on, or its answer was
        too long to keep).
        """
        now = int(self._clock() * 1000)
        mine = (kept_answer.c.actor == actor) & (kept_answer.c.key == key)
        row = {"actor": actor, "key": key, "request": request, "status": 0, "at_ms": now}
        try:
            with writing(self._engine) as connection:
                connection.execute(delete(kept_answer).where(kept_answer.c.at_ms < now - _KEPT_MS))
                late = (kept_answer.c.status == 0) & (kept_answer.c.at_ms < now - _WORKED_ON_MS)
                connection.execute(delete(kept_answer).where(mine & late))
                found = connection.execute(select(kept_answer).where(mine)).one_or_none()
                if found is None:
                    connection.execute(insert(kept_answer).values(**row))
                    return None
        except IntegrityError:  # somebody was quicker
            raise _worked_on(key) from None
        if found.request != request:
            raise UsageError("this idempotency key was used for something else", where=key[:80])
        if found.status == 0:
            raise _worked_on(key)
        if found.sealed is None:
            raise RefusedError("it was done, and the answer was too long to be kept", where=key[:80])
        head, _, body = self._sealer.open(bytes(found.sealed), _about(actor, key)).partition(b"\n")
        return Kept(found.status, [(name, value) for name, value in json.loads(head)], body)

    def end(self, actor: str, key: str, kept: Kept | None) -> None:
        """What came of it. None: nothing that would come again; the key is as if it had not been used."""
        mine = (kept_answer.c.actor == actor) & (kept_answer.c.key == key)
        with writing(self._engine) as connection:
            if kept is None:
                connection.execute(delete(kept_answer).where(mine))
                return
            head = json.dumps(kept.headers).encode()
            whole = head + b"\n" + kept.body if len(kept.body) <= _MOST_BYTES else None
            sealed = None if whole is None else self._sealer.seal(whole, _about(actor, key))
            connection.execute(update(kept_answer).where(mine).values(status=kept.status, sealed=sealed))


class Idempotent:
    """ASGI middleware, inside the gate: what is asked and answered here was allowed."""

    def __init__(self, app: ASGIApp, *, answers: Answers) -> None:
        self._app, self._answers = app, answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as before, or for the first time."""
        key = Headers(scope=scope).get(HEADER, "") if scope["type"] == "http" else ""
        state = scope.get("state", {})
        if not key or not is_kept(scope["method"], scope["path"]) or takes_key(state.get("route")):
            await self._app(scope, receive, send)
            return
        if len(key) > _LONGEST_KEY:
            error = UsageError(f"the idempotency key is longer than {_LONGEST_KEY} characters")
            await errors.answer(error)(scope, receive, send)
            return
        actor = getattr(state.get("principal"), "actor", "nobody")
        body = await _body(receive)
        asked = [scope["method"], scope["path"], scope["query_string"].decode("latin-1")]
        request = hashlib.sha256(json.dumps(asked).encode() + b"\n" + body).hexdigest()
        try:
            kept = await run_in_threadpool(self._answers.begin, actor, key, request)
        except IsthmusError as error:
            await errors.answer(error)(scope, receive, send)
            return
        if kept is not None:
            await _send(kept, send)
            return
        await self._first(scope, body, send, actor, key)

    async def _first(self, scope: Scope, body: bytes, send: Send, actor: str, key: str) -> None:
        sent = _Sent(send)
        try:
            await self._app(scope, _again(body), sent)
        finally:
            await run_in_threadpool(self._answers.end, actor, key, sent.kept)


def is_kept(method: str, path: str) -> bool:
    """Whether requests of that kind take a key at all."""
    return method in _CHANGES and path.startswith("/v1/") and not path.startswith(_APART)


def takes_key(route: Any) -> bool:
    """Whether a route looks after the key itself."""
    return isinstance(route, APIRoute) and _named(route.dependant.header_params)


def _named(parameters: Collection[Any]) -> bool:
    return any(str(each.alias).lower() == HEADER for each in parameters)


class _Sent:
    """Passes an answer on, and keeps it. kept: None for a fault of ours, which may be another the next time."""

    def __init__(self, send: Send) -> None:
        self._send, self._status, self._headers, self._body = send, 0, list[tuple[str, str]](), bytearray()
        self._whole = False

    @property
    def kept(self) -> Kept | None:
        if not self._whole or self._status >= 500 or self._status == 429:
            return None
        return Kept(self._status, self._headers, bytes(self._body))

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            if len(self._body) <= _MOST_BYTES:
                self._body += message.get("body", b"")
            self._whole = not message.get("more_body")
        await self._send(message)


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes) -> Receive:
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            return {"type": "http.disconnect"}
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _send(kept: Kept, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept.headers]
    replayed = [*headers, (REPLAYED.encode(), b"true")]
    await send({"type": "http.response.start", "status": kept.status, "headers": replayed})
    await send({"type": "http.response.body", "body": kept.body, "more_body": False})


def _worked_on(key: str) -> RefusedError:
    return RefusedError("a request with this idempotency key is being worked on", where=key[:80], do="Ask again later.")


def _about(actor: str, key: str) -> str:
    return json.dumps(["kept answer", actor, key])
