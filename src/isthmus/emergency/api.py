"""HTTP routes of emergency locations."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access import rules as access
from isthmus.access.api import Acting, Reached
from isthmus.access.model import Principal, Reach
from isthmus.addressing import Aor, normalise_number
from isthmus.audit.web import LocalActor
from isthmus.directory.api import KeyHeader
from isthmus.directory.model import Person
from isthmus.directory.rules import as_object
from isthmus.directory.service import Directory
from isthmus.emergency import bulk, civic, elements
from isthmus.emergency.bulk import Fault, Row
from isthmus.emergency.choosing import Choices
from isthmus.emergency.lending import Lending
from isthmus.emergency.model import Choice, Civic, Element, Known, Place, Point
from isthmus.emergency.service import Locations
from isthmus.emergency.showing import choice_public, loan_public, located_public, network_public, place_public
from isthmus.errors import NotFoundError, UsageError

_MOST_ROWS = 200_000
_COUNTS = ("created", "updated", "unchanged", "removed")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AddressBody(_Body):
    """A civic address. country: ISO 3166 code. elements: by their names of RFC 5139, as RD for the street."""

    country: str = Field(max_length=8)
    elements: dict[str, str] = Field(max_length=40)


class PointBody(_Body):
    """A point in degrees, WGS 84."""

    latitude: float
    longitude: float


class PlaceBody(_Body):
    """A new place. elins: numbers of its pool. default: whether it stands for the whole site."""

    name: str
    address: AddressBody
    point: PointBody | None = None
    elins: list[str] = Field(default=[], max_length=200)
    policy: str = Field("", max_length=63)
    default: bool = False


class PlaceChangesBody(_Body):
    """What is to be different; the address and the pool as a whole."""

    address: AddressBody | None = None
    point: PointBody | None = None
    elins: list[str] | None = Field(None, max_length=200)
    policy: str | None = Field(None, max_length=63)
    default: bool | None = None


class PartBody(_Body):
    """A part of the network. id: chassis id, BSSID or subnet. port: of ports alone."""

    kind: Element
    id: str = Field(max_length=300)
    port: str = Field("", max_length=300)


class ElementBody(PartBody):
    """A part of the network and its place. replace: also where it leads to another place."""

    place: str
    replace: bool = False


class RowBody(_Body):
    """A row of a file."""

    line: int = 0
    kind: str = ""
    id: str = ""
    port: str = ""
    place: str = ""


class ImportBody(_Body):
    """Rows of a file. update: change parts that lead elsewhere. whole: remove those that are not among the rows."""

    rows: list[RowBody] = Field(max_length=_MOST_ROWS)
    update: bool = False
    whole: bool = False
    dry_run: bool = False


class ChoiceBody(_Body):
    """Where a person is: a place of the tenant, or an address of their own. device: for that one alone."""

    place: str = ""
    address: AddressBody | None = None
    point: PointBody | None = None
    device: str = Field("", max_length=64)


def router(locations: Locations, choices: Choices, lending: Lending, people: Directory, own_tenant: str) -> APIRouter:
    """/v1/locations. own_tenant: whose are meant when a request names no tenant."""
    routes = APIRouter(prefix="/v1/locations")
    _add_places(routes, locations, own_tenant)
    _add_networks(routes, locations, own_tenant)
    _add_finding(routes, locations, lending, people, own_tenant)
    _add_choices(routes, choices)
    return routes


def _add_places(routes: APIRouter, locations: Locations, own_tenant: str) -> None:
    @routes.get("/places")
    def listed(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [place_public(each) for each in locations.places(tenant)]

    @routes.get("/places/{place}")
    def one(place: str, tenant: str = own_tenant) -> dict[str, Any]:
        return place_public(locations.place(tenant, place))

    @routes.post("/places", status_code=201)
    def add(body: PlaceBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> dict[str, Any]:
        wanted = Place(
            tenant, body.name, _civic(body.address), _point(body.point), tuple(body.elins), body.policy, body.default
        )
        return place_public(locations.add(wanted, actor=actor, key=key))

    @routes.patch("/places/{place}")
    def change(
        place: str, body: PlaceChangesBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> dict[str, Any]:
        changes = _changes(body)
        changed = locations.change(
            tenant, place, lambda before: msgspec.structs.replace(before, **changes), actor=actor, key=key,
            request=sorted(changes.items()),
        )  # fmt: skip
        return place_public(changed)

    @routes.delete("/places/{place}", status_code=204)
    def remove(place: str, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> None:
        locations.remove(tenant, place, actor=actor, key=key)


def _add_networks(routes: APIRouter, locations: Locations, own_tenant: str) -> None:
    @routes.get("/networks")
    def listed(kind: Element | None = None, place: str | None = None, tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [network_public(each) for each in locations.network(tenant, kind, place)]

    @routes.post("/networks", status_code=201)
    def lead(body: ElementBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> dict[str, Any]:
        wanted = elements.checked(tenant, body.kind, body.id, body.place, body.port)
        return network_public(locations.lead(wanted, replace=body.replace, actor=actor, key=key))

    @routes.post("/networks/import")
    def import_(body: ImportBody, actor: LocalActor, tenant: str = own_tenant) -> dict[str, Any]:
        read = [bulk.understood(tenant, row.line, row.kind, row.id, row.port, row.place) for row in body.rows]
        faults = [each for each in read if isinstance(each, Fault)]
        report = locations.import_network(
            tenant,
            [each for each in read if isinstance(each, Row)],
            update=body.update,
            whole=body.whole,
            # With a row that can't be read the rest is only checked, so that all is told at once.
            dry_run=body.dry_run or bool(faults),
            actor=actor,
        )
        every = sorted((*faults, *report.faults), key=lambda fault: fault.line)
        counts = {name: 0 if every else getattr(report, name) for name in _COUNTS}
        return {**counts, "dry_run": body.dry_run, "errors": [msgspec.to_builtins(each) for each in every]}

    @routes.post("/networks/remove", status_code=204)
    def unlead(body: PartBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> None:
        locations.unlead(tenant, body.kind, body.id, body.port, actor=actor, key=key)


def _add_finding(routes: APIRouter, locations: Locations, lending: Lending, people: Directory, own_tenant: str) -> None:
    @routes.get("/find")
    def find(
        principal: Acting,
        reach: Reached,
        address: Annotated[str, Query(max_length=100)] = "",
        chassis: Annotated[str, Query(max_length=300)] = "",
        port: Annotated[str, Query(max_length=300)] = "",
        bssid: Annotated[str, Query(max_length=100)] = "",
        aor: str | None = None,
        device: Annotated[str, Query(max_length=64)] = "",
        tenant: str = own_tenant,
    ) -> dict[str, Any]:
        person = None if aor is None else _of_tenant(people, aor, tenant, reach)
        found = locations.find(tenant, Known(address, chassis, port, bssid), person, device)
        own = person is not None and _may_see_address(principal, person)
        return located_public(found.located, found.settings, elin=found.elin, own=own)

    @routes.get("/loans")
    def loans(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [loan_public(each) for each in lending.running(tenant)]

    @routes.get("/callback")
    def callback(number: str, tenant: str = own_tenant) -> dict[str, Any]:
        asked = normalise_number(number)
        loan = lending.loan(asked)
        if loan is None or loan.tenant != tenant:
            raise NotFoundError(f"{asked} is lent to nobody", do="See: isthmus location loans")
        return loan_public(loan)


def _add_choices(routes: APIRouter, choices: Choices) -> None:
    @routes.get("/chosen/{aor}")
    def chosen(aor: str, reach: Reached) -> list[dict[str, Any]]:
        return [choice_public(each) for each in choices.of(Aor.parse(aor), reach)]

    @routes.put("/chosen/{aor}")
    def choose(aor: str, body: ChoiceBody, reach: Reached, actor: LocalActor) -> dict[str, Any]:
        own = None if body.address is None else _civic(body.address)
        wanted = Choice(str(Aor.parse(aor)), body.device, body.place, own, _point(body.point))
        return choice_public(choices.choose(wanted, actor=actor, reach=reach))

    @routes.delete("/chosen/{aor}", status_code=204)
    def forget(aor: str, reach: Reached, actor: LocalActor, device: str | None = None) -> None:
        choices.forget(Aor.parse(aor), device, actor=actor, reach=reach)


def _of_tenant(people: Directory, aor: str, tenant: str, reach: Reach) -> Person:
    person = people.get(Aor.parse(aor), reach)
    if person.tenant != tenant:
        raise UsageError(f"{aor} is of another tenant", do=f"Ask for it: --tenant {person.tenant}")
    return person


def _may_see_address(principal: Principal, person: Person) -> bool:
    """Where somebody lives is not for all who may see places."""
    return access.reach(principal, "address.read").covers(as_object(person))


def _changes(body: PlaceChangesBody) -> dict[str, Any]:
    """What is to be different of a place, by the names of its fields."""
    changes: dict[str, Any] = {}
    if body.address is not None:
        changes["civic"] = _civic(body.address)
    if "point" in body.model_fields_set:
        changes["point"] = _point(body.point)
    if body.elins is not None:
        changes["elins"] = tuple(body.elins)
    changes |= {name: value for name in ("policy", "default") if (value := getattr(body, name)) is not None}
    return changes


def _civic(body: AddressBody) -> Civic:
    return civic.checked(body.country, body.elements)


def _point(body: PointBody | None) -> Point | None:
    return None if body is None else civic.checked_point(body.latitude, body.longitude)
