"""`isthmus call`: why a call goes where it goes, which calls are up, and (in records.py) what became of them."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Any

import msgspec
import typer
from msgspec.structs import replace

from isthmus.cli import placing, records, reports, trunk_shape
from isthmus.cli.client import Client, connect
from isthmus.cli.output import JsonOption, SiteOption, print_done, print_json, print_line, print_table
from isthmus.emergency import explained
from isthmus.emergency.mapfile import MapFile
from isthmus.errors import IsthmusError, UnavailableError, UsageError
from isthmus.routing import asking, explain
from isthmus.routing.model import Dial, Local, Request, Step
from isthmus.routing.snapshot import LmdbSnapshot, View
from isthmus.site import registry
from isthmus.site.file import SiteFile

app = typer.Typer(no_args_is_help=True)

_CONNECTOR_S = 10.0  # the control service waits for the connector
_ASK_S = 2.0  # what a control service may add to the explanation, which needs none


class Snapshots:
    """The snapshots on this machine, opened as a path leads to them."""

    def __init__(self, first: SiteFile) -> None:
        self.first = first.site.name
        self._files = {self.first: first}
        self._open: dict[str, LmdbSnapshot] = {}

    def __call__(self, name: str) -> AbstractContextManager[View] | None:
        if name not in self._open:
            try:
                file = self._files.get(name) or registry.find(name)
                self._open[name] = LmdbSnapshot.open(file.snapshot_dir)
            except IsthmusError:
                return None
        return self._open[name].view()

    def places(self, name: str, request: Request) -> tuple[Step, ...]:
        """What that site, whose snapshot is open, says of where an emergency call comes from."""
        file = self._files.get(name) or registry.find(name)
        return explained.steps(MapFile(file.snapshot_dir).map(), request)

    def close(self) -> None:
        for snapshot in self._open.values():
            snapshot.close()


@app.command("explain", epilog="Examples:  isthmus call explain alice@contoso.example carol@contoso.example   |   "
             "isthmus call explain alice@contoso.example +12025550123 --at online --at 192.0.2.17   |   "
             "isthmus call explain --reverse carol@contoso.example")  # fmt: skip
def explain_call(
    caller: Annotated[
        str, typer.Argument(metavar="FROM", help="Address or number that calls; with --reverse: TARGET.")
    ],
    target: Annotated[str | None, typer.Argument(metavar="TO", help="Address or number that is called.")] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            metavar="SITE|ADDRESS",
            help="Site the call enters at, by default the caller's home; IP address of the caller's phone.",
        ),
    ] = None,
    down: Annotated[
        list[str] | None, typer.Option("--down", metavar="SITE", help="Explain as if the link to SITE were cut.")
    ] = None,
    failed: Annotated[
        list[str] | None,
        typer.Option("--failed", metavar="TRUNK", help="Explain where it goes once TRUNK was tried in vain."),
    ] = None,
    when: Annotated[
        str | None,
        typer.Option("--when", metavar="TIME", help="For routes with hours, as 2026-11-26T03:00; by default now."),
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Say what reaches TARGET, and how.")] = False,
    method: Annotated[str, typer.Option(help="SIP method: INVITE, MESSAGE or REGISTER.")] = "INVITE",
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Say where a call goes and why, by the rules and the snapshot that calls are routed by.

    Works without the control service and without the database. A person's epoch counts the changes of their home: of
    two sites that disagree, the one that knows the higher epoch is right.

    At a connector the way is that of now: while it is alone, what it decides then. One that runs elsewhere is asked for
    its word while it is connected to this site.
    """
    file = registry.find(site)
    with ExitStack() as stack:
        snapshots = Snapshots(file)
        stack.callback(snapshots.close)
        opened = snapshots(file.site.name)
        if opened is None:
            raise UnavailableError("there is no snapshot to read", where=f"site {file.site.name}", do="Start the site.")
        view = stack.enter_context(opened)
        upstream = view.config.upstream
        if reverse:
            if target is not None:
                raise UsageError("--reverse takes one address or number")
            _reverse(caller, view, snapshots, json)
            return
        if target is None:
            raise UsageError("say who calls and who is called", do="Example: isthmus call explain alice@... bob@...")
        entered, places = placing.apart(at or ())
        alone = _alone(file, entered or file.site.name)
        cut = [*(down or ()), *(each for each in alone if each not in (down or ()))]
        request, entrance = asking.request_of(caller, target, method, entered, cut, view)
        request = replace(
            request,
            tried=frozenset(failed or ()),
            at_s=moment_of(when),
            place=placing.place(places, view),
            phone=places[0] if places else "",
        )
        path = explain.call(request, entrance, snapshots, more=snapshots.places)
        if _needs_asking(path, view):
            told = {"from": caller, "to": target, "at": entrance, "when": when, "phone": request.phone}
            path = _asked(file, path, {**told, "down": down, "failed": failed}, request)
    phones, sent = _phones(path), trunk_shape.told(path) if method == "INVITE" else None
    if json:
        told = {"from": request.caller, "to": request.target, "at": entrance, **path.as_json()}
        print_json({**told, "phones": phones, "sent": sent})
        return
    via = f" by trunk {request.via}" if request.via else ""
    who = f"{request.caller or 'nobody known'}{via}"
    print_line(f"{asking.KINDS[method]} from {who} to {request.target}, entering at {entrance}:")
    _print_path(path, phones)
    if sent is not None:
        for line in (*sent["steps"], *sent["request"]):
            print_line(f"     {sent['trunk']}: {line}")
    if path.open_at and path.open_at == upstream:
        print_line(f"What {path.open_at} decides it says there: isthmus call explain FROM TO --at {entrance}")
    if alone and not down:
        print_line(f"{alone[0]} can't be reached from {entrance} now.")
    elif not down:
        _warn_of_links(path)
    if not failed:
        _warn_of_trunks(path)


