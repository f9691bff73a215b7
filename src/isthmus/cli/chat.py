"""`isthmus chat`: conversations, as far as an administrator has to do with them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from isthmus.addressing import Aor
from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, error_console, progress, written

app = typer.Typer(help="What people write to one another (docs/messages.md).", no_args_is_help=True)

_PAGE = 1000


@app.callback()
def chat() -> None:
    """What people write to one another (docs/messages.md)."""


@app.command(epilog="Example:  isthmus chat export alice@contoso.example --output alice.jsonl")
def export(
    person: Annotated[str, typer.Argument(metavar="ADDRESS", help="Whose conversations.")],
    output: Annotated[
        str, typer.Option("--output", metavar="FILE", help="Where to write; - is standard output.")
    ] = "-",
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Write all conversations of a person who is at home at the site, an object a line. The audit log tells of it.

    Files are not in it: it names them. What was deleted is not there any more.
    """
    aor = quote(str(Aor.parse(person)), safe="@")
    count = 0
    with connect(site, timeout_s=None) as client, written(output) as file, progress("lines") as done:
        for line in client.lines("GET", f"/v1/people/{aor}/messages"):
            file.write(line + b"\n")
            count += 1
            if count % _PAGE == 0:
                done(count)
    if output != "-":
        error_console().print(f"{count} lines written to {output}", markup=False)
