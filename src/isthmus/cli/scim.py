"""isthmus scim: tokens for an identity provider that pushes people and groups, and how that stands."""

from __future__ import annotations

from typing import Annotated
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
    print_line,
    print_table,
)

app = typer.Typer(
    no_args_is_help=True,
    epilog="Examples:  isthmus scim token create entra   |   isthmus scim status",
)
tokens = typer.Typer(help="What an identity provider shows to push.", no_args_is_help=True)
app.add_typer(tokens, name="token")

_TENANT = Annotated[str | None, typer.Option("--tenant", help="Whose people; by default the site's own tenant.")]


@app.command(epilog="Examples:  isthmus scim status   |   isthmus scim status --json")
def status(tenant: _TENANT = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show who was pushed, and what waits for somebody to say yes."""
    with connect(site) as client:
        found = client.get("/v1/scim", tenant=tenant)
    if as_json:
        print_json(found)
        return
    print_fields(
        [
            ("Tenant", found["tenant"]),
            ("Source", found["source"]),
            ("People", str(found["users"])),
            ("Groups", str(found["groups"])),
            ("Last change", moment(found["pushed"])),
            ("Conflicts", str(found["conflicts"])),
            ("Waiting", str(found["waiting"])),
        ]
    )
    if found["conflicts"]:
        print_line(f"Who is in conflict, and why: isthmus directory conflicts {found['source']}")
    if found["waiting"]:
        print_line(f"What waits, and why: isthmus directory sync {found['source']} --dry-run")


@tokens.command("create", epilog="Example:  isthmus scim token create entra --days 180")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    days: Annotated[float, typer.Option("--days", help="How long it lives.", min=0.001, max=366)] = 365,
    tenant: _TENANT = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Make a token. Its secret is shown this once, and kept nowhere."""
    with connect(site) as client:
        made = client.post("/v1/scim/tokens", {"name": name, "lifetime_s": days * 86_400}, tenant=tenant)
    if as_json:
        print_json(made)
        return
    print_fields([("Id", made["id"]), ("Expires", moment(made["expires"])), ("Token", made["token"])])


@tokens.command("list", epilog="Example:  isthmus scim token list")
def list_tokens(tenant: _TENANT = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List the tokens; their secrets are known to nobody here."""
    with connect(site) as client:
        found = client.get("/v1/scim/tokens", tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = ((t["id"], t["name"], moment(t["created"]), moment(t["expires"]), moment(t["used"])) for t in found)
    print_table(("Id", "Name", "Created", "Expires", "Used"), rows, empty="No tokens.")


@tokens.command("revoke", epilog="Example:  isthmus scim token revoke 3f2a9c01d4e5")
def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="The token.")],
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Revoke a token, at once."""
    with connect(site) as client:
        client.delete(f"/v1/tokens/{quote(token, safe='')}")
    print_done(f"revoked token {token}", {"id": token, "revoked": True}, as_json)
