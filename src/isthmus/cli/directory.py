"""`isthmus directory`: the directories that people come from, and whether the sites agree about them."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.addressing import Aor
from isthmus.cli.client import Client, connect
from isthmus.cli.output import (
    JsonOption,
    SiteOption,
    error_console,
    print_done,
    print_error,
    print_fields,
    print_json,
    print_line,
    print_table,
)
from isthmus.errors import IsthmusError, UnavailableError

app = typer.Typer(no_args_is_help=True)

_POLL_S = 0.1
_PATIENCE_S = 60.0  # how long --wait bears with a control service that is being restarted
_SHOWN = 50

_AorArgument = Annotated[str, typer.Argument(metavar="AOR", help="Address, as alice@contoso.example.")]
_SourceOption = Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only of this source.")]


@app.command(
    epilog="Examples:  isthmus directory sync --dry-run   |   isthmus directory sync ad --wait   |   "
    "isthmus directory sync ad --full --yes --wait"
)
def sync(
    source: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="The source; may be left out where there is one.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change, and why.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Read everybody, not only what changed.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Go on even where more people are disabled than the limit allows.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end and say what was done.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Bring people into line with their source. Exit 1 when the run fails, or stops and asks."""
    body = {"source": source, "full": full, "approved": yes, "dry_run": dry_run}
    with connect(site, timeout_s=None) as client:
        answer = client.post("/v1/directory/runs", body)
        if dry_run:
            _show_plan(answer, as_json)
            return
        if wait:
            answer = _wait(client, answer["id"])
            if answer["state"] == "asking" and sys.stdin.isatty() and not as_json:
                _print_run(answer)
                typer.confirm("Do it all the same?", abort=True, err=True)
                answer = _wait(client, client.post("/v1/directory/runs", body | {"approved": True})["id"])
    if as_json:
        print_json(answer)
    else:
        _print_run(answer)
        if not wait:
            print_line(f"To follow it: isthmus directory runs {answer['id']}")
    if answer["state"] in ("failed", "asking"):
        raise typer.Exit(1)


