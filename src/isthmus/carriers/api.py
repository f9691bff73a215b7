"""HTTP routes of numbers that are bought: what carriers offer, purchases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from isthmus.addressing import Telephone
from isthmus.audit.web import LocalActor
from isthmus.carriers.model import Address, Can, Kind, Search
from isthmus.carriers.rules import State
from isthmus.carriers.service import Purchases, offer_public, public
from isthmus.directory.api import KeyHeader
from isthmus.emergency.model import Place
from isthmus.errors import UsageError
from isthmus.numbers.model import NumberUse, Wanted
from isthmus.numbers.rules import checked_wanted

_Id = Annotated[str, Path(max_length=40)]
_Number = Annotated[str, Path(max_length=80)]
_Name = Annotated[str, Field(max_length=100)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PurchaseBody(_Body):
    """A number to be bought. owner: an address, `service:NAME` or `resource:NAME`; empty: nobody yet.

    buy: false reserves it only, for some minutes. most_monthly: what it may cost a month at most.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"number": "+14255550300", "owner": "alice@contoso.example"}]},
    )

    number: str = Field(max_length=80)
    carrier: _Name = ""
    use: NumberUse = NumberUse.SUBSCRIBER
    owner: str = Field(default="", max_length=300)
    buy: bool = True
    most_monthly: float | None = Field(default=None, ge=0, le=1e6)


class ConfirmBody(_Body):
    """owner: as in a new purchase; empty leaves it."""

    owner: str = Field(default="", max_length=300)


class AddressBody(_Body):
    """place: the emergency place (docs/emergency.md) whose address it is."""

    place: str = Field(max_length=100)


class AddressShown(BaseModel):
    """A number whose address the carrier knows. reference: what it calls that."""

    number: str
    place: str
    reference: str


class OfferShown(BaseModel):
    """A number that can be bought. once, monthly: prices as decimal text."""

    number: str
    carrier: str
    kind: Kind
    country: str
    place: str | None
    can: list[Can]
    currency: str
    once: str
    monthly: str


class PurchaseShown(BaseModel):
    """A purchase. live: something can still happen to it. reason: what was said last. Times: Unix seconds."""

    id: str
    tenant: str
    carrier: str
    number: str
    use: NumberUse
    owner: str | None
    state: State
    confirmed: bool
    live: bool
    currency: str | None
    once: str | None
    monthly: str | None
    reserved_until: float | None
    reason: str | None
    created: float
    changed: float


def router(purchases: Purchases, places: Callable[[str, str], Place], own_tenant: str) -> APIRouter:
    """/v1/numbers/offers, purchases and addresses. places: finds an emergency place by tenant and name.

    own_tenant: whose are meant when a request names no tenant.
    """
    routes = APIRouter(prefix="/v1/numbers")

    @routes.get("/offers", response_model=list[OfferShown])
    def offers(
        country: Annotated[str, Query(min_length=2, max_length=2)],
        area: Annotated[str | None, Query(max_length=20)] = None,
        pattern: Annotated[str | None, Query(max_length=80)] = None,
        kind: Kind = Kind.LOCAL,
        carrier: Annotated[str, Query(max_length=100)] = "",
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        tenant: str = own_tenant,
    ) -> list[dict[str, Any]]:
        wanted = checked_wanted(Wanted(country, area, pattern))
        if not country.isascii() or not country.isalpha():
            raise UsageError(f"{country!r} is no country", where="country", do="Use two letters, as in US.")
        search = Search(wanted.country or "", wanted.area or "", wanted.pattern or "", kind, limit=limit)
        return [offer_public(name, offer) for name, offer in purchases.search(search, carrier)]

    @routes.get("/purchases", response_model=list[PurchaseShown])
    def listed(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [public(each) for each in purchases.listed(tenant)]

    @routes.get("/purchases/{purchase}", response_model=PurchaseShown)
    def show(purchase: _Id, tenant: str = own_tenant) -> dict[str, Any]:
        return public(purchases.get(tenant, purchase))

    @routes.post("/purchases", status_code=202, response_model=PurchaseShown)
    def request(
        body: PurchaseBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> dict[str, Any]:
        telephone = Telephone.parse(body.number)
        if telephone.extension:
            raise UsageError("an extension can't be bought", where=body.number)
        made = purchases.request(
            tenant,
            telephone.number,
            carrier=body.carrier,
            use=body.use,
            owner=body.owner,
            buy=body.buy,
            most_monthly_micro=None if body.most_monthly is None else round(body.most_monthly * 1e6),
            actor=actor,
            key=key,
        )
        return public(made)

    @routes.post("/purchases/{purchase}/buy", status_code=202, response_model=PurchaseShown)
    def confirm(
        purchase: _Id, body: ConfirmBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> dict[str, Any]:
        return public(purchases.confirm(tenant, purchase, owner=body.owner, actor=actor, key=key))

    @routes.post("/purchases/{purchase}/cancel", response_model=PurchaseShown)
    def cancel(purchase: _Id, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> dict[str, Any]:
        return public(purchases.cancel(tenant, purchase, actor=actor, key=key))

    @routes.post("/purchases/{purchase}/return", status_code=202, response_model=PurchaseShown)
    def give_back(purchase: _Id, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> dict[str, Any]:
        return public(purchases.give_back(tenant, purchase, actor=actor, key=key))

    @routes.post("/{number}/address", response_model=AddressShown)
    def address(number: _Number, body: AddressBody, actor: LocalActor, tenant: str = own_tenant) -> dict[str, Any]:
        telephone = Telephone.parse(number).number
        found = places(tenant, body.place)
        reference = purchases.register_address(tenant, telephone, address_of(found), body.place, actor=actor)
        return {"number": telephone, "place": body.place, "reference": reference}

    return routes


def address_of(place: Place) -> Address:
    """The place as carriers take it: in the elements of RFC 5139, by what most of them call it."""
    civic = place.civic
    street = " ".join(filter(None, (civic.get(name) for name in ("PRD", "RD", "STS", "POD"))))
    inside = ", ".join(filter(None, (civic.get(name) for name in ("BLD", "FLR", "UNIT", "ROOM", "LOC"))))
    house = f"{civic.get('HNO')}{civic.get('HNS')}"
    name = civic.get("NAM") or place.name
    return Address(name, street, house, civic.get("A3"), civic.get("A1"), civic.get("PC"), civic.country, inside)
