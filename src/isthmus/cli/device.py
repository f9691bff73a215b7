"""`isthmus device`: the phones of people, each with a credential of its own."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any
from urllib.parse import quote

import segno
import typer

from isthmus.addressing import Aor
from isthmus.cli.client import Client, connect
from isthmus.cli.output import (
    JsonOption,
    SiteOption,
    error_console,
    print_done,
    print_error,
    print_fields,
    print_json,
    print_line,
    print_table,
)
from isthmus.devices import rules
from isthmus.errors import IsthmusError, NotFoundError, UsageError

app = typer.Typer(no_args_is_help=True)

_HELP = "The device's user name, as dev0k3m8w2x7q, or its person and label: 'alice@contoso.example/desk phone'."
_Name = Annotated[str, typer.Argument(metavar="DEVICE", help=_HELP)]
_Md5 = Annotated[
    bool | None,
    typer.Option(
        "--md5/--no-md5",
        help="Whether it may prove itself by MD5 too, which many phones need; by default unless a policy forbids it.",
    ),
]
_Qr = Annotated[bool, typer.Option("--qr", help="Show it as a QR code as well: the same text, and no link.")]
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@app.command(
    epilog="Examples:  isthmus device add alice@contoso.example --label 'desk phone'   |   "
    "isthmus device add alice@contoso.example --label softphone --no-md5 --json"
)
def add(
    aor: Annotated[str, typer.Argument(metavar="AOR", help="Whose phone it is, as alice@contoso.example.")],
    label: Annotated[str, typer.Option("--label", help="What people call it, as 'desk phone'.")],
    md5: _Md5 = None,
    qr: _Qr = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Make a device: a user name and a password for one phone, shown this once.

    The phone registers the person's address, and gives this user name and password when asked who it is.
    The password is kept nowhere: make a new one with `rotate` if it is lost.
    """
    with connect(site) as client:
        device = client.post("/v1/devices", {"aor": str(Aor.parse(aor)), "label": label, "md5": md5})
    _print_credential(device, qr, as_json)


