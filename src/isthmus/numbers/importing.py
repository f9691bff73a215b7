"""A file of numbers brought in, inside a transaction: everything is tried, and what is wrong is told by its line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from isthmus.addressing import Telephone
from isthmus.directory.bulk import Fault
from isthmus.directory.journal import Journal
from isthmus.errors import IsthmusError, RefusedError
from isthmus.numbers import owning, stock, store
from isthmus.numbers.files import ImportReport, Row
from isthmus.numbers.model import Block, NumberSource, NumberUse, written


def carry_out(log: Journal, tenant: str, rows: Sequence[Row]) -> ImportReport:
    """Do what the rows say, as far as it can be: with any fault in the report, the caller undoes it.

    A row whose range is there as it stands changes what is said of it; one that only names an owner is about a number
    of the inventory; any other adds its range. Ranges come first, so that the order of the rows is all one.
    """
    done: Counter[str] = Counter()
    faults: list[Fault] = []
    for step in (_range, _owner):
        for row in rows:
            try:
                done[step(log, tenant, row)] += 1
            except IsthmusError as error:
                faults.append(Fault(row.line, str(error).removesuffix(".")))
    ordered = tuple(sorted(faults, key=lambda fault: fault.line))
    return ImportReport(done["added"], done["changed"], done["assigned"], done["unchanged"], faults=ordered)


def _range(log: Journal, tenant: str, row: Row) -> str:
    """What became of the range: added, changed, unchanged; nothing where the row is not about it."""
    if row.about_owner_alone and row.owner is not None:
        return ""
    present = [each for each in store.overlapping(log.connection, row.range) if each.tenant == tenant]
    if not present or present[0].range != row.range:
        stock.add(log, _said(Block(row.range, tenant), row))
        return "added"
    after = _said(present[0], row)
    if after == present[0]:
        return "unchanged" if row.owner is None else ""
    stock.change(log, present[0], after)
    return "changed"


def _said(block: Block, row: Row) -> Block:
    """The range as the row has it; what the row does not say stays."""
    use: NumberUse = row.use or block.use
    source: NumberSource = row.source or block.source
    carrier = block.carrier if row.carrier is None else row.carrier
    note = block.note if row.note is None else row.note
    return replace(block, use=use, source=source, carrier=carrier, note=note)


def _owner(log: Journal, tenant: str, row: Row) -> str:
    if row.owner is None:
        return ""
    before = len(log.entries)
    owning.assign(log, tenant, Telephone(written(row.range.first), row.extension), row.owner, instead=False)
    return "assigned" if len(log.entries) > before else "unchanged"


class NothingWrittenError(RefusedError):
    """Undoes a dry run, or an import with faults. report: what it would have come to."""

    def __init__(self, report: ImportReport) -> None:
        super().__init__("nothing was written")
        self.report = report
