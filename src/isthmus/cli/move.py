"""`isthmus user move` and `isthmus move`: people on their way to another home."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from isthmus.addressing import Aor
from isthmus.calls.explaining import moment_of
from isthmus.cli import user_files
from isthmus.cli.client import Client, connect
from isthmus.cli.output import (
    JsonOption,
    SiteOption,
    complete_sites,
    ending_aside,
    error_console,
    print_fields,
    print_json,
    print_line,
    print_table,
    progress,
)
from isthmus.directory import bulk
from isthmus.directory.bulk import Fault, Record
from isthmus.errors import NotFoundError, UnavailableError, UsageError

app = typer.Typer(no_args_is_help=True)

MOVE_EXAMPLES = (
    "Examples:  isthmus user move alice@contoso.example --to online --wait   |   "
    "isthmus user move --group sales --to online --dry-run   |   "
    "isthmus user move --file people.txt --to premises --wait   |   "
    "isthmus user move --group sales --to online --at 2026-11-26T22:00"
)
_BATCH = re.compile(r"[0-9a-z-]{1,40}")
_EXPORT_HEADING = re.compile(r'"?aor"?\s*([,;\r\n]|$)', re.IGNORECASE)
_SHOWN = 50  # people that a terminal gets one by one
_POLL_S = 0.25
_PATIENCE_S = 60.0  # how long --wait bears with a control service that is being restarted

BatchArgument = Annotated[str, typer.Argument(metavar="BATCH", help="The batch, as `isthmus move list` names it.")]


def user_move(
    aors: Annotated[
        list[str] | None, typer.Argument(metavar="AOR...", help="Addresses, as alice@contoso.example.")
    ] = None,
    to: Annotated[str, typer.Option("--to", metavar="SITE", help="The new home.", autocompletion=complete_sites)] = ...,  # type: ignore[assignment]
    group: Annotated[
        str | None, typer.Option("--group", help="Everybody of this group who is not at home there yet.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file", help="File with an address a line, or one that `user export` wrote; - is standard input."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say who can be moved, and every reason against the others.")
    ] = False,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Begin then, as 2026-11-26T22:00, and not now.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until everybody has moved, or not.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Move people to another home while they go on calling. Exit 1 when somebody is not moved."""
    people = [*(aors or ()), *(_people_in(file) if file else ())]
    if bool(people) == bool(group):
        raise UsageError("name people (addresses or --file), or a --group, one of the two")
    if at is not None and wait:
        raise UsageError("--wait is for a move that begins now", do="Follow it later: isthmus move show BATCH")
    body: dict[str, Any] = {"to": to, "aors": people or None, "group": group, "dry_run": dry_run}
    if at is not None:
        body["at"] = moment_of(at, "--at")
    with connect(site, timeout_s=None) as client:
        with ending_aside("The move may have begun all the same. See: isthmus move list"):
            answer = client.post("/v1/moves", body)
        if dry_run:
            _show_plan(answer, as_json)
        if wait:
            answer = _wait(client, answer["id"], quiet=as_json)
    if as_json:
        print_json(answer)
    else:
        _show_outcome(answer, wait=wait)
    if answer["not_moved"]:
        raise typer.Exit(1)