def _alone(first: SiteFile, site: str) -> list[str]:
    """The site that a connector on this machine belongs to, where calls there can't reach it now; else nobody."""
    try:
        file = first if site == first.site.name else registry.find(site)
        if not file.upstream:
            return []
        with Client(file, timeout_s=_ASK_S) as client:
            return [] if client.get("/v1/health")["online"]["ok"] else [file.upstream]
    except (IsthmusError, KeyError):
        return []


def _needs_asking(path: explain.Path, view: View) -> bool:
    """Whether it goes on at a connector that runs on another machine."""
    return path.open_at in {each.name for each in view.config.connectors}


def _asked(file: SiteFile, path: explain.Path, question: dict[str, Any], request: Request) -> explain.Path:
    """The whole way, as the control service finds it, which can ask a connector."""
    try:
        with Client(file, timeout_s=_CONNECTOR_S) as client:
            told = client.get("/v1/calls/explain", **question)
    except IsthmusError as error:
        return msgspec.structs.replace(path, ends=f"{path.ends} ({error})")
    unknown = "; ".join(each["why"] for each in told["unknown"])
    found = explain.Path.from_json(told, request)
    return msgspec.structs.replace(found, ends=f"{found.ends} ({unknown})") if unknown else found


def _phones(path: explain.Path) -> list[dict[str, Any]] | None:
    """The phones that ring at the path's end; None where nothing rings, or the home's service can't be asked."""
    end = path.hops[-1] if path.hops else None
    if end is None or not isinstance(end.outcome.decision, Local) or end.request.method == "REGISTER":
        return None
    return _registered(end.outcome.decision.aor, end.site)


def _registered(aor: str, home: str) -> list[dict[str, Any]] | None:
    try:
        with connect(home, timeout_s=_ASK_S) as client:
            found: list[dict[str, Any]] = client.get("/v1/registrations", aor=aor)[0]["bindings"]
    except IsthmusError:
        return None
    return found


def _warn_of_links(path: explain.Path) -> None:
    """Say where a link that the path takes is down: the explanation is made as if it were up."""
    for hop, following in pairwise(path.hops):
        try:
            with connect(hop.site, timeout_s=_ASK_S) as client:
                links = client.get("/v1/health")["link"]
        except (IsthmusError, KeyError):
            continue
        if any(link["peer"] == following.site and not link["up"] for link in links):
            print_line(
                f"The control link from {hop.site} to {following.site} is down now. Where calls go if SIP is cut off "
                f"too: the same command with --down {following.site}"
            )


def moment_of(text: str | None) -> int:
    """A moment that was typed, in Unix seconds; now for None. Without a zone it is this machine's time."""
    if text is None:
        return int(time.time())
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text[:40]!r} is no time", do="Write it as 2026-11-26T03:00.") from error


