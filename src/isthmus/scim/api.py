"""HTTP routes of SCIM: the protocol itself under /scim/v2, and what an administrator does with it under /v1/scim."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isthmus.access.api import Acting, Reached
from isthmus.access.model import Object
from isthmus.audit.web import LocalActor
from isthmus.errors import ForbiddenError
from isthmus.identity.own import token_json
from isthmus.scim.service import Scim, as_json, tenant_of

PREFIX = "/scim/v2"
_MEDIA_TYPE = "application/scim+json"
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"  # RFC 7644 3.12
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_DAY_S = 86_400
_MOST_QUERY = 8192


class TokenBody(BaseModel):
    """A new token for an identity provider. tenant: whose; by default the site's own."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=64)]
    lifetime_s: Annotated[float, Field(ge=60, le=366 * _DAY_S)] = 365 * _DAY_S


def router(scim: Scim, tenant: str) -> APIRouter:
    """/v1/scim: status and tokens. tenant: the site's own."""
    routes = APIRouter(prefix="/v1/scim")
    own = tenant

    @routes.get("")
    def status(tenant: str = own) -> dict[str, Any]:
        return as_json(scim.status(tenant))

    @routes.get("/tokens")
    def tokens(principal: Acting, tenant: str = own) -> list[dict[str, Any]]:
        return [token_json(token, account) for token, account in scim.tokens(principal, tenant)]

    @routes.post("/tokens", status_code=201)
    def create(body: TokenBody, principal: Acting, tenant: str = own) -> dict[str, Any]:
        token, secret = scim.create_token(principal, tenant, body.name, body.lifetime_s)
        return token_json(token, principal.name) | {"token": secret}

    return routes


def protocol(scim: Scim, tenant: str, fqdn: str, port: int) -> APIRouter:
    """/scim/v2, for identity providers. tenant: the site's own. fqdn, port: where it is found if nobody says."""
    routes = APIRouter()
    usual = f"{fqdn}:{port}"

    async def serve(request: Request, principal: Acting, reached: Reached, actor: LocalActor) -> Response:
        whose = tenant_of(principal, tenant)
        if not reached.covers(Object("directory", "people", whose)):
            raise ForbiddenError("the whole tenant has to be within reach")
        return await run_in_threadpool(_served, scim, whose, actor, request, await request.body(), usual)

    routes.add_api_route(
        f"{PREFIX}/{{path:path}}",
        serve,
        methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        include_in_schema=False,
    )
    return routes


def _served(scim: Scim, tenant: str, actor: str, request: Request, body: bytes, usual: str) -> Response:
    from scim2_server.requests import ScimRequest

    from isthmus.scim.protocol import handle  # see there why only now

    host = request.headers.get("host", "")
    query = request.scope["query_string"].decode("latin-1")[:_MOST_QUERY]
    asked = ScimRequest(
        method=request.method,
        base_url=f"https://{host if _HOST.fullmatch(host) else usual}{PREFIX}",
        path=request.scope["path"].removeprefix(PREFIX),
        query=dict(parse_qsl(query, keep_blank_values=True, encoding="utf-8", errors="replace")),
        headers=request.headers.items(),
        body=body,
    )
    answer = handle(scim, tenant, actor, asked)
    told = b"" if answer.body is None else json.dumps(answer.body).encode()
    return Response(told, int(answer.status), headers=answer.headers)


class ScimErrors:
    """ASGI middleware: whatever is refused under /scim/v2 before the protocol has it is refused in SCIM's own form.

    That is what the gate and the framework answer: no token, too many requests, too large, no such method.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, with problems (RFC 9457) turned into errors of RFC 7644 3.12."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        started: list[Message] = []
        body = bytearray()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_problem(message):
                started.append(message)
            elif not started:
                await send(message)
            else:
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    for each in _translated(started[0], bytes(body)):
                        await send(each)

        await self._app(scope, receive, sending)


def _is_problem(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and not value.startswith(_MEDIA_TYPE.encode())
        for name, value in message["headers"]
    )


def _translated(start: Message, body: bytes) -> list[Message]:
    try:
        detail = str(json.loads(body).get("detail", ""))
    except (ValueError, AttributeError):
        detail = ""
    told = {"schemas": [_ERROR], "status": str(start["status"])} | ({"detail": detail} if detail else {})
    error = json.dumps(told).encode()
    kept = [each for each in start["headers"] if each[0].lower() not in (b"content-type", b"content-length")]
    headers = [*kept, (b"content-type", _MEDIA_TYPE.encode()), (b"content-length", str(len(error)).encode())]
    return [{**start, "headers": headers}, {"type": "http.response.body", "body": error}]
