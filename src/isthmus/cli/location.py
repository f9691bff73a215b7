"""`isthmus location`: where who calls the emergency services is, and how they are called back."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.addressing import Aor
from isthmus.cli import location_network, location_place
from isthmus.cli.client import connect
from isthmus.cli.group import TenantOption, query
from isthmus.cli.location_place import Country, Elements, PointOption, address_of, point_of
from isthmus.cli.output import JsonOption, SiteOption, moment, print_done, print_fields, print_json, print_table
from isthmus.errors import UsageError

app = typer.Typer(no_args_is_help=True)
app.add_typer(location_place.app, name="place")
app.add_typer(location_network.app, name="network")

_SEND = {"pidf-lo": "a document with the call", "elin": "a number of the place", "none": "the caller's number alone"}
_Person = Annotated[str, typer.Argument(metavar="AOR", help="The person, as alice@contoso.example.")]
_Device = Annotated[str, typer.Option("--device", metavar="DEVICE", help="For this device alone, as dev0k3m8w2x7q.")]


@app.command(
    epilog="Examples:  isthmus location find --address 10.1.2.3   |   "
    "isthmus location find --address 10.1.2.3 --bssid 00:1a:2b:3c:4d:5e --person alice@contoso.example"
)
def find(
    address: Annotated[str, typer.Option("--address", metavar="IP", help="The address the device sends from.")] = "",
    chassis: Annotated[str, typer.Option("--chassis", help="The switch it is at, as LLDP says.")] = "",
    port: Annotated[str, typer.Option("--port", help="The switch's port, as LLDP says.")] = "",
    bssid: Annotated[str, typer.Option("--bssid", help="The Wi-Fi access point it is at.")] = "",
    person: Annotated[str | None, typer.Option("--person", metavar="AOR", help="Whose device it is.")] = None,
    device: _Device = "",
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Show where a device would be found in an emergency, step by step. Nobody is called."""
    aor = None if person is None else str(Aor.parse(person))
    with connect(site) as client:
        found = client.get(
            "/v1/locations/find",
            address=address, chassis=chassis, port=port, bssid=bssid, aor=aor, device=device, tenant=tenant,
        )  # fmt: skip
    if as_json:
        print_json(found)
        return
    point = found["point"]
    print_fields(
        (
            ("Place", found["place"] or ("own address" if found["source"] == "chosen" else None)),
            ("Address", found["words"]),
            *((("Point", f"{point['latitude']}, {point['longitude']}"),) if point else ()),
            *((("Confirmed", moment(found["confirmed"])),) if found["confirmed"] else ()),
            ("Found by", found["source"]),
            *((f"{number}.", line) for number, line in enumerate(found["why"], 1)),
            ("The centre is told by", "a lent number" if found["elin"] else _SEND[found["send"]]),
            ("Here is told", (found["desk"] or "whoever the site file names") if found["notify"] else "nobody"),
            ("Test number", found["test_number"]),
        )
    )


@app.command(
    epilog="Examples:  isthmus location choose alice@contoso.example --country US --set A1=WA --set A3=Seattle "
    "--set HNO=400 --set RD=Broad --set STS=St --set PC=98109   |   "
    "isthmus location choose alice@contoso.example --place hq-3   |   "
    "isthmus location choose alice@contoso.example --forget"
)
def choose(
    person: _Person,
    place: Annotated[str, typer.Option("--place", metavar="PLACE", help="A place of the tenant's.")] = "",
    country: Country = None,
    elements: Elements = None,
    point: PointOption = None,
    device: _Device = "",
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget what was chosen; without --device all of it.")
    ] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Say where a person is when no network of ours tells: at home, with an address of their own.

    Said again, it is confirmed anew. Whoever moves house says it anew.
    """
    aor = str(Aor.parse(person))
    if forget:
        if place or country or elements or point:
            raise UsageError("what is forgotten has no place", do="See: isthmus location choose --help")
        with connect(site) as client:
            client.delete(_chosen(aor), **({"device": device} if device else {}))
        print_done(f"{aor} has chosen no place{f' for {device}' if device else ''} any more", {"aor": aor}, as_json)
        return
    body = {
        "place": place, "address": address_of(country, elements), "point": point_of(point), "device": device,
    }  # fmt: skip
    with connect(site) as client:
        made = client.put(_chosen(aor), body)
    _print_choices([made], as_json)


@app.command(epilog="Example:  isthmus location chosen alice@contoso.example")
def chosen(person: _Person, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show what a person chose for themselves and their devices."""
    aor = str(Aor.parse(person))
    with connect(site) as client:
        found = client.get(_chosen(aor))
    _print_choices(found, as_json)


@app.command(epilog="Examples:  isthmus location loans   |   isthmus location loans --json")
def loans(tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List the numbers lent to emergency calls whose window is open."""
    with connect(site) as client:
        found = client.get("/v1/locations/loans", tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = (
        (each["number"], each["aor"], each["device"], each["place"], moment(each["lent"]), moment(each["until"]))
        for each in found
    )
    print_table(("Number", "Reaches", "Device", "Place", "Lent", "Until"), rows, empty="No number is lent.")


@app.command(epilog="Example:  isthmus location callback +14255550190")
def callback(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The number that is called, as +14255550190.")],
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Show whom a call back to a lent number reaches now."""
    with connect(site) as client:
        found = client.get(query("/v1/locations/callback", tenant), number=number)
    if as_json:
        print_json(found)
        return
    print_fields(
        (
            ("Number", found["number"]),
            ("Reaches", found["aor"]),
            ("Device", found["device"]),
            ("Place", found["place"]),
            ("Until", moment(found["until"])),
        )
    )


def _chosen(aor: str) -> str:
    return f"/v1/locations/chosen/{quote(aor)}"


def _print_choices(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["device"] or "all others",
            each["place"] or "own address",
            each["own"] and each["own"]["words"],
            moment(each["confirmed"]),
        )
        for each in found
    )
    print_table(("Device", "Place", "Address", "Confirmed"), rows)
