"""`isthmus user`: the people of the directory."""

from __future__ import annotations

import secrets
import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.addressing import Aor
from isthmus.cli import move, user_files
from isthmus.cli.client import connect, is_remote
from isthmus.cli.output import (
    JsonOption,
    SiteOption,
    complete_sites,
    print_error,
    print_fields,
    print_json,
    print_line,
    print_table,
)
from isthmus.errors import IsthmusError, UsageError
from isthmus.site import registry

app = typer.Typer(no_args_is_help=True)

AorArgument = Annotated[str, typer.Argument(metavar="AOR", help="Address, as alice@contoso.example.")]
_Password = Annotated[
    str | None,
    typer.Option("--password", help="Others on this machine can see it while the command runs.", show_default=False),
]
_PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
_Generate = Annotated[bool, typer.Option("--generate-password", help="Make a password and print it.")]
_NoPassword = Annotated[
    bool, typer.Option("--no-password", help="None of their own: each phone has one (isthmus device add).")
]
_Number = Annotated[str | None, typer.Option("--number", help="Telephone number, as +14255550101.")]


@app.command("list", epilog="Examples:  isthmus user list --home online   |   isthmus user list --match ali --json")
def list_people(
    home: Annotated[
        str | None,
        typer.Option("--home", metavar="SITE", help="Only who is at home there.", autocompletion=complete_sites),
    ] = None,
    group: Annotated[str | None, typer.Option("--group", help="Only members of this group.")] = None,
    match: Annotated[str | None, typer.Option("--match", help="Part of an address, name or number.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List people in the order of their addresses."""
    people: list[dict[str, Any]] = []
    with connect(site) as client:
        for page in client.pages("/v1/people", "aor", home=home, group=group, match=match):
            people += page
            if limit is not None and len(people) >= limit:
                break
    people = people[:limit]
    if as_json:
        print_json(people)
        return
    rows = ((p["aor"], p["display_name"], p["number"], p["home"], ", ".join(p["groups"]), _state(p)) for p in people)
    print_table(("Address", "Name", "Number", "Home", "Groups", "State"), rows, empty="Nobody.")


@app.command(epilog="Example:  isthmus user show alice@contoso.example")
def show(aor: AorArgument, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show one person."""
    with connect(site) as client:
        _print_person(client.get(path_of(aor)), as_json)


@app.command(
    epilog="Examples:  isthmus user create zoe@contoso.example --home premises --number +14255550190   |   "
    "isthmus user create zoe@contoso.example --generate-password"
)
def create(
    aor: AorArgument,
    home: Annotated[
        str | None,
        typer.Option(
            "--home",
            metavar="SITE",
            help="Where they live; by default at the site asked.",
            autocompletion=complete_sites,
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Display name; by default the part before the @.")] = "",
    number: _Number = None,
    group: Annotated[list[str] | None, typer.Option("--group", help="A group they are in; may be repeated.")] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Create them without letting them in yet.")] = False,
    password: _Password = None,
    password_stdin: _PasswordStdin = False,
    generate_password: _Generate = False,
    no_password: _NoPassword = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Create a person. Asks for the password on a terminal, unless an option says where it comes from.

    The password is the person's own, for any phone. Better give each phone one of its own: isthmus device add
    """
    Aor.parse(aor)  # a slip is told before a password is asked for
    home = home or _own_home(site)
    chosen = _password(password, password_stdin, generate_password, no_password)
    if chosen is None and not no_password:
        chosen = _asked_password()
    body = {
        "aor": aor,
        "home": home,
        "display_name": name,
        "number": number,
        "password": chosen,
        "groups": group or [],
        "enabled": not disabled,
    }
    with connect(site) as client:
        person = client.post("/v1/people", body)
    _print_person({**person, "password": chosen} if generate_password else person, as_json)


@app.command(
    "set",
    epilog="Examples:  isthmus user set alice@contoso.example --number +14255550111   |   "
    "isthmus user set alice@contoso.example --add-group sales --disable",
)
def set_person(
    aor: AorArgument,
    name: Annotated[str | None, typer.Option("--name", help="Display name.")] = None,
    number: _Number = None,
    no_number: Annotated[bool, typer.Option("--no-number", help="Take the number away.")] = False,
    add_group: Annotated[list[str] | None, typer.Option("--add-group", help="May be repeated.")] = None,
    remove_group: Annotated[list[str] | None, typer.Option("--remove-group", help="May be repeated.")] = None,
    enable: Annotated[bool | None, typer.Option("--enable/--disable", help="Let them in, or keep them out.")] = None,
    password: _Password = None,
    password_stdin: _PasswordStdin = False,
    generate_password: _Generate = False,
    no_password: _NoPassword = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Change a person. The home changes by `isthmus user move` alone.

    A new password is for phones that use the person's own. Those with one of their own: isthmus device
    """
    if number is not None and no_number:
        raise UsageError("--number and --no-number exclude each other")
    chosen = _password(password, password_stdin, generate_password, no_password)
    given = {"display_name": name, "enabled": enable, "password": chosen, "number": number}
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if no_number:
        changes["number"] = None
    if no_password:
        changes["password"] = None
    if not changes and not add_group and not remove_group:
        raise UsageError("nothing to change", do="See: isthmus user set --help")
    with connect(site) as client:
        if add_group or remove_group:
            groups = set(client.get(path_of(aor))["groups"])
            changes["groups"] = sorted((groups | set(add_group or ())) - set(remove_group or ()))
        person = client.patch(path_of(aor), changes)
    _print_person({**person, "password": chosen} if generate_password else person, as_json)


@app.command(epilog="Example:  isthmus user delete zoe@contoso.example --yes")
def delete(
    aors: Annotated[list[str], typer.Argument(metavar="AOR...", help="Whom to delete.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Delete people; their numbers are free then. Asks first on a terminal."""
    for aor in aors:
        Aor.parse(aor)  # a slip is told before anybody is deleted
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete {', '.join(aors)}?", abort=True, err=True)
    worst = 0
    told: list[dict[str, Any]] = []
    with connect(site) as client:
        for aor in aors:
            try:
                client.delete(path_of(aor))
                told.append({"aor": aor, "deleted": True, "error": None})
                if not as_json:
                    print_line(f"deleted {aor}")
            except IsthmusError as error:
                told.append({"aor": aor, "deleted": False, "error": str(error)})
                print_error(error)
                worst = max(worst, error.exit_code)
    if as_json:
        print_json(told)
    if worst:
        raise typer.Exit(worst)


app.command("import", epilog=user_files.IMPORT_EXAMPLES)(user_files.import_people)
app.command("edit", epilog=user_files.EDIT_EXAMPLES)(user_files.edit_people)
app.command("export", epilog=user_files.EXPORT_EXAMPLES)(user_files.export_people)


def path_of(aor: str) -> str:
    """The API's path of a person. Raises UsageError for what is no address."""
    return f"/v1/people/{quote(str(Aor.parse(aor)), safe='@')}"


def _password(password: str | None, from_stdin: bool, generate: bool, none: bool) -> str | None:
    """The password by the one option that was given; None without any. Raises UsageError."""
    if (password is not None) + from_stdin + generate + none > 1:
        raise UsageError("only one of --password, --password-stdin, --generate-password and --no-password can be given")
    if generate:
        return secrets.token_urlsafe(16)
    chosen = sys.stdin.readline().rstrip("\r\n") if from_stdin else password
    if chosen == "":
        raise UsageError("the password is empty")
    return chosen


def _asked_password() -> str:
    if not sys.stdin.isatty():
        raise UsageError("no password is given", do="Use --password-stdin, --generate-password or --no-password.")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _state(person: dict[str, Any]) -> str:
    blocked = f", blocked: {', '.join(person['barred'])}" if person.get("barred") else ""
    return ("enabled" if person["enabled"] else "disabled") + blocked


def _print_person(person: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(person)
        return
    fields = [
        ("Address", person["aor"]),
        ("Name", person["display_name"]),
        ("Number", person["number"]),
        ("Home", f"{person['home']} (epoch {person['home_epoch']})"),
        ("Groups", ", ".join(person["groups"]) or None),
        ("State", _state(person)),
        ("Tenant", person["tenant"]),
    ]
    if "password" in person:
        fields.append(("Password", person["password"]))
    print_fields(fields)


def _own_home(site: str | None) -> str:
    """The site that the command talks to. Raises UsageError where it is one elsewhere."""
    if is_remote():
        raise UsageError("say at which site the person is at home", where="--home")
    return registry.find(site).site.name


app.command(
    "move",
    epilog="Examples:  isthmus user move alice@contoso.example --to online --wait   |   "
    "isthmus user move --group sales --to online --dry-run",
)(move.user_move)
