"""`isthmus call`: why a call goes where it goes, and which calls are up."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from isthmus.addressing import Aor, is_e164, normalise_number
from isthmus.cli.client import Client
from isthmus.cli.output import JsonOption, SiteOption, print_json, print_line, print_table
from isthmus.errors import IsthmusError, NotFoundError, UnavailableError, UsageError
from isthmus.routing import explain
from isthmus.routing.model import PersonRecord, Request, Source
from isthmus.routing.snapshot import LmdbSnapshot, View
from isthmus.site import registry
from isthmus.site.file import SiteFile

app = typer.Typer(help="Why calls go where they go, and which are up.", no_args_is_help=True)


class _Snapshots:
    """The snapshots on this machine, opened as a path leads to them."""

    def __init__(self, first: SiteFile) -> None:
        self._files = {first.site.name: first}
        self._open: dict[str, LmdbSnapshot] = {}

    def __call__(self, name: str) -> AbstractContextManager[View] | None:
        if name not in self._open:
            try:
                file = self._files.get(name) or registry.find(name)
                self._open[name] = LmdbSnapshot.open(file.snapshot_dir)
            except IsthmusError:
                return None
        return self._open[name].view()

    def close(self) -> None:
        for snapshot in self._open.values():
            snapshot.close()


@app.command("explain", epilog="Examples:  isthmus call explain alice@contoso.example carol@contoso.example   |   "
             "isthmus call explain alice@contoso.example +12025550123 --at online   |   "
             "isthmus call explain --reverse carol@contoso.example")  # fmt: skip
def explain_call(
    caller: Annotated[
        str, typer.Argument(metavar="FROM", help="Address or number that calls; with --reverse: TARGET.")
    ],
    target: Annotated[str | None, typer.Argument(metavar="TO", help="Address or number that is called.")] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="SITE", help="Site the call enters at; by default the caller's home.")
    ] = None,
    down: Annotated[
        list[str] | None, typer.Option("--down", metavar="SITE", help="Explain as if the link to SITE were cut.")
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Say what reaches TARGET, and how.")] = False,
    method: Annotated[str, typer.Option(help="SIP method: INVITE, MESSAGE or REGISTER.")] = "INVITE",
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Say where a call goes and why, by the rules and the snapshot that calls are routed by.

    Works without the control service and without the database.
    """
    file = registry.find(site)
    with ExitStack() as stack:
        snapshots = _Snapshots(file)
        stack.callback(snapshots.close)
        opened = snapshots(file.site.name)
        if opened is None:
            raise UnavailableError("there is no snapshot to read", where=f"site {file.site.name}", do="Start the site.")
        view = stack.enter_context(opened)
        if reverse:
            if target is not None:
                raise UsageError("--reverse takes one address or number")
            _reverse(caller, view, snapshots, json)
            return
        if target is None:
            raise UsageError("say who calls and who is called", do="Example: isthmus call explain alice@... bob@...")
        if method not in ("INVITE", "MESSAGE", "REGISTER"):
            raise UsageError(f"{method!r} is none of INVITE, MESSAGE and REGISTER")
        source, who, via = explain.caller_of(_address(caller, view), view)
        entrance = at or _entrance(who, source, view)
        if entrance not in view.config.sites:
            raise NotFoundError(f"there is no site {entrance!r}", do=f"Sites are {', '.join(view.config.sites)}.")
        request = Request(method, _address(target, view), source, who, via, unreachable=frozenset(down or ()))
        path = explain.follow(request, entrance, snapshots)
    if json:
        print_json({"from": who, "to": request.target, "at": entrance, **path.as_json()})
    else:
        print_line(f"{method} from {who or 'nobody known'} to {request.target}, entering at {entrance}:")
        _print_path(path)


def _address(text: str, view: View) -> str:
    """An E.164 number or an AOR, however it is written; a bare user name is of the site's first domain."""
    user, at, _ = text.removeprefix("sip:").partition("@")
    if at:
        return user if is_e164(user) else str(Aor.parse(text))
    if any(letter.isalpha() for letter in user) and view.config.domains:
        return str(Aor.parse(f"{user}@{next(iter(view.config.domains))}"))
    return normalise_number(text)


def _entrance(who: str, source: Source, view: View) -> str:
    person = view.person(who) if source is Source.PHONE else None
    return view.config.site if person is None else view.config.sites[person.home]


def _reverse(text: str, view: View, snapshots: _Snapshots, json: bool) -> None:
    address = _address(text, view)
    person: PersonRecord | None = view.owner_of(address) if is_e164(address) else view.person(address)
    if person is None:
        raise NotFoundError(f"{address} belongs to nobody", do="See: isthmus user list")
    entrances = list(explain.reverse(person, view.config.sites, snapshots))
    if json:
        print_json(
            {
                "target": person.aor,
                "number": person.number,
                "home": view.config.sites[person.home],
                "epoch": person.epoch,
                "entrances": [{"who": e.who, "dials": e.dials, **e.path.as_json()} for e in entrances],
            }
        )
        return
    home = view.config.sites[person.home]
    print_line(f"{person.aor} ({person.number or 'no number'}) is at home at {home}, epoch {person.epoch}.")
    for entrance in entrances:
        print_line(f"\n{entrance.who}, dialling {entrance.dials}:")
        _print_path(entrance.path)


def _print_path(path: explain.Path) -> None:
    for hop in path.hops:
        for step in hop.outcome.trace:
            print_line(f"  {hop.site}: {step.text}")
    print_line(f"  => {path.ends}")


@app.command("list", epilog="Example:  isthmus call list --site online")
def list_calls(site: SiteOption = None, json: JsonOption = False) -> None:
    """List the calls that are up, with caller, callee, state and age."""
    with Client(registry.find(site)) as client:
        calls: list[dict[str, Any]] = client.get("/v1/calls")
    if json:
        print_json(calls)
        return
    print_table(
        ("From", "To", "State", "Since", "Call-ID"),
        (
            (
                call["caller"],
                call["callee"],
                call["state"],
                datetime.fromtimestamp(call["since"], UTC).astimezone().strftime("%H:%M:%S"),
                call["call_id"],
            )
            for call in calls
        ),
        empty="No calls.",
    )
