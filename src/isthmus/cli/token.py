"""`isthmus token` and `isthmus session`: what lets programs and browsers in, and how to end it."""

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
    print_table,
)

app = typer.Typer(no_args_is_help=True)
sessions = typer.Typer(no_args_is_help=True)

_Id = Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")]


@app.command("list", epilog="Example:  isthmus token list")
def list_tokens(as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List the API tokens of all accounts; their secrets are known to nobody here."""
    with connect(site) as client:
        found = client.get("/v1/tokens")
    if as_json:
        print_json(found)
        return
    rows = (
        (t["id"], t["name"], t["account"], ", ".join(t["permissions"]), moment(t["expires"]), moment(t["used"]))
        for t in found
    )
    print_table(("Id", "Name", "Account", "Permissions", "Expires", "Used"), rows, empty="No tokens.")


@app.command(epilog="Example:  isthmus token create backup --account anna --permission person.export --days 30")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    account: Annotated[str, typer.Option("--account", help="Whose it is; it can do no more than this account.")],
    permission: Annotated[list[str], typer.Option("--permission", help="What it may do; repeatable.")],
    days: Annotated[float, typer.Option("--days", help="How long it lives.", min=0.001, max=366)] = 90,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Make an API token. Its secret is shown this once, and kept nowhere."""
    body = {"name": name, "account": account, "permissions": permission, "lifetime_s": days * 86_400}
    with connect(site) as client:
        made = client.post("/v1/tokens", body)
    if as_json:
        print_json(made)
        return
    shown = [("Id", made["id"]), ("Account", made["account"]), ("Permissions", ", ".join(made["permissions"]))]
    print_fields([*shown, ("Expires", moment(made["expires"])), ("Token", made["token"])])


@app.command(epilog="Example:  isthmus token revoke 3f2a9c01d4e5")
def revoke(token: _Id, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Revoke a token, at once."""
    with connect(site) as client:
        client.delete(f"/v1/tokens/{quote(token, safe='')}")
    print_done(f"revoked token {token}", {"id": token, "revoked": True}, as_json)


@sessions.command("list", epilog="Example:  isthmus session list")
def list_sessions(as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List who is signed in, from where and by which browser."""
    with connect(site) as client:
        found = client.get("/v1/sessions")
    if as_json:
        print_json(found)
        return
    rows = (
        (s["id"], s["account"], s["stage"], s["address"], s["browser"][:60], moment(s["seen"]), moment(s["expires"]))
        for s in found
    )
    columns = ("Id", "Account", "Stage", "Address", "Browser", "Used", "Ends")
    print_table(columns, rows, empty="Nobody is signed in.")


@sessions.command("revoke", epilog="Example:  isthmus session revoke 3f2a9c01d4e5a6b7")
def revoke_session(session: _Id, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """End a session, at once."""
    with connect(site) as client:
        client.delete(f"/v1/sessions/{quote(session, safe='')}")
    print_done(f"ended session {session}", {"id": session, "revoked": True}, as_json)
