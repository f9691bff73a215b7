"""`isthmus presence`: how people can be reached now."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.addressing import Aor
from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, print_done, print_fields, print_json
from isthmus.errors import UsageError

app = typer.Typer(help="How people can be reached now (docs/presence.md).", no_args_is_help=True)

_Person = Annotated[str, typer.Argument(metavar="ADDRESS", help="The person.")]
_AUTOMATIC = "automatic"
_SETTABLE = ("busy", "do-not-disturb", "away", "offline", _AUTOMATIC)


@app.command(epilog="Example:  isthmus presence show alice@contoso.example")
def show(person: _Person, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show how a person is, as this site knows it."""
    with connect(site) as client:
        found: dict[str, Any] = client.get(_path(person))
    _print(found, as_json)


@app.command(
    "set",
    epilog="Examples:  isthmus presence set alice@contoso.example --be do-not-disturb --for 60 "
    "--except boss@contoso.example   |   isthmus presence set alice@contoso.example --be automatic   |   "
    'isthmus presence set alice@contoso.example --out-of-office --note "back on Monday"',
)
def set_presence(
    person: _Person,
    be: Annotated[str | None, typer.Option("--be", help=f"One of {', '.join(_SETTABLE)}.")] = None,
    minutes: Annotated[int | None, typer.Option("--for", min=1, max=500_000, help="For so many minutes.")] = None,
    out: Annotated[bool | None, typer.Option("--out-of-office/--in-office", help="Whether they are out.")] = None,
    note: Annotated[str | None, typer.Option("--note", help="A text for others; empty for none.")] = None,
    location: Annotated[str | None, typer.Option("--location", help="Where they are, in words.")] = None,
    time_zone: Annotated[str | None, typer.Option("--time-zone", help="As Europe/Berlin.")] = None,
    exceptions: Annotated[
        list[str] | None,
        typer.Option("--except", help="Who rings in spite of do-not-disturb: address or number; may be repeated."),
    ] = None,
    no_exceptions: Annotated[bool, typer.Option("--no-exceptions", help="Nobody does.")] = False,
    shows: Annotated[
        str | None, typer.Option("--shows", help="What all may see: everything, availability or nothing.")
    ] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Set a person's presence. What is not named stays. do-not-disturb keeps their phones from ringing."""
    body: dict[str, Any] = {}
    if be is not None:
        if be not in _SETTABLE:
            raise UsageError(f"{be!r} can't be set", where="--be", do=f"It takes {', '.join(_SETTABLE)}.")
        body["availability"] = "" if be == _AUTOMATIC else be
    until = 0 if minutes is None else round((time.time() + minutes * 60) * 1000)
    if minutes is not None and be is None and not out:
        raise UsageError("--for says how long something holds", do="Name it: --be or --out-of-office.")
    if until and be is not None:
        body["until_ms"] = until
    elif until:
        body["out_until_ms"] = until
    given = {"out_of_office": out, "note": note, "location": location, "time_zone": time_zone, "shows": shows}
    body |= {name: value for name, value in given.items() if value is not None}
    if exceptions or no_exceptions:
        body["exceptions"] = exceptions or []
    if not body:
        raise UsageError("nothing to set", do="See: isthmus presence set --help")
    with connect(site) as client:
        done: dict[str, Any] = client.put(_path(person), body)
    if as_json:
        print_json(done)
    else:
        print_done(f"{done['aor']} is {_words(done)}.", done, as_json)


def _path(person: str) -> str:
    return f"/v1/presence/{quote(str(Aor.parse(person)), safe='@')}"


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    since = datetime.fromtimestamp(found["since"], UTC).astimezone() if found["since"] else None
    print_fields(
        (
            ("Person", found["aor"]),
            ("Is", _words(found)),
            ("Since", since.strftime("%Y-%m-%d %H:%M") if since else None),
            ("Note", found["note"] or None),
            ("Location", found["location"] or None),
            ("Time zone", found["time_zone"] or None),
            ("Home", found["home"]),
            ("As of", "now" if found["current"] else "when the home was last heard of"),
        )
    )


def _words(found: dict[str, Any]) -> str:
    more = [word for name, word in (("in_call", "in a call"), ("out_of_office", "out of office")) if found[name]]
    return ", ".join([found["availability"].replace("-", " "), *more])
