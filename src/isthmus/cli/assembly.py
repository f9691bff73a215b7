"""The tree of commands, put together from what the features offer."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Annotated

import typer

from isthmus.cli import (
    access,
    account,
    activity,
    audit,
    call,
    call_block,
    cap,
    connector_here,
    credit,
    demo,
    device,
    dialplan,
    directory,
    domain,
    group,
    licence,
    location,
    location_network,
    location_place,
    move,
    number,
    number_port,
    pki,
    plan,
    policy,
    presence,
    rate,
    registration,
    role,
    route,
    scim,
    site,
    snapshot,
    stir,
    tenant,
    token,
    trunk,
    user,
)
from isthmus.cli.output import complete_sites

app = typer.Typer(
    name="isthmus",
    help="Hybrid unified communications: one SIP domain, two homes.",
    epilog="Examples:  isthmus user list   |   isthmus user move alice@contoso.example --to online --wait   |   "
    "isthmus call explain alice@contoso.example +14255550104",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"isthmus {version('isthmus')}")
        raise typer.Exit


@app.callback()
def _globals(
    site_name: Annotated[
        str | None,
        typer.Option(
            "--site",
            metavar="NAME",
            help="The site to talk to; by default the authority.",
            autocompletion=complete_sites,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="A site elsewhere: https and its web port. Needs --token-file."),
    ] = None,
    token_file: Annotated[
        str | None, typer.Option("--token-file", metavar="FILE", help="Holds a token of one's account there.")
    ] = None,
    ca_file: Annotated[
        str | None, typer.Option("--ca-file", metavar="FILE", help="Who vouches for that site, if nobody known does.")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if site_name is not None:
        os.environ["ISTHMUS_SITE"] = site_name
    for name, value in (("URL", url), ("TOKEN_FILE", token_file), ("CA_FILE", ca_file)):
        if value is not None:
            os.environ[f"ISTHMUS_{name}"] = value


# In the order in which the help lists them.
for _name, _commands in {
    "demo": demo.app,
    "site": site.app,
    "user": user.app,
    "number": number.app,
    "device": device.app,
    "directory": directory.app,
    "tenant": tenant.app,
    "domain": domain.app,
    "scim": scim.app,
    "group": group.app,
    "licence": licence.app,
    "policy": policy.app,
    "plan": plan.app,
    "credit": credit.app,
    "route": route.app,
    "trunk": trunk.app,
    "connector": connector_here.app,
    "stir": stir.app,
    "dialplan": dialplan.app,
    "location": location.app,
    "presence": presence.app,
    "move": move.app,
    "registration": registration.app,
    "call": call.app,
    "cap": cap.app,
    "rate": rate.app,
    "activity": activity.app,
    "snapshot": snapshot.app,
    "audit": audit.app,
    "account": account.app,
    "role": role.app,
    "token": token.app,
    "session": token.sessions,
    "access": access.app,
    "pki": pki.app,
}.items():
    app.add_typer(_commands, name=_name)
call.app.add_typer(call_block.app, name="block")
user.app.command(
    "move",
    epilog="Examples:  isthmus user move alice@contoso.example --to online --wait   |   "
    "isthmus user move --group sales --to online --dry-run",
)(move.user_move)


def _lines(examples: str | None) -> str | None:
    """Examples one a line, as an empty line between them makes the help show them."""
    return examples and examples.replace("   |   ", "\n\n").replace(":  isthmus", ":\n\nisthmus")


for _group in (
    app,
    activity.app,
    demo.app,
    site.app,
    user.app,
    number.app,
    number_port.app,
    device.app,
    move.app,
    registration.app,
    call.app,
    call_block.app,
    cap.app,
    rate.app,
    connector_here.app,
    location.app,
    location_place.app,
    location_network.app,
    snapshot.app,
    pki.app,
):
    if isinstance(_group.info.epilog, str):
        _group.info.epilog = _lines(_group.info.epilog)
    for _command in _group.registered_commands:
        _command.epilog = _lines(_command.epilog)
