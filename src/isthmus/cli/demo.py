"""`isthmus demo`: two sites and a simulated carrier on this machine."""

from __future__ import annotations

import os
import signal
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from isthmus.cli.client import Client
from isthmus.cli.output import JsonOption, error_console, print_fields, print_json, print_line, print_table
from isthmus.demo import accounts as account_file
from isthmus.demo import branch, calling, carrier, run
from isthmus.demo.accounts import Account
from isthmus.demo.carrier_file import load as load_carrier
from isthmus.demo.parts import connector
from isthmus.demo.people import ensure_dial_plan, ensure_people, ensure_web_accounts, unknown
from isthmus.demo.plan import CONNECTOR_SITE, DEFAULT_NETWORK, DOMAIN, SERVICE_CARRIER, PlannedPerson, make_plan
from isthmus.demo.provision import Demo, existing, provision
from isthmus.errors import RefusedError, UnavailableError

app = typer.Typer(no_args_is_help=True)

Directory = Annotated[
    Path,
    typer.Option("--directory", envvar="ISTHMUS_DEMO", help="Where the demo keeps everything.", show_envvar=True),
]
_DIRECTORY = Path("var/demo")
_KNOWN_WITHIN_S = 30.0
_CHECK_S = 0.25
_EMERGENCY = sorted(carrier.EMERGENCY)
_ECHO = "+12025550123"  # nobody of the demo has it


@app.command(epilog="Example: isthmus demo up --detach")
def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return when all is ready; the demo stays up.")] = False,
    directory: Directory = _DIRECTORY,
) -> None:
    """Bring both sites, a connector and the carrier up, and stay in front until Ctrl-C, which stops them."""
    console = error_console()
    plan = make_plan(_network())
    demo = provision(plan, directory.resolve())
    if run.front(demo.directory):
        raise RefusedError("the demo is up already", do="`isthmus demo status` shows it, `isthmus demo down` stops it.")
    began = time.monotonic()
    with _interruptions() as interrupted:
        running = run.Running(demo)
        try:
            accounts = _bring_up(running, demo, console, interrupted)
            if not interrupted.is_set():
                _print_summary(demo, accounts, time.monotonic() - began, console)
                if detach:
                    running.write_record()
                    console.print(f"It stays up. To stop it: {_command(demo, 'ISTHMUS_DEMO')} demo down")
                    return
                console.print("Ctrl-C stops it.")
            while not interrupted.wait(_CHECK_S):
                running.check()
        except BaseException:
            _stop(running, console)
            raise
        _stop(running, console)


@app.command(epilog="Example: isthmus demo status --json")
def status(as_json: JsonOption = False, directory: Directory = _DIRECTORY) -> None:
    """Show whether each part of the demo runs and is ready. Exit code 1 unless all are."""
    states = run.status(existing(make_plan(_network()), directory.resolve()))
    if as_json:
        entries = [{**asdict(part), "state": part.state, "log": str(part.log)} for part in states]
        print_json(entries)
    else:
        columns = ("Part", "State", "PID", "Waits for", "Log")
        print_table(columns, [(p.name, p.state, p.pid, p.pid and p.waits_for, _short(p.log)) for p in states])
    if any(part.state != "ready" for part in states):
        raise typer.Exit(1)


@app.command(epilog="Example: isthmus demo down")
def down(directory: Directory = _DIRECTORY) -> None:
    """Stop the demo, wherever it was started. Accounts, people and settings stay for the next start."""
    stopped = run.down(directory.resolve())
    print_line(f"stopped {', '.join(stopped)}" if stopped else "the demo was not up")


@app.command(epilog="Example: isthmus demo numbers")
def numbers(as_json: JsonOption = False, directory: Directory = _DIRECTORY) -> None:
    """List what can be dialled: the people, and the numbers of the simulated telephone network."""
    demo = existing(make_plan(_network()), directory.resolve())
    rows = [(person.number, _who(person)) for person in demo.plan.people]
    rows += [(number, words) for number, _, words in carrier.BEHAVIOURS]
    rows += [(digits, "a simulated dispatcher: answers, beeps, and says back what it hears") for digits in _EMERGENCY]
    rows.append(("any other number", "answers, beeps, and says back what it hears"))
    if as_json:
        print_json([{"number": number, "what": what} for number, what in rows])
    else:
        print_table(("Number", "What it does"), rows)


