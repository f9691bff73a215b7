"""`isthmus account`: who can sign in to this site's API and pages."""

from __future__ import annotations

import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.cli.client import connect
from isthmus.cli.output import (
    JsonOption,
    SiteOption,
    moment,
    print_done,
    print_fields,
    print_json,
    print_table,
)
from isthmus.errors import UsageError

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]
TenantsOption = Annotated[list[str] | None, typer.Option("--tenant-scope", help="Only in this tenant; repeatable.")]
SitesOption = Annotated[list[str] | None, typer.Option("--site-scope", help="Only people at home there; repeatable.")]
GroupsOption = Annotated[list[str] | None, typer.Option("--group-scope", help="Only people in it; repeatable.")]
_PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command("list", epilog="Examples:  isthmus account list   |   isthmus account list --match ann --json")
def list_accounts(
    match: Annotated[str | None, typer.Option("--match", help="Part of a name.")] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List the accounts of a site."""
    with connect(site) as client:
        found = [each for page in client.pages("/v1/accounts", "name", match=match) for each in page]
    if as_json:
        print_json(found)
        return
    rows = (
        (
            a["name"],
            a["tenant"] or "(every)",
            a["person"],
            ", ".join(a["factors"]) or None,
            moment(a["signed_in"]),
            _state(a),
        )
        for a in found
    )
    columns = ("Name", "Tenant", "Person", "Second factors", "Signed in", "State")
    print_table(columns, rows, empty="No accounts. The first one: isthmus account create NAME --role global")


@app.command(epilog="Example:  isthmus account show anna")
def show(name: Name, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show an account and the roles it holds."""
    with connect(site) as client:
        _print(client.get(path_of(name)), as_json)


@app.command(
    epilog="Examples:  isthmus account create anna --role global   |   "
    "isthmus account create ben --role helpdesk --group-scope sales   |   "
    "isthmus account create alice@contoso.example --person alice@contoso.example"
)
def create(
    name: Name,
    role: Annotated[
        list[str] | None, typer.Option("--role", help="A role it holds from the start; repeatable.")
    ] = None,
    tenant_scope: TenantsOption = None,
    site_scope: SitesOption = None,
    group_scope: GroupsOption = None,
    person: Annotated[
        str | None, typer.Option("--person", metavar="AOR", help="The person whose account it is.")
    ] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Its tenant; by default the site's own.")] = None,
    every_tenant: Annotated[bool, typer.Option("--every-tenant", help="An account of the whole installation.")] = False,
    display_name: Annotated[str, typer.Option("--name", help="Name to show.")] = "",
    password_stdin: _PasswordStdin = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Create an account. Without --password-stdin a password is made, and shown this once."""
    if tenant is not None and every_tenant:
        raise UsageError("--tenant and --every-tenant exclude each other")
    limits = {"tenants": tenant_scope, "sites": site_scope, "groups": group_scope}
    body = {
        "name": name,
        "tenant": tenant,
        "every_tenant": every_tenant,
        "display_name": display_name,
        "person": person,
        "password": read_password() if password_stdin else None,
        "roles": [{"role": each, **limits} for each in role or ()],
    }
    with connect(site) as client:
        _print(client.post("/v1/accounts", body), as_json)


@app.command(
    "set",
    epilog="Examples:  isthmus account set anna --new-password   |   "
    "isthmus account set anna --password-stdin < new.txt   |   isthmus account set anna --name 'Anna B.'",
)
def set_account(
    name: Name,
    display_name: Annotated[str | None, typer.Option("--name", help="Name to show.")] = None,
    enable: Annotated[bool | None, typer.Option("--enable/--disable", help="Let it in, or keep it out.")] = None,
    password_stdin: _PasswordStdin = False,
    new_password: Annotated[bool, typer.Option("--new-password", help="Make a password, and show it once.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Change an account. A new password ends its sessions."""
    body: dict[str, Any] = {"new_password": new_password}
    if display_name is not None:
        body["display_name"] = display_name
    if enable is not None:
        body["enabled"] = enable
    if password_stdin:
        body["password"] = read_password()
    if body == {"new_password": False}:
        raise UsageError("nothing to change", do="See: isthmus account set --help")
    with connect(site) as client:
        _print(client.patch(path_of(name), body), as_json)


@app.command(epilog="Example:  isthmus account disable ben")
def disable(name: Name, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Keep an account out, at once: its sessions end, its tokens are refused."""
    with connect(site) as client:
        _print(client.patch(path_of(name), {"enabled": False}), as_json)


@app.command(epilog="Example:  isthmus account delete ben --yes")
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Delete an account with its second factors, sessions and tokens. Asks first on a terminal."""
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete the account {name}?", abort=True, err=True)
    with connect(site) as client:
        client.delete(path_of(name))
    print_done(f"deleted account {name}", {"account": name, "deleted": True}, as_json)


@app.command("reset-mfa", epilog="Example:  isthmus account reset-mfa anna")
def reset_mfa(name: Name, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Take an account's second factors away; it registers new ones when it signs in. Noted in the audit log."""
    with connect(site) as client:
        _print(client.post(f"{path_of(name)}/reset-mfa"), as_json)


def path_of(name: str) -> str:
    """The API's path of an account."""
    return f"/v1/accounts/{quote(name, safe='@')}"


def read_password() -> str:
    """The first line of standard input. Raises UsageError where it is empty."""
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise UsageError("the password is empty")
    return password


def scope_text(held: dict[str, Any]) -> str:
    """How far a role reaches, in words."""
    parts = [f"{word} {' or '.join(held[word])}" for word in ("tenants", "sites", "groups") if held[word] is not None]
    return ", ".join(parts) or "everything"


def _state(account: dict[str, Any]) -> str:
    if not account["enabled"]:
        return "disabled"
    return "enabled" if account["active"] else "person gone or disabled"


def _print(account: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(account)
        return
    fields = [
        ("Name", account["name"]),
        ("Shown as", account["display_name"]),
        ("Tenant", account["tenant"] or "(every)"),
        ("Person", account["person"]),
        ("State", _state(account)),
        ("Second factors", ", ".join(account["factors"]) or None),
        ("Recovery codes", account["recovery_codes"]),
        ("Signed in", moment(account["signed_in"])),
    ]
    fields += [(f"Role {held['id']}", f"{held['role']} ({scope_text(held)})") for held in account.get("roles", ())]
    if "new_password" in account:
        fields.append(("Password", account["new_password"]))
    print_fields(fields)
