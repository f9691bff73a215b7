"""HTTP routes of signing in by providers outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.api import Acting
from isthmus.access.model import Principal
from isthmus.errors import IsthmusError, UnavailableError
from isthmus.federation.service import Federation
from isthmus.identity.session_api import client_of, cookie_of, kept

# Lax: the browser comes back from another site, and the session's own cookie (Strict) is not sent then.
WAITING_COOKIE = "__Host-isthmus-outside"
_AT_PROVIDER_S = 600


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PasswordBody(_Body):
    """Name and password, as the directory has them."""

    name: Annotated[str, Field(max_length=400)]
    password: Annotated[str, Field(max_length=1024)]


class BeginBody(_Body):
    """Where to go in the end, and whether the provider is to be linked to the account that is signed in."""

    back: Annotated[str, Field(max_length=2048)] = ""
    link: bool = False


def router(federation: Federation) -> APIRouter:
    """/v1/session/outside and /v1/session/links."""
    routes = APIRouter(prefix="/v1/session")
    _add_sign_in(routes, federation)
    _add_links(routes, federation)
    return routes


def _add_sign_in(routes: APIRouter, federation: Federation) -> None:
    @routes.get("/outside")
    def choices() -> list[dict[str, str]]:
        return federation.choices()

    @routes.post("/outside/{provider}/password", status_code=201)
    def by_password(provider: str, body: PasswordBody, request: Request, response: Response) -> dict[str, Any]:
        done = federation.by_password(provider, body.name, body.password, client_of(request), cookie_of(request))
        return kept(response, federation.sign_in, done)

    @routes.post("/outside/{provider}")
    def begin(provider: str, body: BeginBody, request: Request, response: Response) -> dict[str, str]:
        present: Principal | None = request.scope["state"]["principal"]
        if present is not None and not present.session:
            present = None
        address, browser = federation.begin(
            provider, client_of(request), present=present, back=body.back, link=body.link
        )
        # A browser sends no other kind with a POST from a page elsewhere. It lets nobody in by itself: the answer has
        # to fit the request that it stands for, and is good once.
        kind: Literal["lax", "none"] = "none" if federation.answers_by_post(provider) else "lax"
        response.set_cookie(
            WAITING_COOKIE, browser, max_age=_AT_PROVIDER_S, path="/", secure=True, httponly=True, samesite=kind
        )
        return {"address": address}

    @routes.get("/outside/{provider}/callback", status_code=303, response_class=RedirectResponse)
    def back(provider: str, request: Request) -> Response:
        return _finished(federation, provider, request, request.query_params.multi_items())

    @routes.post("/outside/{provider}/acs", status_code=303, response_class=RedirectResponse)
    async def posted_back(provider: str, request: Request) -> Response:
        return await run_in_threadpool(_finished, federation, provider, request, _posted(await request.body()))

    @routes.get("/outside/{provider}/metadata", response_class=Response)
    def metadata(provider: str) -> Response:
        return Response(federation.metadata(provider), media_type="application/samlmetadata+xml")


def _add_links(routes: APIRouter, federation: Federation) -> None:
    @routes.get("/links")
    def links(principal: Acting) -> list[dict[str, Any]]:
        return [
            {
                "id": each.id,
                "authority": each.authority,
                "subject": each.subject,
                "created": each.created,
                "used": each.used,
            }
            for each in federation.links(principal)
        ]

    @routes.delete("/links/{link}", status_code=204)
    def unlink(link: str, principal: Acting) -> None:
        federation.unlink(principal, link)


def _finished(federation: Federation, provider: str, request: Request, given: Sequence[tuple[str, str]]) -> Response:
    """To where the sign-in leads, or to the page that says that it came to nothing."""
    browser = str(request.scope["state"]["asked"].cookies.get(WAITING_COOKIE, ""))
    # What came more than once is not what a provider sends.
    answer = dict(given) if len(dict(given)) == len(given) else {}
    try:
        done = federation.finish(provider, answer, browser, client_of(request))
    except UnavailableError:
        return _sent("/account?outside=unavailable")
    except IsthmusError:
        return _sent("/account?outside=refused")
    response = _sent(done.back)
    if done.signed_in is not None:
        kept(response, federation.sign_in, done.signed_in)
    return response


def _posted(body: bytes) -> list[tuple[str, str]]:
    """The form that a provider's page sends, with RelayState as our `state`; nothing where it can be no such form."""
    try:
        given = parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return []
    return [("state" if name == "RelayState" else name, value) for name, value in given if name != "state"]


def _sent(path: str) -> Response:
    """To a page of ours; what the browser kept for the time at the provider is forgotten."""
    response = RedirectResponse(path, status_code=303)
    response.delete_cookie(WAITING_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response
