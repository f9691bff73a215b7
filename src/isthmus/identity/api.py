"""HTTP routes of accounts, roles, tokens and sessions, and of asking who may do what."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access import rules as access
from isthmus.access.api import Acting, next_page
from isthmus.access.model import Object, Principal, Scope
from isthmus.access.permissions import DANGEROUS, PERMISSIONS
from isthmus.addressing import Aor
from isthmus.directory.rules import as_object
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError, NotFoundError, UsageError
from isthmus.identity.accounts import Accounts, account_json, held_json, role_json
from isthmus.identity.own import Own, session_json, token_json

_DAY_S = 86_400
_Name = Annotated[str, Field(max_length=200)]
_Password = Annotated[str, Field(max_length=1024)]
_Names = Annotated[list[_Name], Field(max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GrantBody(_Body):
    """A role, and how far it reaches; what is left out is no limit."""

    role: _Name
    tenants: _Names | None = None
    sites: _Names | None = None
    groups: _Names | None = None

    def scope(self) -> Scope:
        """How far it reaches. Raises UsageError for a limit that nothing fits."""
        given = (self.tenants, self.sites, self.groups)
        if any(names is not None and not names for names in given):
            raise UsageError("a limit without names reaches nothing", do="Leave it out to set no limit.")
        tenants, sites, groups = (None if names is None else frozenset(names) for names in given)
        return Scope(tenants, sites, groups)


class AccountBody(_Body):
    """A new account. person: the address of whom it is. Without a password one is made, and shown in the answer."""

    name: _Name
    tenant: _Name | None = None
    every_tenant: bool = False
    display_name: _Name = ""
    person: _Name | None = None
    password: _Password | None = None
    roles: Annotated[list[GrantBody], Field(max_length=50)] = []


class AccountChanges(_Body):
    """What is to be different. new_password: make one, and show it in the answer."""

    display_name: _Name | None = None
    enabled: bool | None = None
    password: _Password | None = None
    new_password: bool = False


class RoleBody(_Body):
    """A custom role."""

    permissions: Annotated[list[_Name], Field(max_length=200)]
    description: _Name = ""
    tenant: _Name | None = None


class TokenBody(_Body):
    """A new API token. account: whose, where the operator makes it."""

    name: _Name
    permissions: Annotated[list[_Name], Field(max_length=200)]
    lifetime_s: Annotated[float, Field(ge=60, le=366 * _DAY_S)] = 90 * _DAY_S
    account: _Name | None = None


def router(accounts: Accounts, own: Own, directory: Directory, tenant: str) -> APIRouter:
    """/v1/accounts, /v1/roles, /v1/tokens, /v1/sessions, /v1/access. tenant: the site's own."""
    routes = APIRouter(prefix="/v1")
    _add_accounts(routes, accounts)
    _add_roles(routes, accounts)
    _add_tokens_and_sessions(routes, own)
    _add_access(routes, accounts, directory, tenant)
    return routes


