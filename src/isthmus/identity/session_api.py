"""HTTP routes of signing in, for browsers: the cookie is set here, and nowhere shown."""

from __future__ import annotations

from typing import Annotated, Any

import segno
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.api import Acting
from isthmus.access.model import Principal, Stage
from isthmus.access.permissions import DANGEROUS, PERMISSIONS
from isthmus.access.rules import STEP_UP_S, reach
from isthmus.identity.model import Account, Client
from isthmus.identity.own import Own
from isthmus.identity.passkeys import Passkeys, passkey_json
from isthmus.identity.signin import SignedIn, SignIn

SESSION_COOKIE = "__Host-isthmus"
DEVICE_COOKIE = "__Host-isthmus-device"
_DEVICE_S = 180 * 86_400

_Password = Annotated[str, Field(max_length=1024)]
_Code = Annotated[str, Field(max_length=64)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignInBody(_Body):
    """Name and password."""

    name: Annotated[str, Field(max_length=400)]
    password: _Password


class CodeBody(_Body):
    """A code of the authenticator app, or a recovery code."""

    code: _Code


class PasswordBody(_Body):
    """The present password and the new one."""

    present: _Password
    new: _Password


class PasskeyBody(_Body):
    """What `navigator.credentials.create` gave, as JSON."""

    credential: dict[str, Any]
    name: Annotated[str, Field(max_length=64)] = ""


class PasskeySignInBody(_Body):
    """What `navigator.credentials.get` gave, as JSON."""

    ceremony: Annotated[str, Field(max_length=64)]
    credential: dict[str, Any]


def router(sign_in: SignIn, own: Own, passkeys: Passkeys) -> APIRouter:
    """/v1/session: one's own sign-in, factors and password."""
    routes = APIRouter(prefix="/v1/session")
    _add_session(routes, sign_in, own)
    _add_totp(routes, sign_in, own)
    _add_passkeys(routes, sign_in, own, passkeys)
    return routes


def _add_session(routes: APIRouter, sign_in: SignIn, own: Own) -> None:
    @routes.post("", status_code=201)
    def begin(body: SignInBody, request: Request, response: Response) -> dict[str, Any]:
        done = sign_in.begin(body.name, body.password, client_of(request), cookie_of(request))
        return kept(response, sign_in, done)

    @routes.get("")
    def show(principal: Acting, request: Request) -> dict[str, Any]:
        account = own.account(principal)
        told = _told(account, principal.proof.stage, principal.proof.second_factor_at)
        cookie = cookie_of(request)
        told["csrf"] = sign_in.csrf(cookie) if cookie and principal.session else None
        told["session"] = principal.session or None
        told["permissions"] = [name for name in PERMISSIONS if reach(principal, name).scopes]
        return told

    @routes.delete("", status_code=204)
    def end(principal: Acting, response: Response) -> None:
        sign_in.sign_out(principal)
        response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="strict")

    @routes.post("/second-factor")
    def second_factor(body: CodeBody, principal: Acting, request: Request, response: Response) -> dict[str, Any]:
        return kept(response, sign_in, sign_in.second_factor(principal, body.code, client_of(request)))

    @routes.post("/password", status_code=204)
    def password(body: PasswordBody, principal: Acting) -> None:
        own.set_password(principal, body.present, body.new)


def _add_totp(routes: APIRouter, sign_in: SignIn, own: Own) -> None:
    @routes.post("/totp", status_code=201)
    def register(principal: Acting) -> dict[str, str]:
        secret, uri = own.begin_totp(principal)
        return {"secret": secret, "uri": uri, "qr": segno.make_qr(uri).svg_data_uri(border=0)}

    @routes.post("/totp/confirm")
    def confirm(body: CodeBody, principal: Acting, request: Request, response: Response) -> dict[str, Any]:
        done, codes = own.confirm_totp(principal, body.code, client_of(request))
        return kept(response, sign_in, done) | {"new_recovery_codes": codes}

    @routes.delete("/totp", status_code=204)
    def remove(principal: Acting) -> None:
        own.remove_totp(principal)

    @routes.post("/recovery-codes")
    def codes(principal: Acting) -> dict[str, list[str]]:
        return {"new_recovery_codes": own.new_recovery_codes(principal)}


def _add_passkeys(routes: APIRouter, sign_in: SignIn, own: Own, passkeys: Passkeys) -> None:
    @routes.post("/passkey/options")
    def sign_in_options() -> dict[str, Any]:
        ceremony, options = passkeys.begin_sign_in()
        return {"ceremony": ceremony, "options": options}

    @routes.post("/passkey")
    def sign_in_by(body: PasskeySignInBody, request: Request, response: Response) -> dict[str, Any]:
        present: Principal | None = request.scope["state"]["principal"]
        done = passkeys.sign_in(body.ceremony, body.credential, client_of(request), present, cookie_of(request))
        return kept(response, sign_in, done)

    @routes.get("/passkeys")
    def listed(principal: Acting) -> list[dict[str, Any]]:
        return [passkey_json(key) for key in passkeys.listed(principal)]

    @routes.post("/passkeys/options")
    def register_options(principal: Acting) -> dict[str, Any]:
        return passkeys.begin_registration(principal)

    @routes.post("/passkeys", status_code=201)
    def register(body: PasskeyBody, principal: Acting, request: Request, response: Response) -> dict[str, Any]:
        done, codes = passkeys.register(principal, body.credential, body.name, client_of(request))
        return kept(response, sign_in, done) | {"new_recovery_codes": codes}

    @routes.delete("/passkeys/{key}", status_code=204)
    def remove(key: str, principal: Acting) -> None:
        passkeys.remove(principal, key)


def client_of(request: Request) -> Client:
    """Where the request comes from, as the gate saw it."""
    client: Client = request.scope["state"]["asked"].client
    return client


def cookie_of(request: Request) -> str:
    """The session cookie; empty without one."""
    return str(request.scope["state"]["asked"].cookies.get(SESSION_COOKIE, ""))


def kept(response: Response, sign_in: SignIn, done: SignedIn) -> dict[str, Any]:
    """Give the browser its cookies. They end with the browser, or when the site says so."""
    attributes: dict[str, Any] = {"path": "/", "secure": True, "httponly": True, "samesite": "strict"}
    response.set_cookie(SESSION_COOKIE, done.cookie, **attributes)
    if done.device:
        response.set_cookie(DEVICE_COOKIE, done.device, max_age=_DEVICE_S, **attributes)
    session = done.session
    return _told(done.account, session.stage, session.second_factor_at) | {"csrf": sign_in.csrf(done.cookie)}


def _told(account: Account, stage: Stage, proved_at: float | None) -> dict[str, Any]:
    return {
        "account": account.name,
        "display_name": account.display_name,
        "tenant": account.tenant,
        "person": account.aor or None,
        "stage": stage.value,
        # Before the second factor nothing of it is told but which kinds there are: the page has to ask for one.
        "factors": list(account.factors),
        "second_factor_at": proved_at,
        "second_factor_lasts_s": STEP_UP_S,
        "second_factor_for": sorted(DANGEROUS),
    }