@app.command(epilog="Examples:  isthmus directory sources   |   isthmus directory sources --check")
def sources(
    check: Annotated[bool, typer.Option("--check", help="Ask each whether it answers and lets us in.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List the sources. With --check exit 1 when one of them does not answer as it must."""
    worst = 0
    with connect(site, timeout_s=None) as client:
        found = client.get("/v1/directory/sources")
        for each in found if check else ():
            try:
                each["found"] = client.post(f"/v1/directory/sources/{each['name']}/check")["found"]
            except IsthmusError as error:
                each["found"], worst = f"fails: {error}", 1
    if as_json:
        print_json(found)
    else:
        columns = ("Source", "Kind", "People", "Conflicts", "Every", "Synchronised", "Last run")
        print_table(
            (*columns, "Says") if check else columns,
            (
                (
                    each["name"],
                    each["kind"],
                    each["people"],
                    each["conflicts"],
                    f"{each['interval_s']:g} s" if each["interval_s"] else None,
                    _when(each["synced"]),
                    each["last"]["state"] if each["last"] else None,
                    *((each["found"],) if check else ()),
                )
                for each in found
            ),
            empty="No source is named in the site file.",
        )
    if worst:
        raise typer.Exit(worst)


@app.command(epilog="Examples:  isthmus directory runs   |   isthmus directory runs 261125-0a1b2c")
def runs(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="Show this one, with all it changed.")] = None,
    source: _SourceOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 20,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List runs, the newest first, or show one with its changes."""
    with connect(site) as client:
        if run is not None:
            found = client.get(f"/v1/directory/runs/{quote(run, safe='')}", changes=100_000)
        else:
            listed = client.get("/v1/directory/runs", source=source, limit=limit)
    if as_json:
        print_json(found if run is not None else listed)
    elif run is not None:
        _print_run(found)
        _print_changes(found["changes"])
    else:
        print_table(
            ("Run", "Source", "Begun", "Took", "Mode", "State", "Changes", "By", "Note"),
            (
                (
                    each["id"], each["source"], _when(each["started"]), _took(each), each["mode"], each["state"],
                    _counted(each["counts"]), each["actor"], each["note"],
                )
                for each in listed
            ),
            empty="Nothing was synchronised yet.",
        )  # fmt: skip


@app.command(epilog="Example:  isthmus directory conflicts")
def conflicts(source: _SourceOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List who is not as their source wants them, and why."""
    with connect(site) as client:
        found = client.get("/v1/directory/conflicts", source=source)
    if as_json:
        print_json(found)
        return
    print_table(
        ("Source", "Object", "Address", "Why"),
        ((e["source"], e["object"], e["aor"] or e["wanted"], "; ".join(e["conflicts"])) for e in found),
        empty="No conflicts.",
    )


@app.command(epilog="Example:  isthmus directory show alice@contoso.example")
def show(aor: _AorArgument, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show what a person is at their source, and what is kept of them from there."""
    with connect(site) as client:
        found = client.get(f"/v1/directory/people/{_path(aor)}")
    if as_json:
        print_json(found)
        return
    fields = [
        ("Address", found["aor"]),
        ("Source", found["source"]),
        ("Object", found["object"]),
        ("Id", found["id"]),
        ("Home there", found["home"]),
        ("Extension", found["extension"]),
        ("Manager", found.get("manager")),
        ("Vanished", _when(found["vanished"])),
        ("Conflicts", "; ".join(found["conflicts"]) or None),
    ]
    print_fields([*fields, *sorted(found["details"].items())])


@app.command(epilog="Example:  isthmus directory restore dave@contoso.example")
def restore(aor: _AorArgument, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Let somebody in again who vanished from their source, with number, home, groups and password."""
    with connect(site) as client:
        client.post(f"/v1/directory/people/{_path(aor)}/restore")
    address = str(Aor.parse(aor))
    print_done(f"restored {address}", {"aor": address, "restored": True}, as_json)


@app.command(epilog="Examples:  isthmus directory compare   |   isthmus directory compare --repair")
def compare(
    repair: Annotated[bool, typer.Option("--repair", help="Send anew whoever differs.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Prove that the sites agree about every person. Exit 1 when they don't, or a site can't be asked."""
    with connect(site, timeout_s=None) as client:
        found = client.post("/v1/directory/compare", {"repair": repair})
    if as_json:
        print_json(found)
    else:
        for each in found:
            _print_comparison(each)
    if not all(_agrees(each) for each in found):
        raise typer.Exit(1)


def _agrees(each: Mapping[str, Any]) -> bool:
    return not each["why"] and each["domains"] and len(each["differing"]) == each["repaired"]


def _print_comparison(each: Mapping[str, Any]) -> None:
    if each["why"]:
        print_error(IsthmusError(each["why"]))
        return
    differing, repaired = each["differing"], each["repaired"]
    if not differing and each["domains"]:
        print_line(f"{each['peer']} agrees about all {each['people']} people ({each['took_s']:g} s).")
        return
    domains = "" if each["domains"] else " The domains differ."
    print_line(
        f"{each['peer']} differs about {len(differing)} of {each['people']} people; {repaired} repaired.{domains}"
    )
    print_table(("Address", "What"), ((e["aor"], e["what"]) for e in differing[:_SHOWN]))
    if len(differing) > repaired:
        print_line("To repair it: isthmus directory compare --repair")


def _path(aor: str) -> str:
    return quote(str(Aor.parse(aor)), safe="@")


def _wait(client: Client, run: str) -> dict[str, Any]:
    """Follow a run to its end. It goes on without us: Ctrl-C ends the watching only."""
    deadline = time.monotonic() + _PATIENCE_S
    said = ""
    while True:
        try:
            found: dict[str, Any] = client.get(f"/v1/directory/runs/{run}", changes=0)
            deadline = time.monotonic() + _PATIENCE_S
        except UnavailableError:
            if time.monotonic() > deadline:
                raise
        else:
            if found["finished"] is not None:
                return found
            if found["note"].startswith("waiting") and found["note"] != said:
                said = found["note"]
                error_console().print(said, markup=False)
        time.sleep(_POLL_S)


def _show_plan(answer: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        print_line(f"Would change: {_counted(answer['counts']) or 'nothing'}. Nothing was changed.")
        if answer["note"]:
            print_line(f"{answer['note']}{': it would stop and ask (--yes)' if answer['asks'] else ''}")
        _print_changes(answer["changes"])


def _print_run(found: Mapping[str, Any]) -> None:
    did = _counted(found["counts"]) or "no changes"
    print_line(
        f"Run {found['id']} of {found['source']} ({found['mode']}): {found['state']}. {did[0].upper()}{did[1:]}."
    )
    if found["state"] == "failed":
        print_error(IsthmusError(found["note"].rstrip(".")))
    elif found["state"] == "asking":
        print_error(
            IsthmusError(
                found["note"],
                do=f"Nothing was done. Look: isthmus directory runs {found['id']}. Go on: isthmus directory sync "
                f"{found['source']} --yes --wait",
            )
        )
    elif found["note"]:
        print_line(found["note"])


def _print_changes(changes: Sequence[Mapping[str, Any]]) -> None:
    if not changes:
        return
    print_line("")
    print_table(
        ("Change", "Address", "Object", "Why"),
        ((e["kind"], e["aor"], e["object"], _why(e)) for e in changes[:_SHOWN]),
    )
    if len(changes) > _SHOWN:
        print_line(f"and {len(changes) - _SHOWN} more (--json has all)")


def _why(each: Mapping[str, Any]) -> str:
    told = [*each["why"], *(f"conflict: {conflict}" for conflict in each["conflicts"])]
    if each.get("reason"):
        told.append(f"not done: {each['reason']}")
    return "; ".join(told)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in counts.items())


def _took(found: Mapping[str, Any]) -> str | None:
    return None if found["finished"] is None else f"{found['finished'] - found['started']:.1f} s"


def _when(seconds: float | None) -> str | None:
    return None if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
