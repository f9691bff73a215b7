"""`isthmus call reports`: how calls sounded in browsers."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from isthmus.audit import wire
from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, error_console, moment, print_json, print_table, written
from isthmus.errors import UsageError
from isthmus.records.reports import cursor_of, cursor_text

_PAGE = 1000


class Kind(StrEnum):
    """Kinds of reports."""

    END = "end"
    PROBLEM = "problem"
    UNFINISHED = "unfinished"


def add_to(app: typer.Typer) -> None:
    """Add the command to `isthmus call`."""
    app.command(
        "reports",
        epilog="Examples:  isthmus call reports --mos-below 3 --since 2026-11-25   |   "
        "isthmus call reports --kind problem --who alice@contoso.example   |   "
        "isthmus call reports --since 2026-11-01 --output november.csv",
    )(reports)


def reports(
    call_id: Annotated[
        str | None, typer.Option("--call", metavar="CALL-ID", help="All of this call, of every site; no other filter.")
    ] = None,
    who: Annotated[
        str | None, typer.Option("--who", metavar="WHO", help="Only those of this address or number.")
    ] = None,
    kind: Annotated[
        Kind | None,
        typer.Option(
            "--kind", help="end: of calls' ends. problem: what people complained of. unfinished: no end was reported."
        ),
    ] = None,
    mos_below: Annotated[
        float | None, typer.Option("--mos-below", min=1, max=5, help="Only those with a worse quality, 1 to 5.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="From then on: 2026-11-25[T14:30], UTC.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before then.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, in a list.")] = 50,
    output: Annotated[
        str | None,
        typer.Option("--output", metavar="FILE", help="Write all that fit to this file as CSV; - is standard output."),
    ] = None,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """List what browsers reported of calls' sound at this site, the newest first, or write it to a file.

    A report stays at the site whose page was open: ask each site for its own (--site), or for one call (--call).
    """
    for name, value in (("--since", since), ("--until", until)):
        wire.at_ms(value, name)  # a slip is told by the option's name
    filters = {"who": who, "kind": kind.value if kind else None, "mos_below": mos_below, "since": since, "until": until}
    if call_id is not None and (output or any(value is not None for value in filters.values())):
        raise UsageError("goes with no other filter, and with no file", where="--call")
    if output is not None:
        _write(output, filters, site, json)
        return
    with connect(site) as client:
        found = client.get("/v1/calls/reports", call_id=call_id) if call_id else _found(client, filters, limit)
    if json:
        print_json(found)
        return
    print_table(
        ("At", "Who", "Kind", "Lasted", "MOS", "Lost in/out", "Path", "Found", "Said", "Site", "Call-ID"),
        (_row(each["report"], each) for each in found),
        empty="No reports.",
    )


def _found(client: Any, filters: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    before = None
    while len(found) < limit:
        size = min(_PAGE, limit - len(found))
        page = client.get("/v1/calls/reports", before=before, limit=size, **filters)
        found += page
        if len(page) < size:
            break
        before = cursor_text(cursor_of(page[-1]))
    return found


def _write(output: str, filters: dict[str, Any], site: str | None, json: bool) -> None:
    if json and output == "-":
        raise UsageError("needs the name of a file", where="--json", do="Say: --output reports.csv")
    size = 0
    with connect(site, timeout_s=None) as client, written(output) as file:
        for line in client.lines("GET", "/v1/calls/reports/export", **filters):
            size += file.write(line + b"\n")
    if json:
        print_json({"file": output, "bytes": size})
    elif output != "-":
        error_console().print(f"{size} bytes written to {output}", markup=False)


def _row(report: dict[str, Any], given: dict[str, Any]) -> tuple[object, ...]:
    lost = [report[way]["loss_percent"] for way in ("received", "sent")]
    path = "/".join(each for each in (report["local"], report["remote"], report["protocol"]) if each)
    return (
        moment(given["at"]),
        given["who"],
        report["kind"],
        str(timedelta(seconds=round(report["seconds"]))),
        None if report["mos"] is None else f"{report['mos']:.1f}",
        "/".join("-" if each is None else f"{each:.1f} %" for each in lost),
        path or None,
        " ".join(report["findings"]) or None,
        report["text"] or None,
        given["site"],
        report["call_id"],
    )
