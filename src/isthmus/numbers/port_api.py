"""HTTP routes of porting orders."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.api import Reached
from isthmus.audit.web import LocalActor
from isthmus.directory.api import KeyHeader
from isthmus.numbers.model import Block, NumberSource, NumberUse, PortDirection, PortEvent, PortState
from isthmus.numbers.porting import Porting
from isthmus.numbers.rules import checked_range, checked_text
from isthmus.numbers.wire import order_public

_Id = Annotated[str, Path(max_length=40)]
_Text = Annotated[str, Field(max_length=300)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OrderBody(_Body):
    """Numbers to be ported. carrier: whose they are afterwards. reference: what the carrier calls the order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"direction": "in", "range": "+14255550300-0309", "carrier": "Northwind"}]},
    )

    direction: PortDirection
    range: str = Field(max_length=80)
    carrier: _Text
    use: NumberUse = NumberUse.SUBSCRIBER
    source: NumberSource = NumberSource.TRUNK
    reference: _Text = ""
    note: _Text = ""


class EventBody(_Body):
    """What happened to an order. due: the day it is scheduled for, as 2027-01-31; reference, note: null leaves them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"event": "submit"}]})

    event: PortEvent
    due: Annotated[str | None, Field(max_length=40)] = None
    reference: _Text | None = None
    note: _Text | None = None


class OrderShown(BaseModel):
    """A porting order. carrier: whose the numbers are afterwards. Times: Unix seconds."""

    id: str
    tenant: str
    direction: PortDirection
    range: str
    numbers: int
    use: NumberUse
    source: NumberSource
    carrier: str
    state: PortState
    reference: str | None
    due: str | None
    note: str | None
    created: float
    changed: float


def router(porting: Porting, own_tenant: str) -> APIRouter:
    """/v1/numbers/ports. own_tenant: whose orders are meant when a request names no tenant."""
    routes = APIRouter(prefix="/v1/numbers/ports")

    @routes.get("", response_model=list[OrderShown])
    def listed(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [order_public(each) for each in porting.listed(tenant)]

    @routes.get("/{port}", response_model=OrderShown)
    def show(port: _Id, tenant: str = own_tenant) -> dict[str, Any]:
        return order_public(porting.get(tenant, port))

    @routes.post("", status_code=201, response_model=OrderShown)
    def request(body: OrderBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> dict[str, Any]:
        carrier = checked_text("the carrier", body.carrier)
        block = Block(checked_range(body.range), tenant, body.use, body.source, carrier)
        reference, note = checked_text("the reference", body.reference), checked_text("the note", body.note)
        made = porting.request(body.direction, block, reference=reference, note=note, actor=actor, key=key)
        return order_public(made)

    @routes.post("/{port}/events", response_model=OrderShown)
    def happened(
        port: _Id,
        body: EventBody,
        reach: Reached,
        actor: LocalActor,
        tenant: str = own_tenant,
        key: KeyHeader = None,
    ) -> dict[str, Any]:
        done = porting.happened(
            tenant,
            port,
            body.event,
            due=body.due,
            reference=None if body.reference is None else checked_text("the reference", body.reference),
            note=None if body.note is None else checked_text("the note", body.note),
            actor=actor,
            key=key,
            reach=reach,
        )
        return order_public(done)

    return routes
