"""If-Match for everything that can be read and changed at one address (RFC 9110 13.1.1, 13.1.2)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isthmus.access import rules as access
from isthmus.access.model import Principal
from isthmus.api import errors
from isthmus.api.permissions import RULES, Rule, routes_of
from isthmus.errors import ChangedError, ForbiddenError

_CHANGES = ("PATCH", "PUT", "DELETE")
_AGAIN_S = 0.005  # between two looks whether it is one's turn
_CONDITIONS = (b"if-match", b"if-none-match", b"content-length", b"content-type")

_ACTIONS = {
    path: above
    for method, path in RULES
    if method == "POST" and (above := path.rpartition("/")[0]) == "/v1/numbers/{number}" and ("GET", above) in RULES
}
"""What is done to an object at an address below its own: to the object's path. A number is not changed otherwise."""

CHANGEABLE = frozenset(
    path for method, path in RULES if method in _CHANGES and ("GET", path) in RULES and path.startswith("/v1/")
).union(_ACTIONS.values()) - {"/v1/session"}
"""Paths of what can be read and changed: their tags are strong, and what If-Match goes by."""

_BY_THEMSELVES = frozenset(
    {("PATCH", "/v1/people/{aor}"), ("DELETE", "/v1/people/{aor}"), ("PATCH", "/v1/tenants/{tenant}")}
)  # compare in the transaction of the change itself


def conditional(method: str, path: str) -> bool:
    """Whether the route takes If-Match."""
    return path in _ACTIONS if method == "POST" else method in _CHANGES and path in CHANGEABLE


class _Turns:
    """One change of an object at a time, whichever application and event loop it comes by."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._lock = threading.Lock()

    @contextlib.asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        while not self._take(name):
            await asyncio.sleep(_AGAIN_S)
        try:
            yield
        finally:
            with self._lock:
                self._taken.discard(name)

    def _take(self, name: str) -> bool:
        with self._lock:
            free = name not in self._taken
            self._taken.add(name)
            return free


_turns = _Turns()


class Preconditions:
    """ASGI middleware, inside the gate. Before a change it looks at the object as a GET of the same caller would.

    Between the look and the change no other request changes the object. What does not come by this API (a run of
    synchronisation, the other site's feed) may: where that matters, for people, the route compares by itself.
    """

    def __init__(self, app: ASGIApp, *, routes: FastAPI) -> None:
        self._app = app
        self._looks = {
            path: (route.original_route, RULES["GET", path])
            for method, path, route in routes_of(routes)
            if method == "GET" and path in CHANGEABLE
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse with 412."""
        path = scope.get("state", {}).get("path", "") if scope["type"] == "http" else ""
        if not path or (scope["method"], path) in _BY_THEMSELVES or not conditional(scope["method"], path):
            await self._app(scope, receive, send)
            return
        of = _ACTIONS.get(path, path)
        at = scope["path"] if of == path else scope["path"].rpartition("/")[0]
        async with _turns.of(at):
            headers = Headers(scope=scope)
            wanted, unwanted = headers.get("if-match"), headers.get("if-none-match")
            if wanted is not None or unwanted is not None:
                try:
                    present = await self._present({**scope, "path": at}, of, *self._looks[of])
                except ForbiddenError as error:
                    await errors.answer(error)(scope, receive, send)
                    return
                if not _holds(present, wanted, unwanted, making=scope["method"] == "PUT"):
                    await errors.answer(_changed(present, wanted))(scope, receive, send)
                    return
            await self._app(scope, receive, send)

    async def _present(self, scope: Scope, path: str, route: BaseRoute, rule: Rule) -> str | None:
        """The tag of what is at `path`; None where there is none within reach. Raises ForbiddenError for who may not
        look."""
        principal = scope["state"]["principal"]
        assert isinstance(principal, Principal)
        if rule.permissions and not any(access.reach(principal, each).scopes for each in rule.permissions):
            raise ForbiddenError("a condition is for who may read it, too", do="Leave If-Match out.")
        state = {**scope["state"], "route": route, "permission": rule.permission, "path": path}
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in _CONDITIONS]
        look = {**scope, "method": "GET", "headers": headers, "state": state}
        seen = _Seen()
        await self._app(look, _nothing, seen)
        return seen.tag


@dataclass
class _Seen:
    """Takes an answer for its tag alone."""

    tag: str | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            self.tag = Headers(raw=message["headers"]).get("etag")


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _holds(present: str | None, wanted: str | None, unwanted: str | None, *, making: bool) -> bool:
    if present is None and not making:
        return True  # the route says that there is none (RFC 9110 13.2.1)
    if wanted is not None:
        return present is not None and ("*" in _tags(wanted) or present in _tags(wanted))
    return present is None or not ("*" in _tags(unwanted or "") or present in _tags(unwanted or ""))


def _tags(header: str) -> list[str]:
    return [each.strip() for each in header.split(",")]


def _changed(present: str | None, wanted: str | None) -> ChangedError:
    if wanted is None:
        return ChangedError("there is one already", where="If-None-Match", do="GET it, and change it with If-Match.")
    if present is None:
        return ChangedError("there is none to change", where="If-Match", do="Leave If-Match out to make it.")
    return ChangedError(
        "it was changed since you looked", where="If-Match", do="GET it again, and send the ETag of that answer."
    )
