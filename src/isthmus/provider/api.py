"""HTTP routes of the site as an OpenID provider: /.well-known/openid-configuration and what it names."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse

from isthmus.access.api import Acting
from isthmus.access.model import Principal
from isthmus.errors import UsageError
from isthmus.identity.session_api import SESSION_COOKIE
from isthmus.identity.signin import SignIn
from isthmus.provider import rules
from isthmus.provider.keys import ALGORITHMS
from isthmus.provider.model import ONE_FACTOR, SCOPES, TWO_FACTORS, Asked, Issued, OpenidClient, ProtocolError
from isthmus.provider.service import OpenidProvider

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_AUTHORIZE = "/oauth/authorize"


def router(provider: OpenidProvider, sign_in: SignIn) -> APIRouter:
    """The endpoints. They are described by their own discovery document, not by OpenAPI."""
    routes = APIRouter(include_in_schema=False)
    _add_discovery(routes, provider)
    _add_authorization(routes, provider)
    _add_tokens(routes, provider)
    _add_people(routes, provider, sign_in)
    return routes


def _add_discovery(routes: APIRouter, provider: OpenidProvider) -> None:
    @routes.get("/.well-known/openid-configuration")
    def configuration() -> dict[str, Any]:
        return _configuration(provider.issuer)

    @routes.get("/oauth/keys")
    def keys(response: Response) -> dict[str, Any]:
        response.headers["Cache-Control"] = "max-age=3600"
        return provider.keys.published()


def _add_authorization(routes: APIRouter, provider: OpenidProvider) -> None:
    @routes.get(_AUTHORIZE, status_code=303, response_class=RedirectResponse)
    def authorize(request: Request) -> Response:
        return _authorized(provider, request, _once(request.query_params.multi_items()))

    # OpenID Connect Core 3.1.2.1 wants both.
    @routes.post(_AUTHORIZE, status_code=303, response_class=RedirectResponse)
    async def authorize_by_form(request: Request) -> Response:
        return await run_in_threadpool(_authorized, provider, request, _form(await request.body()))


def _add_tokens(routes: APIRouter, provider: OpenidProvider) -> None:
    @routes.post("/oauth/token")
    async def token(request: Request) -> Response:
        return await run_in_threadpool(_answered, _token, provider, request, await request.body())

    @routes.post("/oauth/revoke")
    async def revoke(request: Request) -> Response:
        return await run_in_threadpool(_answered, _revoke, provider, request, await request.body())


def _add_people(routes: APIRouter, provider: OpenidProvider, sign_in: SignIn) -> None:
    @routes.post("/oauth/userinfo")
    @routes.get("/oauth/userinfo")
    def userinfo(principal: Acting, response: Response) -> dict[str, Any]:
        response.headers.update(_NO_STORE)
        return provider.claims(principal)

    @routes.get("/oauth/logout", status_code=303, response_class=RedirectResponse)
    def logout(request: Request) -> Response:
        return _signed_out(provider, sign_in, request, _once(request.query_params.multi_items()))

    @routes.post("/oauth/logout", status_code=303, response_class=RedirectResponse)
    async def logout_by_form(request: Request) -> Response:
        return await run_in_threadpool(_signed_out, provider, sign_in, request, _form(await request.body()))


def _authorized(provider: OpenidProvider, request: Request, query: dict[str, str]) -> Response:
    client, redirect_uri = rules.client_of(query, provider.clients)
    principal: Principal | None = request.scope["state"]["principal"]
    try:
        wanted = provider.asked(query, client, redirect_uri)
        if not provider.has_proved(principal, wanted) or principal is None:
            if wanted.silent:
                raise ProtocolError("login_required", "nobody is signed in, or not lately enough")
            return RedirectResponse(_sign_in_page(provider, query, wanted, principal), 303)
        code = provider.code(principal, wanted)
        address = rules.answer(redirect_uri, provider.issuer, wanted.state, code=code)
    except ProtocolError as error:
        address = rules.answer(
            redirect_uri, provider.issuer, query.get("state", ""), error=error.code, error_description=error.what
        )
    return RedirectResponse(address, 303, headers=_NO_STORE)


def _signed_out(provider: OpenidProvider, sign_in: SignIn, request: Request, query: dict[str, str]) -> Response:
    principal: Principal | None = request.scope["state"]["principal"]
    client = provider.signs_out(query.get("id_token_hint", "")[:8192], principal)
    if client is None or principal is None:
        return RedirectResponse("/account", 303)  # where one can sign out oneself
    sign_in.sign_out(principal)
    address = query.get("post_logout_redirect_uri", "")
    if address not in client.logout_uris:
        address = "/account"
    elif query.get("state"):
        address += f"{'&' if urlsplit(address).query else '?'}{urlencode({'state': query['state']})}"
    response = RedirectResponse(address, 303)
    response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return response


def _form(body: bytes) -> dict[str, str]:
    return _once(parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True, errors="replace"))


def _once(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The parameters. None may be there twice (RFC 6749 3.1). Raises UsageError."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UsageError("a parameter is there twice")
    return found


def _sign_in_page(provider: OpenidProvider, query: dict[str, str], wanted: Asked, principal: Principal | None) -> str:
    """Our own page for signing in, which leads back here. What settles since when stands fixed from now on."""
    kept = {name: value for name, value in query.items() if name not in ("prompt", "max_age", "proved_after")}
    if wanted.proved_after is not None:
        kept["proved_after"] = provider.stamp(wanted)
    again = "&again=1" if principal is not None and principal.session else ""
    return f"/account?back={quote(f'{_AUTHORIZE}?{urlencode(kept)}', safe='')}{again}"


def _answered(work: Any, provider: OpenidProvider, request: Request, body: bytes) -> Response:
    """The answer of an endpoint that programs ask, in the form of RFC 6749 5.1 and 5.2."""
    try:
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
            raise ProtocolError("invalid_request", "the body has to be application/x-www-form-urlencoded")
        form = _form(body)
        told = work(provider, form, _client(provider, request, form))
    except UsageError as error:
        return _error("invalid_request", error.what)
    except ProtocolError as error:
        return _error(error.code, error.what)
    return JSONResponse(told, headers=_NO_STORE)


def _error(code: str, what: str) -> Response:
    if code == "invalid_client":
        headers = {**_NO_STORE, "WWW-Authenticate": 'Basic realm="isthmus"'}
        return JSONResponse({"error": code, "error_description": what}, 401, headers)
    return JSONResponse({"error": code, "error_description": what}, 400, _NO_STORE)


def _client(provider: OpenidProvider, request: Request, form: dict[str, str]) -> OpenidClient:
    """Who asks: by HTTP Basic, or in the form. One of them (RFC 6749 2.3)."""
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return provider.client(form.get("client_id", ""), form.get("client_secret", ""))
    try:
        name, colon, secret = base64.b64decode(shown, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise ProtocolError("invalid_client", "the Authorization header can't be read") from None
    if scheme.lower() != "basic" or not colon or "client_secret" in form:
        raise ProtocolError("invalid_client", "clients show their secret in one way")
    return provider.client(unquote_plus(name), unquote_plus(secret))


def _token(provider: OpenidProvider, form: dict[str, str], client: OpenidClient) -> dict[str, Any]:
    kind = form.get("grant_type")
    if kind == "authorization_code":
        issued = provider.by_code(
            client, form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", "")
        )
    elif kind == "refresh_token":
        issued = provider.by_refresh(client, form.get("refresh_token", ""))
    else:
        raise ProtocolError("unsupported_grant_type", "authorization_code and refresh_token are supported")
    return _tokens(issued)


def _revoke(provider: OpenidProvider, form: dict[str, str], client: OpenidClient) -> dict[str, Any]:
    provider.revoke(client, form.get("token", ""))
    return {}


def _tokens(issued: Issued) -> dict[str, Any]:
    return {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": int(issued.expires_s),
        "refresh_token": issued.refresh_token,
        "id_token": issued.id_token,
        "scope": " ".join(issued.scopes),
    }


def _configuration(issuer: str) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0, section 3."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}{_AUTHORIZE}",
        "token_endpoint": f"{issuer}/oauth/token",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "jwks_uri": f"{issuer}/oauth/keys",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "end_session_endpoint": f"{issuer}/oauth/logout",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": [ONE_FACTOR, TWO_FACTORS],
        "prompt_values_supported": ["none", "login"],
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "name",
            "preferred_username", "tenant", "sip_address",
        ],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }  # fmt: skip
