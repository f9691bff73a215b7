"""`isthmus call records`, `call record` and `call export`: calls that are over."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from itertools import groupby
from typing import Annotated, Any

import typer

from isthmus.audit import wire
from isthmus.cli.client import connect
from isthmus.cli.output import (
    JsonOption,
    SiteOption,
    error_console,
    moment,
    print_fields,
    print_json,
    print_line,
    print_table,
    written,
)
from isthmus.errors import NotFoundError, UsageError
from isthmus.records.model import By, MediaPath, Route

_PAGE = 1000
_SIP_REFUSES = 300

_Who = Annotated[
    str | None, typer.Option("--who", metavar="WHO", help="Only calls of this address or number, at either end.")
]
_At = Annotated[str | None, typer.Option("--at", metavar="SITE", help="Only legs at this site.")]
_Trunk = Annotated[str | None, typer.Option("--trunk", metavar="NAME", help="Only calls that came or went by it.")]
_Code = Annotated[int | None, typer.Option("--code", metavar="CODE", help="Only calls that ended with it, as 486.")]
_By = Annotated[By | None, typer.Option("--by", help="Only calls that this side ended.")]
_Answered = Annotated[bool | None, typer.Option("--answered/--unanswered", help="Only calls that were, or were not.")]
_Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="From then on: 2026-11-25[T14:30], UTC.")]
_Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before then.")]


class Form(StrEnum):
    """Formats of an export."""

    CSV = "csv"
    PARQUET = "parquet"


def add_to(app: typer.Typer) -> None:
    """Add the commands to `isthmus call`."""
    app.command(
        "records",
        epilog="Examples:  isthmus call records --who alice@contoso.example --since 2026-11-25   |   "
        "isthmus call records --trunk carrier --unanswered --limit 20",
    )(records)
    app.command("record", epilog="Example:  isthmus call record 3c26700857a9@192.0.2.10")(record)
    app.command("ladder", epilog="Example:  isthmus call ladder 3c26700857a9@192.0.2.10")(ladder)
    app.command(
        "export",
        epilog="Examples:  isthmus call export --since 2026-11-01 --until 2026-12-01 --output november.csv   |   "
        "isthmus call export --format parquet --output calls.parquet",
    )(export)


def records(
    who: _Who = None,
    at: _At = None,
    trunk: _Trunk = None,
    code: _Code = None,
    by: _By = None,
    answered: _Answered = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many legs.")] = 50,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """List calls that are over, the newest first: a line for each leg, that is for each passage through a site."""
    wanted = _wanted(who, at, trunk, code, by, answered, since, until)
    found: list[dict[str, Any]] = []
    with connect(site) as client:
        before = None
        while len(found) < limit:
            size = min(_PAGE, limit - len(found))
            page = client.get("/v1/calls/records", before=before, limit=size, **wanted)
            found += page
            if len(page) < size:
                break
            before = _cursor(page[-1])
    if json:
        print_json(found)
        return
    print_table(
        ("Began", "From", "To", "At", "Led", "Lasted", "Ended", "Cost", "Call-ID"),
        (
            (
                moment(each["began"]),
                each["caller"] or None,
                each["callee"],
                each["site"],
                _led(each),
                _lasted(each),
                _ended(each),
                _cost(each),
                each["call_id"],
            )
            for each in found
        ),
        empty="No call records.",
    )


def record(
    call_id: Annotated[str, typer.Argument(metavar="CALL-ID", help="Of the call, as `call records` shows it.")],
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Say what became of one call: all its legs at all sites, in the order in which it passed them."""
    with connect(site) as client:
        found: list[dict[str, Any]] = client.get("/v1/calls/records", call_id=call_id, limit=_PAGE)
    if not found:
        raise NotFoundError(
            f"there is no record of a call {call_id!r}",
            do="Records are there some seconds after a call's end, those of other sites while the link is up.",
        )
    found.sort(key=lambda each: (each["began"], each["side"] != "edge", each["seq"]))
    if json:
        print_json(found)
        return
    first = found[0]
    print_line(f"Call from {first['caller'] or 'nobody known'} to {first['callee'] or 'unknown'}, {call_id}")
    direct = _is_direct(found)
    for name, legs in groupby(found, key=lambda each: each["site"]):
        for leg in legs:
            print_line(f"\nAt {name}, came in from {_came(leg)}:")
            print_fields(_facts(leg, direct))


