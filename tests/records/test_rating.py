"""Rate tables from CSV: what is taken, what is refused, what an import says that it does."""

from __future__ import annotations

import pytest

from isthmus.database import reading
from isthmus.errors import UsageError
from isthmus.records import rating
from isthmus.records.model import Rate
from isthmus.records.tables import call_rate
from tests.records.conftest import Office

HEADER = "prefix,name,price_per_minute,currency,minimum_s,increment_s\n"


def test_a_table_is_read():
    rates, faults = rating.parse(
        '\ufeffPrefix, Name ,price_per_minute,currency\n44,"Great Britain",0.0125,GBP\n\n+1,x,1,USD\n'
    )
    assert faults == []
    assert rates == [Rate("+1", "x", 1_000_000, "USD"), Rate("+44", "Great Britain", 12_500, "GBP")]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("0044,x,1,USD,0,1", "international"),
        ("+4a,x,1,USD,0,1", "international"),
        ("+1,x,-1,USD,0,1", "no price"),
        ("+1,x,nan,USD,0,1", "no price"),
        ("+1,x,0.0000001,USD,0,1", "no price"),
        ("+1,x,1,usd,0,1", "currency"),
        ("+1,x,1,USD,-1,1", "minimum_s"),
        ("+1,x,1,USD,0,0", "increment_s"),
        ("+1", "price"),
    ],
)
def test_a_line_that_is_no_rate_is_named(line: str, what: str):
    rates, faults = rating.parse(HEADER + "+49,ok,1,EUR,0,1\n" + line + "\n")
    assert [rate.prefix for rate in rates] == ["+49"]
    assert [fault.line for fault in faults] == [3]
    assert what in faults[0].what or "currency" in faults[0].what


def test_a_prefix_that_is_there_twice_is_named():
    assert "twice" in rating.parse(HEADER + "+1,x,1,USD,0,1\n1,y,2,USD,0,1\n")[1][0].what


@pytest.mark.parametrize("text", ["", "prefix,name\n", HEADER.replace("name", "nome"), "a\0", HEADER + '"+1"x,y\n'])
def test_what_is_no_such_file_is_refused(text: str):
    with pytest.raises(UsageError):
        rating.parse(text)


def test_an_import_says_what_it_changes_and_replaces_all(office: Office):
    office.rates.replace("main", HEADER + "+1,a,1,USD,0,1\n+44,b,2,GBP,0,1\n+49,c,3,EUR,0,1\n", actor="test")
    text = HEADER + "+1,a,1,USD,0,1\n+44,b,2.5,GBP,0,1\n+33,d,4,EUR,0,1\n"
    before = office.rates.listed("main")
    would = office.rates.replace("main", text, dry_run=True, actor="test")
    assert office.rates.listed("main") == before
    assert would == office.rates.replace("main", text, actor="test")
    assert (would.added, would.changed, would.removed, would.unchanged) == (("+33",), ("+44",), ("+49",), 1)
    assert [rate.prefix for rate in office.rates.listed("main")] == ["+1", "+33", "+44"]
    (entry, *_) = [each for each in office.directory.audit("rates:main") if each["action"] == "rate.import"]
    assert entry["actor"] == "test"


def test_one_wrong_line_keeps_all_as_it_is(office: Office):
    office.rates.replace("main", HEADER + "+1,a,1,USD,0,1\n", actor="test")
    done = office.rates.replace("main", HEADER + "+2,a,1,USD,0,1\n+3,a,x,USD,0,1\n", actor="test")
    assert [fault.line for fault in done.faults] == [3]
    assert [rate.prefix for rate in office.rates.listed("main")] == ["+1"]


def test_a_tenants_table_is_its_own(office: Office):
    office.rates.replace("main", HEADER + "+1,a,1,USD,0,1\n", actor="test")
    office.rates.replace("fabrikam", HEADER + "+1,a,9,USD,0,1\n", actor="test")
    assert [rate.price_micro for rate in office.rates.listed("main")] == [1_000_000]
    with reading(office.engine) as connection:
        assert len(connection.execute(call_rate.select()).all()) == 2


@pytest.mark.parametrize(("micro", "text"), [(0, "0.00"), (12_500, "0.0125"), (1_500_000, "1.50"), (1, "0.000001")])
def test_amounts_are_written_with_a_point(micro: int, text: str):
    assert rating.amount(micro) == text
