"""HTTP routes of connectors for those who look after them, and the one by which a connector enrols."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from isthmus.audit.web import LocalActor
from isthmus.connectors.model import ConnectorSite
from isthmus.connectors.service import Connectors, public_site


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InviteBody(_Body):
    """A new connector of a site."""

    site: StrictStr = Field(max_length=64)


class ConnectorBody(_Body):
    """Whether a connector is to take no new calls."""

    drains: StrictBool


class ConnectorSiteBody(_Body):
    """All of a site. settings: sections of its connectors' site files."""

    settings: dict[str, Any] = Field(default_factory=dict)
    window: StrictStr = Field(default="", max_length=400)
    zone: StrictStr = Field(default="UTC", max_length=64)
    version: StrictStr = Field(default="", max_length=64)


class EnrolBody(_Body):
    """A one-time code, and a request for a certificate (PKCS #10, PEM)."""

    code: Annotated[str, Field(max_length=64)]
    request: Annotated[str, Field(max_length=8192)]


@dataclass(frozen=True, slots=True)
class Where:
    """How connectors reach this site: what stands in their packages. ca: PEM."""

    name: str
    fqdn: str
    address: str
    web: int
    link_sip: int
    link_api: int
    ca: str
    fingerprint: str


def router(connectors: Connectors, where: Where, own_tenant: str) -> APIRouter:
    """/v1/connectors and /v1/connector-sites. own_tenant: whose are meant when a request names no tenant."""
    made = APIRouter()

    @made.get("/v1/connectors")
    def listed(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return connectors.listed(tenant)

    @made.get("/v1/connectors/{name}")
    def one(name: str, tenant: str = own_tenant) -> dict[str, Any]:
        return connectors.shown(connectors.get(tenant, name))

    @made.post("/v1/connectors", status_code=201)
    def invite(body: InviteBody, actor: LocalActor, tenant: str = own_tenant) -> dict[str, Any]:
        invited, code = connectors.invite(tenant, body.site, actor=actor)
        return {**connectors.shown(invited), "code": code, "online": asdict(where)}

    @made.patch("/v1/connectors/{name}")
    def change(name: str, body: ConnectorBody, actor: LocalActor, tenant: str = own_tenant) -> dict[str, Any]:
        return connectors.shown(connectors.drain(tenant, name, body.drains, actor=actor))

    @made.delete("/v1/connectors/{name}", status_code=204)
    def remove(name: str, actor: LocalActor, tenant: str = own_tenant) -> None:
        connectors.remove(tenant, name, actor=actor)

    @made.get("/v1/connector-sites")
    def sites(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [public_site(each) for each in connectors.sites(tenant)]

    @made.get("/v1/connector-sites/{site}")
    def one_site(site: str, tenant: str = own_tenant) -> dict[str, Any]:
        return public_site(connectors.site(tenant, site))

    @made.put("/v1/connector-sites/{site}")
    def put_site(site: str, body: ConnectorSiteBody, actor: LocalActor, tenant: str = own_tenant) -> dict[str, Any]:
        connectors.site(tenant, site)
        wanted = ConnectorSite(tenant, site, body.settings, body.window, body.zone, body.version)
        return public_site(connectors.put_site(wanted, actor=actor))

    @made.delete("/v1/connector-sites/{site}", status_code=204)
    def remove_site(site: str, actor: LocalActor, tenant: str = own_tenant) -> None:
        connectors.remove_site(tenant, site, actor=actor)

    @made.post("/v1/connectors/enrol")
    def enrol(body: EnrolBody, request: Request) -> dict[str, Any]:
        address: str = request.scope["state"]["asked"].client.address
        found = connectors.enrol(body.code, body.request.encode(), address=address)
        return {**asdict(found), "online": asdict(where)}

    return made
