"""People in a CSV file: one a line under a heading of attribute names, separated by ',' or ';'.

The column `id` says who is who when an address changes; without it the address does, and a new address is a new person.
`groups` is separated by ';' (or '|', where ';' separates the cells). Everything else goes through the mapping.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

from isthmus.errors import UsageError
from isthmus.sync.model import Entry
from isthmus.sync.source import Reading

_LARGEST_BYTES = 200 << 20
_IDS = ("id", "aor", "address", "mail")
_Row = tuple[Entry, tuple[str, ...]]


class CsvSource:
    """The file at `path`, read anew each time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self) -> str:
        """How many people the file has. Raises UsageError with every fault."""
        return f"{self._path}: {len(self._rows()[0])} people"

    def full(self) -> Reading:
        """Everybody in the file."""
        rows, digest = self._rows()
        return Reading(rows, frozenset(), digest)

    def changes(self, cursor: str, known: Mapping[str, str]) -> Reading:
        """The lines that are different from what is known, and whose line is gone."""
        rows, digest = self._rows()
        if digest == cursor:
            return Reading([], frozenset(), digest)
        changed = [(entry, groups) for entry, groups in rows if known.get(entry.id) != entry.stamp]
        return Reading(changed, frozenset(set(known) - {entry.id for entry, _ in rows}), digest)

    def _rows(self) -> tuple[list[_Row], str]:
        try:
            if self._path.stat().st_size > _LARGEST_BYTES:
                raise UsageError("the file is larger than 200 MB", where=str(self._path))
            raw = self._path.read_bytes()
            text = raw.decode("utf-8-sig")
        except OSError as error:
            raise UsageError(f"the file can't be read ({error.strerror})", where=str(self._path)) from error
        except UnicodeDecodeError as error:
            raise UsageError(f"the file is not UTF-8 ({error.reason})", where=str(self._path)) from error
        rows, faults = parse(text)
        if faults:
            shown = "; ".join(faults[:10]) + (f"; and {len(faults) - 10} more" if len(faults) > 10 else "")
            raise UsageError(shown, where=str(self._path), do="Nothing was changed.")
        return rows, hashlib.sha256(raw).hexdigest()


def parse(text: str) -> tuple[list[_Row], list[str]]:
    """The people of a file, and everything that is wrong with it."""
    heading = text.split("\n", 1)[0]
    delimiter = ";" if heading.count(";") > heading.count(",") else ","
    between = "|" if delimiter == ";" else ";"
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[_Row] = []
    faults: list[str] = []
    lines: dict[str, int] = {}
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        key = next((name for name in _IDS if name in columns), "")
        if not key:
            return [], [f"line 1: no column says who is who ({', '.join(_IDS)})"]
        faults += [f"line 1: column {name!r} stands twice" for name in sorted(_twice(columns))]
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            line = reader.line_num
            if len(cells) != len(columns):
                faults.append(f"line {line}: {len(cells)} cells under {len(columns)} headings")
                continue
            values = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
            identity = values[key] if key == "id" else values[key].lower()
            if not identity:
                faults.append(f"line {line}: {key} is empty")
            elif identity in lines:
                faults.append(f"line {line}: {identity} stands already on line {lines[identity]}")
            else:
                lines[identity] = line
                rows.append(_row(identity, values, between))
    except csv.Error as error:
        faults.append(f"line {reader.line_num}: not valid CSV ({error})")
    return rows, faults


def _row(identity: str, values: Mapping[str, str], between: str) -> _Row:
    groups = tuple(name for part in values.get("groups", "").split(between) if (name := part.strip()))
    attributes = {name: (value,) for name, value in values.items() if name != "groups" and value}
    stamp = hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:24]
    return Entry(identity, identity, attributes, stamp), groups


def _twice(columns: list[str]) -> set[str]:
    return {name for name in columns if columns.count(name) > 1}
