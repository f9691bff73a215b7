"""`isthmus site`: run, check and look at a site."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from isthmus.errors import IsthmusError, UnavailableError
from isthmus.site import certificates, preflight, registry, status
from isthmus.site.file import SiteFile, load
from isthmus.site.supervisor import run as run_site

app = typer.Typer(no_args_is_help=True, help="Run a site, check its file, look at its processes.")

_out = Console(soft_wrap=True, highlight=False)
_err = Console(stderr=True, soft_wrap=True, highlight=False)
_SiteFile = Annotated[Path, typer.Argument(help="The site file, TOML.", metavar="FILE", show_default=False)]
_COLOURS = {"up": "green", "starting": "yellow", "backoff": "red", "stopped": "dim"}


@app.command()
def run(file: _SiteFile) -> None:
    """Start the site of FILE and keep it up until Ctrl-C.

    Example: isthmus site run /etc/isthmus/premises/site.toml
    """
    site = load(file)

    def notify(text: str) -> None:
        _out.print(f"{time.strftime('%H:%M:%S')} {site.site.name}: {text}", markup=False)

    try:
        asyncio.run(run_site(site, notify))
    except* IsthmusError as group:
        _fail(group.exceptions)


@app.command()
def check(file: _SiteFile) -> None:
    """Check the file, and what this machine has to offer it, without starting anything.

    Example: isthmus site check site.toml
    """
    site = load(file)
    found: list[Exception] = list(preflight.faults(site))
    try:
        if certificates.current(site) is None and certificates.authority(site) is None:
            found.append(certificates.no_certificate(site))
    except IsthmusError as error:
        found.append(error)
    if status.read(site) is not None:
        _out.print(f"{file} is good; site {site.site.name} is running", markup=False)
    elif found:
        _fail(found)
    else:
        _out.print(f"{file} is good; site {site.site.name} can be started", markup=False)


@app.command("status")
def show(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    name: Annotated[str | None, typer.Option("--site", help="Only this site.", show_default=False)] = None,
) -> None:
    """Show the processes of every site on this machine, or of one.

    Exit 0 when all are ready, 1 when one is not.

    Example: isthmus site status --json
    """
    chosen = name or _global(ctx, "site")
    sites = [registry.find(chosen)] if chosen else _all_sites()
    told = [(site, status.read(site)) for site in sites]
    if as_json or _global(ctx, "json"):
        typer.echo(json.dumps([_as_json(site, state) for site, state in told], indent=2))
    else:
        _print_table(told)
    if not all(state is not None and state.ready for _, state in told):
        raise typer.Exit(1)


def _all_sites() -> list[SiteFile]:
    if not registry.names():
        registry.find()  # says what to do
    return [registry.find(name) for name in registry.names()]


def _global(ctx: typer.Context, key: str) -> str | None:
    """An option given before the command's name, where the main program keeps it."""
    options = ctx.find_root().params
    return options.get(key) or options.get(f"{key}_name")


def _as_json(site: SiteFile, state: status.SiteStatus | None) -> dict[str, object]:
    if state is None:
        return {"site": site.site.name, "role": site.site.role.value, "ready": False, "running": False}
    return {**state.model_dump(mode="json"), "running": True}


def _print_table(told: list[tuple[SiteFile, status.SiteStatus | None]]) -> None:
    table = Table("site", "process", "state", "pid", "restarts", "for", "reason", box=None, pad_edge=False)
    for site, state in told:
        if state is None:
            table.add_row(site.site.name, "-", "[dim]not running[/]", "", "", "", "")
            continue
        for name, process in state.processes.items():
            colour = _COLOURS[process.state]
            pid = str(process.pid or "")
            age = _duration(time.time() - process.since)
            shown = f"[{colour}]{process.state}[/]"
            table.add_row(state.site, name, shown, pid, str(process.restarts), age, process.reason)
    _out.print(table)
    for _, state in told:
        for alarm in state.alarms if state else ():
            _out.print(f"[yellow]{state.site if state else ''}:[/] {alarm}")


def _duration(seconds: float) -> str:
    whole = max(0, int(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def _fail(errors: tuple[BaseException, ...] | list[Exception]) -> None:
    """Print each fault on a line of its own and leave with the worst one's exit code."""
    for error in errors:
        for single in error.exceptions if isinstance(error, BaseExceptionGroup) else (error,):
            _err.print(str(single), markup=False)
    codes = [error.exit_code for error in errors if isinstance(error, IsthmusError)]
    raise typer.Exit(max(codes, default=UnavailableError.exit_code))
