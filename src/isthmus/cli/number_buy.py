"""`isthmus number find`, `buy` and what becomes of it: numbers bought from carriers."""

from __future__ import annotations

import time
from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.addressing import Telephone
from isthmus.carriers.model import Kind
from isthmus.cli.client import Client, connect
from isthmus.cli.output import (
    JsonOption,
    SiteOption,
    error_console,
    moment,
    print_fields,
    print_json,
    print_line,
    print_table,
)
from isthmus.errors import RefusedError
from isthmus.numbers.model import NumberUse, Owner

_WAIT_S = 0.25
_TenantOption = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="For whom; by default one's own tenant.")
]
_Id = Annotated[str, typer.Argument(metavar="PURCHASE", help="The purchase's id.")]
_Carrier = Annotated[str | None, typer.Option("--carrier", metavar="NAME", help="As the site file calls it.")]
_Owner = Annotated[str | None, typer.Argument(metavar="[OWNER]", help="An address, service:NAME or resource:NAME.")]
_NoWait = Annotated[bool, typer.Option("--no-wait", help="Don't wait for the carrier: see number purchases.")]


def find(
    country: Annotated[str, typer.Option("--country", metavar="CODE", help="ISO code of the country, as US.")],
    area: Annotated[str | None, typer.Option("--area", metavar="CODE", help="Area code, as 425.")] = None,
    pattern: Annotated[
        str | None, typer.Option("--pattern", metavar="TEXT", help="Digits, `*` for any and `?` for one.")
    ] = None,
    kind: Annotated[Kind, typer.Option("--kind", help="What kind of number.")] = Kind.LOCAL,
    carrier: _Carrier = None,
    count: Annotated[int, typer.Option("--count", min=1, max=100, help="At most so many.")] = 20,
    tenant: _TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Find numbers that carriers sell. What one owns already: number search."""
    with connect(site) as client:
        found = client.get(
            "/v1/numbers/offers", country=country, area=area, pattern=pattern, kind=kind.value, carrier=carrier,
            limit=count, tenant=tenant,
        )  # fmt: skip
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["number"],
            each["place"],
            each["kind"],
            " ".join(each["can"]),
            f"{each['monthly']} {each['currency']}",
            f"{each['once']} {each['currency']}",
            each["carrier"],
        )
        for each in found
    )
    columns = ("Number", "Place", "Kind", "Can", "A month", "Once", "Carrier")
    print_table(columns, rows, empty="No carrier sells such a number now.")


def buy(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="As number find shows it.")],
    owner: _Owner = None,
    carrier: _Carrier = None,
    use: Annotated[NumberUse, typer.Option("--use", help="What it is for.")] = NumberUse.SUBSCRIBER,
    most: Annotated[float | None, typer.Option("--most", min=0, help="What it may cost a month at most.")] = None,
    hold: Annotated[bool, typer.Option("--hold", help="Only reserve it; buy it by number confirm.")] = False,
    no_wait: _NoWait = False,
    tenant: _TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Buy a number, put it into the inventory, and give it to its owner.

    What goes wrong at the carrier is mended by itself; whoever stops waiting finds it in number purchases.
    """
    body = {
        "number": str(Telephone.parse(number)),
        "carrier": carrier or "",
        "use": use.value,
        "owner": str(Owner.parse(owner)) if owner else "",
        "buy": not hold,
        "most_monthly": most,
    }
    with connect(site) as client:
        made = client.post("/v1/numbers/purchases", body, tenant=tenant)
        _end(made if no_wait else _waited(client, made, tenant, reserved=hold), as_json, wanted=not no_wait)


def confirm(
    purchase: _Id,
    owner: _Owner = None,
    no_wait: _NoWait = False,
    tenant: _TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Buy a number that is reserved at a carrier."""
    body = {"owner": str(Owner.parse(owner)) if owner else ""}
    with connect(site) as client:
        made = client.post(f"{_path(purchase)}/buy", body, tenant=tenant)
        _end(made if no_wait else _waited(client, made, tenant), as_json, wanted=not no_wait)


def cancel(purchase: _Id, tenant: _TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Call a purchase off for which nothing was spent."""
    with connect(site) as client:
        _print(client.post(f"{_path(purchase)}/cancel", tenant=tenant), as_json)


def give_back(
    purchase: _Id,
    no_wait: _NoWait = False,
    tenant: _TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Take a number that was bought out of the inventory, and give it back to its carrier."""
    with connect(site) as client:
        made = client.post(f"{_path(purchase)}/return", tenant=tenant)
        _print(made if no_wait else _waited(client, made, tenant), as_json)


def address(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="One that was bought or ported.")],
    place: Annotated[str, typer.Argument(metavar="PLACE", help="An emergency place: see location place list.")],
    tenant: _TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Tell a number's carrier from which address its emergency calls come."""
    telephone = quote(str(Telephone.parse(number)), safe="")
    with connect(site) as client:
        done = client.post(f"/v1/numbers/{telephone}/address", {"place": place}, tenant=tenant)
    if as_json:
        print_json(done)
    else:
        print_line(f"The carrier of {done['number']} knows {place} as {done['reference']}.")


def purchases(tenant: _TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List what was bought at carriers, or is being bought, the newest first."""
    with connect(site) as client:
        found = client.get("/v1/numbers/purchases", tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["id"],
            each["number"],
            each["owner"],
            each["carrier"],
            each["state"],
            moment(each["changed"]),
            each["reason"],
        )
        for each in found
    )
    columns = ("Purchase", "Number", "For", "Carrier", "State", "Changed", "Note")
    print_table(columns, rows, empty="Nothing was bought.")


def purchase(purchase: _Id, tenant: _TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show a purchase."""
    with connect(site) as client:
        _print(client.get(_path(purchase), tenant=tenant), as_json)


def add_to(app: typer.Typer) -> None:
    """Put the commands beside those of the inventory."""
    app.command(
        epilog="Examples:  isthmus number find --country US --area 425   |   "
        "isthmus number find --country GB --pattern '*00' --json"
    )(find)
    app.command(
        epilog="Examples:  isthmus number buy +14255550300 carol@contoso.example   |   "
        "isthmus number buy +14255550300 --hold   |   isthmus number buy +18005550100 service:hotline --use toll-free"
    )(buy)
    app.command(epilog="Example:  isthmus number confirm 3fa4c1d2e5b60718 carol@contoso.example")(confirm)
    app.command(epilog="Example:  isthmus number cancel 3fa4c1d2e5b60718")(cancel)
    app.command("return", epilog="Example:  isthmus number return 3fa4c1d2e5b60718")(give_back)
    app.command(epilog="Example:  isthmus number address +14255550300 headquarters")(address)
    app.command(epilog="Example:  isthmus number purchases")(purchases)
    app.command(epilog="Example:  isthmus number purchase 3fa4c1d2e5b60718")(purchase)


def _waited(client: Client, made: dict[str, Any], tenant: str | None, *, reserved: bool = False) -> dict[str, Any]:
    """The purchase at its end, or reserved where no more is wanted; its states on the way, for who looks."""
    seen, out = "", error_console()
    while True:
        word = ": ".join(filter(None, (made["state"], made["reason"])))
        if word != seen and out.is_terminal:
            out.print(word)
        seen = word
        if not made["live"] or (reserved and made["state"] == "reserved"):
            return made
        time.sleep(_WAIT_S)
        made = client.get(_path(made["id"]), tenant=tenant)


def _end(made: dict[str, Any], as_json: bool, *, wanted: bool) -> None:
    """Show it; exit 1 where it did not become what was wanted."""
    _print(made, as_json)
    if wanted and made["state"] not in ("done", "reserved"):
        raise RefusedError(f"{made['number']} is not bought: {made['reason']}", where=made["id"])
    if made["state"] == "done" and made["reason"] and not as_json:
        print_line(f"Mind: {made['reason']}")


def _path(purchase: str) -> str:
    return f"/v1/numbers/purchases/{quote(purchase, safe='')}"


def _print(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    monthly = f"{made['monthly']} {made['currency']}" if made["monthly"] else None
    once = f"{made['once']} {made['currency']}" if made["once"] else None
    print_fields(
        [
            ("Purchase", made["id"]),
            ("Number", made["number"]),
            ("For", made["owner"]),
            ("Carrier", made["carrier"]),
            ("State", made["state"]),
            ("Reserved until", moment(made["reserved_until"]) if made["reserved_until"] else None),
            ("A month", monthly),
            ("Once", once),
            ("Note", made["reason"]),
        ]
    )
