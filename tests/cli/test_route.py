"""`isthmus route` against a control service that is up."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.cli.conftest import Answer

Isthmus = Callable[..., Answer]


def test_routes_from_the_command_line(isthmus: Isthmus) -> None:
    assert "No routes" in isthmus("route", "list").out
    made = isthmus("route", "add", "seattle", "--pattern", "+1206", "--by", "carrier=100", "--hours", "mon 08:00-18:00")
    assert (made.code, "mon 08:00-18:00" in made.out) == (0, True)
    assert isthmus("route", "set", "seattle", "--priority", "7", "--hours", "").code == 0
    found = json.loads(isthmus("route", "list", "--json").out)
    assert [(each["name"], each["priority"], each["ways"], each["hours"]) for each in found] == [
        ("seattle", 7, ["carrier=100"], "")
    ]
    assert "always" in isthmus("route", "list").out
    assert isthmus("route", "delete", "seattle").code == 0
    assert isthmus("route", "show", "seattle").code == 1


def test_wrong_input_says_what_to_do(isthmus: Isthmus) -> None:
    for arguments, said in (
        (["add", "x"], "Example: --pattern"),
        (["add", "x", "--pattern", "1206", "--by", "carrier"], "begins with +"),
        (["add", "x", "--pattern", "+", "--by", "gw7"], "There are: carrier"),
        (["add", "x", "--pattern", "+", "--by", "carrier=many"], "carrier=60"),
        (["set", "x"], "--priority"),
        (["set", "x", "--priority", "1"], "isthmus route list"),
    ):
        answer = isthmus("route", *arguments)
        assert (answer.code != 0, said in answer.err) == (True, True), answer
