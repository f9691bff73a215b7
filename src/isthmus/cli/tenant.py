"""`isthmus tenant`: who shares this service, what each may have."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, moment, print_done, print_fields, print_json, print_table
from isthmus.errors import UsageError

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's name.")]
_Shown = Annotated[str | None, typer.Option("--name", help="As people call it.")]
_Contact = Annotated[str | None, typer.Option("--contact", help="An address for mail, for the operator.")]
_LIMIT = "at most so many; `none` for no limit."
_People = Annotated[str | None, typer.Option("--people", metavar="N", help=f"People: {_LIMIT}")]
_Numbers = Annotated[str | None, typer.Option("--numbers", metavar="N", help=f"Numbers: {_LIMIT}")]
_Devices = Annotated[str | None, typer.Option("--devices", metavar="N", help=f"Devices: {_LIMIT}")]
_Requests = Annotated[
    str | None, typer.Option("--requests-per-minute", metavar="N", help=f"Requests to the API in a minute: {_LIMIT}")
]


@app.command("list", epilog="Example:  isthmus tenant list")
def list_tenants(
    match: Annotated[str | None, typer.Option("--match", help="Part of the name.")] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List the tenants."""
    with connect(site) as client:
        found = [each for page in client.pages("/v1/tenants", "name", match=match) for each in page]
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["name"],
            each["display_name"] or None,
            *(each["limits"][name] for name in ("people", "numbers", "devices", "requests_per_minute")),
            "suspended" if each["suspended"] else "active",
        )
        for each in found
    )
    print_table(
        ("Tenant", "Name", "People", "Numbers", "Devices", "Requests/min", "State"), rows, empty="There are no tenants."
    )


@app.command(epilog="Example:  isthmus tenant show fabrikam")
def show(tenant: Name, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show a tenant, its limits and what it has."""
    with connect(site) as client:
        _print(client.get(_path(tenant)), as_json)


@app.command(
    epilog="Examples:  isthmus tenant create fabrikam --people 500   |   isthmus account create erin --tenant fabrikam "
    "--role global"
)
def create(
    tenant: Name,
    display_name: _Shown = None,
    contact: _Contact = None,
    people: _People = None,
    numbers: _Numbers = None,
    devices: _Devices = None,
    requests_per_minute: _Requests = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Create a tenant. Its domains come next (isthmus domain add), and an administrator (isthmus account create)."""
    body = {"name": tenant, **_body(display_name, contact, people, numbers, devices, requests_per_minute)}
    with connect(site) as client:
        _print(client.post("/v1/tenants", body), as_json)


@app.command(
    "set",
    epilog="Examples:  isthmus tenant set fabrikam --people 1000 --numbers none   |   isthmus tenant set fabrikam "
    "--suspend",
)
def set_tenant(
    tenant: Name,
    display_name: _Shown = None,
    contact: _Contact = None,
    people: _People = None,
    numbers: _Numbers = None,
    devices: _Devices = None,
    requests_per_minute: _Requests = None,
    suspended: Annotated[
        bool | None, typer.Option("--suspend/--resume", help="Let nobody of it in, or let them in again.")
    ] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Change a tenant: its name and contact, its limits, whether it is let in."""
    body = _body(display_name, contact, people, numbers, devices, requests_per_minute)
    if suspended is not None:
        body["suspended"] = suspended
    if not body:
        raise UsageError("say what is to be different", do="See: isthmus tenant set --help")
    with connect(site) as client:
        _print(client.patch(_path(tenant), body), as_json)


@app.command(epilog="Example:  isthmus tenant delete fabrikam --yes")
def delete(
    tenant: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Delete a tenant without people and accounts, with its domains, groups, policies and licences."""
    if not yes:
        typer.confirm(f"Delete tenant {tenant}?", abort=True)
    with connect(site) as client:
        client.delete(_path(tenant))
    print_done(f"deleted tenant {tenant}", {"deleted": tenant}, as_json)


def _path(tenant: str) -> str:
    return f"/v1/tenants/{quote(tenant, safe='')}"


def _body(
    display_name: str | None,
    contact: str | None,
    people: str | None,
    numbers: str | None,
    devices: str | None,
    requests: str | None,
) -> dict[str, Any]:
    given = {"people": people, "numbers": numbers, "devices": devices, "requests_per_minute": requests}
    limits = {name: _limit(name, text) for name, text in given.items() if text is not None}
    texts = {name: text for name, text in (("display_name", display_name), ("contact", contact)) if text is not None}
    return {**texts, **({"limits": limits} if limits else {})}


def _limit(name: str, text: str) -> int | None:
    if text == "none":
        return None
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{text!r} is neither a number nor `none`", where=f"--{name.replace('_', '-')}")
    return int(text)


def _print(tenant: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(tenant)
        return
    has, limits = tenant["usage"], tenant["limits"]

    def of(name: str) -> str:
        return f"{has[name]} of {limits[name]}" if limits[name] is not None else f"{has[name]} (no limit)"

    print_fields(
        [
            ("Tenant", tenant["name"]),
            ("Name", tenant["display_name"] or None),
            ("Contact", tenant["contact"] or None),
            ("State", "suspended" if tenant["suspended"] else "active"),
            ("Created", moment(tenant["created"])),
            ("People", of("people")),
            ("Numbers", of("numbers")),
            ("Devices", of("devices")),
            ("Domains", has["domains"]),
            ("Accounts", has["accounts"]),
            ("Requests/min", limits["requests_per_minute"] or "no limit"),
        ]
    )
