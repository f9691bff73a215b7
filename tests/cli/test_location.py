"""`isthmus location` against a control service that is up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Answer

Isthmus = Callable[..., Answer]
ALICE = "alice@contoso.example"
ADDRESS = ("--country", "US", "--set", "A1=WA", "--set", "A3=Redmond", "--set", "RD=Main", "--set", "PC=98052")


@pytest.fixture
def must(isthmus: Isthmus) -> Callable[..., str]:
    def call(*arguments: str) -> str:
        answer = isthmus(*arguments)
        assert answer.code == 0, (arguments, answer)
        return answer.out

    return call


@pytest.fixture(autouse=True)
def place(isthmus: Isthmus) -> None:
    """A place `hq`, with nothing that leads to it."""
    for part in json.loads(isthmus("location", "network", "list", "--json").out):
        more = ("--port", part["port"]) if part["port"] else ()
        assert isthmus("location", "network", "remove", part["kind"], part["id"], *more).code == 0
    for made in json.loads(isthmus("location", "place", "list", "--json").out):
        assert isthmus("location", "place", "remove", made["name"]).code == 0
    assert isthmus("location", "place", "add", "hq", *ADDRESS, "--set", "FLR=3").code == 0


def test_a_place_from_its_address_to_who_is_found_there(isthmus: Isthmus, must: Callable[..., str]) -> None:
    assert "subnet 10.1.0.0/16 leads to hq" in must(
        "location", "network", "add", "subnet", "10.1.0.0/16", "--place", "hq"
    )
    out = must("location", "find", "--address", "10.1.2.3")
    assert "Main, Redmond, WA 98052, US, floor 3" in out
    assert "address 10.1.2.3: hq (by 10.1.0.0/16)" in out
    assert "10.1.0.0/16" in must("location", "place", "show", "hq")
    assert json.loads(must("location", "find", "--address", "192.0.2.1", "--json"))["source"] == "nothing"
    refused = isthmus("location", "place", "remove", "hq")
    assert (refused.code, "lead to hq" in refused.err) == (1, True)
    must("location", "network", "remove", "subnet", "10.1.0.0/16")
    must("location", "place", "remove", "hq")
    assert "No places" in must("location", "place", "list")


def test_ports_switches_and_access_points(must: Callable[..., str]) -> None:
    must("location", "network", "add", "port", "001a.2b3c.4d5e", "--port", "Gi1/0/12", "--place", "hq")
    must("location", "network", "add", "bssid", "aa:bb:cc:dd:ee:*", "--place", "hq")
    found = must("location", "find", "--chassis", "00:1a:2b:3c:4d:5e", "--port", "Gi1/0/12")
    assert "port Gi1/0/12 of switch 00:1a:2b:3c:4d:5e: hq" in found
    assert "(by aa:bb:cc:dd:ee:*)" in must("location", "find", "--bssid", "AA-BB-CC-DD-EE-01")
    assert [each["kind"] for each in json.loads(must("location", "network", "list", "--json"))] == ["bssid", "port"]


def test_a_place_is_changed(isthmus: Isthmus, must: Callable[..., str]) -> None:
    made = json.loads(
        must(
            "location",
            "place",
            "set",
            "hq",
            "--elin",
            "+1 425 555 0190",
            "--point",
            "47.62,-122.35",
            "--default",
            "--json",
        )
    )
    assert (made["elins"], made["point"]["latitude"], made["default"]) == (["+14255550190"], 47.62, True)
    assert made["words"] == "Main, Redmond, WA 98052, US, floor 3"
    made = json.loads(must("location", "place", "set", "hq", "--no-elins", "--point", "none", "--no-default", "--json"))
    assert (made["elins"], made["point"], made["default"]) == ([], None, False)
    assert isthmus("location", "place", "set", "hq").code == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("place", "add", "x", "--country", "US", "--set", "A3=Redmond"), "US addresses need A1"),
        (("place", "add", "x", "--set", "A3=Redmond"), "an address has a country"),
        (("place", "add", "x"), "a place has an address"),
        (("place", "add", "x", "--country", "US", "--set", "Redmond"), "no element"),
        (("place", "add", "x", *ADDRESS, "--point", "here"), "is no point"),
        (("network", "add", "subnet", "10.1.2.3/8", "--place", "hq"), "is no network"),
        (("network", "add", "bssid", "x", "--place", "hq"), "is no BSSID"),
        (("network", "add", "port", "sw1", "--place", "hq"), "a port has a chassis id"),
        (("choose", ALICE, "--forget", "--place", "hq"), "has no place"),
        (("choose", ALICE), "a choice is a place"),
    ],
)
def test_what_is_wrong_is_told(isthmus: Isthmus, arguments: tuple[str, ...], told: str) -> None:
    answer = isthmus("location", *arguments)
    assert (answer.code, told in answer.err) == (2, True), answer.err


def test_a_file_is_checked_before_it_is_taken(isthmus: Isthmus, must: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "net.csv"
    file.write_text("kind,id,port,place\nsubnet,10.1.0.0/16,,hq\nport,sw1,Gi1,hq\nsubnet,10.2.0.0/16,,gone\n")
    wrong = isthmus("location", "network", "import", str(file))
    assert wrong.code == 2
    assert "line 4: there is no place 'gone'" in wrong.err
    assert must("location", "network", "list").startswith("No part of the network")
    file.write_text("kind,id,port,place\nsubnet,10.1.0.0/16,,hq\nport,sw1,Gi1,hq\n")
    assert "would be: 2 created" in must("location", "network", "import", str(file), "--dry-run")
    assert "2 created" in must("location", "network", "import", str(file))
    assert "2 unchanged" in must("location", "network", "import", str(file))
    file.write_text("kind,id,port,place\nsubnet,10.1.0.0/16,,hq\n")
    assert json.loads(must("location", "network", "import", str(file), "--whole", "--json"))["removed"] == 1


def test_somebody_at_home(isthmus: Isthmus, must: Callable[..., str]) -> None:
    must("user", "create", ALICE, "--home", "premises", "--generate-password")
    assert "Berlin" in must(
        "location",
        "choose",
        ALICE,
        "--country",
        "DE",
        "--set",
        "RD=Hauptstrasse",
        "--set",
        "A3=Berlin",
        "--set",
        "PC=10827",
    )
    assert "own address" in must("location", "chosen", ALICE)
    found = must("location", "find", "--address", "198.51.100.7", "--person", ALICE)
    assert "Hauptstrasse, Berlin, 10827, DE" in found
    must("location", "choose", ALICE, "--place", "hq")
    assert "hq" in must("location", "chosen", ALICE)
    must("location", "choose", ALICE, "--forget")
    assert isthmus("location", "chosen", ALICE).code == 1


def test_numbers_lent(isthmus: Isthmus, must: Callable[..., str]) -> None:
    assert "No number is lent" in must("location", "loans")
    answer = isthmus("location", "callback", "+14255550190")
    assert (answer.code, "is lent to nobody" in answer.err) == (1, True)