@app.command(
    "list",
    epilog="Examples:  isthmus device list   |   isthmus device list alice@contoso.example --json",
)
def list_devices(
    aor: Annotated[str | None, typer.Argument(metavar="AOR", help="Only this person's.")] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List devices with their last use: when, where, and by which client."""
    wanted = str(Aor.parse(aor)) if aor is not None else None
    with connect(site) as client:
        found = [each for page in client.pages("/v1/devices", "name", aor=wanted) for each in page]
    if as_json:
        print_json(found)
        return
    rows = (
        (d["aor"], d["label"], d["name"], _time(_used(d, "at")), _place(d["last_use"]), _used(d, "client"))
        for d in found
    )
    print_table(
        ("Address", "Label", "Device", "Last used", "Place", "Client"),
        rows,
        empty="No devices. To make one: isthmus device add AOR --label LABEL",
    )
    _warn(found)


@app.command(
    epilog="Examples:  isthmus device show dev0k3m8w2x7q   |   isthmus device show 'alice@contoso.example/desk phone'"
)
def show(name: _Name, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show one device."""
    with connect(site) as client:
        device = client.get(_path(client, name))
    if as_json:
        print_json(device)
        return
    print_fields(
        (
            *_facts(device),
            ("Last used", _time(_used(device, "at"))),
            ("Place", _place(device["last_use"])),
            ("Client", _used(device, "client")),
            ("Password used", _which(device)),
        )
    )
    _warn([device])


@app.command(epilog="Example:  isthmus device rename dev0k3m8w2x7q --label 'phone at home'")
def rename(
    name: _Name,
    label: Annotated[str, typer.Option("--label", help="What people call it from now on.")],
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Give a device another label. Its credential stays."""
    with connect(site) as client:
        device = client.patch(_path(client, name), {"label": label})
    print_done(f"{device['name']} of {device['aor']} is called {device['label']!r}", device, as_json)


@app.command(
    epilog="Examples:  isthmus device rotate dev0k3m8w2x7q   |   isthmus device rotate dev0k3m8w2x7q --overlap 0s"
)
def rotate(
    name: _Name,
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="TIME", help="How long the old password is good as well: 30m, 12h, 7d.")
    ] = "1d",
    md5: Annotated[
        bool | None, typer.Option("--md5/--no-md5", help="Whether it may use MD5 from now on; as before if not said.")
    ] = None,
    qr: _Qr = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Make a new password for a device, shown this once; the old one is good for a while.

    `show` tells which of the two the phone used last. With `--overlap 0s` the old one ends at once, and
    what the phone has registered with it.
    """
    body = {"overlap_s": _seconds(overlap), "md5": md5}
    with connect(site) as client:
        device = client.post(f"{_path(client, name)}/rotate", body)
    _print_credential(device, qr, as_json)


@app.command(epilog="Example:  isthmus device revoke dev0k3m8w2x7q --yes")
def revoke(
    names: Annotated[list[str], typer.Argument(metavar="DEVICE...", help=_HELP)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """End devices: their credentials open nothing any more, their registrations end. Calls that are up go on."""
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Revoke {', '.join(names)}?", abort=True, err=True)
    worst = 0
    told: list[dict[str, Any]] = []
    with connect(site) as client:
        for name in names:
            try:
                client.delete(_path(client, name))
                told.append({"name": name, "revoked": True, "error": None})
                if not as_json:
                    print_line(f"revoked {name}")
            except IsthmusError as error:
                told.append({"name": name, "revoked": False, "error": str(error)})
                print_error(error)
                worst = max(worst, error.exit_code)
    if as_json:
        print_json(told)
    if worst:
        raise typer.Exit(worst)


def _path(client: Client, text: str) -> str:
    return f"/v1/devices/{quote(_named(client, text))}"


def _named(client: Client, text: str) -> str:
    """The name of a device that is named by itself, or by person and label. Raises UsageError, NotFoundError."""
    aor, slash, label = text.partition("/")
    if not slash:
        if not text.isalnum():
            raise UsageError(f"{text!r} is no device", do="To see which there are: isthmus device list")
        return text.lower()
    wanted = " ".join(label.split()).casefold()
    for page in client.pages("/v1/devices", "name", aor=str(Aor.parse(aor))):
        for device in page:
            if device["label"].casefold() == wanted:
                return str(device["name"])
    raise NotFoundError(f"{aor} has no device {label!r}", do=f"To see which there are: isthmus device list {aor}")


@app.command(
    "forbid-md5",
    epilog="Examples:  isthmus device forbid-md5 dev0k3m8w2x7q   |   isthmus device forbid-md5 --by-policy --dry-run",
)
def forbid_md5(
    names: Annotated[list[str] | None, typer.Argument(metavar="DEVICE...", help=_HELP)] = None,
    by_policy: Annotated[
        bool, typer.Option("--by-policy", help="All devices of people for whom a policy says `md5_digest=false`.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which that would be.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Let devices prove themselves by SHA-256 alone. What knows only MD5 can't register any more.

    There is no way back but a new password: `rotate --md5`.
    """
    if bool(names) == by_policy:
        raise UsageError("name devices, or say --by-policy", do="See: isthmus device forbid-md5 --help")
    with connect(site, timeout_s=None) as client:
        wanted = None if by_policy else [_named(client, name) for name in names or ()]
        done = client.post("/v1/devices/forbid-md5", {"names": wanted, "dry_run": dry_run})
    if as_json:
        print_json(done)
        return
    for name in done["devices"]:
        print_line(f"{'would forbid' if dry_run else 'forbade'} MD5 for {name}")
    if not done["devices"]:
        print_line("No device that uses MD5 is meant.")


def _print_credential(device: dict[str, Any], qr: bool, as_json: bool) -> None:
    if as_json:
        print_json(device)
        return
    facts = rules.told_to_phone(Aor.parse(device["aor"]), device["name"], device["secret"])
    print_fields((*_facts(device), *facts))
    if device["secret"] is None:
        return
    if qr:
        segno.make(rules.as_text(facts), micro=False, error="m").terminal(out=sys.stdout, compact=True)
    error_console().print(
        "The password is shown this once. User name: the one for authentication, where the phone has two.",
        markup=False,
    )


def _facts(device: dict[str, Any]) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("Device", device["name"]),
        ("Address", device["aor"]),
        ("Label", device["label"]),
        ("Made", _time(device["created"])),
        ("Digest", "SHA-256, MD5" if device["md5"] else "SHA-256"),
    ]
    if device["generation"] > 1:
        facts.append(("Password made", _time(device["secret_made"])))
    if device["former_until"] is not None:
        facts.append(("Old password until", _time(device["former_until"])))
    return facts


def _used(device: dict[str, Any], what: str) -> Any:
    return None if device["last_use"] is None else device["last_use"][what]


def _place(use: dict[str, Any] | None) -> str | None:
    return None if use is None else f"{use['address']} by {use['edge']} at {use['site']}"


def _which(device: dict[str, Any]) -> str | None:
    generation = _used(device, "generation")
    if generation is None:
        return None
    return "the present one" if generation == device["generation"] else "an old one"


def _time(at_s: float | None) -> str | None:
    if at_s is None:
        return None
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_s))


def _warn(found: list[dict[str, Any]]) -> None:
    unasked = sorted({site for device in found for site in device["sites_not_asked"]})
    if unasked:
        error_console().print(f"Could not ask {', '.join(unasked)} for its last uses.", markup=False)


def _seconds(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or not number.isascii() or unit not in _UNITS_S:
        raise UsageError(f"{text!r} is no length of time", do="Write it as 30m, 12h or 7d.")
    return int(number) * _UNITS_S[unit]
