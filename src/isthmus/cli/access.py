"""`isthmus access`: who may do what, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, print_json, print_line

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Who may do what, and why."""


@app.command(
    epilog="Examples:  isthmus access explain anna person.move alice@contoso.example   |   "
    "isthmus access explain ben account.reset-mfa account:anna   |   isthmus access explain ben site.read site"
)
def explain(
    who: Annotated[str, typer.Argument(metavar="WHO", help="An account's name.")],
    action: Annotated[str, typer.Argument(metavar="ACTION", help="One of `isthmus role list --permissions`.")],
    what: Annotated[
        str, typer.Argument(metavar="OBJECT", help="An address, account:NAME, tenant:NAME or site.")
    ] = "site",
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Say whether somebody may do something to something, and why. Exit 1 when not."""
    with connect(site) as client:
        verdict = client.get("/v1/access/explain", who=who, action=action, object=what)
    if as_json:
        print_json(verdict)
    else:
        named = verdict["object"]["name"]
        print_line(f"{'yes' if verdict['allowed'] else 'no'}: {verdict['who']}, {verdict['action']}, {named}")
        for reason in verdict["reasons"]:
            print_line(f"  {reason}")
        if verdict["allowed"] and verdict["second_factor"]:
            print_line("  In a browser it takes the second factor, proved within the last minutes.")
    if not verdict["allowed"]:
        raise typer.Exit(1)
