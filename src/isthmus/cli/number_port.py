"""`isthmus number port`: numbers that come from another carrier, or go to one."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, moment, print_fields, print_json, print_table
from isthmus.numbers.model import NumberSource, NumberUse, PortDirection, PortEvent
from isthmus.numbers.rules import checked_range

app = typer.Typer(help="Porting orders: numbers that come from another carrier, or go to one.", no_args_is_help=True)

_Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Whose orders; by default one's own tenant's.")
]
_Id = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id.")]
_Reference = Annotated[
    str | None, typer.Option("--reference", metavar="TEXT", help="What the carrier calls the order.")
]
_Note = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="What was said of it.")]


@app.command("list", epilog="Example:  isthmus number port list")
def list_orders(tenant: _Tenant = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List the porting orders, the newest first."""
    with connect(site) as client:
        found = client.get("/v1/numbers/ports", tenant=tenant)
    if as_json:
        print_json(found)
        return
    columns = ("Order", "Direction", "Range", "Carrier", "State", "Due", "Changed", "Note")
    rows = (
        (
            *(each[name] for name in ("id", "direction", "range", "carrier", "state", "due")),
            moment(each["changed"]),
            each["note"],
        )
        for each in found
    )
    print_table(columns, rows, empty="There are no porting orders.")


@app.command(epilog="Example:  isthmus number port show 3fa4c1d2e5b6")
def show(order: _Id, tenant: _Tenant = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show a porting order."""
    with connect(site) as client:
        _print(client.get(f"/v1/numbers/ports/{quote(order, safe='')}", tenant=tenant), as_json)


@app.command(
    epilog="Examples:  isthmus number port request in +14255550300-0399 --carrier Northwind   |   "
    "isthmus number port request out +14255550150 --carrier Tailspin"
)
def request(
    direction: Annotated[PortDirection, typer.Argument(help="`in`: they are to be ours. `out`: ours no more.")],
    range_: Annotated[str, typer.Argument(metavar="RANGE", help="As +14255550100-+14255550199, or one number.")],
    carrier: Annotated[str, typer.Option("--carrier", metavar="NAME", help="Whose they are afterwards.")],
    use: Annotated[NumberUse, typer.Option("--use", help="Of numbers that come: what for.")] = NumberUse.SUBSCRIBER,
    source: Annotated[
        NumberSource, typer.Option("--source", help="Of numbers that come: by which way calls to them come in.")
    ] = NumberSource.TRUNK,
    reference: _Reference = None,
    note: _Note = None,
    tenant: _Tenant = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Ask for numbers to be ported. Nothing of the inventory is different until the order is completed."""
    body = {
        "direction": direction.value,
        "range": str(checked_range(range_)),
        "carrier": carrier,
        "use": use.value,
        "source": source.value,
        "reference": reference or "",
        "note": note or "",
    }
    with connect(site) as client:
        _print(client.post("/v1/numbers/ports", body, tenant=tenant), as_json)


@app.command(
    "set",
    epilog="Examples:  isthmus number port set 3fa4c1d2e5b6 submit --reference NW-1234   |   "
    "isthmus number port set 3fa4c1d2e5b6 schedule --due 2027-01-31   |   "
    "isthmus number port set 3fa4c1d2e5b6 complete",
)
def set_order(
    order: _Id,
    event: Annotated[PortEvent, typer.Argument(help="What happened.")],
    due: Annotated[str | None, typer.Option("--due", metavar="DAY", help="Of `schedule`: as 2027-01-31.")] = None,
    reference: _Reference = None,
    note: _Note = None,
    tenant: _Tenant = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Take down what happened to an order; `complete` puts the numbers into the inventory, or takes them out."""
    body = {"event": event.value, "due": due, "reference": reference, "note": note}
    with connect(site) as client:
        _print(client.post(f"/v1/numbers/ports/{quote(order, safe='')}/events", body, tenant=tenant), as_json)


def _print(order: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(order)
        return
    print_fields(
        [
            ("Order", order["id"]),
            ("Direction", order["direction"]),
            ("Range", f"{order['range']} ({order['numbers']})"),
            ("Carrier", order["carrier"]),
            ("State", order["state"]),
            ("Due", order["due"]),
            ("Reference", order["reference"]),
            ("Note", order["note"]),
            ("Use", order["use"]),
            ("Source", order["source"]),
            ("Tenant", order["tenant"]),
            ("Created", moment(order["created"])),
            ("Changed", moment(order["changed"])),
        ]
    )
