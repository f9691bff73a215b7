"""HTTP routes of calling plans and credit."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

from isthmus.access.api import People, Reached, next_page
from isthmus.addressing import Aor
from isthmus.audit.web import LocalActor
from isthmus.directory.api import KeyHeader
from isthmus.plans import wire
from isthmus.plans.model import Account, Group, Plan, WhenSpent
from isthmus.plans.service import Plans

_Name = Annotated[str, Path(max_length=40)]
_Month = Annotated[str, Query(pattern=r"^([0-9]{4}-(0[1-9]|1[0-2]))?$")]
_Countries = Annotated[list[StrictStr], Field(max_length=250)]
_Minutes = StrictInt | None
_MOST_PREVIEWED = 1000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GroupBody(_Body):
    """Countries (ISO 3166) with minutes of their own; null: without limit."""

    name: StrictStr = Field(max_length=40)
    countries: _Countries
    minutes: _Minutes = 0


class PlanBody(_Body):
    """A plan. home: countries that are domestic. Minutes a month; null: without limit. most: holders at most."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"home": ["US"], "domestic": 3000, "international": 600}]}
    )

    home: _Countries
    domestic: _Minutes = 0
    international: _Minutes = 0
    groups: list[GroupBody] = Field(default=[], max_length=20)
    pooled: StrictBool = False
    when_spent: WhenSpent = WhenSpent.REFUSE
    increment_s: StrictInt = 60
    most: StrictInt | None = None


class AssignBody(_Body):
    """Who is to have the plan, instead of any other. groups: by name. licences: whoever holds one of these.

    rank: of groups and licences; the lowest wins.
    """

    people: list[StrictStr] = Field(default=[], max_length=1000)
    groups: list[Annotated[StrictStr, Field(min_length=1, max_length=200)]] = Field(default=[], max_length=100)
    licences: list[Annotated[StrictStr, Field(min_length=1, max_length=63)]] = Field(default=[], max_length=100)
    rank: StrictInt = Field(default=0, ge=0, le=1_000_000)

    @model_validator(mode="after")
    def _somebody(self) -> AssignBody:
        if not self.people and not self.groups and not self.licences:
            raise ValueError("nobody is named: give people, groups or licences")
        return self


class PreviewBody(AssignBody):
    """Who is to have the plan instead of any other, or with take, none any more. Nothing is changed."""

    take: StrictBool = False


class AccountBody(_Body):
    """What a tenant says of its calls; null leaves it. blocked: countries nobody calls. end_calls: see the docs."""

    blocked: _Countries | None = None
    end_calls: StrictBool | None = None


class DepositBody(_Body):
    """Credit to be added, or with a `-` taken back. what: in words."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount": "50", "currency": "USD"}]})

    amount: StrictStr = Field(max_length=20)
    currency: StrictStr = Field(max_length=3)
    what: StrictStr = Field(default="", max_length=300)


class GroupShown(BaseModel):
    """Countries with minutes of their own."""

    name: str
    countries: list[str]
    minutes: int | None


class PlanGivenShown(BaseModel):
    """A group that has a plan, or a licence whose holders have it. rank: of several the lowest wins."""

    group: str | None
    licence: str | None
    rank: int


class PlanShown(BaseModel):
    """A plan. Minutes a month; null: without limit. holders: how many have it. given: to whom."""

    tenant: str
    name: str
    home: list[str]
    domestic: int | None
    international: int | None
    groups: list[GroupShown]
    pooled: bool
    when_spent: WhenSpent
    increment_s: int
    most: int | None
    holders: int
    given: list[PlanGivenShown]


class PlanGivesShown(PlanGivenShown):
    """A plan that somebody has by a group or a licence, or would."""

    plan: str


class PlanDetails(PlanShown):
    """A plan and who has it. by_group, by_licence: by which some have it. waiting: since it is for no more people."""

    people: list[str]
    by_group: dict[str, str]
    by_licence: dict[str, str]
    waiting: list[str]


class HolderShown(BaseModel):
    """Somebody and their plan."""

    aor: str
    plan: str


class UseShown(BaseModel):
    """What is used of a month's minutes. whose: an address, or `*` for all that share them."""

    plan: str
    bucket: str
    whose: str
    used_minutes: float
    limit_minutes: int | None