@app.command(
    epilog="Examples: isthmus demo call +12065550123 +14255550103   |   isthmus demo call 2065550123 4255550101"
)
def call(
    caller: Annotated[str, typer.Argument(metavar="FROM_PSTN", help="The number that calls.")],
    number: Annotated[str, typer.Argument(metavar="TO", help="The number that is called.")],
    directory: Directory = _DIRECTORY,
) -> None:
    """Let the simulated telephone network call somebody, and say how it goes; Ctrl-C hangs up.

    Whoever answers hears a tone. Exit code 1 if nobody does.
    """
    file = load_carrier(existing(make_plan(_network()), directory.resolve()).carrier_file)
    call_id, answered = "", False
    try:
        for line in carrier.order(file, ["call", caller, number]):
            word, _, rest = line.partition(" ")
            if word == "error":
                raise RefusedError(rest)
            call_id = call_id or rest
            answered = answered or word == "answered"
            said = {"calling": f"calling {number} from {caller}", "answered": "answered"}
            print_line(said.get(word) or f"ended: {rest.partition(' ')[2]}")
    except KeyboardInterrupt:
        for line in carrier.order(file, ["hangup", call_id]) if call_id else ():
            print_line(f"hung up: {line.split(' ', 2)[-1]}")
    if not answered:
        raise typer.Exit(1)


def _who(person: PlannedPerson) -> str:
    """Whose number it is, in words."""
    words = f"{person.display_name}, one of the demo's people"
    return f"{words}: by calling plan" if person.bought else words


def _network() -> str:
    """The first two numbers of the demo's addresses; only tests have a reason to change them."""
    return os.environ.get("ISTHMUS_DEMO_NETWORK", DEFAULT_NETWORK)


def _bring_up(running: run.Running, demo: Demo, console: Console, interrupted: threading.Event) -> tuple[Account, ...]:
    with run.starting(demo.directory), _progress(console) as tell:
        running.write_record(front=True)
        running.start()
        running.write_record(front=True)
        running.wait_until_ready(tell, interrupted.is_set)
        if interrupted.is_set():
            return demo.accounts
        tell({"people": "their accounts"})
        with Client(demo.authority) as api:
            accounts = ensure_people(demo, api)
        if accounts != demo.accounts:
            account_file.write(demo.accounts_path, list(accounts))
        _wait_until_known(demo, accounts, tell, interrupted)
        online = next(site for site in demo.sites if site.site.name == "online")
        if not interrupted.is_set():
            with Client(online) as api:
                calling.ensure_plan(demo, api)
        if demo.plan.branch_address and not branch.installed(demo.directory) and not interrupted.is_set():
            tell({CONNECTOR_SITE: "its certificate"})
            with Client(online) as api:
                branch.install(demo.plan, demo.directory, api)
            running.join(connector(demo))
            running.wait_until_ready(tell, interrupted.is_set)
        return accounts


def _wait_until_known(demo: Demo, accounts: tuple[Account, ...], tell: run.Tell, interrupted: threading.Event) -> None:
    deadline = time.monotonic() + _KNOWN_WITHIN_S
    for site in demo.sites:
        with Client(site) as api:
            while missing := unknown(accounts, api):
                if interrupted.wait(_CHECK_S):
                    return
                if time.monotonic() > deadline:
                    raise UnavailableError(
                        f"{site.site.name} has not heard of {', '.join(missing)}", where=str(site.log_dir)
                    )
                tell({"people": f"{site.site.name} to hear of {len(missing)} of them"})
            ensure_dial_plan(api)
            ensure_web_accounts(demo, accounts, api)
    tell({"people": None})


