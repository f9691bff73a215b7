"""`isthmus registration`: where phones can be reached."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from isthmus.cli.client import connect, is_remote
from isthmus.cli.output import JsonOption, SiteOption, print_json, print_table
from isthmus.cli.user import path_of
from isthmus.errors import UnavailableError
from isthmus.site import registry

app = typer.Typer(no_args_is_help=True)


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
    """List the phones that are registered: of one person, or of everybody at home at the site.

    A person's phones are asked for at their home, whichever site that is.
    """
    found = _everybody(site) if aor is None else _one(site, aor)
    if as_json:
        print_json(found)
        return
    rows = (
        (entry["aor"], b["contact"], b["edge"], f"{b['expires_s']} s", b["device"], b["user_agent"] or None)
        for entry in found
        for b in entry["bindings"]
    )
    empty = f"No phone of {found[0]['aor']} is registered." if aor else "No phone is registered at the site."
    print_table(("Address", "Contact", "Connected to", "Expires in", "Device", "User agent"), rows, empty=empty)


def _everybody(site: str | None) -> list[dict[str, Any]]:
    with connect(site) as client:
        return [entry for page in client.pages("/v1/registrations", "aor") for entry in page]


def _one(site: str | None, aor: str) -> list[dict[str, Any]]:
    """One person's entry, from the home, which alone keeps registrations. Raises UnavailableError for a far one."""
    with connect(site) as client:
        home = client.get(path_of(aor))["home"]
        if is_remote():
            return list(client.get("/v1/registrations", aor=aor))
    site_file = registry.find(site)
    if home != site_file.site.name and home not in registry.names():
        raise UnavailableError(
            f"{aor} is at home at {home}, which keeps the registrations and is not on this machine",
            do=f"Run there: isthmus registration list {aor}",
        )
    with connect(home) as client:
        found: list[dict[str, Any]] = client.get("/v1/registrations", aor=aor)
    return found
