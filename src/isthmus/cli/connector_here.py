"""`isthmus connector install|run`: the commands on a connector's own machine."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli import connector
from isthmus.cli.output import JsonOption, error_console, print_done, print_error, print_json, print_line
from isthmus.connectors import package as packages
from isthmus.connectors.capacity import Ended, Level, Limit
from isthmus.connectors.enrolling import enrol
from isthmus.connectors.local import Folder
from isthmus.connectors.updating import Limits
from isthmus.engines.kamailio.bulk import ask
from isthmus.errors import IsthmusError, RefusedError, UnavailableError, UsageError
from isthmus.site import internal
from isthmus.site.agent import Agent
from isthmus.site.file import SiteFile, load
from isthmus.site.measuring import measure
from isthmus.site.renewing import Renewing, fetching
from isthmus.site.supervisor import Supervisor
from isthmus.site.supervisor import run as run_site

app = connector.app  # one tree of commands, wherever they are given
_DIRECTORY = Path("/etc/isthmus/connector")
_Directory = Annotated[Path, typer.Option("--directory", metavar="DIR", help="The connector's folder.")]
_MOST_CODE = 64


@app.command("install", epilog="Example:  isthmus connector install branch.sh")
def install(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The package.")],
    directory: _Directory = _DIRECTORY,
    address: Annotated[
        str | None,
        typer.Option("--address", help="Of this machine, for phones and gateways; by default the one it has."),
    ] = None,
    internal_address: Annotated[
        str, typer.Option("--internal-address", help="Loopback address for its own engines.")
    ] = "127.0.0.1",
    as_json: JsonOption = False,
) -> None:
    """Enrol this machine by the one-time code, which is asked for; from a pipe, it is the first line."""
    facts = packages.facts_of(file)
    own = address or _own_address(str(facts["online"]["address"]))
    local = enrol(facts, _code(), Folder(directory), own, internal_address)
    told = {"name": local.name, "site": local.site, "fqdn": local.fqdn, "directory": str(directory)}
    print_done(f"{local.name} is enrolled at {local.online['name']}; run it: isthmus connector run", told, as_json)


@app.command("run", epilog="Example:  isthmus connector run --directory /etc/isthmus/connector")
def run(directory: _Directory = _DIRECTORY) -> None:
    """Run the connector of this machine until Ctrl-C: its engines, and what asks online for orders."""
    folder = Folder(directory)
    folder.local()
    site = load(folder.site_toml)

    def notify(text: str) -> None:
        print_line(f"{time.strftime('%H:%M:%S')} {site.site.name}: {text}")

    version, root = packages.own_version(), packages.installed_at()

    def updater(agent: Agent) -> Renewing | None:
        if root is None:
            return None
        fetch = fetching(internal.link_out_socket(site, site.upstream))
        # The launcher gives up after ISTHMUS_TRIAL_S; the version on trial goes back by itself before that.
        limits = Limits(trial=float(os.environ.get("ISTHMUS_TRIAL_S", "240")) / 2)
        return Renewing(root, folder.update, version, agent, fetch, notify, limits=limits)

    agent = Agent(folder, site, version, notify, updater=updater)

    def beside(supervisor: Supervisor) -> None:
        agent.start(supervisor)

    try:
        asyncio.run(run_site(site, notify, beside))
    except* IsthmusError as group:
        for error in group.exceptions:
            print_error(error if isinstance(error, IsthmusError) else UnavailableError(str(error)))
        raise typer.Exit(1) from None
    finally:
        agent.stop()


@app.command("capacity", epilog="Example:  isthmus connector capacity --seconds 60")
def capacity(
    directory: _Directory = _DIRECTORY,
    seconds: Annotated[
        float, typer.Option("--seconds", min=10, max=600, help="How long calls are added, besides the start.")
    ] = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Measure how many calls with media this machine carries, by real calls; online is told.

    The calls go through engines of their own, on loopback addresses. While the connector here has calls, none is made.
    """
    folder = Folder(directory)
    folder.local()
    site = load(folder.site_toml)
    up = _calls_of(site)
    if up:
        raise RefusedError(
            f"{up} calls are up here, which the load would disturb", do="Drain the connector, and wait for their end."
        )

    def told(level: Level) -> None:
        text = f"{level.calls} calls: {level.loss:.2%} of packets lost, the machine is busy to {level.busy:.0%}"
        error_console().print(text)

    found = measure(site.media, seconds, told)
    folder.keep_capacity(found)
    if as_json:
        print_json(asdict(found))
        return
    print_line(f"This machine carries {found.calls} calls; {_BOUNDS[found.limit]}.")
    lost = f"{found.loss_percent:.2f} % of packets lost"
    print_line(f"Seen: {found.seen} calls at a time, {lost}; {_ENDED[found.ended]}.")
    cost = f"A call takes {found.cpu_percent:.2f} % of a core, of {found.cores}"
    print_line(f"{cost}; to set one up takes {found.set_up_ms:.1f} ms.")
    print_line(f"What else runs on this machine kept {found.others:.2f} cores busy, which calls can't have.")


_BOUNDS = {
    Limit.CPU: "reckoned: as many as keep its cores busy to 70 %, with what else runs",
    Limit.LOSS: "with more, packets are lost",
    Limit.PORTS: "there are no more ports ([media] rtp_low, rtp_high)",
}
_ENDED = {
    Ended.BUSY: "with more, the machine had no room for what makes the load",
    Ended.LOSS: "with more, packets were lost",
    Ended.PORTS: "there were no ports for more",
    Ended.LATE: "what makes the load did not come up to more",
    Ended.TIME: "then the time was over",
}


def _calls_of(site: SiteFile) -> int:
    """Calls of the connector that runs here; 0 where none does."""
    try:
        return int(ask(site, "dlg.stats_active")["all"])
    except (IsthmusError, KeyError, TypeError, ValueError):
        return 0


def _code() -> str:
    """Never an argument, which everybody on the machine could read."""
    if sys.stdin.isatty():
        code: str = typer.prompt("One-time code", hide_input=True)
    else:
        code = sys.stdin.readline(_MOST_CODE + 1)
    if not code.strip() or len(code) > _MOST_CODE:
        raise UsageError("there is no code", do="Type it, or give it on standard input.")
    return code.strip()


def _own_address(online: str) -> str:
    """The address by which this machine speaks to another one. Nothing is sent. Raises UnavailableError."""
    family = socket.AF_INET6 if ":" in online else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((online, 9))
            return str(probe.getsockname()[0])
    except OSError as error:
        raise UnavailableError(
            f"this machine has no way to {online} ({error})", do="Say which address it has with --address."
        ) from error
