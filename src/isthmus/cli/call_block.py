"""`isthmus call block`: calls that are not taken, or not made, whoever calls."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from isthmus.addressing import dialled_number
from isthmus.cli import call
from isthmus.cli.call import Snapshots
from isthmus.cli.client import connect
from isthmus.cli.group import TenantOption
from isthmus.cli.output import JsonOption, SiteOption, print_done, print_json, print_line, print_table
from isthmus.errors import NotFoundError, UnavailableError, UsageError
from isthmus.routing import blocking
from isthmus.routing.model import Direction
from isthmus.site import registry

app = typer.Typer(help="Calls that are not taken, or not made, whoever calls (docs/fraud.md).", no_args_is_help=True)
call.app.add_typer(app, name="block")

_OUT_ALONE = ("country:", "trunk:", "person:")
_What = Annotated[
    str,
    typer.Argument(
        metavar="WHAT",
        help="Numbers that begin so: +1900, +1425555XXXX$; anonymous; country:CU, trunk:NAME, person:ADDRESS.",
    ),
]
_Out = Annotated[bool, typer.Option("--out", help="Calls to there; without it calls from there.")]


@app.command("list", epilog="Example:  isthmus call block list --site online")
def list_blocks(tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List what a site blocks, and what it lets through nevertheless."""
    with connect(site) as client:
        found: list[dict[str, Any]] = client.get("/v1/blocks", tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["direction"],
            each["what"],
            "let through" if each["exception"] else "blocked",
            each["reason"],
            each["by"],
            each["site"],
            datetime.fromtimestamp(each["at"], UTC).astimezone().strftime("%Y-%m-%d %H:%M"),
        )
        for each in found
    )
    print_table(("Calls", "Numbers", "Are", "Reason", "By", "Made at", "Since"), rows, empty="Nothing is blocked.")


@app.command(
    epilog="Examples:  isthmus call block add +1900 --out   |   isthmus call block add country:CU   |   "
    'isthmus call block add anonymous --reason "nuisance calls"   |   '
    "isthmus call block add +14255550199$ --except"
)
def add(
    what: _What,
    out: _Out = False,
    excepted: Annotated[bool, typer.Option("--except", help="Let these through, whatever else is blocked.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why, for who sees it later.")] = "",
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Block calls from now on. Calls that are up go on. Emergency calls, and calls back after one, never are."""
    body = {"direction": _direction(what, out), "what": what, "exception": excepted, "reason": reason}
    with connect(site) as client:
        done: dict[str, Any] = client.post("/v1/blocks", body, tenant=tenant)
    does = "are let through" if done["exception"] else "are blocked"
    print_done(f"Calls {'to or by' if _is_out(done) else 'from'} {done['what']} {does}.", done, as_json)


@app.command(epilog="Example:  isthmus call block remove country:CU")
def remove(
    what: _What, out: _Out = False, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None
) -> None:
    """Take a block, or an exception, back."""
    body = {"direction": _direction(what, out), "what": what}
    with connect(site) as client:
        client.post("/v1/blocks/remove", body, tenant=tenant)
    print_done(f"{what} is not blocked any more.", {"removed": what}, as_json)


@app.command(
    "test",
    epilog="Examples:  isthmus call block test +12065550123   |   isthmus call block test +19005550123 --out   |   "
    "isthmus call block test anonymous",
)
def try_number(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="A number, or anonymous.")],
    out: _Out = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Say whether a number is blocked, and by what, by the rules and the snapshot that calls are routed by.

    Countries, trunks and people: isthmus call explain says it for one call.
    """
    digits = "" if number == blocking.ANONYMOUS else dialled_number(number)
    if digits is None:
        raise UsageError(f"{number[:40]!r} is no number", do="Write it as +12065550123, or anonymous.")
    with ExitStack() as stack:
        snapshots = Snapshots(registry.find(site))
        stack.callback(snapshots.close)
        opened = snapshots(snapshots.first)
        if opened is None:
            raise UnavailableError("there is no snapshot to read", where=snapshots.first, do="Start the site.")
        config = stack.enter_context(opened).config
        whose = tenant or next((config.tenants[place] for place in config.domains.values()), "")
        if whose not in config.tenants:
            raise NotFoundError(f"there is no tenant {whose!r}")
        direction = Direction.OUT if out else Direction.IN
        verdict = blocking.judged(config.blocks, config.tenants.index(whose), direction, digits)
    if as_json:
        print_json({"number": number, "blocked": verdict.refuses, "by": verdict.blocked, "exception": verdict.but})
    elif verdict.refuses:
        print_line(f"{number} is blocked, by {verdict.blocked}.")
    elif verdict.blocked:
        print_line(f"{number} is let through by {verdict.but}, though {verdict.blocked} is blocked.")
    else:
        print_line(f"{number} is not blocked.")


def _direction(what: str, out: bool) -> str:
    return Direction.OUT if out or what.startswith(_OUT_ALONE) else Direction.IN


def _is_out(block: dict[str, Any]) -> bool:
    return bool(block["direction"] == Direction.OUT)
