"""`isthmus location place`: addresses down to floor and room."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.cli.client import connect
from isthmus.cli.group import TenantOption, query
from isthmus.cli.output import JsonOption, SiteOption, print_done, print_fields, print_json, print_table
from isthmus.errors import UsageError

app = typer.Typer(help="Addresses, down to floor and room.", no_args_is_help=True)

_Place = Annotated[str, typer.Argument(metavar="PLACE", help="Its name, as hq-3.")]
Country = Annotated[str | None, typer.Option("--country", metavar="CODE", help="ISO 3166 code, as US.")]
Elements = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=TEXT",
        help="An element of the address (RFC 5139): A1 state, A3 city, HNO house number, RD street, STS its suffix, "
        "PC postal code, FLR floor, ROOM room, LOC anything more. May be repeated.",
    ),
]
PointOption = Annotated[
    str | None, typer.Option("--point", metavar="LAT,LON", help="Degrees, as 47.6205,-122.3493; `none` for none.")
]
_Elins = Annotated[
    list[str] | None,
    typer.Option("--elin", metavar="NUMBER", help="A number of its pool, lent to calls from there. May be repeated."),
]
_Policy = Annotated[
    str | None, typer.Option("--policy", metavar="NAME", help="Emergency policy that is in force there; '' for none.")
]
_Default = Annotated[
    bool | None, typer.Option("--default/--no-default", help="Whether devices are there that nothing else tells of.")
]


@app.command(
    epilog="Example:  isthmus location place add hq-3 --country US --set A1=WA --set A3=Redmond --set HNO=1 "
    "--set RD=Main --set STS=St --set PC=98052 --set FLR=3 --default"
)
def add(
    place: _Place,
    country: Country = None,
    elements: Elements = None,
    point: PointOption = None,
    elins: _Elins = None,
    policy: _Policy = None,
    default: _Default = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Make a place. Its address is checked for the form its country wants."""
    address = address_of(country, elements)
    if address is None:
        raise UsageError("a place has an address", do="See: isthmus location place add --help")
    body = {
        "name": place, "address": address, "point": point_of(point), "elins": elins or [], "policy": policy or "",
        "default": bool(default),
    }  # fmt: skip
    with connect(site) as client:
        _print_place(client.post("/v1/locations/places", body, tenant=tenant), as_json)


@app.command("list", epilog="Examples:  isthmus location place list   |   isthmus location place list --json")
def list_places(tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List places."""
    with connect(site) as client:
        found = client.get("/v1/locations/places", tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = (
        (each["name"], "yes" if each["default"] else None, len(each["elins"]) or None, each["policy"], each["words"])
        for each in found
    )
    print_table(
        ("Place", "Default", "Numbers", "Policy", "Address"),
        rows,
        empty="No places. To make one: isthmus location place add --help",
    )


@app.command(epilog="Example:  isthmus location place show hq-3")
def show(place: _Place, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show one place, and what leads to it."""
    with connect(site) as client:
        found = client.get(_path(place), tenant=tenant)
        leading = client.get("/v1/locations/networks", place=place, tenant=tenant)
    if as_json:
        print_json({**found, "networks": leading})
        return
    _print_place(found, False)
    rows = ((each["kind"], each["id"], each["port"]) for each in leading)
    print_table(("Leads to it", "Id", "Port"), rows, empty="No part of the network leads to it.")


@app.command(
    "set",
    epilog="Examples:  isthmus location place set hq-3 --elin +14255550190 --elin +14255550191   |   "
    "isthmus location place set hq-3 --default",
)
def set_place(
    place: _Place,
    country: Country = None,
    elements: Elements = None,
    point: PointOption = None,
    elins: _Elins = None,
    no_elins: Annotated[bool, typer.Option("--no-elins", help="Lend no numbers any more.")] = False,
    policy: _Policy = None,
    default: _Default = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Change a place. An address takes the place of the whole one before, numbers that of the whole pool."""
    body: dict[str, Any] = {}
    if (address := address_of(country, elements)) is not None:
        body["address"] = address
    if point is not None:
        body["point"] = point_of(point)
    if elins or no_elins:
        body["elins"] = elins or []
    body |= {name: value for name, value in (("policy", policy), ("default", default)) if value is not None}
    if not body:
        raise UsageError("nothing to change", do="See: isthmus location place set --help")
    with connect(site) as client:
        _print_place(client.patch(query(_path(place), tenant), body), as_json)


@app.command(epilog="Example:  isthmus location place remove hq-3")
def remove(place: _Place, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Remove a place that nothing leads to and nobody has chosen."""
    with connect(site) as client:
        client.delete(query(_path(place), tenant))
    print_done(f"removed {place}", {"name": place, "removed": True}, as_json)


def address_of(country: str | None, elements: list[str] | None) -> dict[str, Any] | None:
    """The address that the options say; None for none. Raises UsageError."""
    if country is None and not elements:
        return None
    if country is None:
        raise UsageError("an address has a country", do="Say it: --country US")
    found: dict[str, str] = {}
    for each in elements or ():
        name, equals, text = each.partition("=")
        if not equals:
            raise UsageError(f"{each!r} is no element", do="Write it as A3=Redmond.")
        found[name.strip().upper()] = text
    return {"country": country, "elements": found}


def point_of(text: str | None) -> dict[str, float] | None:
    """The point that the option says; None for none. Raises UsageError."""
    if text is None or text.lower() == "none":
        return None
    try:
        latitude, longitude = map(float, text.split(","))
    except ValueError:
        raise UsageError(f"{text!r} is no point", do="Write it as 47.6205,-122.3493.") from None
    return {"latitude": latitude, "longitude": longitude}


def _path(place: str) -> str:
    return f"/v1/locations/places/{quote(place, safe='')}"


def _print_place(place: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(place)
        return
    point = place["point"]
    print_fields(
        (
            ("Place", place["name"]),
            ("Address", place["words"]),
            ("Point", None if point is None else f"{point['latitude']}, {point['longitude']}"),
            ("Numbers to lend", ", ".join(place["elins"]) or None),
            ("Policy", place["policy"]),
            ("Default", "yes" if place["default"] else "no"),
        )
    )
