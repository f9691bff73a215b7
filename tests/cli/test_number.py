"""`isthmus number`, against a running control service."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Answer
from tests.docs.commands import blocks

pytestmark = pytest.mark.e2e

Isthmus = Callable[..., Answer]


@pytest.fixture(autouse=True)
def inventory(isthmus: Isthmus) -> Iterator[None]:
    """A hundred numbers, Alice and Bob."""
    for user in ("alice", "bob"):
        assert isthmus("user", "create", f"{user}@contoso.example", "--no-password").code == 0
    assert isthmus("number", "add", "+14255550100-0199", "--carrier", "Northwind").code == 0
    yield
    for each in json.loads(isthmus("number", "list", "--json").out):
        if each["state"] != "free":
            isthmus("number", "release", each["number"])
    for user in ("alice", "bob"):
        isthmus("user", "delete", f"{user}@contoso.example", "--yes")
    for each in json.loads(isthmus("number", "ranges", "--json").out):
        assert isthmus("number", "remove", each["range"]).code == 0


def test_the_commands_of_the_page(isthmus: Isthmus) -> None:
    found = [command for block in blocks() if block.file == "docs/numbers.md" for command in block.commands]
    assert len(found) >= 10
    for command in found:
        program, *arguments = shlex.split(command)
        assert program == ".venv/bin/isthmus"
        answer = isthmus(*arguments)
        assert answer.code == 0, (command, answer.err)
    (order,) = (each for each in json.loads(isthmus("number", "port", "list", "--json").out) if each["note"])
    assert isthmus("number", "port", "set", order["id"], "cancel").code == 0


def test_assign_transfer_release(isthmus: Isthmus) -> None:
    given = isthmus("number", "assign", "+1 (425) 555-0101", "alice@contoso.example")
    assert given.code == 0 and "alice@contoso.example" in given.out
    assert "+14255550101" in isthmus("user", "show", "alice@contoso.example").out
    refused = isthmus("number", "assign", "+14255550101", "bob@contoso.example")
    assert refused.code == 1
    assert "belongs to alice@contoso.example" in refused.err and "isthmus number transfer" in refused.err
    assert isthmus("number", "transfer", "+14255550101", "bob@contoso.example").code == 0
    assert "bob@contoso.example" in isthmus("number", "list", "--state", "assigned").out
    assert isthmus("number", "release", "+14255550101").out == "released +14255550101\n"
    assert json.loads(isthmus("number", "show", "+14255550101", "--json").out)["state"] == "free"


def test_search_and_reserve(isthmus: Isthmus) -> None:
    found = isthmus("number", "search", "--area", "425", "--pattern", "*7", "--count", "2", "--reserve", "--json")
    assert [each["number"] for each in json.loads(found.out)] == ["+14255550107", "+14255550117"]
    listed = isthmus("number", "list", "--state", "reserved")
    assert listed.out.count("reserved by") == 2
    both = isthmus("number", "reserve", "+14255550107", "+14255559999")
    assert both.code == 1
    assert "reserved +14255550107 until" in both.out and "+14255559999 is not in the inventory" in both.err


def test_extensions(isthmus: Isthmus) -> None:
    isthmus("number", "assign", "+14255550100", "service:front desk")
    for ext, user in (("7", "alice"), ("8", "bob")):
        assert isthmus("number", "assign", f"+14255550100;ext={ext}", f"{user}@contoso.example").code == 0
    shown = isthmus("number", "show", "+14255550100").out
    assert "service:front desk" in shown
    assert [line.split() for line in shown.splitlines()[-2:]] == [
        ["Extension", "7", "alice@contoso.example"],
        ["Extension", "8", "bob@contoso.example"],
    ]
    assert isthmus("number", "release", "+14255550100;ext=7").code == 0


def test_peoples_numbers_that_are_in_no_range(isthmus: Isthmus) -> None:
    isthmus("user", "set", "bob@contoso.example", "--number", "+442079460101")
    assert "not in the inventory" in isthmus("number", "list", "--state", "unknown").out
    assert isthmus("number", "add", "+442079460100-0199").out.startswith("added +442079460100-+442079460199 (99 of 100")
    assert isthmus("number", "list", "--state", "unknown").out == "No numbers.\n"


def test_a_file_goes_out_and_comes_back(isthmus: Isthmus, tmp_path: Path) -> None:
    isthmus("number", "assign", "+14255550101", "alice@contoso.example")
    isthmus("number", "assign", "+14255550100;ext=8", "bob@contoso.example")
    file = tmp_path / "numbers.csv"
    assert isthmus("number", "export", str(file)).code == 0
    assert isthmus("number", "import", str(file)).out == (
        "0 ranges added, 0 changed, 0 numbers assigned, 3 as they were\n"
    )
    for number in ("+14255550101", "+14255550100;ext=8"):
        isthmus("number", "release", number)
    isthmus("number", "remove", "+14255550100-0199")
    trial = isthmus("number", "import", str(file), "--dry-run")
    assert trial.out == "1 ranges would be added, 0 would be changed, 2 numbers would be assigned, 0 as they were\n"
    assert isthmus("number", "import", str(file)).code == 0
    assert isthmus("user", "show", "alice@contoso.example").out.count("+14255550101") == 1
    assert len(isthmus("number", "export").out.splitlines()) == 4
    assert len(json.loads(isthmus("number", "export", "--json").out)["owners"]) == 2


def test_a_file_with_errors_changes_nothing(isthmus: Isthmus, tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text("number,owner\n+14255550101,alice@contoso.example\n+14255550102,nobody@contoso.example\n1,\n")
    done = isthmus("number", "import", str(file))
    assert done.code == 1
    assert "line 3: nobody is called" in done.err and "line 4: '1' is no range" in done.err
    assert "nothing was written" in done.err
    assert isthmus("number", "list", "--state", "assigned").out == "No numbers.\n"


def test_what_is_said_of_a_range_can_be_changed(isthmus: Isthmus) -> None:
    isthmus("number", "assign", "+14255550101", "alice@contoso.example")
    assert isthmus("number", "set", "+14255550100-0199", "--carrier", "Tailspin", "--use", "service").code == 0
    shown = json.loads(isthmus("number", "show", "+14255550101", "--json").out)
    assert (shown["carrier"], shown["use"], shown["source"]) == ("Tailspin", "service", "premises-trunk")
    assert shown["owner"]["name"] == "alice@contoso.example"
    assert isthmus("number", "set", "+14255550100-0199").code == 2
    refused = isthmus("number", "set", "+14255550100-0150", "--note", "x")
    assert refused.code == 1 and "is no range of the inventory" in refused.err


def test_a_porting_order(isthmus: Isthmus) -> None:
    made = isthmus("number", "port", "request", "in", "+14255550300-0309", "--carrier", "Tailspin", "--json")
    order = json.loads(made.out)["id"]
    for event in (["submit", "--reference", "TS-1"], ["accept"], ["schedule", "--due", "2027-01-31"], ["complete"]):
        assert isthmus("number", "port", "set", order, *event).code == 0
    assert "completed" in isthmus("number", "port", "list").out
    assert "TS-1" in isthmus("number", "port", "show", order).out
    assert "Tailspin" in isthmus("number", "ranges").out
    again = isthmus("number", "port", "set", order, "cancel")
    assert again.code == 1 and "can't cancel" in again.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "1"), ("add", "+14255550100-"), ("assign", "+14255550100", "alice"), ("list", "--state", "gone"),
        ("port", "request", "up", "+14255550300", "--carrier", "x"), ("search", "--pattern", "x"),
    ],
)  # fmt: skip
def test_wrong_use_is_told(isthmus: Isthmus, arguments: tuple[str, ...]) -> None:
    assert isthmus("number", *arguments).code == 2
