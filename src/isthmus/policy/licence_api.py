"""HTTP routes of licences."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.api import People, Reached
from isthmus.addressing import Aor
from isthmus.audit.web import LocalActor
from isthmus.directory.api import KeyHeader
from isthmus.policy.licences import FEATURES
from isthmus.policy.licensing import (
    Licences,
    PersonLicences,
    PlanState,
    assignment_public,
    effect_public,
    plan_public,
)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlanBody(_Body):
    """What is to be different; a new plan needs count and features. force: though people lose something."""

    count: int | None = None
    features: list[str] | None = Field(default=None, max_length=100)
    description: str | None = None
    force: bool = False
    dry_run: bool = False


class AssignBody(_Body):
    """People by address, groups by name."""

    people: list[str] = Field(default=[], max_length=10_000)
    groups: list[str] = Field(default=[], max_length=1_000)
    dry_run: bool = False


def router(licences: Licences, people: People, own_tenant: str) -> APIRouter:
    """/v1/licences: plans, who has them, and what a change would do.

    own_tenant: whose licences are meant when a request names no tenant.
    """
    routes = APIRouter(prefix="/v1/licences")
    _add_reading(routes, licences, people, own_tenant)
    _add_writing(routes, licences, own_tenant)
    return routes


def _add_reading(routes: APIRouter, licences: Licences, people: People, own_tenant: str) -> None:
    @routes.get("")
    def listed(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [state_json(state) for state in licences.listed(tenant)]

    @routes.get("/features")
    def features() -> dict[str, str]:
        return FEATURES

    @routes.get("/check")
    def check(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [_with_line(licences, tenant, state) for state in licences.listed(tenant) if state.waiting]

    @routes.get("/of/{aor}")
    def of(aor: str, reach: Reached) -> dict[str, Any]:
        return person_json(licences.of(people.get(Aor.parse(aor), reach).aor))

    @routes.get("/{plan}")
    def plan(plan: str, tenant: str = own_tenant) -> dict[str, Any]:
        state, _ = licences.get(tenant, plan)
        return _with_line(licences, tenant, state)


def _add_writing(routes: APIRouter, licences: Licences, own_tenant: str) -> None:
    @routes.put("/{plan}")
    def define(
        plan: str, body: PlanBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> dict[str, Any]:
        made = licences.define(
            tenant,
            plan,
            count=body.count,
            features=body.features,
            description=body.description,
            force=body.force,
            dry_run=body.dry_run,
            actor=actor,
            key=key,
        )
        return {"plan": plan, "dry_run": body.dry_run, **effect_public(made)}

    @routes.delete("/{plan}", status_code=204)
    def remove(plan: str, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> None:
        licences.remove(tenant, plan, actor=actor, key=key)

    @routes.post("/{plan}/assign")
    def assign(
        plan: str, body: AssignBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> dict[str, Any]:
        made = licences.assign(
            tenant, plan, _people(body), tuple(body.groups), dry_run=body.dry_run, actor=actor, key=key
        )
        return {"plan": plan, "dry_run": body.dry_run, **effect_public(made)}

    @routes.post("/{plan}/unassign")
    def unassign(
        plan: str, body: AssignBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> dict[str, Any]:
        made = licences.unassign(
            tenant, plan, _people(body), tuple(body.groups), dry_run=body.dry_run, actor=actor, key=key
        )
        return {"plan": plan, "dry_run": body.dry_run, **effect_public(made)}


def _people(body: AssignBody) -> tuple[Aor, ...]:
    return tuple(Aor.parse(text) for text in body.people)


def state_json(state: PlanState) -> dict[str, Any]:
    """A plan as the API shows it. given: whether the tenant has a count of it.."""
    return {
        **plan_public(state.plan),
        "given": state.given,
        "held": state.held,
        "free": state.plan.count - state.held,
        "waiting": state.waiting,
        "assigned": [assignment_public(each) for each in state.assignments],
    }


def _with_line(licences: Licences, tenant: str, state: PlanState) -> dict[str, Any]:
    _, line = licences.get(tenant, state.plan.name)
    people = [
        {"aor": str(aor), "place": place, "holds": index < state.plan.count} for index, (place, aor) in enumerate(line)
    ]
    return {**state_json(state), "people": people}


def person_json(found: PersonLicences) -> dict[str, Any]:
    """What a person has, as the API shows it. A way of [] stands for an assignment by name."""
    return {
        "aor": str(found.aor),
        "asked": found.asked,
        "plans": [
            {
                "plan": each.plan,
                "holds": each.holds,
                "place": each.place,
                "ways": [list(way) for way in found.reasons.get(each.plan, ())],
            }
            for each in found.plans
        ],
        "features": {name: list(plans) for name, plans in sorted(found.features.items())},
    }
