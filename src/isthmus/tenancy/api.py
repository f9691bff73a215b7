"""HTTP routes of tenants and their domains."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.api import Reached, next_page
from isthmus.audit.web import LocalActor
from isthmus.directory.api import KeyHeader, MatchHeader, seen_tag
from isthmus.tenancy import rules
from isthmus.tenancy.model import UNCHANGED, Tenant, TenantChanges, Usage
from isthmus.tenancy.service import Tenants, tag, usage_public

_MOST = 10_000_000
TenantName = Annotated[str, Path(max_length=64, examples=["fabrikam"])]
DomainName = Annotated[str, Path(max_length=300, examples=["fabrikam.example"])]
_Limit = Annotated[int | None, Field(ge=0, le=_MOST)]
_Rate = Annotated[int | None, Field(ge=1, le=_MOST)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LimitsShown(BaseModel):
    """The most a tenant may have; null for no limit."""

    people: int | None
    numbers: int | None
    devices: int | None
    requests_per_minute: int | None


class Left(BaseModel):
    """How many more there may be; null where there is no limit."""

    people: int | None
    numbers: int | None
    devices: int | None


class UsageShown(BaseModel):
    """What a tenant has now."""

    people: int
    numbers: int
    devices: int
    domains: int
    accounts: int
    left: Left


class TenantShown(BaseModel):
    """A tenant. created: Unix seconds; null for one of the site file."""

    name: str
    display_name: str
    contact: str
    suspended: bool
    limits: LimitsShown
    created: float | None


class TenantDetails(TenantShown):
    """A tenant, and what it has."""

    usage: UsageShown


class RecordShown(BaseModel):
    """The DNS record that proves a domain."""

    name: str
    type: str
    value: str


class DomainShown(BaseModel):
    """A domain that a tenant claims. record: what to put into the DNS, while it is not there."""

    name: str
    tenant: str
    verified: bool
    verified_by: str | None
    verified_at: float | None
    created: float | None
    checked: float | None
    trouble: str
    record: RecordShown | None


class LimitsBody(_Body):
    """Limits to set; null takes one away, and what is left out stays."""

    people: _Limit = None
    numbers: _Limit = None
    devices: _Limit = None
    requests_per_minute: _Rate = None


class TenantChangesBody(_Body):
    """What is to be different. suspended and limits: by the operator alone."""

    display_name: str | None = Field(default=None, max_length=500)
    contact: str | None = Field(default=None, max_length=500)
    suspended: bool | None = None
    limits: LimitsBody = LimitsBody()


class TenantBody(TenantChangesBody):
    """A new tenant."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "fabrikam", "display_name": "Fabrikam", "limits": {"people": 500}}]},
    )

    name: str = Field(max_length=64)


class DomainBody(_Body):
    """A domain to be claimed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "fabrikam.example"}]})

    name: str = Field(max_length=300)


def router(tenants: Tenants, own_tenant: str) -> APIRouter:
    """/v1/tenants and /v1/domains. own_tenant: whose domains are meant when a request names no tenant."""
    routes = APIRouter(prefix="/v1")
    _add_tenants(routes, tenants)
    _add_domains(routes, tenants, own_tenant)
    return routes


def _add_tenants(routes: APIRouter, tenants: Tenants) -> None:
    @routes.get("/tenants", response_model=list[TenantShown])
    def listed(
        request: Request,
        response: Response,
        reach: Reached,
        match: str | None = None,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    ) -> list[dict[str, Any]]:
        found = tenants.listed(match=match, after=after, limit=limit, reach=reach)
        if len(found) == limit:
            response.headers["Link"] = next_page(request, after=found[-1].name)
        return [rules.public(each) for each in found]

    @routes.get("/tenants/{tenant}", response_model=TenantDetails)
    def show(tenant: TenantName, reach: Reached, response: Response) -> dict[str, Any]:
        return _tagged(response, *tenants.get(tenant, reach))

    @routes.post("/tenants", status_code=201, response_model=TenantDetails)
    def create(body: TenantBody, response: Response, actor: LocalActor, key: KeyHeader = None) -> dict[str, Any]:
        made = _tagged(response, *tenants.create(body.name, _changes(body), actor=actor, key=key))
        response.headers["Location"] = f"/v1/tenants/{body.name}"
        return made

    @routes.patch("/tenants/{tenant}", response_model=TenantDetails)
    def change(
        tenant: TenantName,
        body: TenantChangesBody,
        reach: Reached,
        response: Response,
        actor: LocalActor,
        key: KeyHeader = None,
        if_match: MatchHeader = None,
    ) -> dict[str, Any]:
        done = tenants.set(tenant, _changes(body), actor=actor, key=key, reach=reach, unless_changed=seen_tag(if_match))
        return _tagged(response, *done)

    @routes.delete("/tenants/{tenant}", status_code=204)
    def delete(tenant: TenantName, actor: LocalActor, key: KeyHeader = None) -> None:
        tenants.delete(tenant, actor=actor, key=key)


def _add_domains(routes: APIRouter, tenants: Tenants, own_tenant: str) -> None:
    @routes.get("/domains", response_model=list[DomainShown])
    def listed(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [rules.public_claim(each) for each in tenants.domains(tenant)]

    @routes.get("/domains/{domain}", response_model=DomainShown)
    def show(domain: DomainName, tenant: str = own_tenant) -> dict[str, Any]:
        return rules.public_claim(tenants.domain(tenant, domain))

    @routes.post("/domains", status_code=201, response_model=DomainShown)
    def claim(body: DomainBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> dict[str, Any]:
        return rules.public_claim(tenants.claim(tenant, body.name, actor=actor, key=key))

    @routes.post("/domains/{domain}/verify", response_model=DomainShown)
    def verify(domain: DomainName, actor: LocalActor, tenant: str = own_tenant) -> dict[str, Any]:
        return rules.public_claim(tenants.verify(tenant, domain, actor=actor))

    @routes.post("/domains/{domain}/approve", response_model=DomainShown)
    def approve(domain: DomainName, actor: LocalActor, tenant: str = own_tenant) -> dict[str, Any]:
        return rules.public_claim(tenants.approve(tenant, domain, actor=actor))

    @routes.delete("/domains/{domain}", status_code=204)
    def remove(domain: DomainName, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> None:
        tenants.remove(tenant, domain, actor=actor, key=key)


def _changes(body: TenantChangesBody) -> TenantChanges:
    limits = {name: getattr(body.limits, name) for name in body.limits.model_fields_set}
    return TenantChanges(
        display_name=UNCHANGED if body.display_name is None else body.display_name,
        contact=UNCHANGED if body.contact is None else body.contact,
        suspended=UNCHANGED if body.suspended is None else body.suspended,
        **limits,
    )


def _tagged(response: Response, tenant: Tenant, has: Usage) -> dict[str, Any]:
    response.headers["ETag"] = f'"{tag(tenant)}"'
    return {**rules.public(tenant), "usage": usage_public(has, tenant.limits)}
