"""The inventory as a CSV file: pure reading and writing. What may be written is for the inventory to say.

Columns: number (a range or one number, also with `;ext=`), use, source, carrier, note, owner. An export has a row for
each range and one for each number or extension that has an owner, and `import` takes it back.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from isthmus.addressing import Telephone
from isthmus.directory import bulk
from isthmus.directory.bulk import Fault, Record
from isthmus.errors import IsthmusError, UsageError
from isthmus.numbers.model import NumberSource, NumberUse, Owner, Range
from isthmus.numbers.rules import checked_range, checked_text

COLUMNS = ("number", "use", "source", "carrier", "note", "owner")
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Row:
    """One row, understood. extension: of a row about one. use, source, carrier, note: None where it does not say."""

    line: int
    range: Range
    extension: str = ""
    use: NumberUse | None = None
    source: NumberSource | None = None
    carrier: str | None = None
    note: str | None = None
    owner: Owner | None = None

    @property
    def about_owner_alone(self) -> bool:
        """Whether it says nothing of the range."""
        return all(each is None for each in (self.use, self.source, self.carrier, self.note))


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do; with faults it did nothing. added, changed: ranges. assigned: owners."""

    added: int = 0
    changed: int = 0
    assigned: int = 0
    unchanged: int = 0
    dry_run: bool = False
    faults: tuple[Fault, ...] = ()

    def counts(self) -> dict[str, int]:
        """The numbers alone."""
        return {
            "added": self.added,
            "changed": self.changed,
            "assigned": self.assigned,
            "unchanged": self.unchanged,
        }


def read_csv(text: str) -> tuple[list[Record], list[Fault]]:
    """The rows of a file with a heading line, and everything wrong with it."""
    return bulk.read_csv(text, COLUMNS, "number")


def rows_of(records: Iterable[Record]) -> tuple[list[Row], list[Fault]]:
    """What the records say, and everything in them that can't be understood."""
    rows: list[Row] = []
    faults: list[Fault] = []
    for record in records:
        try:
            rows.append(_row(record.line, record.values))
        except IsthmusError as error:
            faults.append(Fault(record.line, str(error).removesuffix(".")))
    return rows, faults


def write_csv(ranges: Iterable[Mapping[str, Any]], owned: Iterable[tuple[str, str]]) -> str:
    """ranges: as `wire.block_public` shows them. owned: number or extension, and owner."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = [[each["range"], *(each[name] or "" for name in COLUMNS[1:-1]), ""] for each in ranges]
    rows += [[number, "", "", "", "", owner] for number, owner in owned]
    writer.writerows([bulk.guarded(cell) for cell in row] for row in rows)
    return out.getvalue()


def _row(line: int, values: Mapping[str, Any]) -> Row:
    """Raises UsageError."""
    unknown = sorted(set(values) - set(COLUMNS))
    if unknown:
        raise UsageError(f"{unknown[0]!r} is no column ({', '.join(COLUMNS)})")
    texts = {name: _text(value) for name, value in values.items() if value is not None}
    given = {name: text for name, text in texts.items() if text}
    if "number" not in given:
        raise UsageError("no number is given")
    owner = Owner.parse(given["owner"]) if "owner" in given else None
    carrier, note = (
        checked_text(f"the {name}", given[name]) if name in given else None for name in ("carrier", "note")
    )
    use, source = _choice(NumberUse, given.get("use")), _choice(NumberSource, given.get("source"))
    numbers, extension = _numbers(given["number"])
    row = Row(line, numbers, extension, use, source, carrier, note, owner)
    if owner is not None and numbers.size > 1:
        raise UsageError(f"{numbers} are several numbers, and have no one owner")
    if extension and (owner is None or not row.about_owner_alone):
        raise UsageError("a row about an extension has an owner and nothing else")
    return row


def _numbers(text: str) -> tuple[Range, str]:
    if ";" not in text:
        return checked_range(text), ""
    telephone = Telephone.parse(text)
    return checked_range(telephone.number), telephone.extension


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is not a text")
    return value.strip()


def _choice(kind: Callable[[str], _Choice] | type[_Choice], text: str | None) -> _Choice | None:
    if text is None:
        return None
    try:
        return kind(text.lower())
    except ValueError as error:
        raise UsageError(f"{text[:40]!r} is none of {', '.join(kind)}") from error  # type: ignore[arg-type]
