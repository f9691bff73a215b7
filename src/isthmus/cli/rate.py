"""`isthmus rate`: what calls cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, print_json, print_line, print_table
from isthmus.errors import UsageError

app = typer.Typer(no_args_is_help=True)

_SHOWN = 20
_Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Whose rates; by default the site's own.")
]


@app.command("list", epilog="Example:  isthmus rate list --site premises")
def list_rates(tenant: _Tenant = None, site: SiteOption = None, json: JsonOption = False) -> None:
    """List the rates by which calls are charged, in the order of their prefixes."""
    with connect(site) as client:
        found = [rate for page in client.pages("/v1/rates", "prefix", tenant=tenant) for rate in page]
    if json:
        print_json(found)
        return
    print_table(
        ("Prefix", "Name", "A minute", "At least", "In steps of"),
        (
            (
                rate["prefix"],
                rate["name"],
                f"{rate['price_per_minute']} {rate['currency']}",
                f"{rate['minimum_s']} s",
                f"{rate['increment_s']} s",
            )
            for rate in found
        ),
        empty="No rates: calls are recorded without cost.",
    )


@app.command("import", epilog="Examples:  isthmus rate import rates.csv --dry-run   |   isthmus rate import rates.csv")
def import_rates(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header; it replaces the table there is.")],
    tenant: _Tenant = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Replace the rates by those of a file. Records that are there keep their cost.

    Columns: prefix, name, price_per_minute, currency, minimum_s, increment_s; the last two may be missing. A line that
    is wrong keeps all from being changed.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError("the file is not UTF-8", where=str(file)) from error
    except OSError as error:
        raise UsageError(f"the file can't be read ({error.strerror})", where=str(file)) from error
    with connect(site, timeout_s=None) as client:
        done: dict[str, Any] = client.post("/v1/rates/import", {"csv": text, "dry_run": dry_run}, tenant=tenant)
    if json:
        print_json(done)
    else:
        _tell(done)
    if done["faults"]:
        raise UsageError(f"{len(done['faults'])} lines are wrong, and nothing was changed", where=str(file))


def _tell(done: dict[str, Any]) -> None:
    for fault in done["faults"][:_SHOWN]:
        print_line(f"line {fault['line']}: {fault['what']}")
    if done["faults"]:
        return
    for name in ("added", "changed", "removed"):
        prefixes = done[name]
        more = f" and {len(prefixes) - _SHOWN} more" if len(prefixes) > _SHOWN else ""
        listed = f": {', '.join(prefixes[:_SHOWN])}{more}" if prefixes else ""
        print_line(f"{f'would be {name}' if done['dry_run'] else name}: {len(prefixes)}{listed}")
    print_line(f"unchanged: {done['unchanged']}")
