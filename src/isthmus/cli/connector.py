"""`isthmus connector`: connectors as the site they belong to sees them."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, print_done, print_json, print_line, print_table
from isthmus.connectors import package as packages
from isthmus.errors import UsageError
from isthmus.pki.store import write_private
from isthmus.site import admitting, registry

app = typer.Typer(no_args_is_help=True)

_At = Annotated[str | None, typer.Option("--at", metavar="NAME", help="The site to talk to.", show_default=False)]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="The connector, as `isthmus connector list` shows it.")]
_Branch = Annotated[
    str, typer.Option("--site", metavar="NAME", help="The connector site: the place with the gateways.")
]
_Tenant = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Whose it is.", show_default=False)]
_Output = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write it.")]


@app.command("list", epilog="Examples:  isthmus --site online connector list   |   isthmus connector list --json")
def list_connectors(tenant: _Tenant = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List connectors: how each is, its calls, its version, how long its certificate lives."""
    with connect(site) as client:
        found: list[dict[str, Any]] = client.get("/v1/connectors", tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["name"],
            each["state"],
            each["calls"],
            each["capacity"],
            each["version"],
            _moment(each["certificate_until"]),
            _moment(each["seen"]),
            "; ".join(filter(None, [each["refused"], *each["trouble"]])),
        )
        for each in found
    )
    columns = ("Connector", "State", "Calls", "Carries", "Version", "Certificate until", "Spoke", "Trouble")
    print_table(columns, rows, empty="No connectors: isthmus connector package --site NAME -o FILE")


