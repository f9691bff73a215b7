"""People as CSV and JSON files: pure reading and writing. What may be written is for the directory to say.

Columns: aor, display_name, number, home, password, groups (separated by ';' in CSV), enabled. An export has no
password, since the directory holds none; everything else comes back as it went out.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isthmus.addressing import Aor, normalise_number
from isthmus.directory import rules
from isthmus.directory.model import UNCHANGED, Credentials, Person, Unchanged
from isthmus.errors import IsthmusError, UsageError

EXPORTED = ("aor", "display_name", "number", "home", "groups", "enabled")
COLUMNS = (*EXPORTED, "password")
_TRUE, _FALSE = ("true", "yes", "1", "on"), ("false", "no", "0", "off")
# A cell that begins like this is run as a formula by spreadsheets; one more quote in front stops that.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a file. line: counted from 1; 0 where it concerns the whole."""

    line: int
    what: str
    aor: str = ""

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.aor + ': ' if self.aor else ''}{self.what}"


@dataclass(frozen=True, slots=True)
class Record:
    """One object of a file as it stands there. values: column to text (CSV) or JSON value."""

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One person of a file, understood. What the file does not say is UNCHANGED (a default, for new people)."""

    line: int
    aor: Aor
    display_name: str | Unchanged = UNCHANGED
    number: str | Unchanged | None = UNCHANGED
    home: str | Unchanged = UNCHANGED
    credentials: Credentials | Unchanged = UNCHANGED
    groups: tuple[str, ...] | Unchanged = UNCHANGED
    enabled: bool | Unchanged = UNCHANGED


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do; with faults it did nothing."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    dry_run: bool = False
    faults: tuple[Fault, ...] = ()

    def counts(self) -> dict[str, int]:
        """The numbers alone."""
        return {"created": self.created, "updated": self.updated, "unchanged": self.unchanged}


def read_csv(text: str, known: Sequence[str] = COLUMNS, key: str = "aor") -> tuple[list[Record], list[Fault]]:
    """The objects of a CSV file with a heading line; separated by ',' or ';'. Everything wrong is listed.

    known: the columns there are. key: the one that has to be there.
    """
    lines = text.removeprefix("\ufeff")
    heading = lines.split("\n", 1)[0]
    # Spreadsheets of many countries write ';', where ',' stands in numbers.
    delimiter = ";" if heading.count(";") > heading.count(",") else ","
    reader = csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter, strict=True)
    records: list[Record] = []
    faults: list[Fault] = []
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        faults += _heading_faults(columns, known, key)
        start = reader.line_num + 1
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not any(cells):
                continue
            if len(cells) != len(columns):
                faults.append(Fault(line, f"{len(cells)} cells under {len(columns)} headings"))
                continue
            values = zip(columns, map(_unguarded, cells), strict=True)
            # A column that is none was told of once, at the heading.
            records.append(Record(line, {name: value for name, value in values if name in known}))
    except csv.Error as error:
        faults.append(Fault(reader.line_num, f"not valid CSV ({error})"))
    return records, faults


def read_json(text: str) -> tuple[list[Record], list[Fault]]:
    """The objects of a JSON array, each with the line on which it begins."""
    records: list[Record] = []
    faults: list[Fault] = []
    try:
        for line, value in _elements(text.removeprefix("\ufeff")):
            if isinstance(value, dict):
                records.append(Record(line, value))
            else:
                faults.append(Fault(line, "not an object"))
    except (json.JSONDecodeError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        faults.append(Fault(line, f"not a JSON list of people ({getattr(error, 'msg', 'nested too deeply')})"))
    return records, faults


def rows_of(records: Iterable[Record]) -> tuple[list[Row], list[Fault]]:
    """The people the records describe, and everything in them that can't be understood."""
    rows: list[Row] = []
    faults: list[Fault] = []
    for record in records:
        name = record.values.get("aor")
        shown = name if isinstance(name, str) else ""
        try:
            rows.append(_row(record))
        except IsthmusError as error:
            faults += [Fault(record.line, what, shown) for what in str(error).split("\n")]
    return rows, faults


