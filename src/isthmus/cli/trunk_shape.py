"""`isthmus trunk test` and `isthmus trunk profiles`: what a trunk is told, and what is known of others."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from isthmus.addressing import is_e164, normalise_number
from isthmus.cli.output import JsonOption, SiteOption, print_json, print_line, print_table
from isthmus.engines.kamailio.config import link_host, uri_tail
from isthmus.errors import IsthmusError, NotFoundError, UsageError
from isthmus.routing.explain import Path
from isthmus.routing.model import Dial
from isthmus.site import registry
from isthmus.site.file import SiteFile, Trunk
from isthmus.trunking import applying, heading, profiles
from isthmus.trunking.model import Call, Diversion
from isthmus.trunking.numbering import is_number


def add_to(app: typer.Typer) -> None:
    """Add the commands to `isthmus trunk`."""
    app.command(
        "test",
        epilog="Examples:  isthmus trunk test carrier --from +14255550101 --to +12065550123   |   "
        "isthmus trunk test carrier --in --from 02065550123 --to 4255550101 --header 'Diversion: <sip:123@gw>'",
    )(try_trunk)
    app.command(
        "profiles",
        epilog="Examples:  isthmus trunk profiles   |   isthmus trunk profiles teams-direct-routing",
    )(list_profiles)


def try_trunk(
    name: Annotated[str, typer.Argument(metavar="TRUNK", help="Name of the trunk, as in `isthmus trunk list`.")],
    to: Annotated[str, typer.Option("--to", metavar="NUMBER", help="Number that is called.")],
    caller: Annotated[
        str, typer.Option("--from", metavar="NUMBER", help="Number that the called see. Empty: nobody.")
    ] = "",
    inbound: Annotated[
        bool, typer.Option("--in", help="A call from the trunk, with numbers as it writes them.")
    ] = False,
    private: Annotated[bool, typer.Option("--private", help="The caller wants to be known to nobody.")] = False,
    diverted: Annotated[
        list[str] | None, typer.Option("--diverted", metavar="NUMBER", help="Who forwarded it, the first one first.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", metavar="'NAME: VALUE'", help="A header of the request.")
    ] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Say what becomes of a call to or from a trunk: each rule that was applied, and the request that comes of it.

    By the site file as it is now and by the same rules as calls; nothing is sent, and the site need not run.
    """
    file = registry.find(site)
    trunk = _trunk(file, name)
    received = dict(map(_header, header or ()))
    if inbound:
        found = _incoming(file, trunk, to, caller, received)
    else:
        found = _outgoing(file, trunk, to, caller, private, diverted or [], received)
    if as_json:
        print_json(found)
        return
    for step in found["steps"] or ["no rule of the trunk is for it"]:
        print_line(f"  {step}")
    for line in found["request"]:
        print_line(line)


def list_profiles(
    name: Annotated[str | None, typer.Argument(metavar="PROFILE", help="One to show, with its sources.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List what is known of gateways and carriers, as `profile = "NAME"` of a trunk; or show one."""
    if name is not None:
        print_json(profiles.profile(name)) if as_json else print_line(profiles.text(name).rstrip())
        return
    found = [profiles.profile(each) for each in profiles.names()]
    if as_json:
        print_json(found)
        return
    print_table(("Profile", "For"), ((each["name"], each["about"]) for each in found))


def told(path: Path) -> dict[str, Any] | None:
    """What the trunk at the end of a call's path is told, with the rules that made it so; None where it ends elsewhere.

    As of `isthmus trunk test`, for the number that the called see. None too without the file of that site.
    """
    end = path.hops[-1] if path.hops else None
    if end is None or not isinstance(end.outcome.decision, Dial):
        return None
    try:
        file = registry.find(end.site)
        trunk = _trunk(file, end.outcome.decision.trunk)
    except IsthmusError:
        return None
    shown, caller = path.hops[0].outcome.shown, path.hops[0].request.caller
    calling = shown if shown is not None else caller if is_e164(caller) else ""
    return {"trunk": trunk.name, **_outgoing(file, trunk, end.outcome.decision.number, calling, False, [], {})}


def _trunk(file: SiteFile, name: str) -> Trunk:
    trunk = next((each for each in file.trunk if each.name == name), None)
    if trunk is None:
        names = ", ".join(each.name for each in file.trunk) or "none"
        raise NotFoundError(f"there is no trunk {name!r}", where=f"site {file.site.name}", do=f"Trunks are {names}.")
    return trunk


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not heading.is_value(value.strip()):
        raise UsageError(f"{text[:60]!r} is no header", do="Write it as 'Diversion: <sip:+14255550100@gw.example>'.")
    return name.strip().lower(), value.strip()


def _outgoing(
    file: SiteFile, trunk: Trunk, to: str, caller: str, private: bool, diverted: list[str], received: dict[str, str]
) -> dict[str, Any]:
    bare, _, extension = to.partition(";ext=")
    # Emergency numbers and short codes have no country code, and are no numbers to be normalised.
    number = normalise_number(bare) if bare.startswith("+") else bare
    if not is_number(number) or (extension and not extension.isdecimal()):
        raise UsageError(f"{to!r} is not a number", do="Write it as +14255550101, or 911.")
    call = Call(
        called=number,
        calling=normalise_number(caller) if caller else "",
        extension=extension,
        private=private,
        hides_history="history" in received.get("privacy", ""),
        diverted=tuple(Diversion(normalise_number(each)) for each in diverted),
        headers=received,
    )
    tail = uri_tail(trunk)
    host = link_host(file).partition(":")[0]
    shape = trunk.compiled()
    shaped = applying.outgoing(
        shape, call, trunk=trunk.name, site=file.site.name, host=host, trunk_host=tail.partition(";")[0]
    )
    lines = [
        f"INVITE {applying.request_uri(shape, shaped, tail)} SIP/2.0",
        f"From: <{shaped.from_uri}>",
        *([f"To: <{shaped.to_uri}>"] if shaped.to_uri else []),
        *(f"{key}: {value}" for key, value in shaped.add),
    ]
    return {"steps": list(shaped.steps), "request": lines, "removed": list(shaped.remove)}


def _incoming(file: SiteFile, trunk: Trunk, to: str, caller: str, received: dict[str, str]) -> dict[str, Any]:
    host = link_host(file).partition(":")[0]
    read = applying.incoming(trunk.compiled(), to, caller, received, trunk=trunk.name, site=file.site.name, host=host)
    lines = [
        f"called: {read.called}",
        f"calling: {read.calling or 'nobody'}",
        *(f"{key}: {value}" for key, value in read.add),
    ]
    return {"steps": list(read.steps), "request": lines, "removed": list(read.remove)}
