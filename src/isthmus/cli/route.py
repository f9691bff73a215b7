"""`isthmus route`: by which trunks calls go to the PSTN."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Annotated, Any
from urllib.parse import quote

import phonenumbers
import typer

from isthmus.cli.call import Snapshots, moment_of
from isthmus.cli.client import connect
from isthmus.cli.group import TenantOption, query
from isthmus.cli.output import JsonOption, SiteOption, print_done, print_fields, print_json, print_line, print_table
from isthmus.dialling.plan import Dialling, dialled
from isthmus.errors import UnavailableError, UsageError
from isthmus.routing.dialling import FORMS
from isthmus.routing.matrix import Cell, country_of, samples
from isthmus.routing.matrix import matrix as who_calls_what
from isthmus.site import registry

app = typer.Typer(no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The route's name.")]
_Patterns = Annotated[
    list[str] | None,
    typer.Option(
        "--pattern", metavar="PATTERN", help="Numbers that begin so: +1425, +1[2-9]; !+1900 leaves some out; emergency."
    ),
]
_Ways = Annotated[
    list[str] | None,
    typer.Option("--by", metavar="TRUNK", help="A trunk, @SITE for another site's, TRUNK=60 for its share of 100."),
]
_Usages = Annotated[
    list[str] | None, typer.Option("--usage", metavar="USAGE", help="Which policies it is for; `default` if none.")
]
_Priority = Annotated[int | None, typer.Option("--priority", help="The lowest is tried first; 100 if none.")]
_Cost = Annotated[str | None, typer.Option("--cost", help="What a minute costs, as 0.012.")]
_Hours = Annotated[str | None, typer.Option("--hours", help='When it is open, as "mon-fri 08:00-18:00"; "": always.')]
_Zone = Annotated[str | None, typer.Option("--zone", help="Whose time that is, as Europe/Berlin.")]
_Description = Annotated[str | None, typer.Option("--description", help="What it is for.")]


@app.command("list", epilog="Example:  isthmus route list --site online")
def list_routes(tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List the voice routes of a site, in the order of their names."""
    with connect(site) as client:
        found: list[dict[str, Any]] = client.get("/v1/routes", tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["name"],
            " ".join(each["usages"]),
            " ".join(each["patterns"]),
            ", ".join(each["ways"]),
            each["priority"],
            each["cost"],
            f"{each['hours']} ({each['zone']})" if each["hours"] else "always",
        )
        for each in found
    )
    print_table(
        ("Route", "Usages", "Patterns", "By", "Priority", "Cost", "Open"),
        rows,
        empty="No routes: calls go by all trunks of the site, in the order of the site file.",
    )


