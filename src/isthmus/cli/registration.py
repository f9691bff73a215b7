"""`isthmus registration`: where phones can be reached."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from isthmus.cli.client import Client
from isthmus.cli.output import JsonOption, SiteOption, print_json, print_line, print_table
from isthmus.site import registry

app = typer.Typer(help="Where phones can be reached.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Where phones can be reached."""


@app.command(
    "list",
    epilog="Examples:  isthmus registration list   |   isthmus registration list alice@contoso.example   |   "
    "isthmus --site online registration list --json",
)
def list_registrations(
    aor: Annotated[
        str | None, typer.Argument(metavar="AOR", help="One person; without it everybody at home at the site.")
    ] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List the phones that are registered: of one person, or of everybody at home at the site."""
    site_file = registry.find(site)
    found: list[dict[str, Any]] = []
    with Client(site_file) as client:
        if aor is not None:
            found = client.get("/v1/registrations", aor=aor)
        else:
            for page in client.pages("/v1/registrations", "aor"):
                found += page
    if as_json:
        print_json(found)
        return
    rows = (
        (entry["aor"], b["contact"], b["edge"], f"{b['expires_s']} s", b["user_agent"] or None)
        for entry in found
        for b in entry["bindings"]
    )
    print_table(
        ("Address", "Contact", "Connected to", "Expires in", "User agent"), rows, empty="No phone is registered."
    )
    for entry in found:
        if aor is not None and entry["home"] != site_file.site.name:
            print_line(
                f"{entry['aor']} is at home at {entry['home']}, which keeps the registrations: "
                f"isthmus --site {entry['home']} registration list {entry['aor']}"
            )
