"""`isthmus site`: run, check and look at a site."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.client import Client
from isthmus.cli.output import JsonOption, SiteOption, print_error, print_json, print_line, print_table, progress
from isthmus.errors import IsthmusError, UnavailableError, UsageError
from isthmus.site import certificates, preflight, registry, status
from isthmus.site.file import SiteFile, load
from isthmus.site.supervisor import run as run_site

_SURVEY_S = 60.0  # of nothing new

app = typer.Typer(no_args_is_help=True)

_SiteFile = Annotated[Path, typer.Argument(help="The site file, TOML.", metavar="FILE", show_default=False)]


@app.command()
def run(file: _SiteFile) -> None:
    """Start the site of FILE and keep it up until Ctrl-C.

    Example: isthmus site run /etc/isthmus/premises/site.toml
    """
    site = load(file)
    faults: list[IsthmusError] = []

    def notify(text: str) -> None:
        print_line(f"{time.strftime('%H:%M:%S')} {site.site.name}: {text}")

    try:
        asyncio.run(run_site(site, notify))
    except* IsthmusError as group:
        faults.extend(_single(group))
    _tell(faults)


@app.command()
def check(file: _SiteFile, as_json: JsonOption = False) -> None:
    """Check the file, and what this machine has to offer it, without starting anything.

    Example: isthmus site check site.toml
    """
    site: SiteFile | None = None
    faults: list[IsthmusError] = []
    running = False
    try:
        site = load(file)
        running = status.read(site) is not None
        faults = [] if running else _faults(site)
    except IsthmusError as error:
        faults = [error]
    if as_json:
        print_json(
            {
                "file": str(file),
                "site": site.site.name if site else None,
                "good": not faults,
                "running": running,
                "faults": [{"what": fault.what, "where": fault.where, "do": fault.do} for fault in faults],
            }
        )
        if faults:
            raise typer.Exit(max(fault.exit_code for fault in faults))
        return
    _tell(faults)
    if site is not None:
        print_line(f"{file} is good; site {site.site.name} {'is running' if running else 'can be started'}")


def _faults(site: SiteFile) -> list[IsthmusError]:
    """What keeps a site that does not run from starting."""
    faults = preflight.faults(site)
    try:
        if certificates.current(site) is None and certificates.authority(site) is None:
            faults.append(certificates.no_certificate(site))
    except IsthmusError as error:
        faults.append(error)
    return faults


@app.command("status")
def show(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Show the processes of all sites on this machine, or of one. Exit 1 when one is not ready.

    Example: isthmus site status --json
    """
    chosen = site or os.environ.get("ISTHMUS_SITE")
    names: list[str | None] = [chosen] if chosen else [*registry.names()]
    told = [(found, status.read(found)) for found in map(registry.find, names or [None])]
    if as_json:
        print_json([_as_json(found, state) for found, state in told])
    else:
        columns = ("Site", "Process", "State", "PID", "Restarts", "For", "Reason")
        print_table(columns, [row for found, state in told for row in _rows(found, state)])
        for alarm in (f"{state.site}: {text}" for _, state in told if state for text in state.alarms):
            print_line(alarm)
    if not all(state is not None and state.ready for _, state in told):
        raise typer.Exit(1)


@app.command()
def setup(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Show what is set up at a new site and what is missing, step by step. Exit 1 while something needed is missing.

    Example: isthmus site setup
    """
    with Client(registry.find(site or os.environ.get("ISTHMUS_SITE"))) as client:
        found = client.get("/v1/setup")
    if as_json:
        print_json(found)
    else:
        print_table(("Step", "State", "Needed", "There", "Next", "Why"), [_step(each) for each in found["steps"]])
    if not found["done"]:
        raise typer.Exit(1)


def _step(told: dict[str, Any]) -> tuple[object, ...]:
    return (
        told["name"], told["mark"], "yes" if told["needed"] else "no", told["count"], told["command"], told["why"],
    )  # fmt: skip


@app.command()
def survivability(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Find out what works at a connector's branch with online away: each trunk and phone is asked now.

    Exit code 1 when anything does not.

    Example: isthmus site survivability --site branch-a
    """
    file = registry.find(site or os.environ.get("ISTHMUS_SITE"))
    if not file.upstream:
        raise UsageError(
            f"{file.site.name} is no connector: its people are at home at it, and need no other site",
            do="Name a connector by --site.",
        )
    found: list[dict[str, Any]] | None = None
    with Client(file, timeout_s=_SURVEY_S) as client, progress("phones asked") as done:
        for told in map(json.loads, client.lines("GET", "/v1/survivability")):
            if failed := told.get("failed"):
                raise UnavailableError(failed["what"], where=failed["where"], do=failed["do"])
            found = told.get("found", found)
            if "asked" in told:
                done(told["asked"], told["of"])
    if found is None:
        raise UnavailableError("the control service did not finish", where=f"site {file.site.name}", do="Try again.")
    if as_json:
        print_json(found)
    else:
        words = {True: "yes", False: "NO", None: "unknown"}
        rows = [(each["what"], words[each["works"]], each["why"]) for each in found]
        print_table((f"With {file.upstream} away", "Works", "Why"), rows)
    if not all(each["works"] for each in found):
        raise typer.Exit(1)


def _as_json(site: SiteFile, state: status.SiteStatus | None) -> dict[str, object]:
    if state is None:
        return {"site": site.site.name, "role": site.site.role.value, "ready": False, "running": False}
    return {**state.model_dump(mode="json"), "running": True}


def _rows(site: SiteFile, state: status.SiteStatus | None) -> Iterator[tuple[object, ...]]:
    if state is None:
        yield (site.site.name, None, "not running", None, None, None, "")
        return
    for name, process in state.processes.items():
        age = _duration(time.time() - process.since)
        yield (state.site, name, process.state, process.pid, process.restarts, age, process.reason)


def _duration(seconds: float) -> str:
    whole = max(0, int(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def _single(group: BaseExceptionGroup[IsthmusError]) -> Iterator[IsthmusError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _single(error)
        else:
            yield error


def _tell(faults: Sequence[IsthmusError]) -> None:
    """Print each fault on a line of its own, and leave with the worst one's exit code if there is one."""
    for fault in faults:
        print_error(fault)
    if faults:
        raise typer.Exit(max(fault.exit_code for fault in faults))