@app.command(epilog="Example:  isthmus route show seattle")
def show(name: _Name, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show one route."""
    with connect(site) as client:
        _print(client.get(_path(name), tenant=tenant), as_json)


@app.command(
    epilog="Examples:  isthmus route add all --pattern + --by carrier   |   "
    "isthmus route add seattle --pattern +1206 --pattern +1425 --by gw1=70 --by gw2=30 --usage local   |   "
    "isthmus --site online route add home --pattern + --by @premises"
)
def add(
    name: _Name,
    patterns: _Patterns = None,
    ways: _Ways = None,
    usages: _Usages = None,
    priority: _Priority = None,
    cost: _Cost = None,
    hours: _Hours = None,
    zone: _Zone = None,
    description: _Description = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Add a route. With the first one, the tenant's calls go by routes alone."""
    if not patterns or not ways:
        raise UsageError("say for which numbers, and by which trunk", do="Example: --pattern +1425 --by gw1")
    body = _body(patterns, ways, usages, priority, cost, hours, zone, description)
    with connect(site) as client:
        _print(client.post("/v1/routes", {"name": name, **body}, tenant=tenant), as_json)


@app.command(
    "set",
    epilog="Examples:  isthmus route set seattle --priority 10   |   "
    'isthmus route set office --hours "mon-fri 08:00-18:00" --zone Europe/Berlin',
)
def set_route(
    name: _Name,
    patterns: _Patterns = None,
    ways: _Ways = None,
    usages: _Usages = None,
    priority: _Priority = None,
    cost: _Cost = None,
    hours: _Hours = None,
    zone: _Zone = None,
    description: _Description = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Change a route. What is given takes the place of what it had."""
    body = _body(patterns, ways, usages, priority, cost, hours, zone, description)
    if not body:
        raise UsageError("say what is to be different", do="Example: --priority 10")
    with connect(site) as client:
        _print(client.patch(query(_path(name), tenant), body), as_json)


@app.command(epilog="Example:  isthmus route delete seattle")
def delete(name: _Name, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Delete a route. Calls that are up go on."""
    with connect(site) as client:
        client.delete(_path(name), tenant=tenant)
    print_done(f"The route {name} is deleted.", {"deleted": name}, as_json)


@app.command(
    epilog="Examples:  isthmus route matrix   |   isthmus route matrix --site online --country DE   |   "
    "isthmus route matrix --to +442079460000 --to 911 --when 2026-11-26T03:00"
)
def matrix(
    numbers: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="NUMBER", help="What is called; by default a number of each kind."),
    ] = None,
    country: Annotated[
        str | None, typer.Option("--country", help="Whose numbers those are, as US; by default the people's own.")
    ] = None,
    when: Annotated[str | None, typer.Option("--when", metavar="TIME", help="As 2026-11-26T03:00.")] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Say who may call what, and by which trunk: one line for all people who may call the same.

    Works without the control service, by the rules and the snapshot that calls are routed by.
    """
    with ExitStack() as stack:
        snapshots = Snapshots(registry.find(site))
        stack.callback(snapshots.close)
        opened = snapshots(snapshots.first)
        if opened is None:
            raise UnavailableError(
                "there is no snapshot to read", where=f"site {snapshots.first}", do="Start the site."
            )
        view = stack.enter_context(opened)
        people = list(view.people())
        targets = _targets(numbers, country or next(filter(None, (country_of(each, view) for each in people)), "US"))
        lines = who_calls_what(people, list(targets.values()), view, moment_of(when))
    if as_json:
        print_json(
            [
                {
                    "aor": each.aor,
                    "people": each.people,
                    "calls": dict(zip(targets, map(_cell, each.cells), strict=True)),
                }
                for each in lines
            ]
        )
        return
    rows = (
        (
            each.aor if each.people == 1 else f"{each.aor} and {each.people - 1} more",
            *(cell.way or f"no: {cell.rule}" for cell in each.cells),
        )
        for each in lines
    )
    heads = (name if name == target else f"{name} {target.rpartition('.')[2]}" for name, target in targets.items())
    print_table(("Who", *heads), rows, empty="Nobody is at home at any site.")
    print_line("Why, for one of them: isthmus call explain WHO NUMBER")


def _cell(cell: Cell) -> dict[str, str | None]:
    return {"way": cell.way or None, "rule": cell.rule, "why": cell.text}


def _targets(numbers: Sequence[str] | None, country: str) -> dict[str, str]:
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise UsageError(f"{country!r} is no country", do="Write it as US.")
    if not numbers:
        return samples(country)
    found: dict[str, str] = {}
    for each in numbers:
        meant = dialled(each, Dialling(country))
        if meant is None:
            raise UsageError(f"{each[:40]!r} is no number", do="Write it as +442079460000.")
        found[each] = FORMS[meant.kind] + meant.digits
    return found


def _body(
    patterns: Sequence[str] | None,
    ways: Sequence[str] | None,
    usages: Sequence[str] | None,
    priority: int | None,
    cost: str | None,
    hours: str | None,
    zone: str | None,
    description: str | None,
) -> dict[str, Any]:
    given = {
        "patterns": patterns,
        "ways": ways,
        "usages": usages,
        "priority": priority,
        "cost": cost,
        "hours": hours,
        "zone": zone,
        "description": description,
    }
    return {name: value for name, value in given.items() if value is not None}


def _path(name: str) -> str:
    return f"/v1/routes/{quote(name, safe='')}"


def _print(route: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(route)
        return
    names = {"ways": "by", "hours": "open", "zone": "time of"}
    print_fields(
        (names.get(key, key), " ".join(value) if isinstance(value, list) else value or None)
        for key, value in route.items()
    )
