"""The gate before every route: who asks, may they, is it too much, did the browser mean it."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isthmus.access import rules as access
from isthmus.access.model import Object, Outcome, Principal, Proof, Way
from isthmus.api import errors
from isthmus.api.metrics import ROUTE
from isthmus.api.permissions import RULES, On, Rule, routes_of
from isthmus.errors import (
    ForbiddenError,
    IsthmusError,
    StepUpError,
    TooManyError,
    UnauthenticatedError,
    UsageError,
)
from isthmus.identity.model import Client
from isthmus.identity.session_api import DEVICE_COOKIE, SESSION_COOKIE
from isthmus.identity.throttle import Rate, network

_ACTOR = "x-isthmus-actor"
_ADDRESS = "x-isthmus-address"
_OURS = b"x-isthmus-"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_HEADER = 8192
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _PAGE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as far as the gate looks at it. cookies: by name."""

    method: str
    headers: Headers
    cookies: dict[str, str]
    client: Client


class Door(Protocol):
    """One way in. Every method may raise IsthmusError."""

    def admit(self, asked: Asked, rule: Rule) -> None:
        """Before anything costs: limits."""

    def identify(self, asked: Asked) -> Principal | None:
        """Who asks; None for nobody in particular."""


class LocalDoor:
    """The unix socket that only the site's own user can open: whoever is there is the operator."""

    def admit(self, asked: Asked, rule: Rule) -> None:
        """No limits: it is our own command line."""

    def identify(self, asked: Asked) -> Principal:
        """The operator, by the name the command line gives."""
        return operator(asked.headers.get(_ACTOR, "local")[:128])


def operator(name: str) -> Principal:
    """The operator on the machine."""
    return Principal("operator", "operator", name, None, Proof(Way.LOCAL))