def _add_accounts(routes: APIRouter, accounts: Accounts) -> None:
    @routes.get("/accounts")
    def listed(
        principal: Acting,
        request: Request,
        response: Response,
        match: Annotated[str | None, Query(max_length=200)] = None,
        after: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[dict[str, Any]]:
        found = accounts.listed(principal, match=_text(match), after=_text(after), limit=limit)
        if len(found) == limit:
            response.headers["Link"] = next_page(request, after=found[-1].name)
        return [account_json(account) for account in found]

    @routes.post("/accounts", status_code=201)
    def create(body: AccountBody, principal: Acting) -> dict[str, Any]:
        account, shown = accounts.create(
            principal,
            body.name,
            tenant=body.tenant,
            every_tenant=body.every_tenant,
            display_name=body.display_name,
            person=Aor.parse(body.person) if body.person else None,
            password=body.password,
            roles=[(each.role, each.scope()) for each in body.roles],
        )
        return account_json(account) | ({"new_password": shown} if shown else {})

    @routes.get("/accounts/{name}")
    def show(name: str, principal: Acting) -> dict[str, Any]:
        account, held = accounts.get(principal, name)
        return account_json(account) | {"roles": [held_json(each) for each in held]}

    @routes.patch("/accounts/{name}")
    def change(name: str, body: AccountChanges, principal: Acting) -> dict[str, Any]:
        if body.password is not None and body.new_password:
            raise UsageError("either a password or new_password, not both")
        given = body.model_dump(exclude={"new_password"})
        account, shown = accounts.set(principal, name, new_password=body.new_password, **given)
        return account_json(account) | ({"new_password": shown} if shown else {})

    @routes.delete("/accounts/{name}", status_code=204)
    def delete(name: str, principal: Acting) -> None:
        accounts.delete(principal, name)

    @routes.post("/accounts/{name}/reset-mfa")
    def reset(name: str, principal: Acting) -> dict[str, Any]:
        return account_json(accounts.reset_factors(principal, name))

    @routes.post("/accounts/{name}/roles", status_code=201)
    def grant(name: str, body: GrantBody, principal: Acting) -> dict[str, Any]:
        return held_json(accounts.grant(principal, name, body.role, body.scope()))

    @routes.delete("/accounts/{name}/roles/{grant}", status_code=204)
    def revoke(name: str, grant: str, principal: Acting) -> None:
        accounts.revoke(principal, name, grant)


def _add_roles(routes: APIRouter, accounts: Accounts) -> None:
    @routes.get("/roles")
    def roles(principal: Acting) -> list[dict[str, Any]]:
        return [role_json(role) for role in accounts.roles(principal)]

    @routes.get("/roles/{role}")
    def role(role: str, principal: Acting, tenant: str | None = None) -> dict[str, Any]:
        found, holders = accounts.role(principal, role, tenant)
        return role_json(found) | {
            "holders": [{"account": account.name, **held_json(held)} for account, held in holders]
        }

    @routes.put("/roles/{role}")
    def put(role: str, body: RoleBody, principal: Acting, tenant: str | None = None) -> dict[str, Any]:
        # A tenant in the address is what If-Match goes by (api/preconditions.py): the same role has to be meant.
        if None not in (tenant, body.tenant) and tenant != body.tenant:
            raise UsageError(f"the role is {body.tenant}'s in the body, and {tenant}'s in the address", where="tenant")
        whose = tenant if body.tenant is None else body.tenant
        return role_json(accounts.put_role(principal, role, body.permissions, body.description, whose))

    @routes.delete("/roles/{role}", status_code=204)
    def delete(role: str, principal: Acting, tenant: str | None = None) -> None:
        accounts.delete_role(principal, role, tenant)


def _add_tokens_and_sessions(routes: APIRouter, own: Own) -> None:
    @routes.get("/tokens")
    def tokens(principal: Acting) -> list[dict[str, Any]]:
        return [token_json(token, owner) for token, owner in own.tokens(principal)]

    @routes.post("/tokens", status_code=201)
    def create(body: TokenBody, principal: Acting) -> dict[str, Any]:
        token, secret = own.create_token(principal, body.name, body.permissions, body.lifetime_s, body.account)
        return token_json(token, body.account or principal.name) | {"token": secret}

    @routes.delete("/tokens/{token}", status_code=204)
    def revoke(token: str, principal: Acting) -> None:
        own.revoke_token(principal, token)

    @routes.get("/sessions")
    def sessions(principal: Acting) -> list[dict[str, Any]]:
        return [session_json(session, owner) for session, owner in own.sessions(principal)]

    @routes.delete("/sessions/{session}", status_code=204)
    def end(session: str, principal: Acting) -> None:
        own.revoke_session(principal, session)


def _add_access(
    routes: APIRouter,
    accounts: Accounts,
    directory: Directory,
    tenant: str,
    clock: Callable[[], float] = time.time,
) -> None:
    @routes.get("/access/permissions")
    def permissions() -> list[dict[str, Any]]:
        return [
            {"name": name, "description": text, "second_factor": name in DANGEROUS}
            for name, text in PERMISSIONS.items()
        ]

    @routes.get("/access/explain")
    def explain(
        who: str, action: str, principal: Acting, what: Annotated[str, Query(alias="object")] = "site"
    ) -> dict[str, Any]:
        access.known_permission(action)
        subject = accounts.principal(principal, who)
        found = _object(what, principal, accounts, directory, tenant)
        verdict = access.permit(subject, action, found, clock())
        return {
            "who": subject.name,
            "action": action,
            "object": {"kind": found.kind, "name": found.name, "tenant": found.tenant or None},
            "allowed": verdict.allowed,
            "outcome": verdict.outcome.value,
            "reasons": list(verdict.reasons),
            "second_factor": action in DANGEROUS,
        }


def _object(text: str, by: Principal, accounts: Accounts, directory: Directory, tenant: str) -> Object:
    """What `text` names: a person by address, `account:NAME`, `tenant:NAME`, or `site`. Raises IsthmusError."""
    kind, colon, name = text.partition(":")
    if text == "site":
        return Object("site", "this site", tenant)
    if kind == "account" and colon:
        return accounts.get(by, name)[0].as_object()
    if kind == "tenant" and colon:
        if not (access.reach(by, "account.read").tenant(name) and name in directory.domains().values()):
            raise NotFoundError(f"there is no tenant {name[:80]!r}")
        return Object("tenant", name, name)
    try:
        aor = Aor.parse(text)
    except IsthmusError:
        raise UsageError(f"{text[:80]!r} names nothing", do="An address, account:NAME, tenant:NAME or site.") from None
    return as_object(directory.get(aor, access.reach(by, "person.read")))


def _text(text: str | None) -> str | None:
    """What is searched for; half a surrogate pair or a zero byte, which no database takes, is in no name."""
    return None if text is None else text.encode("utf-8", "replace").decode().replace("\0", "�")
