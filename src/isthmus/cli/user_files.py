"""`isthmus user import` and `export`: many people, as CSV or JSON files."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.client import connect
from isthmus.cli.output import (
    JsonOption,
    SiteOption,
    complete_sites,
    ending_aside,
    error_console,
    print_json,
    print_line,
    print_table,
    progress,
    shown,
)
from isthmus.directory import bulk, wire
from isthmus.directory.bulk import Fault, Record
from isthmus.directory.model import Credentials
from isthmus.errors import UsageError

IMPORT_EXAMPLES = (
    "Columns: aor, display_name, number, home, password, groups (separated by ';' in CSV), enabled. "
    "Examples:  isthmus user import people.csv --dry-run   |   isthmus user import people.json --update"
)
EXPORT_EXAMPLES = (
    "Examples:  isthmus user export people.csv   |   isthmus user export --format json --home online > online.json"
)
_NOBODY = Credentials(b"", b"")  # an export has no secrets
EDIT_EXAMPLES = (
    "Examples:  isthmus user edit anna@contoso.example bob@contoso.example --add-group sales --dry-run   |   "
    "isthmus user edit - --disable < leavers.txt"
)
_EDITED_AT_ONCE = 200
_SHOWN = 100  # faults that a terminal gets


class Form(StrEnum):
    """Formats of a file."""

    CSV = "csv"
    JSON = "json"


_FormOption = Annotated[
    Form | None, typer.Option("--format", help="By default what the file's name ends in, else CSV.")
]


def import_people(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV or JSON file; - is standard input.")],
    form: _FormOption = None,
    update: Annotated[bool, typer.Option("--update", help="Change people who exist; else they are errors.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Create people from a file: all of them, or nobody and a list of everything that is wrong."""
    text = read_text(file)
    records, faults = bulk.read_json(text) if _form(file, form) is Form.JSON else bulk.read_csv(text)
    body = {
        "rows": [_row(record) for record in records],
        "update": update,
        # With the file itself at fault the rest is only checked, so that all is told at once.
        "dry_run": dry_run or bool(faults),
    }
    aside = ending_aside("The import may be done all the same. See: isthmus user list")
    with connect(site, timeout_s=None) as client, aside, progress(f"{len(records)} people"):
        report = client.post("/v1/people/import", body)
    every = sorted((*faults, *(Fault(**error) for error in report["errors"])), key=lambda fault: fault.line)
    _tell(report, every, dry_run, as_json, file)


def edit_people(
    aors: Annotated[list[str], typer.Argument(metavar="AOR...", help="Whom; - reads addresses from standard input.")],
    add_group: Annotated[list[str] | None, typer.Option("--add-group", help="A group they are to be in.")] = None,
    remove_group: Annotated[list[str] | None, typer.Option("--remove-group", help="A group they leave.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether they can be reached.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, write nothing.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Make the same change for many people. Exit code 1 where it can't be done for somebody; the others are changed."""
    named = [aor for each in aors for aor in (sys.stdin.read().split() if each == "-" else [each])]
    found: list[dict[str, Any]] = []
    with connect(site, timeout_s=None) as client, progress(f"{len(named)} people") as done:
        for start in range(0, len(named), _EDITED_AT_ONCE):
            wanted = {"enabled": enabled, "add_groups": add_group or [], "remove_groups": remove_group or []}
            some = named[start : start + _EDITED_AT_ONCE]
            found += client.post("/v1/people/edit", {"people": some, "dry_run": dry_run, **wanted})["people"]
            done(len(found))
    if as_json:
        print_json({"dry_run": dry_run, "people": found})
    else:
        print_table(("Address", "Before", "After", "Why not"), [_edited_row(each) for each in found])
    if any(each["why"] for each in found):
        raise typer.Exit(1)


def _edited_row(each: dict[str, Any]) -> tuple[object, ...]:
    return each["aor"], _brief(each["before"]), _brief(each["after"]), each["why"]


def _brief(person: dict[str, Any] | None) -> str:
    if person is None:
        return ""
    return " ".join(["enabled" if person["enabled"] else "disabled", *sorted(person["groups"])])


def export_people(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write; - is standard output.")] = "-",
    form: _FormOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    home: Annotated[
        str | None,
        typer.Option("--home", metavar="SITE", help="Only who is at home there.", autocompletion=complete_sites),
    ] = None,
    group: Annotated[str | None, typer.Option("--group", help="Only members of this group.")] = None,
    match: Annotated[str | None, typer.Option("--match", help="Part of an address, name or number.")] = None,
    site: SiteOption = None,
) -> None:
    """Write people to a file that `import` takes back. There are no passwords in it: nobody knows them."""
    if as_json and form is Form.CSV:
        raise UsageError("--json and --format csv exclude each other")
    form = Form.JSON if as_json else form
    found: list[dict[str, Any]] = []
    with connect(site) as client, progress("people") as done:
        for page in client.pages("/v1/people", "aor", home=home, group=group, match=match):
            found += page
            done(len(found))
    people = [wire.from_public(each, _NOBODY) for each in found]
    text = bulk.write_json(people) if _form(file, form) is Form.JSON else bulk.write_csv(people)
    if file == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())  # UTF-8 whatever the terminal has: `import` takes nothing else
        return
    write_file(Path(file), text)
    error_console().print(f"{len(people)} people written to {file}", markup=False)


def _form(file: str, form: Form | None) -> Form:
    return form or (Form.JSON if file.lower().endswith(".json") else Form.CSV)


def _row(record: Record) -> dict[str, Any]:
    return {**record.values, "line": record.line}


def _tell(report: dict[str, Any], faults: list[Fault], dry_run: bool, as_json: bool, file: str) -> None:
    if as_json:
        errors = [{"line": fault.line, "aor": fault.aor, "what": fault.what} for fault in faults]
        done = {"created": 0, "updated": 0, "unchanged": 0} if faults else {}
        print_json({**report, **done, "dry_run": dry_run, "errors": errors})
    elif faults:
        print_faults(file, faults)
        out = error_console()
        out.print(f"[red]error:[/red] {len(faults)} {'error' if len(faults) == 1 else 'errors'}; nothing was written")
    else:
        would = "would be " if dry_run else ""
        print_line(
            f"{report['created']} {would}created, {report['updated']} {would}updated, "
            f"{report['unchanged']} as they were"
        )
    if faults:
        raise typer.Exit(1)


def print_faults(file: str, faults: Sequence[Fault]) -> None:
    """A line each on stderr; on a terminal the first hundred, which push what came before out of sight already."""
    some = faults[:_SHOWN] if sys.stderr.isatty() else faults
    sys.stderr.write("".join(f"{shown(f'{file}: {fault}')}\n" for fault in some))
    if len(some) < len(faults):
        sys.stderr.write(f"... and {len(faults) - len(some)} more. All of them: the same command with 2> errors.txt\n")


def read_text(file: str) -> str:
    """A file's text; - is standard input. Raises UsageError."""
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"the file can't be read ({error.strerror})", where=file) from error
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UsageError("the file is not UTF-8", where=f"{file}: line {line}", do="Save it as UTF-8.") from error


def write_file(path: Path, text: str) -> None:
    """In one step: a full disk leaves the old file as it was. A device or a pipe is written to, not replaced."""
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_text(text, encoding="utf-8")
            return
        path = path.resolve()  # a link goes on pointing where it did
    except OSError as error:
        raise UsageError(f"the file can't be written ({error.strerror})", where=str(path)) from error
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"the file can't be written ({error.strerror})", where=str(path)) from error