class PlanHolderShown(BaseModel):
    """Somebody who has a plan. group, licence: by which; both null: by name.

    uses: of this month; where people share their minutes, how much of those of all of them is used by them.
    """

    aor: str
    display_name: str
    group: str | None
    licence: str | None
    uses: list[UseShown]


class PlanHolding(BaseModel):
    """A plan, and by which group or licence somebody has it; both null: by name."""

    plan: str
    group: str | None
    licence: str | None


class PlanChangeShown(BaseModel):
    """Somebody who would have another plan, or by something else. null: no plan."""

    aor: str
    before: PlanHolding | None
    after: PlanHolding | None


class PlanPreview(BaseModel):
    """Who would have another plan: how many there are, and the first of them by address."""

    count: int
    people: list[PlanChangeShown]


class PlanOfShown(BaseModel):
    """Somebody's plan. group, licence: by which they have it; both null: by name.

    given: what their groups and licences give, the first first. uses: of this month; where people share their minutes,
    theirs and under `*` those of all.
    """

    aor: str
    plan: str | None
    group: str | None
    licence: str | None
    given: list[PlanGivesShown]
    uses: list[UseShown]


class UsageShown(BaseModel):
    """A month, as 2026-11."""

    tenant: str
    month: str
    credit_used: str
    uses: list[UseShown]


class AccountShown(BaseModel):
    """What a tenant says of its calls."""

    tenant: str
    blocked: list[str]
    end_calls: bool


class DepositShown(BaseModel):
    """Credit that was added. at: Unix seconds."""

    id: str
    amount: str
    currency: str
    what: str | None
    by: str
    at: float


class CreditShown(BaseModel):
    """A tenant's prepaid credit. left_percent: of what there was when some was added last."""

    tenant: str
    currency: str | None
    balance: str
    left_percent: float | None
    deposits: list[DepositShown]


class ChargeShown(BaseModel):
    """What a call was charged. counted_s: that count; plan_s: by minutes. price: of all of it. record: its name."""

    began: float
    caller: str | None
    number: str
    plan: str
    bucket: str
    seconds: int
    counted_s: int
    plan_s: int
    credit: str
    price: str | None
    currency: str | None
    record: str


