"""Every route of the API and what it takes to use it: the one place. What is not listed here is not served."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import WebSocketRoute

from isthmus.access.model import Stage

_MIB = 1 << 20
SCIM_PATH = "/scim/v2/{path}"
SCIM_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SOCKETS = frozenset({"/live"})  # WebSockets that judge by themselves who comes (live/api.py)
_CONVERTER = re.compile(r":\w+(?=})")  # as in {name:path}


class On(StrEnum):
    """What the permission has to hold for."""

    ANYONE = "anyone"
    """No sign-in is needed."""
    OWN = "own"
    """One's own account or session: to be signed in is enough."""
    REACHED = "reached"
    """At least one object; the route limits itself to those within reach (access.api.Reached, or the service)."""
    TENANT = "tenant"
    """The whole of one tenant, which the query names by `tenant`. The gate lets no other tenant's name through, and
    puts the asker's own where none is given: for routes that go by that parameter."""
    SITE = "site"
    """The site itself, which is its own tenant's."""
    EVERYTHING = "everything"
    """Every object of every tenant: for routes that can't limit themselves."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route takes.

    permission: the one the route's reach is made of. also: others of which one is enough to get in; the route then
    asks for what it needs. stages: how far a sign-in must have got. body: most bytes of a request. costly: proving
    a password or code; asked less often. session: only for who is signed in, not by a token.
    """

    on: On
    permission: str = ""
    also: tuple[str, ...] = ()
    stages: frozenset[Stage] = frozenset({Stage.FULL})
    body: int = _MIB
    costly: bool = False
    session: bool = False

    @property
    def permissions(self) -> tuple[str, ...]:
        """All of which one is enough."""
        return (self.permission, *self.also) if self.permission else ()


def _reached(permission: str, *also: str, body: int = _MIB) -> Rule:
    return Rule(On.REACHED, permission, also, body=body)


def _tenant(permission: str, body: int = _MIB) -> Rule:
    return Rule(On.TENANT, permission, body=body)


def _site(permission: str) -> Rule:
    return Rule(On.SITE, permission)


_ANYONE = Rule(On.ANYONE)
_OWN = Rule(On.OWN)
_SESSION = Rule(On.OWN, session=True)
_ANY_STAGE = frozenset(Stage)
_HALFWAY = Rule(On.OWN, stages=frozenset({Stage.SECOND_FACTOR, Stage.FULL}), costly=True, session=True)
_REGISTER = Rule(On.OWN, stages=frozenset({Stage.ENROL, Stage.FULL}), costly=True, session=True)