def write_csv(people: Iterable[Person]) -> str:
    """The people as CSV, with a heading line."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(EXPORTED)
    for person in people:
        values = exported(person)
        cells = [values["aor"], values["display_name"], values["number"] or "", values["home"]]
        writer.writerow(
            [guarded(str(cell)) for cell in (*cells, ";".join(values["groups"]), str(values["enabled"]).lower())]
        )
    return out.getvalue()


def write_json(people: Iterable[Person]) -> str:
    """The people as a JSON array, one object a line."""
    objects = ",\n".join(json.dumps(exported(person), ensure_ascii=False) for person in people)
    return f"[\n{objects}\n]\n" if objects else "[]\n"


def exported(person: Person) -> dict[str, Any]:
    """The columns of one person."""
    return {
        "aor": str(person.aor),
        "display_name": person.display_name,
        "number": person.number,
        "home": person.home,
        "groups": list(person.groups),
        "enabled": person.enabled,
    }


def _heading_faults(columns: list[str], known: Sequence[str], key: str) -> list[Fault]:
    faults = [Fault(1, f"{name!r} is no column ({', '.join(known)})") for name in columns if name not in known]
    faults += [
        Fault(1, f"column {name!r} stands twice") for name in sorted({c for c in columns if columns.count(c) > 1})
    ]
    if key not in columns:
        faults.append(Fault(1, f"the heading line has no column {key!r}"))
    return faults


def _elements(text: str) -> Iterable[tuple[int, Any]]:
    """The elements of a JSON array with their lines: the json module alone forgets where each one stood."""
    decoder = json.JSONDecoder()
    blank = re.compile(r"[ \t\r\n]*")

    def skip(at: int) -> int:
        found = blank.match(text, at)
        return found.end() if found else at

    at = skip(0)
    if text[at : at + 1] != "[":
        raise json.JSONDecodeError("an array of objects is wanted: [{...}, ...]", text, at)
    at, line, seen = skip(at + 1), 1, 0
    if text[at : at + 1] == "]":
        at = skip(at + 1)
    else:
        while True:
            line, seen = line + text.count("\n", seen, at), at
            value, at = decoder.raw_decode(text, at)
            yield line, value
            at = skip(at)
            mark = text[at : at + 1]
            at = skip(at + 1)
            if mark == "]":
                break
            if mark != ",":
                raise json.JSONDecodeError("',' or ']' is missing", text, min(at, len(text)))
    if at != len(text):
        raise json.JSONDecodeError("something follows the array", text, at)


def _row(record: Record) -> Row:
    """Raises UsageError with one fault a line."""
    values = record.values
    faults = [f"{name!r} is no column" for name in values if name not in COLUMNS]
    parsed: dict[str, Any] = {}
    for name, read in _READERS.items():
        if name in values:
            try:
                parsed[name] = read(values[name])
            except UsageError as error:
                faults.append(str(error).removesuffix("."))
    if "aor" not in values:
        faults.append("no aor is given")
    if faults:
        raise UsageError("\n".join(faults))
    password = parsed.pop("password", "")
    if password:
        parsed["credentials"] = Credentials.of(parsed["aor"], password)
    return Row(record.line, **parsed)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is not a text")
    return value


def _password(value: Any) -> str:
    return rules.checked_password(None if value is None else _text(value))


def _number(value: Any) -> str | None:
    return normalise_number(_text(value)) if value not in (None, "") else None


def _home(value: Any) -> str | Unchanged:
    return _text(value).strip() or UNCHANGED


def _groups(value: Any) -> tuple[str, ...]:
    parts = value.split(";") if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise UsageError(f"{value!r} is not a list of groups")
    return tuple(sorted({name for part in parts if (name := _text(part).strip())}))


def _enabled(value: Any) -> bool | Unchanged:
    if isinstance(value, bool):
        return value
    text = _text(value).strip().lower()
    if text not in (*_TRUE, *_FALSE, ""):
        raise UsageError(f"{value!r} is neither true nor false")
    return UNCHANGED if text == "" else text in _TRUE


_READERS: dict[str, Any] = {
    "aor": lambda value: Aor.parse(_text(value)),
    "display_name": _text,
    "number": _number,
    "home": _home,
    "password": _password,
    "groups": _groups,
    "enabled": _enabled,
}


def guarded(cell: str) -> str:
    """The cell as it can stand in a file that a spreadsheet opens; `read_csv` gives back what it was."""
    return f"'{cell}" if _FORMULA.match(cell) and not _is_number(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _is_number(cell: str) -> bool:
    """A telephone number in a cell of its own is harmless, and every tool expects it bare."""
    return cell[:1] == "+" and cell[1:].isdigit()
