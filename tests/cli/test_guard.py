"""`isthmus cap` and `isthmus call block` against a control service that is up."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.cli.conftest import Answer

Isthmus = Callable[..., Answer]


def test_caps_from_the_command_line(isthmus: Isthmus) -> None:
    assert "No caps" in isthmus("cap", "list").out
    made = isthmus("cap", "set", "country:cu", "--minutes", "30", "--cost", "20.50", "--calls", "2", "--end-calls")
    assert (made.code, "cost a day" in made.out) == (0, True), made
    assert isthmus("cap", "set", "tenant", "--zone", "Europe/Berlin", "--minutes", "0").code == 0
    assert isthmus("cap", "set", "country:CU", "--keep-calls").code == 0
    found = json.loads(isthmus("cap", "list", "--json").out)
    assert [(each["kind"], each["key"], each["minutes"], each["cost"], each["ends"]) for each in found] == [
        ("country", "CU", 30, "20.5", False),
        ("tenant", "main", 0, "0", False),
    ]
    assert "0 of 30" in isthmus("cap", "list").out
    assert json.loads(isthmus("cap", "show", "country:CU", "--json").out)["calls"] == 2
    for what in ("country:CU", "tenant"):
        assert isthmus("cap", "remove", what).code == 0
        assert isthmus("cap", "show", what).code == 1


def test_blocks_from_the_command_line(isthmus: Isthmus) -> None:
    assert "Nothing is blocked" in isthmus("call", "block", "list").out
    assert isthmus("call", "block", "add", "+1206555", "--reason", "nuisance calls").code == 0
    assert isthmus("call", "block", "add", "+12065550199$", "--except").code == 0
    assert isthmus("call", "block", "add", "country:CU").code == 0
    listed = isthmus("call", "block", "list").out
    assert all(word in listed for word in ("nuisance calls", "let through", "country:CU"))
    for number, said in (
        ("+12065550123", "is blocked, by +1206555"),
        ("+12065550199", "is let through by +12065550199$"),
        ("+442079460123", "is not blocked"),
        ("anonymous", "is not blocked"),
    ):
        assert said in isthmus("call", "block", "test", number).out
    told = json.loads(isthmus("call", "block", "test", "+12065550123", "--json").out)
    assert told == {"number": "+12065550123", "blocked": True, "by": "+1206555", "exception": ""}
    assert "is not blocked" in isthmus("call", "block", "test", "+12065550123", "--out").out
    for what in ("+1206555", "+12065550199$", "country:CU"):
        assert isthmus("call", "block", "remove", what).code == 0
    assert isthmus("call", "block", "remove", "+1206555").code == 1


def test_wrong_input_says_what_to_do(isthmus: Isthmus) -> None:
    for arguments, said in (
        (["cap", "set", "tenant"], "--minutes 60"),
        (["cap", "set", "person:alice", "--minutes", "3"], "country:CU or trunk:NAME"),
        (["cap", "set", "trunk:gw7", "--minutes", "3"], "There are: carrier"),
        (["cap", "set", "trunk:carrier", "--calls", "3"], "most_calls"),
        (["cap", "set", "country:Cuba", "--minutes", "3"], "Write it as CU"),
        (["call", "block", "add", "1900"], "begins with +"),
        (["call", "block", "add", "anonymous", "--out"], "--in"),
        (["call", "block", "add", "place:x", "--out"], "country:CU"),
        (["call", "block", "test", "nobody"], "anonymous"),
    ):
        answer = isthmus(*arguments)
        assert (answer.code != 0, said in answer.err) == (True, True), answer
