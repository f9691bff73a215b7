"""`isthmus trunk`: the ways to the PSTN that a site has."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import typer

from isthmus.cli import trunk_shape
from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, print_json, print_table

app = typer.Typer(no_args_is_help=True)
trunk_shape.add_to(app)


@app.command("list", epilog="Examples:  isthmus trunk list   |   isthmus --site online trunk list --json")
def list_trunks(as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List the trunks of a site: whether they answer, and the calls on them. They stand in the site file."""
    with connect(site) as client:
        found: list[dict[str, Any]] = client.get("/v1/trunks")
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["name"],
            f"{each['address']}:{each['port']}/{each['transport']}",
            each["state"],
            f"{each['answers_ms']:.1f} ms" if each["answers_ms"] is not None else None,
            each["calls"],
            each["most_calls"] or "any",
            each["calls_per_s"] or "any",
            _registration(each),
        )
        for each in found
    )
    print_table(
        ("Trunk", "Where", "State", "Answers in", "Calls", "At most", "A second", "Registered"),
        rows,
        empty="No trunks: name some as [[trunk]] in the site file.",
    )


def _registration(trunk: dict[str, Any]) -> str | None:
    """Until when this site is registered there, and what went wrong last."""
    if trunk["registered"] is None:
        return None
    until = trunk["registered_until"]
    known = f"until {datetime.fromtimestamp(until).astimezone():%H:%M:%S}" if until else "no"
    return ": ".join(filter(None, (known, trunk["registration_error"])))
