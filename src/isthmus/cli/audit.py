"""`isthmus audit`: who changed what, and whether the log of it is whole."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from isthmus.audit import anchors, wire
from isthmus.audit.model import Anchor
from isthmus.audit.service import AuditLog
from isthmus.cli.client import connect, is_remote
from isthmus.cli.output import (
    JsonOption,
    SiteOption,
    error_console,
    print_fields,
    print_json,
    print_line,
    print_table,
    progress,
    written,
)
from isthmus.database import open_database
from isthmus.errors import IsthmusError, UnavailableError, UsageError
from isthmus.site import registry
from isthmus.site.file import SiteFile

app = typer.Typer(no_args_is_help=True)

_PAGE = 1000

_Actor = Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Only what this one did, as cli:root.")]
_Action = Annotated[
    str | None, typer.Option("--action", metavar="ACTION", help="Only this action, as person.set, or person.* for all.")
]
_Object = Annotated[str | None, typer.Option("--object", metavar="NAME", help="Only what was done to this.")]
_Tenant = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Only what is this tenant's.")]
_Path = Annotated[str | None, typer.Option("--path", metavar="PATH", help="Only what came by cli, api, link, move ...")]
_Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="From then on: 2026-11-25[T14:30], UTC.")]
_Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before then.")]
_Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]
_Before = Annotated[
    int | None, typer.Option("--before", metavar="ID", min=1, help="Only what is older than this entry.")
]


class Form(StrEnum):
    """Formats of an export."""

    JSON = "json"
    CEF = "cef"


@app.command(
    "list",
    epilog="Examples:  isthmus audit list --object alice@contoso.example   |   "
    "isthmus audit list --actor cli:root --action 'person.*' --since 2026-11-01 --json",
)
def list_entries(
    actor: _Actor = None,
    action: _Action = None,
    object_: _Object = None,
    tenant: _Tenant = None,
    path: _Path = None,
    since: _Since = None,
    until: _Until = None,
    before: _Before = None,
    limit: _Limit = 50,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List entries, the newest first."""
    wanted = _wanted(actor, action, object_, tenant, path, since, until)
    _list(wanted, before, limit, as_json, site)


@app.command(epilog="Example:  isthmus audit search +14255550101 --since 2026-11-01")
def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Part of a name, an action, or a state, in any case.")],
    actor: _Actor = None,
    action: _Action = None,
    object_: _Object = None,
    tenant: _Tenant = None,
    path: _Path = None,
    since: _Since = None,
    until: _Until = None,
    before: _Before = None,
    limit: _Limit = 50,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List entries that have TEXT anywhere, also in the states before and after; the newest first."""
    wanted = _wanted(actor, action, object_, tenant, path, since, until)
    _list({**wanted, "text": text}, before, limit, as_json, site)


@app.command(epilog="Example:  isthmus audit show 17")
def show(
    id_: Annotated[int, typer.Argument(metavar="ID", min=1, help="The entry, as `isthmus audit list` numbers it.")],
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Show one entry with the states before and after."""
    with connect(site) as client:
        entry = client.get(f"/v1/audit/{id_}")
    if as_json:
        print_json(entry)
        return
    names = ("id", "at", "actor", "action", "object", "tenant", "path", "address", "before", "after", "digest")
    print_fields((name.capitalize(), _shown(entry[name])) for name in names)