def ladder(
    call_id: Annotated[str, typer.Argument(metavar="CALL-ID", help="Of the call, as `call records` shows it.")],
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Show what was signalled of one call, between whom and when, at all sites."""
    with connect(site) as client:
        found = client.get("/v1/calls/ladder", call_id=call_id)
    if not found["legs"]:
        raise NotFoundError(f"there is no record of a call {call_id!r}", do="See: isthmus call records")
    if json:
        print_json(found)
        return
    print_table(
        ("After", "From", "To", "Message", "Seen by"),
        (
            (
                f"{arrow['after_ms'] / 1000:.3f} s",
                _end(arrow["sender"]),
                _end(arrow["receiver"]),
                arrow["what"],
                arrow["site"],
            )
            for arrow in found["arrows"]
        ),
        empty="What was signalled is not kept any more.",
    )
    for leg in found["legs"]:
        if (sound := _sound(leg)) is not None:
            print_line(f"At {leg['site']}: {sound}")


def _end(participant: dict[str, Any]) -> str:
    kind, name = participant["kind"], participant["name"]
    return str(name) if kind in ("person", "unknown") else f"{kind} {name}"


def export(
    form: Annotated[Form, typer.Option("--format", help="csv: for a spreadsheet. parquet: for analysis.")] = Form.CSV,
    output: Annotated[
        str, typer.Option("--output", metavar="FILE", help="Where to write; - is standard output.")
    ] = "-",
    who: _Who = None,
    at: _At = None,
    trunk: _Trunk = None,
    code: _Code = None,
    by: _By = None,
    answered: _Answered = None,
    since: _Since = None,
    until: _Until = None,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Write call records to a file, the newest first. Times are UTC. With --json it says how many bytes."""
    if json and output == "-":
        raise UsageError("needs --output", where="--json", do="Name a file: isthmus call export --output calls.csv")
    wanted = _wanted(who, at, trunk, code, by, answered, since, until)
    size, between = 0, b""
    with connect(site, timeout_s=None) as client, written(output) as file:
        for line in client.lines("GET", "/v1/calls/records/export", format=form.value, **wanted):
            size += file.write(between + line)
            between = b"\n"
        if form is Form.CSV:
            size += file.write(b"\n")
    if json:
        print_json({"file": output, "bytes": size, "format": form.value})
    elif output != "-":
        error_console().print(f"{size} bytes written to {output}", markup=False)


def _wanted(
    who: str | None,
    at: str | None,
    trunk: str | None,
    code: int | None,
    by: By | None,
    answered: bool | None,
    since: str | None,
    until: str | None,
) -> dict[str, Any]:
    wire.at_ms(since, "--since"), wire.at_ms(until, "--until")  # a slip is told by the option's name
    told = {"who": who, "site": at, "trunk": trunk, "code": code, "answered": answered, "since": since, "until": until}
    return {**told, "by": by.value if by else None}


def _cursor(last: dict[str, Any]) -> str:
    return f"{round(last['began'] * 1000)}:{last['seq']}:{last['site']}"


def _led(leg: dict[str, Any]) -> str:
    match leg["route"]:
        case Route.LOCAL:
            return "to phones here"
        case Route.RELAY:
            return f"to {leg['way']}"
        case Route.DIAL:
            return f"by trunk {leg['way']}"
        case Route.PHONE:
            return "to a phone here"
        case Route.TRANSFER:
            return "to a call's phone"
        case Route.REFUSE:
            return "nowhere"
    return "unknown"


def _came(leg: dict[str, Any]) -> str:
    match leg["source"]:
        case "phone":
            return f"a phone of {leg['caller']}"
        case "trunk":
            return f"trunk {leg['via']}"
        case "peer":
            return str(leg["via"])
    return "unknown"


def _lasted(leg: dict[str, Any]) -> str | None:
    return None if leg["answered"] is None else str(timedelta(seconds=round(leg["seconds"])))


def _ended(leg: dict[str, Any]) -> str:
    if leg["answered"] is None:
        return f"{leg['code'] or ''} {leg['reason']}".strip()
    return leg["reason"] if leg["reason"] != "OK" else f"by {leg['by']}"


def _cost(leg: dict[str, Any]) -> str | None:
    return None if leg["cost"] is None else f"{leg['cost']} {leg['currency']}"


def _facts(leg: dict[str, Any], direct: bool) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("Began", moment(leg["began"])),
        ("Led", _led(leg)),
        ("Why", f"{leg['text']} (rule {leg['rule']})" if leg["rule"] else None),
        ("Answered", moment(leg["answered"])),
        ("Ended", f"{moment(leg['ended'])}, by {leg['by']}"),
        ("Lasted", _lasted(leg)),
        ("Answer", f"{leg['code']} {leg['reason']}" if leg["code"] else leg["reason"]),
        ("Cause", leg["cause"]),
        ("Caller's phone", leg["caller_agent"]),
        ("Called phone", leg["callee_agent"]),
        ("Media", "directly from end to end" if direct else _media(leg)),
        ("Sound", _sound(leg)),
        ("Cost", f"{_cost(leg)} (rate {leg['rate']})" if leg["cost"] is not None else None),
    ]
    return [(name, value) for name, value in facts if value is not None]


def _is_direct(legs: list[dict[str, Any]]) -> bool:
    """Whether no site relayed the media of the call that has these legs, as far as they are all there."""
    sites = {leg["site"] for leg in legs}
    others = {leg["way"] for leg in legs if leg["route"] == Route.RELAY}
    others |= {leg["via"] for leg in legs if leg["source"] == "peer"}
    return others <= sites and all(leg["media"] == MediaPath.PAST for leg in legs)


def _media(leg: dict[str, Any]) -> str | None:
    match leg["media"]:
        case MediaPath.RELAYED:
            return f"relayed by {leg['site']}"
        case MediaPath.PAST:
            return f"not by way of {leg['site']}"
        case MediaPath.PAST_FIRST:
            return f"not by way of {leg['site']} at first, then relayed there"
    return None


def _sound(leg: dict[str, Any]) -> str | None:
    if leg["mos"] is None:
        return None
    parts = [f"MOS {leg['mos']:.1f}"]
    for name, words in (
        ("jitter_ms", "{:g} ms jitter"),
        ("loss_percent", "{:g} % lost"),
        ("round_trip_ms", "{:g} ms round trip"),
    ):
        if leg[name] is not None:
            parts.append(words.format(leg[name]))
    return ", ".join(parts)