@contextmanager
def _interruptions() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM and a closed terminal set, in place of ending us in the middle."""
    event = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        event.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[Mapping[str, str | None]], None]]:
    """Shows what each part waits for: live on a terminal, else a line when a part gets ready."""
    parts: dict[str, str | None] = {}
    if not console.is_terminal:

        def line(waiting: Mapping[str, str | None]) -> None:
            for name, waits_for in waiting.items():
                if waits_for is None and parts.get(name, "") is not None:
                    console.print(f"{name} ready")
                parts[name] = waits_for

        yield line
        return
    spinners: dict[str, Spinner] = {}
    with Live(console=console, refresh_per_second=12) as live:

        def draw(waiting: Mapping[str, str | None]) -> None:
            parts.update(waiting)
            live.update(Group(*(_row(spinners, name, waits) for name, waits in parts.items())))

        yield draw


def _row(spinners: dict[str, Spinner], name: str, waits_for: str | None) -> RenderableType:
    if waits_for is None:
        return Text.assemble(("✓ ", "green"), name)
    spinner = spinners.setdefault(name, Spinner("dots", style="cyan"))
    spinner.update(text=Text.assemble(f"{name:<9}", (f" waits for {waits_for}", "dim")))
    return spinner


def _print_summary(demo: Demo, accounts: tuple[Account, ...], seconds: float, console: Console) -> None:
    """Where everything is, and what to do first: enough for a first call without any other page."""
    rows: list[tuple[str, ...]] = []
    for site in demo.sites:
        home = [account.username for account in accounts if account.home == site.site.name]
        web = f"https://{site.site.address}:{site.ports.web}"
        ports = (str(site.ports.sip), str(site.ports.sips), web)
        rows.append((site.site.name, site.site.address, *ports, ", ".join(home) or "nobody"))
    rows.append(("carrier", demo.plan.carrier_address, "5060", "", "", "any other number"))
    if demo.plan.service_address:
        rows.append((SERVICE_CARRIER, demo.plan.service_address, "5060", "", "", "sells numbers: number find"))
    if demo.plan.branch_address:
        rows.append((CONNECTOR_SITE, demo.plan.branch_address, "5060", "5061", "", "a connector: phones and a gateway"))
    columns = ("Site", "Address", "UDP, TCP", "TLS", "Web, WebSocket", "People at home")
    print_table(columns, rows, out=console)
    console.print(
        f"\nReady after {seconds:.1f} s. What follows goes into another terminal, in this folder.\n", style="bold"
    )
    print_fields(_first_steps(demo, accounts), out=console)
    console.print()


def _first_steps(demo: Demo, accounts: tuple[Account, ...]) -> Iterator[tuple[str, str]]:
    caller, called = accounts[0], accounts[2]
    first, second = (site.site.address for site in demo.sites[:2])
    other = next(site.site.name for site in demo.sites if site.site.name != caller.home)
    command = _command(demo, "ISTHMUS_SITES")
    yield "A phone", f"user {caller.username}, domain {DOMAIN}, server (outbound proxy) {first} or {second}, UDP"
    yield "", f"its password, and everybody's: {_short(demo.accounts_path)}"
    pages = [f"https://{site.site.fqdn}:{site.ports.web}/phone/" for site in demo.sites[:2]]
    yield "In a browser", f"{pages[0]} or {pages[1]}, as {caller.username}, with the same password;"
    yield "", "README.md says how a browser finds these names, and trusts them"
    yield "First call", f"dial {_ECHO}: the simulated carrier answers, beeps, and says back what it hears"
    yield "Second call", f"a second phone as {called.username}: dial {called.username} or {called.number}"
    yield "From outside", f"{_command(demo, 'ISTHMUS_DEMO')} demo call {_ECHO} {called.number}"
    yield "More numbers", f"{_command(demo, 'ISTHMUS_DEMO')} demo numbers"
    yield "First move", f"{command} user move {caller.aor} --to {other} --wait"
    yield "Why it went", f"{command} call explain {caller.aor} {called.aor}"
    yield "People", f"change {_short(demo.people_file)}, then {command} directory sync --wait"
    yield "TLS", f"phones trust {_short(demo.directory / 'ca' / 'ca.pem')}"
    yield "Logs", f"{_short(demo.directory)}/<site>/state/log and {_short(demo.directory / 'log')}"


def _command(demo: Demo, variable: str) -> str:
    """How `isthmus` is called from here; `variable` names the demo's folder where that is not the usual one."""
    program = _short(Path(sysconfig.get_path("scripts")) / "isthmus")
    usual = demo.directory == _DIRECTORY.resolve()
    return program if usual else f"{variable}={_short(demo.directory)} {program}"


def _short(path: Path) -> str:
    """The path as typed from here, where it is below this folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _stop(running: run.Running, console: Console) -> None:
    console.print("Stopping ...")
    running.stop()
    console.print("Stopped.")