@app.command("list", epilog="Example:  isthmus move list")
def list_batches(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 20,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List batches, the newest first."""
    with connect(site) as client:
        batches = client.get("/v1/moves", limit=limit)
    if as_json:
        print_json(batches)
        return
    rows = (
        (
            b["id"],
            _when(b["created"]),
            b["to"],
            _state(b),
            f"{b['moved']}/{b['total']}",
            b["not_moved"],
            b["actor"],
            b["note"],
        )
        for b in batches
    )
    print_table(
        ("Batch", "Begun", "To", "State", "Moved", "Not moved", "By", "Waits for"), rows, empty="Nobody was moved yet."
    )


@app.command(epilog="Example:  isthmus move show 261124-0a1b2c --all")
def show(
    batch: BatchArgument,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody, not only who was not moved.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Show one batch, and who was not moved, with every reason."""
    with connect(site) as client:
        found = client.get(_path(batch), people="all" if everybody else "not_moved")
    if as_json:
        print_json(found)
        return
    print_fields(
        (
            ("Batch", found["id"]),
            ("To", found["to"]),
            ("State", _state(found)),
            ("Begun", _when(found["created"])),
            ("Finished", _when(found["finished"])),
            ("By", found["actor"]),
            ("Moved", f"{found['moved']} of {found['total']} ({found['rate_per_s']:g} a second)"),
            ("Not moved", found["not_moved"]),
            ("Under way", found["under_way"]),
            ("Waiting", found["waiting"]),
            ("Waits for", found["note"] or None),
        )
    )
    if found["people"]:
        print_line("")
        _print_people(found["people"])


@app.command(epilog="Example:  isthmus move pause 261124-0a1b2c")
def pause(batch: BatchArgument, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Begin with nobody else until resumed; people under way are brought to their end."""
    _order("pause", batch, as_json, site)


@app.command(epilog="Example:  isthmus move resume 261124-0a1b2c")
def resume(batch: BatchArgument, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Go on with a paused batch."""
    _order("resume", batch, as_json, site)


@app.command(epilog="Example:  isthmus move cancel 261124-0a1b2c")
def cancel(batch: BatchArgument, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """End a batch: whoever is not begun stays where they are."""
    _order("cancel", batch, as_json, site)


def _order(what: str, batch: str, as_json: bool, site: str | None) -> None:
    with connect(site) as client:
        found = client.post(f"{_path(batch)}/{what}")
    if as_json:
        print_json(found)
    else:
        print_line(f"Batch {found['id']}: {_state(found)}. {_counts(found)}")


def _path(batch: str) -> str:
    """The API's path of a batch. Raises NotFoundError for what can't be one."""
    if not _BATCH.fullmatch(batch):
        raise NotFoundError(f"there is no batch {batch!r}", do="See: isthmus move list")
    return f"/v1/moves/{batch}"


def _wait(client: Client, batch: str, *, quiet: bool) -> dict[str, Any]:
    """Follow a batch to its end, through pauses too. The move goes on without us: Ctrl-C ends the watching only."""
    found = _follow(client, batch)
    try:
        with progress(f"Moving to {found['to']}", total=found["total"]) as advance:
            said = ""
            while found["finished"] is None:
                advance(found["moved"] + found["not_moved"])
                said = _say(found, said, quiet=quiet)
                time.sleep(_POLL_S)
                found = _follow(client, batch)
            advance(found["moved"] + found["not_moved"])
    except KeyboardInterrupt:
        error_console().print(
            f"The move goes on. How far it is: isthmus move show {batch}. To stop it: isthmus move cancel {batch}"
        )
        raise
    whole: dict[str, Any] = client.get(f"/v1/moves/{batch}", people="not_moved")
    return whole


def _say(found: dict[str, Any], said: str, *, quiet: bool) -> str:
    """Tell once what a batch waits for; returns what it waits for now."""
    text = f"paused; to go on: isthmus move resume {found['id']}" if found["state"] == "paused" else found["note"]
    if text and text != said and not quiet:
        error_console().print(text if found["state"] == "paused" else f"waiting: {text}", markup=False)
    return str(text)


def _follow(client: Client, batch: str) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            found: dict[str, Any] = client.get(f"/v1/moves/{batch}", people="none")
            return found
        except UnavailableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)


def _show_plan(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        good = sum(entry["ok"] for entry in answer["people"])
        against = [entry for entry in answer["people"] if not entry["ok"]]
        print_line(f"{good} of {len(answer['people'])} would move to {answer['to']}. Nothing was changed.")
        if _too_many(against):
            _print_reasons(against)
            print_line("Each of them: the same command with | less")
        elif against:
            print_table(
                ("Address", "Home", "Reasons against"),
                ((e["aor"], e["from"] or None, "; ".join(e["reasons"])) for e in against),
            )
        if noted := [entry for entry in answer["people"] if entry["notes"]]:
            print_table(("Address", "Different there"), ((e["aor"], note) for e in noted for note in e["notes"]))
    raise typer.Exit(0 if all(entry["ok"] for entry in answer["people"]) else 1)


def _show_outcome(found: dict[str, Any], *, wait: bool) -> None:
    print_line(f"Batch {found['id']} to {found['to']}: {_counts(found)}")
    if _too_many(found["people"]):
        _print_reasons(found["people"])
        print_line(f"Each of them: isthmus move show {found['id']}")
    elif found["people"]:
        _print_people(found["people"])
    if not wait and found["waiting"] + found["under_way"]:
        print_line(f"To follow it: isthmus move show {found['id']}")


def _counts(found: dict[str, Any]) -> str:
    parts = [f"{found['moved']} moved"]
    if found["moved"] and found["finished"] is not None:
        parts[0] += f" ({found['rate_per_s']:g} a second)"
    parts += [f"{found[key]} {text}" for key, text in _OTHERS if found[key]]
    return ", ".join(parts) + "."


_OTHERS = (("not_moved", "not moved"), ("under_way", "under way"), ("waiting", "waiting"))


def _too_many(people: Sequence[Mapping[str, Any]]) -> bool:
    """Whether they would push everything else off a terminal; what is no terminal gets all."""
    return len(people) > _SHOWN and sys.stdout.isatty()


def _print_reasons(people: Sequence[Mapping[str, Any]]) -> None:
    counts = Counter("; ".join(person["reasons"]) or person["note"] for person in people)
    print_table(("People", "Not moved because"), ((count, reason) for reason, count in counts.most_common(_SHOWN)))


def _print_people(people: list[dict[str, Any]]) -> None:
    print_table(
        ("Address", "Home before", "State", "Reasons"),
        (
            (p["aor"], p["from"] or None, p["state"].replace("_", " "), "; ".join(p["reasons"]) or p["note"])
            for p in people
        ),
    )


def _state(found: dict[str, Any]) -> str:
    return "cancelling" if found["state"] == "cancelled" and found["finished"] is None else str(found["state"])


def _when(seconds: float | None) -> str | None:
    return None if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _people_in(file: str) -> list[str]:
    """Addresses from a file: one a line, with empty lines and comments (#) passed over, or what `user export` wrote.

    Ends with exit 2 and a line for each that is no address.
    """
    text = user_files.read_text(file)
    heading = text.removeprefix("\ufeff").lstrip()
    faults: list[Fault] = []
    if heading.startswith("["):
        records, faults = bulk.read_json(text)
    elif _EXPORT_HEADING.match(heading):
        records, faults = bulk.read_csv(text)
    else:
        lines = enumerate(text.splitlines(), 1)
        bare = ((number, line.partition("#")[0].strip()) for number, line in lines)
        records = [Record(number, {"aor": line}) for number, line in bare if line]
    for record in records:
        try:
            Aor.parse(str(record.values.get("aor", "")))
        except UsageError as error:
            faults.append(Fault(record.line, error.what))
    if faults:
        user_files.print_faults(file, faults)
        raise UsageError(f"{len(faults)} {'error' if len(faults) == 1 else 'errors'}; nobody is moved", where=file)
    if not records:
        raise UsageError("the file names nobody", where=file)
    return [str(record.values["aor"]) for record in records]
