"""`isthmus group`: the groups of the directory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, print_done, print_fields, print_json, print_table
from isthmus.errors import UsageError

app = typer.Typer(no_args_is_help=True)

GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="Its name.")]
TenantOption = Annotated[
    str | None,
    typer.Option("--tenant", metavar="NAME", help="Whose; by default the site's own tenant.", show_default=False),
]
_Members = Annotated[
    list[str] | None, typer.Argument(metavar="AOR...", help="People, as alice@contoso.example.", show_default=False)
]
_Groups = Annotated[list[str] | None, typer.Option("--group", metavar="GROUP", help="A group; may be repeated.")]


@app.command("list", epilog="Examples:  isthmus group list   |   isthmus group list --member alice@contoso.example")
def list_groups(
    match: Annotated[str | None, typer.Option("--match", help="Part of the name.")] = None,
    member: Annotated[
        str | None, typer.Option("--member", metavar="AOR", help="Those that this person is in, and how.")
    ] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List groups in the order of their names."""
    found: list[dict[str, Any]] = []
    with connect(site) as client:
        if member is not None:
            found = client.get("/v1/groups", member=member)
        else:
            for page in client.pages("/v1/groups", "name", tenant=tenant, match=match):
                found += page
    if as_json:
        print_json(found)
    elif member is not None:
        print_table(
            ("Group", "By way of"), ((g["name"], way_text(g["way"][:-1]) or None) for g in found), empty="None."
        )
    else:
        rows = ((g["name"], g["people"], ", ".join(g["groups"]) or None, _source(g), g["description"]) for g in found)
        print_table(("Group", "People in it", "Groups in it", "Kept", "Description"), rows, empty="No groups.")


@app.command(epilog="Example:  isthmus group show sales")
def show(
    group: GroupArgument, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None
) -> None:
    """Show one group. Who is in it: isthmus user list --group."""
    with connect(site) as client:
        _print_group(client.get(_path(group), tenant=tenant), as_json)


@app.command(epilog="Example:  isthmus group create sales --description 'Everybody who sells'")
def create(
    group: GroupArgument,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Create a group, or describe one that so far stands at people alone."""
    with connect(site) as client:
        body = {"name": group, "description": description}
        _print_group(client.post("/v1/groups", body, tenant=tenant), as_json)


@app.command("set", epilog="Example:  isthmus group set sales --description 'Sales, with the interns'")
def set_group(
    group: GroupArgument,
    description: Annotated[str, typer.Option("--description", help="What it is for.")],
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Change the description of a group."""
    with connect(site) as client:
        _print_group(client.patch(_path(group, tenant), {"description": description}), as_json)


@app.command(epilog="Example:  isthmus group rename sales selling")
def rename(
    group: GroupArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is to be called.")],
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Call a group kept by hand otherwise. People, groups, policies, licences and roles given for it stay with it."""
    with connect(site) as client:
        _print_group(client.patch(_path(group, tenant), {"name": name}), as_json)


@app.command(epilog="Example:  isthmus group delete sales --yes")
def delete(
    group: GroupArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Delete a group: nobody is in it any more, and what was given to it is gone. Asks first on a terminal."""
    with connect(site) as client:
        found = client.get(_path(group), tenant=tenant)
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError("nobody can be asked here", do="Say --yes to delete it.")
            text = f"Delete {group}, with {found['people']} people and {len(found['groups'])} groups directly in it?"
            typer.confirm(text, abort=True, err=True)
        client.delete(_path(group, tenant))
    print_done(f"{group} is deleted.", {"group": group, "deleted": True}, as_json)


@app.command(
    epilog="Examples:  isthmus group add sales alice@contoso.example bob@contoso.example   |   "
    "isthmus group add sales --group sales-north"
)
def add(
    group: GroupArgument,
    aors: _Members = None,
    groups: _Groups = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Put people and groups into a group: all of them, or nobody. A circle of groups is refused."""
    _change("add", group, aors, groups, tenant, as_json, site)


@app.command(
    epilog="Examples:  isthmus group remove sales alice@contoso.example   |   "
    "isthmus group remove sales --group sales-north"
)
def remove(
    group: GroupArgument,
    aors: _Members = None,
    groups: _Groups = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Take people and groups out of a group."""
    _change("remove", group, aors, groups, tenant, as_json, site)


def _change(
    what: str,
    group: str,
    aors: Sequence[str] | None,
    groups: Sequence[str] | None,
    tenant: str | None,
    as_json: bool,
    site: str | None,
) -> None:
    if not aors and not groups:
        raise UsageError("nobody is named", do=f"See: isthmus group {what} --help")
    body = {what: {"people": list(aors or ()), "groups": list(groups or ())}}
    with connect(site, timeout_s=None) as client:
        _print_group(client.patch(_path(group, tenant), body), as_json)


def way_text(way: Sequence[str]) -> str:
    """How somebody is in a group by way of others, for people to read."""
    return " in ".join(way)


def query(path: str, tenant: str | None) -> str:
    """The path of a write, with the tenant where one is named."""
    return path if tenant is None else f"{path}?tenant={quote(tenant, safe='')}"


def _path(group: str, tenant: str | None = None) -> str:
    return query(f"/v1/groups/{quote(group, safe='')}", tenant)


def _source(group: dict[str, Any]) -> str:
    return "by hand" if group["source"] is None else f"by {group['source']}"


def _print_group(group: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(group)
        return
    print_fields(
        (
            ("Group", group["name"]),
            ("Description", group["description"] or None),
            ("Kept", _source(group)),
            ("People in it", f"{group['people']}, {group['effective']} with those of the groups in it"),
            ("Groups in it", ", ".join(group["groups"]) or None),
            ("Is itself in", ", ".join(group["in"]) or None),
            ("Tenant", group["tenant"]),
        )
    )
