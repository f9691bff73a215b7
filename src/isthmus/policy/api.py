"""HTTP routes of policies."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from isthmus.access.api import People, Reached
from isthmus.addressing import Aor
from isthmus.audit.web import LocalActor
from isthmus.dialling.plan import Dialled
from isthmus.dialling.plan import dialled as read
from isthmus.directory.api import KeyHeader
from isthmus.policy import rules
from isthmus.policy.classes import DIAL_PLAN, plan_of
from isthmus.policy.kinds import KINDS, Kind
from isthmus.policy.model import Grant, Level, Policy
from isthmus.policy.service import DEFAULT_RANK, Explained, Policies, grant_public, public

_Value = StrictBool | StrictInt | StrictStr | None


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PolicyBody(_Body):
    """A new policy. Settings that it does not name are left to weaker grants."""

    kind: str
    name: str
    description: str = ""
    settings: dict[str, _Value] = Field(default={}, max_length=100)


class PolicyChangesBody(_Body):
    """What is to be different. unset: settings that the policy shall name no more."""

    description: str | None = None
    settings: dict[str, _Value] = Field(default={}, max_length=100)
    unset: list[str] = Field(default=[], max_length=100)


class TargetBody(_Body):
    """To whom. target: address, group, site or tenant; empty for the tenant itself."""

    kind: str
    level: Level
    target: str = ""


class GrantBody(TargetBody):
    """A policy for a target. rank: of groups alone; the lowest wins."""

    policy: str
    rank: int | None = None


def router(policies: Policies, people: People, own_tenant: str) -> APIRouter:
    """/v1/policies: policies, their grants, and what is in force for whom.

    own_tenant: whose policies are meant when a request names no tenant.
    """
    routes = APIRouter(prefix="/v1/policies")
    _add_reading(routes, policies, people, own_tenant)
    _add_writing(routes, policies, own_tenant)
    _add_granting(routes, policies, own_tenant)
    return routes


def _add_reading(routes: APIRouter, policies: Policies, people: People, own_tenant: str) -> None:
    @routes.get("")
    def listed(kind: str | None = None, tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [_shown(policy, grants) for policy, grants in policies.listed(tenant, kind)]

    @routes.get("/kinds")
    def kinds() -> list[dict[str, Any]]:
        return [_kind(kind) for kind in KINDS.values()]

    @routes.get("/explain")
    def explain(aor: str, reach: Reached, kind: str | None = None) -> dict[str, Any]:
        return explained_json(policies.explain(people.get(Aor.parse(aor), reach).aor, kind))

    @routes.get("/dialled")
    def dialled(
        aor: str, digits: Annotated[list[str], Query(min_length=1, max_length=100)], reach: Reached
    ) -> list[dict[str, Any]]:
        person = people.get(Aor.parse(aor), reach)
        plan = plan_of(policies.resolver(person.tenant).resolve(person)[DIAL_PLAN])
        return [_dialled(each, read(each, plan)) for each in digits]

    @routes.get("/{kind}/{name}")
    def policy(kind: str, name: str, tenant: str = own_tenant) -> dict[str, Any]:
        return _shown(*policies.get(tenant, kind, name))


def _add_writing(routes: APIRouter, policies: Policies, own_tenant: str) -> None:
    @routes.post("", status_code=201)
    def create(body: PolicyBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> dict[str, Any]:
        wanted = Policy(tenant, body.kind, body.name, tuple(sorted(body.settings.items())), body.description)
        return public(policies.create(wanted, actor=actor, key=key))

    @routes.patch("/{kind}/{name}")
    def change(
        kind: str,
        name: str,
        body: PolicyChangesBody,
        actor: LocalActor,
        tenant: str = own_tenant,
        key: KeyHeader = None,
    ) -> dict[str, Any]:
        changed = policies.set(
            tenant,
            kind,
            name,
            settings=body.settings,
            unset=body.unset,
            description=body.description,
            actor=actor,
            key=key,
        )
        return public(changed)

    @routes.delete("/{kind}/{name}", status_code=204)
    def delete(kind: str, name: str, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> None:
        policies.delete(tenant, kind, name, actor=actor, key=key)


def _add_granting(routes: APIRouter, policies: Policies, own_tenant: str) -> None:
    @routes.post("/grant")
    def grant(body: GrantBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> dict[str, Any]:
        rank = body.rank if body.rank is not None else DEFAULT_RANK if body.level is Level.GROUP else 0
        wanted = Grant(tenant, body.kind, body.policy, body.level, _target(body, tenant), rank)
        replaced = policies.grant(wanted, actor=actor, key=key)
        return {**grant_public(wanted), "replaces": replaced and replaced.policy}

    @routes.post("/revoke", status_code=204)
    def revoke(body: TargetBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> None:
        policies.revoke(tenant, body.kind, body.level, _target(body, tenant), actor=actor, key=key)


def _target(body: TargetBody, tenant: str) -> str:
    if body.level is Level.PERSON:
        return str(Aor.parse(body.target))
    return body.target or tenant if body.level is Level.TENANT else body.target


def _shown(policy: Policy, grants: list[Grant]) -> dict[str, Any]:
    return {**public(policy), "grants": [grant_public(grant) for grant in grants]}


def _dialled(digits: str, meant: Dialled | None) -> dict[str, Any]:
    found: dict[str, str | None] = {"kind": None, "means": None, "why": None}
    if meant is not None:
        found = {"kind": meant.kind.value, "means": meant.digits, "why": meant.why}
    return {"dialled": digits, **found}


def _kind(kind: Kind) -> dict[str, Any]:
    settings = [
        {"name": each.name, "default": each.default, "form": each.form, "about": each.about} for each in kind.settings
    ]
    return {"kind": kind.name, "about": kind.about, "settings": settings}


def explained_json(explained: Explained) -> dict[str, Any]:
    """What is in force for a person, as the API shows it. id: see `rules.settings_id`."""
    person = explained.person
    return {
        "aor": str(person.aor),
        "home": person.home,
        "groups": {name: list(way) for name, way in sorted(explained.ways.items())},
        "kinds": [_effective(effective, explained.ways) for effective in explained.kinds],
    }


def _effective(effective: rules.Effective, ways: rules.Ways) -> dict[str, Any]:
    values = {name: settled.value for name, settled in effective.settings.items()}
    return {
        "kind": effective.kind,
        "id": rules.settings_id(effective.kind, values),
        "applied": [_by(grant, ways) for grant in effective.applied],
        "settings": [
            {
                "name": name,
                "value": settled.value,
                "by": settled.by and _by(settled.by, ways),
                "lost": [{**_by(grant, ways), "value": value} for grant, value in settled.lost],
            }
            for name, settled in effective.settings.items()
        ],
    }


def _by(grant: Grant, ways: rules.Ways) -> dict[str, Any]:
    """way: how the person is in the group."""
    way = list(ways.get(grant.target, ())) if grant.level is Level.GROUP else []
    return {**grant_public(grant), "way": way}
