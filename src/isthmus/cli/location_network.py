"""`isthmus location network`: ports, switches, access points and subnets, and the places they lead to."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from isthmus.cli.client import connect
from isthmus.cli.group import TenantOption
from isthmus.cli.output import JsonOption, SiteOption, error_console, print_done, print_json, print_line, print_table
from isthmus.cli.user_files import read_text
from isthmus.emergency import bulk
from isthmus.emergency.bulk import Fault
from isthmus.emergency.model import Element
from isthmus.errors import UsageError

app = typer.Typer(help="Ports, switches, access points and subnets, and where they lead.", no_args_is_help=True)

_SHOWN = 100  # faults that a terminal gets
_Kind = Annotated[Element, typer.Argument(metavar="KIND", help="port, switch, bssid or subnet.")]
_Id = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="Subnet as 10.1.2.0/24; BSSID as 00:1a:2b:3c:4d:5e, or 00:1a:2b:3c:4d:*; chassis id of a switch.",
    ),
]
_Port = Annotated[str, typer.Option("--port", metavar="PORT", help="Port id as LLDP says it, as Gi1/0/12.")]


@app.command(
    epilog="Examples:  isthmus location network add subnet 10.1.2.0/24 --place hq-3   |   "
    "isthmus location network add port 00:1a:2b:3c:4d:5e --port Gi1/0/12 --place hq-3"
)
def add(
    kind: _Kind,
    id_: _Id,
    place: Annotated[str, typer.Option("--place", metavar="PLACE", help="Where who is there can be found.")],
    port: _Port = "",
    replace: Annotated[bool, typer.Option("--replace", help="Also where it leads to another place.")] = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Let a part of the network lead to a place."""
    body = {"kind": kind.value, "id": id_, "port": port, "place": place, "replace": replace}
    with connect(site) as client:
        made = client.post("/v1/locations/networks", body, tenant=tenant)
    print_done(f"{_named(made)} leads to {made['place']}", made, as_json)


@app.command(
    "list", epilog="Examples:  isthmus location network list   |   isthmus location network list --kind subnet"
)
def list_network(
    kind: Annotated[Element | None, typer.Option("--kind", help="Only of this kind.")] = None,
    place: Annotated[str | None, typer.Option("--place", metavar="PLACE", help="Only what leads there.")] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List what of the network leads to places."""
    with connect(site) as client:
        found = client.get("/v1/locations/networks", kind=kind and kind.value, place=place, tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = ((each["kind"], each["id"], each["port"], each["place"]) for each in found)
    print_table(("Kind", "Id", "Port", "Place"), rows, empty="No part of the network leads to a place.")


@app.command(epilog="Example:  isthmus location network remove subnet 10.1.2.0/24")
def remove(
    kind: _Kind,
    id_: _Id,
    port: _Port = "",
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Let a part of the network lead nowhere."""
    body = {"kind": kind.value, "id": id_, "port": port}
    with connect(site) as client:
        client.post("/v1/locations/networks/remove", body, tenant=tenant)
    print_done(f"{_named(body)} leads nowhere any more", {**body, "removed": True}, as_json)


@app.command(
    "import",
    epilog="Columns: kind, id, port, place. Examples:  isthmus location network import net.csv --dry-run"
    "   |   isthmus location network import net.csv --update",
)
def import_network(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV file; - is standard input.")],
    update: Annotated[bool, typer.Option("--update", help="Change what leads elsewhere; else it is an error.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Remove what is not in the file.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Let many parts of the network lead to places: all of them, or none and a list of everything that is wrong."""
    rows, faults = bulk.read_csv(read_text(file))
    body = {"rows": rows, "update": update, "whole": whole, "dry_run": dry_run or bool(faults)}
    with connect(site, timeout_s=None) as client:
        report = client.post("/v1/locations/networks/import", body, tenant=tenant)
    every = sorted((*faults, *(Fault(**each) for each in report["errors"])), key=lambda fault: fault.line)
    _tell(report, every, dry_run, as_json, file)


def _tell(report: dict[str, Any], every: list[Fault], dry_run: bool, as_json: bool, file: str) -> None:
    if as_json:
        told = [{"line": fault.line, "what": fault.what} for fault in every]
        print_json({**report, "dry_run": dry_run, "errors": told})
    elif not every:
        done = [f"{report[name]} {name}" for name in ("created", "updated", "unchanged", "removed")]
        print_line(f"{'would be: ' if dry_run else ''}{', '.join(done)}")
    if every:
        for fault in every[:_SHOWN] if not as_json else ():
            error_console().print(f"{file}: {fault}", markup=False)
        raise UsageError(f"{len(every)} faults in {file}", do="Nothing was changed.")


def _named(part: dict[str, Any]) -> str:
    return f"{part['kind']} {part['id']}{' ' + part['port'] if part['port'] else ''}"