def _warn_of_trunks(path: explain.Path) -> None:
    """Say where the trunk that the path ends at does not answer, or is full: calls go on to the next."""
    end = path.hops[-1] if path.hops else None
    if end is None or not isinstance(end.outcome.decision, Dial):
        return
    name = end.outcome.decision.trunk
    try:
        with connect(end.site, timeout_s=_ASK_S) as client:
            found = next((each for each in client.get("/v1/trunks") if each["name"] == name), None)
    except IsthmusError:
        return
    if found is None:
        return
    if found["state"] in ("down", "waiting"):
        print_line(f"Trunk {name} of {end.site} does not answer now, and is tried last: see it with --failed {name}")
    elif found["most_calls"] and (found["calls"] or 0) >= found["most_calls"]:
        print_line(f"Trunk {name} of {end.site} is full now ({found['calls']} calls): see it with --failed {name}")


def _reverse(text: str, view: View, snapshots: Snapshots, json: bool) -> None:
    meant = asking.meant(text, view)
    person = meant.person
    entrances = list(explain.reverse(person, view.config.sites, snapshots, forms=asking.forms_of(person, view)))
    home = view.config.sites[person.home]
    phones = _registered(person.aor, home)
    if json:
        print_json(
            {
                "target": person.aor,
                "number": person.number,
                "home": home,
                "epoch": person.epoch,
                "enabled": person.enabled,
                "means": meant.why,
                "phones": phones,
                "entrances": [
                    {"who": e.who, "dials": e.dials, "means": e.means, **e.path.as_json()} for e in entrances
                ],
            }
        )
        return
    if meant.why:
        print_line(f"{meant.why[0].upper()}{meant.why[1:]}.")
    print_line(f"{person.aor} ({person.number or 'no number'}) is at home at {home}, epoch {person.epoch}.")
    if person.enabled:
        _print_phones(phones)
    else:
        print_line("Disabled: nothing reaches them, and their phones can't sign in.")
    for entrance in entrances:
        why = f" ({entrance.means})" if entrance.means else ""
        print_line(f"\n{entrance.who}, dialling {entrance.dials}{why}:")
        _print_path(entrance.path, None)


def _print_path(path: explain.Path, phones: list[dict[str, Any]] | None) -> None:
    for hop in path.hops:
        for step in hop.outcome.trace:
            print_line(f"  {hop.site}: {step.text}")
    print_line(f"  => {path.ends}")
    _print_phones(phones)


def _print_phones(phones: list[dict[str, Any]] | None) -> None:
    if phones is None:
        return
    if not phones:
        print_line("     No phone of theirs is registered: whoever calls hears 480 Temporarily Unavailable.")
    for phone in phones:
        agent = f" ({phone['user_agent']})" if phone["user_agent"] else ""
        print_line(f"     phone {phone['contact']}, connected to {phone['edge']}{agent}")


@app.command(epilog="Examples:  isthmus call end Xk2vQ9-1764150000@127.0.50.1   |   "
             "isthmus call end Xk2vQ9-1764150000@127.0.50.1 --up-at online")  # fmt: skip
def end(
    call_id: Annotated[str, typer.Argument(metavar="CALL-ID", help="As `isthmus call list` shows it.")],
    up_at: Annotated[
        str | None, typer.Option("--up-at", metavar="SITE", help="At which site the call is up, if at another.")
    ] = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a call that is up, at both ends.

    One that is up at the other site alone is ended by that site, which is asked over the link; both sites' audit logs
    say who did it.
    """
    with connect(site) as client:
        client.post("/v1/calls/end", {"call_id": call_id, "site": up_at})
    print_done("The call is ended.", {"ended": call_id}, as_json)


@app.command("list", epilog="Examples:  isthmus call list --site online   |   isthmus call list --everywhere")
def list_calls(
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Those of the other sites as well.")] = False,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """List the calls that are up, with caller, callee, state and age."""
    with connect(site) as client:
        calls: list[dict[str, Any]] = client.get("/v1/calls", everywhere="true" if everywhere else None)
    if json:
        print_json(calls)
        return
    print_table(
        ("From", "To", "State", "Since", "At", "Call-ID"),
        (
            (
                call["caller"],
                call["callee"],
                call["state"],
                datetime.fromtimestamp(call["since"], UTC).astimezone().strftime("%H:%M:%S"),
                call["site"],
                call["call_id"],
            )
            for call in calls
        ),
        empty="No calls.",
    )


records.add_to(app)
reports.add_to(app)