@app.command(
    epilog="Examples:  isthmus audit export --output audit.jsonl   |   "
    "isthmus audit export --format cef --after 1200 --tenant main"
)
def export(
    form: Annotated[Form, typer.Option("--format", help="json: an object a line. cef: for a SIEM.")] = Form.JSON,
    output: Annotated[
        str, typer.Option("--output", metavar="FILE", help="Where to write; - is standard output.")
    ] = "-",
    after: Annotated[int, typer.Option("--after", metavar="ID", min=0, help="Only what is newer than that entry.")] = 0,
    actor: _Actor = None,
    action: _Action = None,
    object_: _Object = None,
    tenant: _Tenant = None,
    path: _Path = None,
    since: _Since = None,
    until: _Until = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Write entries, the oldest first, one a line. With --after ID it goes on where the last export ended."""
    wanted = _wanted(actor, action, object_, tenant, path, since, until)
    if as_json and form is not Form.JSON:
        raise UsageError("says something else than --format", where="--json", do="Leave one of the two out.")
    count = 0
    with connect(site, timeout_s=None) as client, written(output) as file, progress("entries") as done:
        for line in client.lines("GET", "/v1/audit/export", format=form.value, after=after, **wanted):
            file.write(line + b"\n")
            count += 1
            if count % _PAGE == 0:
                done(count)
    if output != "-":
        error_console().print(f"{count} entries written to {output}", markup=False)


@app.command(epilog="Examples:  isthmus audit verify   |   isthmus audit verify --anchor kept-elsewhere.jsonl --json")
def verify(
    anchor: Annotated[
        list[Path] | None,
        typer.Option("--anchor", metavar="FILE", help="Anchors that were kept elsewhere; may be repeated."),
    ] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Check that no entry was changed, removed, added or put elsewhere. Exit 1 with the first one that was.

    Works without the control service too, on the database itself.
    """
    kept = [each for path in anchor or () for each in anchors.read_foreign(path)]
    with progress("entries") as show_done:
        try:
            verdict = _verify_there(site, kept, show_done)
        except UnavailableError:
            if is_remote():
                raise
            site_file = registry.find(site)
            if not site_file.state.database and not (site_file.state_dir / "isthmus.db").exists():
                raise  # it never ran: there is nothing yet, and nothing shall be made by looking
            verdict = _verify_here(site_file, kept, show_done)
    if as_json:
        print_json(verdict)
    else:
        _tell(verdict)
    if not verdict["ok"]:
        raise typer.Exit(1)


@app.command("anchor", epilog="Example:  isthmus audit anchor >> /media/elsewhere/anchors.jsonl")
def print_anchor(as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Print where the log stands, as a line of JSON to keep on another machine: `verify --anchor` takes it."""
    with connect(site) as client:
        told = client.get("/v1/audit/anchor")
    if as_json:
        print_json(told)
        return
    sys.stdout.write(anchors.line_of(Anchor(**told)).decode())


@app.command(epilog="Example:  isthmus audit accept --reason 'database restored from the backup of 24 November'")
def accept(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="What happened; stands in the log.")],
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Go on from a restored database. The log keeps that its anchors knew of more, and the reason."""
    with connect(site, timeout_s=None) as client:
        told = client.post("/v1/audit/accept", {"reason": reason})
    if as_json:
        print_json(told)
        return
    print_line(f"accepted; entry {told['id']} says so, and new anchors begin there")


def _wanted(
    actor: str | None,
    action: str | None,
    object_: str | None,
    tenant: str | None,
    path: str | None,
    since: str | None,
    until: str | None,
) -> dict[str, str | None]:
    wire.at_ms(since, "--since"), wire.at_ms(until, "--until")  # a slip is told by the option's name
    named = {"actor": actor, "action": action, "object": object_, "tenant": tenant, "path": path}
    return {**named, "since": since, "until": until}


def _list(wanted: dict[str, str | None], before: int | None, limit: int, as_json: bool, site: str | None) -> None:
    entries: list[dict[str, Any]] = []
    with connect(site) as client:
        while len(entries) < limit:
            size = min(_PAGE, limit - len(entries))
            page = client.get("/v1/audit", before=before, limit=size, **wanted)
            entries += page
            if len(page) < size:
                break
            before = page[-1]["id"]
    if as_json:
        print_json(entries)
        return
    rows = (
        (e["id"], e["at"], _shown(e["actor"]), _way(e), e["action"], _shown(e["object"]), _difference(e))
        for e in entries
    )
    print_table(("Entry", "Time (UTC)", "Actor", "From", "Action", "Object", "Change"), rows, empty="No entries.")


def _way(entry: dict[str, Any]) -> str | None:
    return _shown(" ".join(part for part in (entry["path"], entry["address"]) if part))


def _difference(entry: dict[str, Any]) -> str | None:
    """What is different, in one line: all of a new state, else the fields that changed."""
    before, after = entry["before"], entry["after"]
    if not isinstance(after, dict):
        return _shown(after)
    changed = {
        name: value for name, value in after.items() if not isinstance(before, dict) or before.get(name) != value
    }
    return _shown(", ".join(f"{name}={_text(value)}" for name, value in changed.items()))


def _shown(value: Any) -> str | None:
    """On one line, with nothing in it that moves a cursor."""
    text = _text(value)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text) or None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _verify_there(site: str | None, kept: list[Anchor], show_done: Callable[..., None]) -> dict[str, Any]:
    body = {"anchors": [msgspec.to_builtins(each) for each in kept]}
    with connect(site, timeout_s=None) as client:
        for line in client.lines("POST", "/v1/audit/verify", body=body):
            told = msgspec.json.decode(line)
            if "verdict" in told:
                return dict(told["verdict"])
            if "error" in told:
                raise IsthmusError(**told["error"])
            show_done(told["done"], told["total"])
    raise IsthmusError("the control service gave up on it", do="Its log has the details.")


def _verify_here(site_file: SiteFile, kept: list[Anchor], show_done: Callable[..., None]) -> dict[str, Any]:
    engine = open_database(site_file.database_url)
    try:
        log = AuditLog(engine, site_file.state_dir, site=site_file.site.name)
        return wire.verdict_json(log.verify(kept, show_done))
    finally:
        engine.dispose()


def _tell(verdict: dict[str, Any]) -> None:
    for fault in verdict["faults"]:
        error_console().print(f"[red]wrong:[/red] {escape(_shown(fault['what']) or '')}")
    if verdict["ok"]:
        held = f"entries {verdict['first']} to {verdict['last']}" if verdict["first"] else "no entries"
        print_line(f"whole: {held}, {verdict['checked']} checked, {verdict['anchors']} anchors compared")
    if verdict["cut"]:
        print_line(f"retention removed the entries up to {verdict['cut']}")
    for note in verdict["notes"]:
        print_line(f"note: {note}")
