"""`isthmus number import` and `export`: the inventory as a CSV file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, error_console, print_json, print_line
from isthmus.cli.user_files import print_faults, read_text, write_file
from isthmus.directory.bulk import Fault
from isthmus.numbers import files
from isthmus.numbers.model import Kind, Owner

IMPORT_EXAMPLES = (
    "Columns: number (a range or one), use, source, carrier, note, owner. "
    "Examples:  isthmus number import numbers.csv --dry-run   |   isthmus number import numbers.csv"
)
EXPORT_EXAMPLES = "Example:  isthmus number export numbers.csv"
_Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Whose numbers; by default one's own tenant's.")
]


def import_numbers(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV file; - is standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
    tenant: _Tenant = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Put ranges in and assign numbers by a file: all of it, or nothing and a list of everything that is wrong."""
    records, faults = files.read_csv(read_text(file))
    body = {
        "rows": [{**record.values, "line": record.line} for record in records],
        "dry_run": dry_run or bool(faults),
    }
    with connect(site, timeout_s=None) as client:
        report = client.post("/v1/numbers/import", body, tenant=tenant)
    every = sorted((*faults, *(Fault(**error) for error in report["errors"])), key=lambda fault: fault.line)
    if as_json:
        errors = [{"line": fault.line, "what": fault.what} for fault in every]
        print_json({**report, "dry_run": dry_run, "errors": errors})
    elif every:
        print_faults(file, every)
        many = "error" if len(every) == 1 else "errors"
        error_console().print(f"[red]error:[/red] {len(every)} {many}; nothing was written")
    else:
        would = "would be " if dry_run else ""
        print_line(
            f"{report['added']} ranges {would}added, {report['changed']} {would}changed, "
            f"{report['assigned']} numbers {would}assigned, {report['unchanged']} as they were"
        )
    if every:
        raise typer.Exit(1)


def export_numbers(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write; - is standard output.")] = "-",
    tenant: _Tenant = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Write the inventory and who has which number to a file that `import` takes back."""
    owned: list[tuple[str, str]] = []
    with connect(site) as client:
        ranges = client.get("/v1/numbers/ranges", tenant=tenant)
        for page in client.pages("/v1/numbers", "number", tenant=tenant, state="assigned"):
            owned += [(each["number"], _owner(each["owner"])) for each in page]
        for page in client.pages("/v1/numbers/extensions", "number", tenant=tenant):
            owned += [(each["number"], each["aor"]) for each in page]
    if as_json:
        print_json({"ranges": ranges, "owners": [{"number": number, "owner": name} for number, name in owned]})
        return
    text = files.write_csv(ranges, owned)
    if file == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())  # UTF-8 whatever the terminal has: `import` takes nothing else
        return
    write_file(Path(file), text)
    error_console().print(f"{len(ranges)} ranges and {len(owned)} owners written to {file}", markup=False)


def _owner(owner: dict[str, Any]) -> str:
    return str(Owner(Kind(owner["kind"]), owner["name"]))