@app.command("show", epilog="Example:  isthmus --site online connector show branch-1")
def show(name: _Name, tenant: _Tenant = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show one connector, its trunks, and the settings of its site."""
    with connect(site) as client:
        found = client.get(f"/v1/connectors/{name}", tenant=tenant)
        place = client.get(f"/v1/connector-sites/{found['site']}", tenant=tenant)
    if as_json:
        print_json({**found, "settings": place})
        return
    for label, value in (
        ("State", found["state"]),
        ("Site", found["site"]),
        ("Certificate name", found["fqdn"]),
        ("Certificate until", _moment(found["certificate_until"])),
        ("Code until", _moment(found["code_until"])),
        ("Version", found["version"]),
        ("Calls", found["calls"]),
        ("Carries", found["capacity"]),
        ("Works by", found["in_force"]),
        ("Refused", found["refused"] or None),
        ("Update", found["phase"] or None),
        ("Returned from", f"{found['returned_from']}: {found['returned_why']}" if found["returned_from"] else None),
        ("Updated", f"{place['window']} ({place['zone']})" if place["window"] else "never by itself"),
    ):
        print_line(f"{label}: {'-' if value is None else value}")
    columns = ("Trunk", "State", "Calls")
    print_table(columns, [(e["name"], e["state"], e["calls"]) for e in found["trunks"]], empty="No trunks.")
    for each in found["trouble"]:
        print_line(f"Trouble: {each}")


@app.command("package", epilog="Example:  isthmus connector package --site branch -o branch.sh --at online")
def package(
    branch: _Branch, output: _Output, tenant: _Tenant = None, as_json: JsonOption = False, at: _At = None
) -> None:
    """Make the file from which a connector is installed, and print its one-time code: good once, for a day.

    There is no secret in the file. On the machine beside the gateways: sh FILE
    """
    root = packages.source_root()
    version = packages.own_version()
    with connect(at) as client:
        made = client.post("/v1/connectors", {"site": branch}, tenant=tenant)
    facts = {"format": 1, "connector": made["name"], "version": version, "online": made["online"]}
    write_private(output, packages.installer(facts, packages.archive(root, version)))
    output.chmod(0o755)
    until = datetime.fromtimestamp(made["code_until"] / 1000, UTC)
    told = {"name": made["name"], "file": str(output), "code": made["code"], "code_until": until.isoformat()}
    if as_json:
        print_json(told)
        return
    print_line(f"{output}: the connector {made['name']}, version {version}. Start it there with: sh {output.name}")
    print_line(f"Its code, which is asked for then, good once and until {until:%Y-%m-%d %H:%M} UTC:")
    print_line(f"  {made['code']}")


@app.command("configure", epilog="Example:  isthmus connector configure branch.toml --site branch --at online")
def configure(
    branch: _Branch,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Sections of their site file: [[trunk]], [media] ... (TOML)")
    ] = None,
    window: Annotated[
        str | None, typer.Option("--window", help="When they may be updated, as `sun 02:00-04:00`; '' is never.")
    ] = None,
    zone: Annotated[str | None, typer.Option("--zone", help="Of the window, as Europe/Berlin.")] = None,
    version: Annotated[
        str | None, typer.Option("--version", help="The version they are to have; '' is whichever they have.")
    ] = None,
    tenant: _Tenant = None,
    as_json: JsonOption = False,
    at: _At = None,
) -> None:
    """Say what the connectors of a site work by; those that run follow at once."""
    settings = None if file is None else _read(file)
    with connect(at) as client:
        before = client.get(f"/v1/connector-sites/{branch}", tenant=tenant)
        given = {"settings": settings, "window": window, "zone": zone, "version": version}
        wanted = {key: before[key] if value is None else value for key, value in given.items()}
        after = client.put(f"/v1/connector-sites/{branch}", wanted, tenant=tenant)
    print_done(f"{branch}: {', '.join(after['settings']) or 'no sections'}", after, as_json)


@app.command("drain", epilog="Example:  isthmus --site online connector drain branch-1")
def drain(name: _Name, tenant: _Tenant = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Let a connector have no new calls to the PSTN; those that are up go on."""
    _set_drains(name, True, tenant, as_json, site)


@app.command("resume", epilog="Example:  isthmus --site online connector resume branch-1")
def resume(name: _Name, tenant: _Tenant = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Let a connector that drains have calls again."""
    _set_drains(name, False, tenant, as_json, site)


@app.command("remove", epilog="Example:  isthmus --site online connector remove branch-1")
def remove(name: _Name, tenant: _Tenant = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Let a connector in no more: its certificate is good for nothing from now on, and its calls end."""
    with connect(site) as client:
        client.delete(f"/v1/connectors/{name}", tenant=tenant)
    print_done(f"{name} is removed", {"name": name, "removed": True}, as_json)


@app.command("sites", epilog="Example:  isthmus --site online connector sites")
def list_sites(tenant: _Tenant = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List the places with connectors, and when those are updated."""
    with connect(site) as client:
        found: list[dict[str, Any]] = client.get("/v1/connector-sites", tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = ((e["name"], ", ".join(e["settings"]), e["window"] or None, e["zone"], e["version"] or None) for e in found)
    print_table(("Site", "Settings", "Window", "Zone", "Version"), rows, empty="No sites with connectors.")


@app.command("remove-site", epilog="Example:  isthmus --site online connector remove-site branch")
def remove_site(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The connector site.")],
    tenant: _Tenant = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Remove a place that has no connectors any more, nor certificates of some."""
    with connect(site) as client:
        client.delete(f"/v1/connector-sites/{name}", tenant=tenant)
    print_done(f"{name} is removed", {"name": name, "removed": True}, as_json)


@app.command("offer", epilog="Example:  isthmus connector offer --name 1.4.0 --at online")
def offer(
    name: Annotated[str | None, typer.Option("--name", help="By default this program's own version.")] = None,
    as_json: JsonOption = False,
    at: _At = None,
) -> None:
    """Offer this program to the connectors of a site on this machine, as a version they can be brought to."""
    version = packages.checked_version(name or packages.own_version())
    file = admitting.offer(registry.find(at), version, packages.archive(packages.source_root(), version))
    print_done(f"{file}: version {version}", {"version": version, "file": str(file)}, as_json)


def _set_drains(name: str, drains: bool, tenant: str | None, as_json: bool, site: str | None) -> None:
    with connect(site) as client:
        after = client.patch(f"/v1/connectors/{name}", {"drains": drains}, tenant=tenant)
    print_done(f"{name}: {after['state']}", after, as_json)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"it can't be read ({error})", where=str(file)) from error


def _moment(milliseconds: int | None) -> str | None:
    return None if not milliseconds else datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
