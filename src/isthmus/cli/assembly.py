"""The tree of commands, put together from what the features offer."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group_from_info
from typer.models import TyperInfo

from isthmus.cli.output import complete_sites


@dataclass(frozen=True, slots=True)
class _Feature:
    """Commands of one feature. where: module, and name in it unless that is `app`. help: as the list of all shows it.

    also: a module that adds to them.
    """

    where: str
    help: str
    also: str = ""


# In the order in which the help lists them.
_FEATURES = {
    "demo": _Feature("demo", "Two sites and a simulated carrier on this machine."),
    "site": _Feature("site", "Run a site, check its file, look at its processes."),
    "user": _Feature("user", "The people of the directory."),
    "number": _Feature("number", "Telephone numbers: which there are, who has which, porting."),
    "device": _Feature("device", "People's phones, each with a credential of its own."),
    "directory": _Feature("directory", "The directories that people come from."),
    "tenant": _Feature("tenant", "Tenants: their limits, settings and administrators."),
    "domain": _Feature("domain", "Domains of a tenant: claimed, verified, removed."),
    "scim": _Feature("scim", "An identity provider (Entra, Okta) that pushes people and groups to us by SCIM 2.0."),
    "group": _Feature("group", "The groups of the directory, which may contain groups."),
    "licence": _Feature("licence", "Which features people have, and for how many there are licences."),
    "policy": _Feature("policy", "What people may do, and why it is so for somebody."),
    "plan": _Feature("plan", "Calling plans: minutes, and who has them (docs/calling-plan.md)."),
    "credit": _Feature("credit", "Calling credit: what there is, and what calls took of it."),
    "route": _Feature("route", "By which trunks calls go to the PSTN (docs/pstn.md)."),
    "trunk": _Feature("trunk", "The ways to the PSTN that a site has."),
    "connector": _Feature(
        "connector", "Connectors: appliances beside gateways, configured wholly from online.", "connector_here"
    ),
    "stir": _Feature("stir", "Signatures of who calls (STIR/SHAKEN, docs/stir.md), tried out by hand."),
    "dialplan": _Feature(
        "dialplan", "How what people dial is read. Plans are policies: isthmus policy kinds dial-plan"
    ),
    "location": _Feature("location", "Where who calls the emergency services is, and how they are called back."),
    "presence": _Feature("presence", "How people can be reached now (docs/presence.md)."),
    "chat": _Feature("chat", "What people write to one another (docs/messages.md)."),
    "move": _Feature("move", "Moves of people between sites."),
    "registration": _Feature("registration", "Where phones can be reached."),
    "call": _Feature("call", "Why calls go where they go, which are up, and what became of them.", "call_block"),
    "cap": _Feature("cap", "What calls to the PSTN may come to a day (docs/fraud.md)."),
    "rate": _Feature("rate", "What calls by a site's trunks cost."),
    "activity": _Feature("activity", "What accounts do out of the usual, and how to stop it."),
    "snapshot": _Feature("snapshot", "What calls are routed by, compiled from the directory."),
    "audit": _Feature("audit", "Who changed what, and whether the log of it is whole."),
    "account": _Feature("account", "Accounts of administrators and people at a site."),
    "role": _Feature("role", "Roles: named sets of permissions, and who holds them."),
    "token": _Feature("token", "API tokens, for programs."),
    "session": _Feature("token:sessions", "Who is signed in."),
    "access": _Feature("access", "Who may do what, and why."),
    "pki": _Feature("pki", "The private CA and the certificates of the sites."),
}


@functools.cache
def _commands(name: str) -> TyperGroup:
    """The commands of a feature, imported when they are asked for: every other command would wait for them, too."""
    feature = _FEATURES[name]
    module, _, attribute = feature.where.partition(":")
    commands: typer.Typer = getattr(import_module(f"isthmus.cli.{module}"), attribute or "app")
    if feature.also:
        import_module(f"isthmus.cli.{feature.also}")
    _show_examples(commands)
    return get_group_from_info(
        TyperInfo(commands, name=name, help=feature.help),
        pretty_exceptions_short=True,
        rich_markup_mode="rich",
        suggest_commands=True,
    )


def _show_examples(commands: typer.Typer) -> None:
    """Examples one a line, as an empty line between them makes the help show them."""

    def lines(text: Any) -> Any:
        return text.replace("   |   ", "\n\n").replace(":  isthmus", ":\n\nisthmus") if isinstance(text, str) else text

    commands.info.epilog = lines(commands.info.epilog)
    for each in commands.registered_commands:
        each.epilog = lines(each.epilog)
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            _show_examples(group.typer_instance)


class _Lazy(dict[str, Any]):
    """Names of the features; their commands when one looks."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(_FEATURES))

    def __getitem__(self, name: str) -> TyperGroup:
        super().__getitem__(name)
        return _commands(name)

    def get(self, name: str, default: Any = None) -> Any:
        """As of a dict."""
        return _commands(name) if name in self else default

    def values(self) -> Any:
        """As of a dict."""
        return {name: _commands(name) for name in self}.values()

    def items(self) -> Any:
        """As of a dict."""
        return {name: _commands(name) for name in self}.items()


class _Root(TyperGroup):
    """All features."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Lazy()
        self._listing = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The list of all needs no more than what stands above."""
        if self._listing and cmd_name in _FEATURES:
            return TyperCommand(cmd_name, help=_FEATURES[cmd_name].help)
        return super().get_command(ctx, cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Show the list of all."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False


app = typer.Typer(
    cls=_Root,
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


_show_examples(app)
