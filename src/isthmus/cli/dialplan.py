"""`isthmus dialplan`: how what people dial is read."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, print_json, print_table

app = typer.Typer(no_args_is_help=True)


@app.command(
    "test",
    epilog="Examples:  isthmus dialplan test alice@contoso.example 0103 911 914255550103   |   "
    "isthmus --site online dialplan test carol@contoso.example 9011442079460000 --json",
)
def simulate(
    aor: Annotated[str, typer.Argument(metavar="AOR", help="Who dials, as alice@contoso.example.")],
    digits: Annotated[list[str], typer.Argument(metavar="DIALLED...", help="What they dial.")],
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Say what somebody would reach by dialling this, by which rule. Where the call then goes: isthmus call explain."""
    with connect(site) as client:
        found: list[dict[str, Any]] = client.get("/v1/policies/dialled", aor=aor, digits=digits)
    if as_json:
        print_json(found)
        return
    rows = ((each["dialled"], each["means"], each["kind"], each["why"] or "no number: a name?") for each in found)
    print_table(("Dialled", "Means", "Kind", "Why"), rows)
