"""Networks as CSV files, and what an import of them would do. Pure.

Columns: kind (port, switch, bssid, subnet), id, port (of ports alone), place.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from isthmus.emergency import elements
from isthmus.emergency.model import Element, NetworkElement
from isthmus.errors import IsthmusError

COLUMNS = ("kind", "id", "port", "place")
_NEEDED = ("kind", "id", "place")
_TOLD = 50  # parts that the audit log names one by one


@dataclass(frozen=True, slots=True)
class Row:
    """A part of a network, understood. line: of the file, counted from 1; 0 for none."""

    line: int
    element: NetworkElement


class Fault(msgspec.Struct, frozen=True):
    """Something wrong in a file. line: 0 where it concerns the whole."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}" if self.line else self.what


class ImportReport(msgspec.Struct, frozen=True):
    """What an import did, or would do; with faults it did nothing."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    dry_run: bool = False
    faults: tuple[Fault, ...] = ()


def read_csv(text: str) -> tuple[list[dict[str, Any]], list[Fault]]:
    """The rows of a CSV file with a heading line, separated by ',' or ';', each with its line; and what is wrong."""
    whole = text.removeprefix("\ufeff")
    heading = whole.split("\n", 1)[0]
    delimiter = ";" if heading.count(";") > heading.count(",") else ","
    reader = csv.reader(io.StringIO(whole, newline=""), delimiter=delimiter, strict=True)
    rows: list[dict[str, Any]] = []
    faults: list[Fault] = []
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        faults += [Fault(1, f"there is no column {name!r}") for name in columns if name not in COLUMNS]
        faults += [Fault(1, f"the column {name!r} is missing") for name in _NEEDED if name not in columns]
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(columns):
                faults.append(Fault(reader.line_num, f"{len(cells)} cells under {len(columns)} headings"))
            else:
                values = {name: cell for name, cell in zip(columns, cells, strict=True) if name in COLUMNS}
                rows.append({"line": reader.line_num, **values})
    except csv.Error as error:
        faults.append(Fault(reader.line_num, f"not valid CSV ({error})"))
    return rows, faults


def understood(tenant: str, line: int, kind: str, id_: str, port: str, place: str) -> Row | Fault:
    """A row, or what is wrong with it."""
    try:
        found = Element(kind.strip().lower())
    except ValueError:
        return Fault(line, f"{kind[:40]!r} is no kind: {', '.join(Element)}")
    try:
        return Row(line, elements.checked(tenant, found, id_, place.strip(), port))
    except IsthmusError as error:
        return Fault(line, str(error))


def planned(
    present: Iterable[NetworkElement], places: Collection[str], rows: Sequence[Row], *, update: bool, whole: bool
) -> tuple[ImportReport, list[NetworkElement]]:
    """What the rows would change: the counts with all that is wrong, and the parts that would lead somewhere new."""
    leads = {_key(each): each for each in present}
    seen: dict[tuple[str, str, str], int] = {}
    faults: list[Fault] = []
    created: list[NetworkElement] = []
    updated: list[NetworkElement] = []
    for row in rows:
        each, key = row.element, _key(row.element)
        before = leads.get(key)
        if key in seen:
            faults.append(Fault(row.line, f"{each} stands in line {seen[key]} already"))
        elif each.place not in places:
            faults.append(Fault(row.line, f"there is no place {each.place!r}"))
        elif before is None:
            created.append(each)
        elif before.place != each.place:
            updated.append(each)
            if not update:
                faults.append(Fault(row.line, f"{each} leads to {before.place} already"))
        seen.setdefault(key, row.line)
    gone = len(missing(leads.values(), rows)) if whole else 0
    unchanged = len(rows) - len(created) - len(updated)
    report = ImportReport(len(created), len(updated), unchanged, gone, faults=tuple(faults))
    return (msgspec.structs.replace(report, created=0, updated=0, removed=0, unchanged=0) if faults else report), [
        *created,
        *updated,
    ]


def missing(present: Iterable[NetworkElement], rows: Sequence[Row]) -> list[NetworkElement]:
    """Parts that lead somewhere and are not among the rows."""
    named = {_key(row.element) for row in rows}
    return [each for each in present if _key(each) not in named]


def told(parts: Sequence[NetworkElement]) -> list[str]:
    """As the audit log has them: the first ones by name, the others counted."""
    named = [f"{each} -> {each.place}" for each in parts[:_TOLD]]
    return [*named, f"and {len(parts) - _TOLD} more"] if len(parts) > _TOLD else named


def _key(each: NetworkElement) -> tuple[str, str, str]:
    return each.kind.value, each.id, each.port