class SignsIn(Protocol):
    """What the web's door needs of sign-in."""

    def by_session(self, cookie: str, client: Client) -> Principal: ...

    def csrf(self, cookie: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests a second in the long run, and at once: by address, by account, and for proving who one is."""

    address: tuple[float, int] = (200.0, 1000)
    account: tuple[float, int] = (50.0, 300)
    proving: tuple[float, int] = (2.0, 60)


class WebDoor:
    """The web port: a session cookie with its CSRF token, or a bearer token."""

    def __init__(
        self,
        sign_in: SignsIn,
        by_token: Callable[[str], Principal],
        limits: Limits = Limits(),
        monotonic: Callable[[], float] = time.monotonic,
        tenant: Callable[[str | None], None] = lambda tenant: None,
        barred: Callable[[str], bool] = lambda address: False,
    ) -> None:
        """tenant: raises IsthmusError where the accounts of that tenant are not let in now.

        barred: whether the site is closed to an address.
        """
        self._sign_in, self._by_token, self._tenant, self._barred = sign_in, by_token, tenant, barred
        self._address = Rate(*limits.address, monotonic)
        self._account = Rate(*limits.account, monotonic)
        self._proving = Rate(*limits.proving, monotonic)

    def admit(self, asked: Asked, rule: Rule) -> None:
        """So many requests an address; fewer where hashing is done. None from a network that is blocked."""
        if self._barred(asked.client.address):
            raise ForbiddenError("this site is closed to your network", do="Ask an administrator.")
        place = network(asked.client.address)
        _within(self._address, place)
        if rule.costly and asked.method not in _SAFE:
            _within(self._proving, place)
            _same_origin(asked)

    def identify(self, asked: Asked) -> Principal | None:
        """By bearer token, else by session; changes by session need the CSRF token as well."""
        scheme, _, shown = asked.headers.get("authorization", "").partition(" ")
        if scheme:
            if scheme.lower() != "bearer" or not shown:
                raise UnauthenticatedError("only bearer tokens are taken here")
            principal = self._by_token(shown.strip())
        elif cookie := asked.cookies.get(SESSION_COOKIE):
            principal = self._sign_in.by_session(cookie, asked.client)
            if asked.method not in _SAFE:
                self._meant(asked, cookie)
        else:
            return None
        _within(self._account, principal.id)
        self._tenant(principal.tenant)
        return principal

    def _meant(self, asked: Asked, cookie: str) -> None:
        _same_origin(asked)
        given = asked.headers.get("x-csrf-token", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._sign_in.csrf(cookie).encode()):
            raise ForbiddenError(
                "the CSRF token is missing or wrong", do="GET /v1/session tells it; send X-CSRF-Token."
            )


def _within(rate: Rate, key: str) -> None:
    if wait := rate.take(key):
        raise TooManyError("too many requests", retry_after_s=wait, do=f"Try again in {wait:.1f} s.")


def _same_origin(asked: Asked) -> None:
    origin, host = asked.headers.get("origin"), asked.headers.get("host", "")
    if (origin is not None and origin != f"https://{host}") or asked.headers.get(
        "sec-fetch-site", "same-origin"
    ) not in (
        "same-origin",
        "none",
    ):
        raise ForbiddenError("the request comes from a page of another origin")


class Gate:
    """ASGI middleware. tenant: whose the site is. door: how people come in here. secure: add the browser's headers.

    What routes then find in the request's state: principal, permission, asked, route and its path; and two headers
    that nobody else can set: X-Isthmus-Actor and, where it is known, X-Isthmus-Address.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: FastAPI,
        door: Door,
        tenant: str,
        secure: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app, self._door = app, door
        self._routes = [(route, method, path, RULES[method, path]) for method, path, route in routes_of(routes)]
        self._site = Object("site", "this site", tenant)
        self._secure, self._clock = secure, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answering = _with_headers(send) if self._secure else send
        found = self._rule(scope)
        if found is None:  # 404 and 405 are the router's to say
            await self._app(scope, receive, answering)
            return
        route, path, rule = found
        scope[ROUTE] = path
        asked = _asked(scope)
        try:
            principal = await run_in_threadpool(self._admitted, asked, rule)
            query = _query(scope, principal, rule)
        except IsthmusError as error:
            await errors.answer(error)(scope, receive, answering)
            return
        length = asked.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > rule.body:
            await _too_large(rule)(scope, receive, answering)
            return
        state = {"principal": principal, "permission": rule.permission, "asked": asked, "route": route, "path": path}
        headers = _ours(scope, principal, asked.client.address if self._secure else asked.headers.get(_ADDRESS, ""))
        inner = {**scope, "headers": headers, "query_string": query, "state": {**scope.get("state", {}), **state}}
        await self._app(inner, _counting(receive, rule), answering)

    def _rule(self, scope: Scope) -> tuple[BaseRoute, str, Rule] | None:
        for route, method, path, rule in self._routes:
            if method == scope["method"] and route.matches(scope)[0] is Match.FULL:
                return route.original_route, path, rule
        return None

    def _admitted(self, asked: Asked, rule: Rule) -> Principal | None:
        self._door.admit(asked, rule)
        try:
            principal = self._door.identify(asked)
        except (UnauthenticatedError, ForbiddenError):
            if rule.on is not On.ANYONE:
                raise
            principal = None  # a session that is over, or another page's, must not keep anybody from signing in
        if rule.on is On.ANYONE:
            return principal
        if principal is None:
            raise UnauthenticatedError(
                "sign in first", do="POST /v1/session, or show a token: Authorization: Bearer ..."
            )
        self._authorise(principal, rule)
        return principal

    def _authorise(self, principal: Principal, rule: Rule) -> None:
        if rule.on is On.OWN:
            if rule.session and principal.proof.way is not Way.SESSION:
                raise ForbiddenError("this is done by who is signed in, not by a token")
            if principal.proof.stage not in rule.stages:
                raise ForbiddenError(
                    f"the sign-in is at {principal.proof.stage}", do="GET /v1/session says what is next."
                )
            return
        now = self._clock()
        if rule.on in (On.SITE, On.EVERYTHING):
            what = self._site
            verdict = access.permit(principal, rule.permission, what, now)
            if rule.on is On.EVERYTHING and not access.reach(principal, rule.permission).everything:
                raise ForbiddenError(f"{rule.permission} is needed for all tenants, sites and groups")
            if not verdict.allowed and verdict.outcome is not Outcome.STEP_UP:
                raise ForbiddenError("; ".join(verdict.reasons))
        elif not any(access.reach(principal, permission).scopes for permission in rule.permissions):
            raise ForbiddenError("; ".join(access.permit(principal, rule.permission, self._site, now).reasons))
        if access.needs_step_up(principal, rule.permission, now):
            raise StepUpError("prove your second factor first", do="POST /v1/session/second-factor")


async def gated(request: Request) -> None:
    """Before every route: it is the one the gate has judged. Anything else is a fault of ours, and is not served."""
    judged = request.scope.get("state", {}).get("route")
    if judged is None or judged is not request.scope["route"]:
        raise LookupError(f"{request.method} {request.url.path} came by another way than the gate's")


def _asked(scope: Scope) -> Asked:
    headers = Headers(scope=scope)
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(headers.get("cookie", "")[:_MOST_HEADER])
    except CookieError:
        jar.clear()
    cookies = {name: morsel.value for name, morsel in jar.items()}
    # haproxy sets the one; whoever is at the socket itself is on this machine.
    address = headers.get("x-forwarded-for", "").rpartition(",")[2].strip() or "local"
    client = Client(address, headers.get("user-agent", "")[:_MOST_HEADER], cookies.get(DEVICE_COOKIE, ""))
    return Asked(scope["method"], headers, cookies, client)


def _ours(scope: Scope, principal: Principal | None, address: str) -> list[tuple[bytes, bytes]]:
    """The headers, with actor and address as we know them. Whatever others say in our name is taken away."""
    kept = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(_OURS)]
    actor = principal.actor if principal is not None else "stranger"
    kept.append((_ACTOR.encode(), actor.encode("utf-8", "replace")))
    return [*kept, (_ADDRESS.encode(), address.encode("utf-8", "replace"))] if address else kept


def _query(scope: Scope, principal: Principal | None, rule: Rule) -> bytes:
    """The query, naming the one tenant that is meant where the route goes by that. Raises IsthmusError."""
    text: bytes = scope["query_string"]
    if rule.on is not On.TENANT or principal is None:
        return text
    given = parse_qsl(text.decode("latin-1"), keep_blank_values=True, encoding="utf-8", errors="replace")
    named = [value for name, value in given if name == "tenant"]
    if len(named) > 1:
        raise UsageError("more than one tenant is named", where="tenant")
    tenant = access.over_tenant(principal, rule.permission, named[0] if named else None)
    if named or tenant is None:
        return text
    return urlencode([*given, ("tenant", tenant)]).encode()


def _too_large(rule: Rule) -> errors.Problem:
    return errors.problem(413, f"the request is larger than {rule.body} bytes")


def _counting(receive: Receive, rule: Rule) -> Receive:
    """A body without a length is measured while it comes."""
    taken = 0

    async def counted() -> MutableMapping[str, Any]:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > rule.body:
            raise HTTPException(413, f"the request is larger than {rule.body} bytes")
        return message

    return counted


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