def router(plans: Plans, people: People, own_tenant: str) -> APIRouter:
    """/v1/plans. own_tenant: who is meant when a request names no tenant."""
    routes = APIRouter(prefix="/v1")

    def details(tenant: str, plan: str) -> dict[str, Any]:
        return wire.plan_details(*plans.get(tenant, plan), *plans.given(tenant, plan))

    @routes.get("/plans", response_model=list[PlanShown])
    def listed(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [wire.plan_public(*each) for each in plans.listed(tenant)]

    @routes.get("/plans/{plan}", response_model=PlanDetails)
    def show(plan: _Name, tenant: str = own_tenant) -> dict[str, Any]:
        return details(tenant, plan)

    @routes.get("/plans/of/{aor}", response_model=PlanOfShown)
    def of(aor: str, reach: Reached) -> dict[str, Any]:
        person = people.get(Aor.parse(aor), reach).aor
        holder, given = plans.of(person)
        return wire.plan_of_person(person, holder, given, plans.used_by(holder) if holder else ())

    @routes.get("/plans/{plan}/people", response_model=list[PlanHolderShown])
    def holders(
        request: Request,
        response: Response,
        plan: _Name,
        tenant: str = own_tenant,
        match: Annotated[str | None, Query(max_length=200)] = None,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[dict[str, Any]]:
        found = plans.people(tenant, plan, match=match, after=Aor.parse(after) if after else None, limit=limit)
        if len(found) == limit:
            response.headers["Link"] = next_page(request, after=found[-1][0].aor)
        return [wire.holder_public(*each) for each in found]

    @routes.put("/plans/{plan}", response_model=PlanDetails)
    def define(
        plan: _Name, body: PlanBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> dict[str, Any]:
        said = body.model_dump()
        groups = tuple(Group(each["name"], tuple(each["countries"]), each["minutes"]) for each in said["groups"])
        wanted = Plan(tenant, plan, **{**said, "home": tuple(said["home"]), "groups": groups})
        plans.define(wanted, actor=actor, key=key)
        return details(tenant, plan)

    @routes.delete("/plans/{plan}", status_code=204)
    def remove(plan: _Name, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> None:
        plans.remove(tenant, plan, actor=actor, key=key)

    @routes.post("/plans/{plan}/assign", response_model=list[HolderShown])
    def assign(
        plan: _Name, body: AssignBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> list[dict[str, Any]]:
        named = list(dict.fromkeys(map(Aor.parse, body.people)))
        groups, licences = (list(dict.fromkeys(each)) for each in (body.groups, body.licences))
        done = plans.assign(tenant, plan, named, groups, body.rank, licences=licences, actor=actor, key=key)
        return [{"aor": each.aor, "plan": each.plan} for each in done]

    @routes.post("/plans/{plan}/unassign", status_code=204)
    def unassign(
        plan: _Name, body: AssignBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> None:
        plans.get(tenant, plan)
        named = list(dict.fromkeys(map(Aor.parse, body.people)))
        groups, licences = (list(dict.fromkeys(each)) for each in (body.groups, body.licences))
        plans.assign(tenant, None, named, groups, licences=licences, actor=actor, key=key)

    @routes.post("/plans/{plan}/preview", response_model=PlanPreview)
    def preview(plan: _Name, body: PreviewBody, actor: LocalActor, tenant: str = own_tenant) -> dict[str, Any]:
        plans.get(tenant, plan)
        named = list(dict.fromkeys(map(Aor.parse, body.people)))
        groups, licences = (list(dict.fromkeys(each)) for each in (body.groups, body.licences))
        name = None if body.take else plan
        found = plans.preview(tenant, name, named, groups, body.rank, licences=licences, actor=actor)
        return wire.preview_public(found, _MOST_PREVIEWED)

    return routes


def credit_router(plans: Plans, own_tenant: str) -> APIRouter:
    """/v1/credit."""
    routes = APIRouter(prefix="/v1/credit")

    @routes.get("", response_model=CreditShown)
    def credit(tenant: str = own_tenant) -> dict[str, Any]:
        return wire.credit_public(*plans.credit(tenant))

    @routes.post("", status_code=201, response_model=CreditShown)
    def deposit(
        body: DepositBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> dict[str, Any]:
        micro = wire.parse_money(body.amount)
        plans.deposit(tenant, micro, body.currency, body.what, actor=actor, key=key)
        return wire.credit_public(*plans.credit(tenant))

    @routes.get("/usage", response_model=UsageShown)
    def usage(month: _Month = "", together: bool = False, tenant: str = own_tenant) -> dict[str, Any]:
        return wire.usage_public((plans.together if together else plans.usage)(tenant, month))

    @routes.get("/settings", response_model=AccountShown)
    def settings(tenant: str = own_tenant) -> dict[str, Any]:
        return wire.account_public(plans.account(tenant))

    @routes.patch("/settings", response_model=AccountShown)
    def change(body: AccountBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> dict[str, Any]:
        before = plans.account(tenant)
        blocked = before.blocked if body.blocked is None else tuple(body.blocked)
        end_calls = before.end_calls if body.end_calls is None else body.end_calls
        return wire.account_public(plans.set_account(Account(tenant, blocked, end_calls), actor=actor, key=key))

    @routes.get("/charges", response_model=list[ChargeShown])
    def charges(
        month: _Month = "", limit: Annotated[int, Query(ge=1, le=10_000)] = 100, tenant: str = own_tenant
    ) -> list[dict[str, Any]]:
        return [wire.charge_public(each, who) for each, who in plans.charges(tenant, month, limit=limit)]

    return routes
