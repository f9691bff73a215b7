"""`isthmus stir`: signatures of who calls, tried out by hand; and an authority to try them with."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509

from isthmus.cli.output import JsonOption, print_done, print_fields, print_json, print_line
from isthmus.errors import UsageError
from isthmus.stir import authority, certificates, identity, passport, rules
from isthmus.stir.fetching import roots_in
from isthmus.stir.model import Attest, Claim, Passport, Range, Verstat
from isthmus.stir.model import Authority as Numbers
from isthmus.stir.numbers import canonical

app = typer.Typer(no_args_is_help=True)
authority_app = typer.Typer(help="An authority to try signatures with; not for production.", no_args_is_help=True)
app.add_typer(authority_app, name="authority")

_Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the authority is kept.")]
_Days = Annotated[int, typer.Option("--days", min=1, max=3650, help="How long it is good.")]
_From = Annotated[str, typer.Option("--from", metavar="NUMBER", help="Who calls, as +14255550101.")]
_To = Annotated[str, typer.Option("--to", metavar="NUMBER", help="Who is called.")]


@authority_app.command(epilog="Example:  isthmus stir authority init var/stir")
def init(
    folder: _Folder,
    name: Annotated[str, typer.Option("--name", help="What it calls itself.")] = "Isthmus test authority",
    days: _Days = 3650,
    as_json: JsonOption = False,
) -> None:
    """Make an authority: its certificate and key."""
    made = authority.init(folder, name, days)
    print_done(f"{made} is what others have to trust.", {"certificate": str(made)}, as_json)


@authority_app.command(
    epilog="Examples:  isthmus stir authority issue var/stir contoso --code 1234   |   "
    "isthmus stir authority issue var/stir contoso --number 14255550100 --range 14255550200/100"
)
def issue(
    folder: _Folder,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is; the files are called so.")],
    codes: Annotated[
        list[str] | None, typer.Option("--code", help="Provider code (SPC), for all of its numbers.")
    ] = None,
    numbers: Annotated[list[str] | None, typer.Option("--number", help="One number.")] = None,
    ranges: Annotated[
        list[str] | None, typer.Option("--range", metavar="FIRST/COUNT", help="Numbers that follow one another.")
    ] = None,
    days: _Days = 365,
    as_json: JsonOption = False,
) -> None:
    """Issue a certificate that may speak for numbers, and its key."""
    may = [Range(_number(each)) for each in numbers or ()] + [_range(each) for each in ranges or ()]
    made, key = authority.issue(folder, name, Numbers(tuple(codes or ()), tuple(may)), days)
    print_done(f"{made}, with its key in {key}", {"certificate": str(made), "key": str(key)}, as_json)


@app.command(
    epilog="Example:  isthmus stir sign --key var/stir/contoso.key --url https://certificates.contoso.example/c.pem "
    "--from +14255550101 --to +12065550123"
)
def sign(
    key: Annotated[Path, typer.Option("--key", help="The signer's key (PEM).")],
    url: Annotated[str, typer.Option("--url", help="Where its certificate is fetched.")],
    caller: _From,
    called: _To,
    attest: Annotated[
        Attest, typer.Option("--attest", help="A: own number; B: known caller; C: by a gateway.")
    ] = Attest.FULL,
    as_json: JsonOption = False,
) -> None:
    """Print the Identity header of a call that begins now."""
    try:
        loaded = passport.load_key(key.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"the key can't be read ({error})", where=str(key)) from error
    if not rules.is_certificate_url(url):
        raise UsageError(f"{url!r} is no https:// URL")
    said = Passport(_number(caller), (_number(called),), int(time.time()), url, attest, str(uuid.uuid4()))
    header = str(identity.of_token(passport.sign(said, loaded), url))
    if as_json:
        print_json({"identity": header})
    else:
        print_line(f"Identity: {header}")


@app.command(
    epilog="Example:  isthmus stir verify --trusted var/stir/root.pem --certificate var/stir/contoso.pem "
    "--from +14255550101 --to +12065550123 'eyJ...;info=<https://...>;alg=ES256;ppt=shaken'"
)
def verify(
    header: Annotated[str, typer.Argument(metavar="IDENTITY", help="The header's value.")],
    trusted: Annotated[Path, typer.Option("--trusted", help="Authorities that are believed (PEM).")],
    certificate: Annotated[Path, typer.Option("--certificate", help="What is at the URL in the header (PEM).")],
    caller: _From,
    called: _To,
    as_json: JsonOption = False,
) -> None:
    """Say what a call with this header would be told of its caller. Exit code 1 unless it passes."""
    now_s = int(time.time())
    try:
        pem = certificate.read_bytes()
    except OSError as error:
        raise UsageError(f"the certificate can't be read ({error})", where=str(certificate)) from error
    roots: list[x509.Certificate] = roots_in(trusted)
    value = header.removeprefix("Identity:").strip()
    claim = Claim((value,), _number(caller), (_number(called),))
    verdict = rules.verify(claim, now_s, lambda url: certificates.judge(url, pem, roots, now_s))
    if as_json:
        print_json({"verstat": verdict.verstat, "why": verdict.why, "code": verdict.code, "attest": verdict.attest})
    else:
        answer = f"{verdict.code} {verdict.phrase}" if verdict.code else None
        print_fields([("verstat", verdict.verstat.value), ("why", verdict.why), ("could be refused by", answer)])
    if verdict.verstat is not Verstat.PASSED:
        raise typer.Exit(1)


def _number(text: str) -> str:
    found = canonical(text)
    if not found:
        raise UsageError(f"{text[:40]!r} is no number", do="Write it as +14255550101.")
    return found


def _range(text: str) -> Range:
    first, slash, count = text.partition("/")
    if not slash or not (count.isascii() and count.isdigit() and 2 <= int(count) <= 10**9):
        raise UsageError(f"{text[:40]!r} are no numbers", do="Write it as 14255550200/100.")
    return Range(_number(first), int(count))