RULES: dict[tuple[str, str], Rule] = {
    ("GET", "/"): _ANYONE,
    ("GET", "/account"): _ANYONE,
    ("GET", "/devices"): _ANYONE,
    ("GET", "/alerts"): _ANYONE,
    ("GET", "/assets/{name}"): _ANYONE,
    ("GET", "/phone"): _ANYONE,
    ("GET", "/phone/assets/{name}"): _ANYONE,
    ("GET", "/phone/{path}"): _ANYONE,
    ("GET", "/console"): _ANYONE,
    ("GET", "/console/{path}"): _ANYONE,
    ("GET", "/healthz"): _ANYONE,
    ("GET", "/v1/openapi.json"): _ANYONE,
    # This site as an OpenID provider: who asks shows codes and tokens, and is asked for them by the protocol
    ("GET", "/.well-known/openid-configuration"): _ANYONE,
    ("GET", "/oauth/keys"): _ANYONE,
    ("GET", "/oauth/authorize"): _ANYONE,
    ("POST", "/oauth/token"): Rule(On.ANYONE, body=16 * 1024),
    ("POST", "/oauth/revoke"): Rule(On.ANYONE, body=16 * 1024),
    ("GET", "/oauth/userinfo"): _OWN,
    ("POST", "/oauth/userinfo"): _OWN,
    ("GET", "/oauth/logout"): _ANYONE,
    ("POST", "/oauth/logout"): Rule(On.ANYONE, body=16 * 1024),
    ("POST", "/oauth/authorize"): Rule(On.ANYONE, body=16 * 1024),
    # The directory
    ("GET", "/v1/people"): _reached("person.read"),
    ("GET", "/v1/people/count"): _reached("person.read"),
    ("GET", "/v1/people/export"): _reached("person.export"),
    ("GET", "/v1/people/{aor}"): _reached("person.read"),
    ("GET", "/v1/people/{aor}/photo"): _reached("person.read"),
    ("GET", "/v1/contacts"): _reached("person.read"),
    # Files of one's own conversations: the route asks whether one is in them
    ("POST", "/v1/messages/files"): Rule(On.OWN, body=100 * _MIB),
    ("GET", "/v1/messages/{message}/file"): _OWN,
    # How one's own browser reaches this site's TURN server
    ("GET", "/v1/media/ice"): _OWN,
    ("GET", "/v1/people/{aor}/messages"): _reached("message.export"),
    ("GET", "/v1/presence/{aor}"): _reached("person.read"),
    ("PUT", "/v1/presence/{aor}"): _reached("presence.write"),
    ("POST", "/v1/people"): _reached("person.create"),
    ("POST", "/v1/people/import"): _reached("person.import", body=128 * _MIB),
    ("POST", "/v1/people/edit"): _reached("person.set"),
    ("PATCH", "/v1/people/{aor}"): _reached("person.set", "person.password", "number.assign"),
    ("DELETE", "/v1/people/{aor}"): _reached("person.delete"),
    # Tenants and their domains
    ("GET", "/v1/tenants"): _reached("tenant.read"),
    ("GET", "/v1/tenants/{tenant}"): _reached("tenant.read"),
    ("POST", "/v1/tenants"): Rule(On.EVERYTHING, "tenant.create"),
    ("PATCH", "/v1/tenants/{tenant}"): _reached("tenant.set"),
    ("DELETE", "/v1/tenants/{tenant}"): Rule(On.EVERYTHING, "tenant.delete"),
    ("GET", "/v1/domains"): _tenant("domain.read"),
    ("GET", "/v1/domains/{domain}"): _tenant("domain.read"),
    ("POST", "/v1/domains"): _tenant("domain.write"),
    ("POST", "/v1/domains/{domain}/verify"): Rule(On.TENANT, "domain.write", costly=True),
    ("POST", "/v1/domains/{domain}/approve"): Rule(On.EVERYTHING, "domain.approve"),
    ("DELETE", "/v1/domains/{domain}"): _tenant("domain.write"),
    # Their devices
    ("GET", "/v1/devices"): _reached("device.read"),
    ("GET", "/v1/devices/{device}"): _reached("device.read"),
    ("POST", "/v1/devices"): _reached("device.write"),
    ("POST", "/v1/devices/forbid-md5"): _reached("device.write"),
    ("POST", "/v1/devices/{device}/rotate"): _reached("device.write"),
    ("PATCH", "/v1/devices/{device}"): _reached("device.write"),
    ("DELETE", "/v1/devices/{device}"): _reached("device.revoke"),
    # Numbers: which there are is the operator's to say, who has them the tenant's
    ("GET", "/v1/numbers"): _tenant("number.read"),
    ("GET", "/v1/numbers/ranges"): _tenant("number.read"),
    ("POST", "/v1/numbers/ranges"): Rule(On.EVERYTHING, "number.write"),
    ("POST", "/v1/numbers/import"): Rule(On.EVERYTHING, "number.write", body=16 * _MIB),
    ("GET", "/v1/numbers/ranges/{range_}"): _tenant("number.read"),
    ("PATCH", "/v1/numbers/ranges/{range_}"): Rule(On.EVERYTHING, "number.write"),
    ("DELETE", "/v1/numbers/ranges/{range_}"): Rule(On.EVERYTHING, "number.write"),
    ("GET", "/v1/numbers/extensions"): _tenant("number.read"),
    ("GET", "/v1/numbers/ports"): _tenant("number.read"),
    ("POST", "/v1/numbers/ports"): _tenant("number.port"),
    ("GET", "/v1/numbers/ports/{port}"): _tenant("number.read"),
    ("POST", "/v1/numbers/ports/{port}/events"): _tenant("number.port"),
    # Bought from carriers
    ("GET", "/v1/numbers/offers"): _tenant("number.buy"),
    ("GET", "/v1/numbers/purchases"): _tenant("number.read"),
    ("POST", "/v1/numbers/purchases"): _tenant("number.buy"),
    ("GET", "/v1/numbers/purchases/{purchase}"): _tenant("number.read"),
    ("POST", "/v1/numbers/purchases/{purchase}/buy"): _tenant("number.buy"),
    ("POST", "/v1/numbers/purchases/{purchase}/cancel"): _tenant("number.buy"),
    ("POST", "/v1/numbers/purchases/{purchase}/return"): _tenant("number.buy"),
    ("POST", "/v1/numbers/{number}/address"): _tenant("number.buy"),
    ("GET", "/v1/numbers/{number}"): _tenant("number.read"),
    ("POST", "/v1/numbers/{number}/reserve"): _tenant("number.assign"),
    ("POST", "/v1/numbers/{number}/assign"): _tenant("number.assign"),
    ("POST", "/v1/numbers/{number}/transfer"): _tenant("number.assign"),
    ("POST", "/v1/numbers/{number}/release"): _tenant("number.assign"),
    # Calling plans: what there is and how much credit is the operator's to say
    ("GET", "/v1/plans"): _tenant("plan.read"),
    ("GET", "/v1/plans/{plan}"): _tenant("plan.read"),
    ("GET", "/v1/plans/of/{aor}"): _reached("plan.read"),
    ("GET", "/v1/plans/{plan}/people"): _tenant("plan.read"),
    ("PUT", "/v1/plans/{plan}"): Rule(On.EVERYTHING, "plan.write"),
    ("DELETE", "/v1/plans/{plan}"): Rule(On.EVERYTHING, "plan.write"),
    ("POST", "/v1/plans/{plan}/assign"): _tenant("plan.assign"),
    ("POST", "/v1/plans/{plan}/unassign"): _tenant("plan.assign"),
    ("POST", "/v1/plans/{plan}/preview"): _tenant("plan.assign"),
    ("GET", "/v1/credit/usage"): _tenant("plan.read"),
    ("GET", "/v1/credit/settings"): _tenant("plan.read"),
    ("PATCH", "/v1/credit/settings"): _tenant("plan.assign"),
    ("GET", "/v1/credit"): _tenant("plan.read"),
    ("POST", "/v1/credit"): Rule(On.EVERYTHING, "credit.write"),
    ("GET", "/v1/credit/charges"): _tenant("call.read"),
    # Groups, licences, policies
    ("GET", "/v1/groups"): _tenant("group.read"),
    ("GET", "/v1/groups/{name}"): _tenant("group.read"),
    ("POST", "/v1/groups"): _tenant("group.write"),
    ("PATCH", "/v1/groups/{name}"): _tenant("group.write", body=16 * _MIB),
    ("DELETE", "/v1/groups/{name}"): _tenant("group.write"),
    ("GET", "/v1/licences"): _tenant("licence.read"),
    ("GET", "/v1/licences/features"): _OWN,
    ("GET", "/v1/licences/check"): _tenant("licence.read"),
    ("GET", "/v1/licences/of/{aor}"): _reached("licence.read"),
    ("GET", "/v1/licences/{plan}"): _tenant("licence.read"),
    ("PUT", "/v1/licences/{plan}"): _tenant("licence.define"),
    ("DELETE", "/v1/licences/{plan}"): _tenant("licence.define"),
    ("POST", "/v1/licences/{plan}/assign"): _tenant("licence.write", body=16 * _MIB),
    ("POST", "/v1/licences/{plan}/unassign"): _tenant("licence.write", body=16 * _MIB),
    ("GET", "/v1/policies"): _tenant("policy.read"),
    ("GET", "/v1/policies/kinds"): _OWN,
    ("GET", "/v1/policies/explain"): _reached("policy.read"),
    ("GET", "/v1/policies/dialled"): _reached("policy.read"),
    ("GET", "/v1/policies/{kind}/{name}"): _tenant("policy.read"),
    ("POST", "/v1/policies"): _tenant("policy.write"),
    ("PATCH", "/v1/policies/{kind}/{name}"): _tenant("policy.write"),
    ("DELETE", "/v1/policies/{kind}/{name}"): _tenant("policy.write"),
    ("POST", "/v1/policies/grant"): _tenant("policy.write"),
    ("POST", "/v1/policies/revoke"): _tenant("policy.write"),
    # The telephone network
    ("GET", "/v1/trunks"): _site("site.read"),
    ("GET", "/v1/routes"): _tenant("route.read"),
    ("GET", "/v1/routes/{name}"): _tenant("route.read"),
    ("POST", "/v1/routes"): _tenant("route.write"),
    ("PATCH", "/v1/routes/{name}"): _tenant("route.write"),
    ("DELETE", "/v1/routes/{name}"): _tenant("route.write"),
    # What keeps calls from being made and taken
    ("GET", "/v1/blocks"): _tenant("route.read"),
    ("POST", "/v1/blocks"): _tenant("route.write"),
    ("POST", "/v1/blocks/remove"): _tenant("route.write"),
    ("GET", "/v1/caps"): _tenant("route.read"),
    ("POST", "/v1/caps"): _tenant("route.write"),
    ("POST", "/v1/caps/remove"): _tenant("route.write"),
    # Connectors; who enrols shows a code
    ("GET", "/v1/connectors"): _tenant("connector.read"),
    ("POST", "/v1/connectors"): _tenant("connector.write"),
    ("POST", "/v1/connectors/enrol"): Rule(On.ANYONE, body=32 * 1024, costly=True),
    ("GET", "/v1/connectors/{name}"): _tenant("connector.read"),
    ("PATCH", "/v1/connectors/{name}"): _tenant("connector.write"),
    ("DELETE", "/v1/connectors/{name}"): _tenant("connector.write"),
    ("GET", "/v1/connector-sites"): _tenant("connector.read"),
    ("GET", "/v1/connector-sites/{site}"): _tenant("connector.read"),
    ("PUT", "/v1/connector-sites/{site}"): _tenant("connector.write"),
    ("DELETE", "/v1/connector-sites/{site}"): _tenant("connector.write"),
    # Where who calls the emergency services is
    ("GET", "/v1/locations/places"): _tenant("location.read"),
    ("GET", "/v1/locations/places/{place}"): _tenant("location.read"),
    ("POST", "/v1/locations/places"): _tenant("location.write"),
    ("PATCH", "/v1/locations/places/{place}"): _tenant("location.write"),
    ("DELETE", "/v1/locations/places/{place}"): _tenant("location.write"),
    ("GET", "/v1/locations/networks"): _tenant("location.read"),
    ("POST", "/v1/locations/networks"): _tenant("location.write"),
    ("POST", "/v1/locations/networks/import"): _tenant("location.write", body=32 * _MIB),
    ("POST", "/v1/locations/networks/remove"): _tenant("location.write"),
    ("GET", "/v1/locations/find"): _tenant("location.read"),
    ("GET", "/v1/locations/loans"): _tenant("location.read"),
    ("GET", "/v1/locations/callback"): _tenant("location.read"),
    ("GET", "/v1/locations/chosen/{aor}"): _reached("address.read"),
    ("PUT", "/v1/locations/chosen/{aor}"): _reached("address.write"),
    ("DELETE", "/v1/locations/chosen/{aor}"): _reached("address.write"),
    # Where people come from, and whether the sites agree
    ("GET", "/v1/directory/sources"): _site("directory.read"),
    ("POST", "/v1/directory/sources/{name}/check"): _site("directory.sync"),
    ("POST", "/v1/directory/runs"): _site("directory.sync"),
    ("GET", "/v1/directory/runs"): _site("directory.read"),
    ("GET", "/v1/directory/runs/{run_id}"): _site("directory.read"),
    ("GET", "/v1/directory/conflicts"): _site("directory.read"),
    ("GET", "/v1/directory/people/{aor}"): _site("directory.read"),
    ("POST", "/v1/directory/people/{aor}/restore"): _site("directory.sync"),
    ("POST", "/v1/directory/compare"): Rule(On.EVERYTHING, "directory.sync"),
    # What accounts do
    ("GET", "/v1/activity/alerts"): _reached("activity.read"),
    ("GET", "/v1/activity/alerts/{alert}"): _reached("activity.read"),
    ("POST", "/v1/activity/alerts/{alert}/confirm"): _reached("activity.judge"),
    ("POST", "/v1/activity/alerts/{alert}/false-alarm"): _reached("activity.judge"),
    ("GET", "/v1/activity/profiles/{account}"): _reached("activity.read"),
    ("POST", "/v1/activity/block"): _reached("person.block", "account.set"),
    ("POST", "/v1/activity/unblock"): _reached("person.block", "account.set"),
    ("GET", "/v1/activity/networks"): Rule(On.EVERYTHING, "activity.read"),
    ("POST", "/v1/activity/networks/block"): Rule(On.EVERYTHING, "person.block"),
    ("POST", "/v1/activity/networks/unblock"): Rule(On.EVERYTHING, "person.block"),
    # The audit log
    ("GET", "/v1/audit"): _tenant("audit.read"),
    ("GET", "/v1/audit/export"): _tenant("audit.export"),
    ("GET", "/v1/audit/anchor"): Rule(On.EVERYTHING, "audit.read"),
    ("GET", "/v1/audit/{id_}"): _tenant("audit.read"),
    ("POST", "/v1/audit/verify"): Rule(On.EVERYTHING, "audit.read"),
    ("POST", "/v1/audit/accept"): Rule(On.EVERYTHING, "audit.accept"),
    # Moves
    ("POST", "/v1/moves"): _reached("person.move", body=16 * _MIB),
    ("GET", "/v1/moves"): _reached("move.read"),
    ("GET", "/v1/moves/{batch_id}"): _reached("move.read"),
    ("POST", "/v1/moves/{batch_id}/pause"): _reached("move.control"),
    ("POST", "/v1/moves/{batch_id}/resume"): _reached("move.control"),
    ("POST", "/v1/moves/{batch_id}/cancel"): _reached("move.control"),
    # Long work
    ("GET", "/v1/operations/{operation}"): _reached("move.read", "directory.read"),
    ("GET", "/v1/operations/{operation}/events"): _reached("move.read", "directory.read"),
    # What an identity provider pushes; the routes know one tenant, the asker's
    ("GET", "/v1/scim"): _tenant("directory.read"),
    ("GET", "/v1/scim/tokens"): _tenant("directory.read"),
    ("POST", "/v1/scim/tokens"): _tenant("token.create"),
    **{(method, SCIM_PATH): _reached("scim.push", body=8 * _MIB) for method in SCIM_METHODS},
    # What goes on
    ("GET", "/v1/registrations"): _reached("registration.read"),
    ("GET", "/v1/calls"): _reached("call.read"),
    ("POST", "/v1/calls/end"): _reached("call.end"),
    ("GET", "/v1/calls/explain"): _site("call.read"),
    ("GET", "/v1/calls/reaching"): _reached("call.read"),
    ("GET", "/v1/calls/ladder"): _reached("call.read"),
    ("GET", "/v1/calls/records"): _reached("call.read"),
    # What one's own browser reports of one's own calls: the route looks whether they are
    ("POST", "/v1/calls/reports"): _reached("call.read", body=16 * 1024),
    ("GET", "/v1/calls/reports"): _reached("call.read"),
    ("GET", "/v1/calls/reports/export"): _reached("call.export"),
    ("GET", "/v1/calls/records/export"): _reached("call.export"),
    ("GET", "/v1/rates"): _tenant("rate.read"),
    ("POST", "/v1/rates/import"): _tenant("rate.write", body=16 * _MIB),
    ("GET", "/v1/link"): _site("site.read"),
    ("GET", "/v1/sites"): _site("site.read"),
    ("GET", "/v1/setup"): _site("site.read"),
    ("GET", "/v1/health"): _site("site.read"),
    ("GET", "/v1/metrics"): _reached("site.read"),
    ("GET", "/v1/snapshot"): _site("site.read"),
    ("POST", "/v1/snapshot/rebuild"): _site("snapshot.rebuild"),
    # Accounts, roles, tokens, sessions
    ("GET", "/v1/accounts"): _reached("account.read"),
    ("POST", "/v1/accounts"): _reached("account.create"),
    ("GET", "/v1/accounts/{name}"): _reached("account.read"),
    ("PATCH", "/v1/accounts/{name}"): _reached("account.set"),
    ("DELETE", "/v1/accounts/{name}"): _reached("account.delete"),
    ("POST", "/v1/accounts/{name}/reset-mfa"): _reached("account.reset-mfa"),
    ("POST", "/v1/accounts/{name}/roles"): _reached("role.grant"),
    ("DELETE", "/v1/accounts/{name}/roles/{grant}"): _reached("role.grant"),
    ("GET", "/v1/roles"): _reached("role.read"),
    ("GET", "/v1/roles/{role}"): _reached("role.read"),
    ("PUT", "/v1/roles/{role}"): _reached("role.write"),
    ("DELETE", "/v1/roles/{role}"): _reached("role.write"),
    ("GET", "/v1/tokens"): _OWN,
    ("POST", "/v1/tokens"): _reached("token.create"),
    ("DELETE", "/v1/tokens/{token}"): _OWN,
    ("GET", "/v1/sessions"): _OWN,
    ("DELETE", "/v1/sessions/{session}"): _OWN,
    ("GET", "/v1/access/permissions"): _OWN,
    ("GET", "/v1/access/explain"): _reached("access.explain"),
    # One's own sign-in
    ("POST", "/v1/session"): Rule(On.ANYONE, costly=True),
    ("GET", "/v1/session"): Rule(On.OWN, stages=_ANY_STAGE),
    ("DELETE", "/v1/session"): Rule(On.OWN, stages=_ANY_STAGE, session=True),
    ("POST", "/v1/session/second-factor"): _HALFWAY,
    ("POST", "/v1/session/passkey/options"): Rule(On.ANYONE, costly=True),
    ("POST", "/v1/session/passkey"): Rule(On.ANYONE, costly=True),
    ("POST", "/v1/session/password"): Rule(On.OWN, costly=True, session=True),
    ("POST", "/v1/session/totp"): _REGISTER,
    ("POST", "/v1/session/totp/confirm"): _REGISTER,
    ("DELETE", "/v1/session/totp"): _SESSION,
    ("POST", "/v1/session/recovery-codes"): _SESSION,
    ("GET", "/v1/session/passkeys"): _SESSION,
    ("POST", "/v1/session/passkeys/options"): _REGISTER,
    ("POST", "/v1/session/passkeys"): _REGISTER,
    ("DELETE", "/v1/session/passkeys/{key}"): _SESSION,
    # Sign-in by providers outside
    ("GET", "/v1/session/outside"): _ANYONE,
    ("POST", "/v1/session/outside/{provider}"): Rule(On.ANYONE, costly=True),
    ("POST", "/v1/session/outside/{provider}/password"): Rule(On.ANYONE, costly=True),
    ("GET", "/v1/session/outside/{provider}/callback"): _ANYONE,
    ("POST", "/v1/session/outside/{provider}/acs"): Rule(On.ANYONE, body=512 * 1024),
    ("GET", "/v1/session/outside/{provider}/metadata"): _ANYONE,
    ("GET", "/v1/session/links"): _SESSION,
    ("DELETE", "/v1/session/links/{link}"): _SESSION,
}


def routes_of(app: FastAPI) -> Iterator[tuple[str, str, RouteContext]]:
    """Method, path and route of all that the app serves. Raises LookupError for what is no route of the API."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, WebSocketRoute) and route.path in SOCKETS:
            continue
        if not isinstance(route.original_route, APIRoute) or route.path is None:
            raise LookupError(f"{route.original_route!r} can't be declared, and is not served")
        path = _CONVERTER.sub("", route.path)
        for method in sorted(route.methods or ()):
            yield method, path, route


def checked(app: FastAPI) -> FastAPI:
    """The app, if every route of it is declared. Raises LookupError for one that is not: it is not to be served."""
    undeclared = [f"{method} {path}" for method, path, _ in routes_of(app) if (method, path) not in RULES]
    if undeclared:
        raise LookupError(f"not declared in api/permissions.py: {', '.join(undeclared)}")
    return app
