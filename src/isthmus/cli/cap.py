"""`isthmus cap`: what calls to the PSTN may come to."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from isthmus.cli.client import connect
from isthmus.cli.group import TenantOption
from isthmus.cli.output import JsonOption, SiteOption, print_done, print_fields, print_json, print_table
from isthmus.errors import NotFoundError, UsageError
from isthmus.fraud.model import Kind

app = typer.Typer(no_args_is_help=True)

_KINDS = ("tenant", "country", "trunk")
_What = Annotated[
    str, typer.Argument(metavar="WHAT", help="tenant, country:CU (calls there), or trunk:NAME (calls by it).")
]


@app.command("list", epilog="Example:  isthmus cap list --site online")
def list_caps(tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List the caps of a site, and what calls have come to today. Those of people are policies of kind `calling`."""
    with connect(site) as client:
        found: list[dict[str, Any]] = client.get("/v1/caps", tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            _name(each),
            each["calls"] or "any",
            f"{each['used_minutes']:.0f} of {each['minutes'] or 'any'}",
            f"{each['used_cost']} of {'any' if each['cost'] == '0' else each['cost']}",
            "end, too" if each["ends"] else "go on",
            each["reached"],
        )
        for each in found
    )
    heads = ("Calls of", "At once", "Minutes today", "Cost today", "Those that are up", "Reached")
    print_table(heads, rows, empty="No caps: calls may come to anything.")


@app.command(epilog="Example:  isthmus cap show country:CU")
def show(what: _What, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show one cap, and what calls have come to today."""
    kind, key = _parsed(what)
    with connect(site) as client:
        found: list[dict[str, Any]] = client.get("/v1/caps", tenant=tenant)
    one = next((each for each in found if each["kind"] == kind and (kind == "tenant" or each["key"] == key)), None)
    if one is None:
        raise NotFoundError(f"there is no cap of {what[:60]!r}", do="See: isthmus cap list")
    _print(one, as_json)


@app.command(
    "set",
    epilog="Examples:  isthmus cap set tenant --minutes 6000 --cost 200 --zone Europe/Berlin   |   "
    "isthmus cap set country:CU --calls 2 --minutes 30 --end-calls   |   isthmus cap set trunk:carrier --cost 500",
)
def set_cap(
    what: _What,
    calls: Annotated[int | None, typer.Option("--calls", help="At once; not of a trunk. 0: any number.")] = None,
    minutes: Annotated[int | None, typer.Option("--minutes", help="A day, all calls together. 0: any number.")] = None,
    cost: Annotated[
        str | None, typer.Option("--cost", help="A day, as 20.50, in the rate table's currency. 0: any.")
    ] = None,
    ends: Annotated[
        bool | None, typer.Option("--end-calls/--keep-calls", help="Whether calls that are up end, too.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", help="Whose day it is, as Europe/Berlin: of the tenant, for all its caps.")
    ] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Make a cap, or change it. What is reached is refused until midnight."""
    kind, key = _parsed(what)
    given = {"calls": calls, "minutes": minutes, "cost": cost, "ends": ends, "zone": zone}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise UsageError("say what the limit is", do="Example: --minutes 60")
    with connect(site) as client:
        _print(client.post("/v1/caps", {"kind": kind, "key": key, **changes}, tenant=tenant), as_json)


@app.command(epilog="Example:  isthmus cap remove country:CU")
def remove(what: _What, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Remove a cap."""
    kind, key = _parsed(what)
    with connect(site) as client:
        client.post("/v1/caps/remove", {"kind": kind, "key": key}, tenant=tenant)
    print_done(f"The cap of {what} is removed.", {"removed": what}, as_json)


def _parsed(what: str) -> tuple[str, str]:
    kind, colon, key = what.partition(":")
    if kind not in _KINDS or bool(colon) != (kind != "tenant"):
        raise UsageError(f"{what[:60]!r} has no cap", do="Write tenant, country:CU or trunk:NAME.")
    return kind, key


def _name(cap: dict[str, Any]) -> str:
    return str(cap["key"]) if cap["kind"] == Kind.TENANT else f"{cap['kind']}:{cap['key']}"


def _print(cap: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(cap)
        return
    names = {"calls": "at once", "minutes": "minutes a day", "cost": "cost a day", "ends": "calls that are up end"}
    print_fields((names.get(key, key).replace("_", " "), value) for key, value in cap.items())
