"""The inventory as a file: all of it or nothing, errors by line, and what goes out comes back."""

from __future__ import annotations

import pytest

from isthmus.directory.service import Directory
from isthmus.numbers import files
from isthmus.numbers.files import ImportReport, Row
from isthmus.numbers.model import NumberState, NumberUse, Range
from isthmus.numbers.service import Numbers
from isthmus.numbers.wire import block_public
from tests.directory.conftest import aor
from tests.numbers.conftest import owner, stands, telephone

GOOD = """number,use,source,carrier,note,owner
+14255550200,,,,,service:desk
+14255550200-0299,subscriber,connector,Tailspin,=second floor,
+14255550201,,,,,alice@contoso.example
+14255550200;ext=7,,,,,bob@contoso.example
+18005550100,toll-free,calling-plan,Northwind,,service:sales
"""


def rows(text: str) -> list[Row]:
    records, faults = files.read_csv(text)
    found, more = files.rows_of(records)
    assert not faults + more
    return found


def bring_in(numbers: Numbers, text: str, *, dry_run: bool = False) -> ImportReport:
    return numbers.import_rows("main", rows(text), dry_run=dry_run, actor="test")


def test_a_dry_run_says_what_would_be_and_does_nothing(numbers: Numbers, directory: Directory) -> None:
    report = bring_in(numbers, GOOD, dry_run=True)
    assert (report.added, report.assigned, report.faults, report.dry_run) == (2, 4, (), True)
    assert len(numbers.ranges("main")) == 1
    assert directory.get(aor("alice")).number is None


def test_all_of_it_in_whatever_order_the_rows_stand(numbers: Numbers, directory: Directory) -> None:
    report = bring_in(numbers, GOOD)
    assert (report.added, report.assigned, report.faults) == (2, 4, ())
    assert stands(numbers, 200) == (NumberState.ASSIGNED, "service:desk")
    assert directory.get(aor("alice")).number == "+14255550201"
    assert numbers.extensions("main") == [(telephone("200;ext=7"), aor("bob"))]
    assert numbers.ranges("main")[2].block.use is NumberUse.TOLL_FREE
    again = bring_in(numbers, GOOD)
    assert (again.added, again.changed, again.assigned) == (0, 0, 0)


def test_what_a_row_says_of_a_range_that_is_there_is_changed(numbers: Numbers) -> None:
    report = bring_in(numbers, "number;carrier;note\n+14255550100-0199;Tailspin;first floor\n")
    assert (report.changed, report.added) == (1, 0)
    (stock,) = numbers.ranges("main")
    assert (stock.block.carrier, stock.block.note, stock.block.use) == ("Tailspin", "first floor", NumberUse.SUBSCRIBER)


def test_with_any_fault_nothing_is_written_and_each_is_told_by_its_line(numbers: Numbers, directory: Directory) -> None:
    text = (
        "number,carrier,owner\n"
        "+14255550101,,alice@contoso.example\n"
        "+14255550101,,bob@contoso.example\n"
        "+14255550150-0250,Tailspin,\n"
        "+14255550102,,nobody@contoso.example\n"
        "+14255550103,,erin@fabrikam.example\n"
    )
    report = bring_in(numbers, text)
    assert [fault.line for fault in report.faults] == [3, 4, 5, 6]
    assert "belongs to alice" in report.faults[0].what
    assert directory.get(aor("alice")).number is None
    assert stands(numbers, 101) == (NumberState.FREE, None)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("425,,,,,", "no range of numbers"),
        (",,,,,", "no number"),
        ("+14255550100,phone,,,,", "none of subscriber, service, toll-free"),
        ("+14255550100,,fax,,,", "none of premises-trunk"),
        ("+14255550100-0199,,,,,alice@contoso.example", "no one owner"),
        ("+14255550100;ext=7,,,,,", "an extension has an owner"),
        ("+14255550100,,,,,alice", "alice"),
    ],
)
def test_what_can_not_be_understood_is_told_by_its_line(row: str, what: str) -> None:
    records, faults = files.read_csv(f"number,use,source,carrier,note,owner\n+14255550100,,,,,\n{row} \n")
    assert not faults
    _, (fault,) = files.rows_of(records)
    assert fault.line == 3
    assert what in fault.what


def test_headings_that_are_none() -> None:
    _, faults = files.read_csv("numbers,carrier\n+14255550100,x\n")
    assert ["'numbers' is no column" in str(faults[0]), "no column 'number'" in str(faults[1])] == [True, True]


def test_what_goes_out_comes_back(numbers: Numbers) -> None:
    bring_in(numbers, GOOD)
    ranges = [block_public(each.block) for each in numbers.ranges("main")]
    text = files.write_csv(ranges, [("+14255550200", str(owner("service:desk")))])
    assert "'=second floor" in text  # no formula for a spreadsheet
    read = rows(text)
    assert [row.range for row in read] == [
        *(Range.parse(each["range"]) for each in ranges),
        Range.parse("+14255550200"),
    ]
    assert read[1].note == "=second floor"
    report = bring_in(numbers, text)
    assert (report.added, report.changed, report.assigned) == (0, 0, 0)
