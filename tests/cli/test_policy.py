"""`isthmus group`, `licence` and `policy` against a control service that is up."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.cli.conftest import Answer

Isthmus = Callable[..., Answer]
ALICE = "alice@contoso.example"


def test_groups_licences_and_policies_from_the_command_line(isthmus: Isthmus) -> None:
    def must(*arguments: str) -> str:
        answer = isthmus(*arguments)
        assert answer.code == 0, (arguments, answer)
        return answer.out

    must("user", "create", ALICE, "--home", "premises", "--generate-password")
    for name in ("staff", "interns"):
        must("group", "create", name)
    must("group", "add", "staff", "--group", "interns")
    must("group", "add", "interns", ALICE)
    circle = isthmus("group", "add", "interns", "--group", "staff")
    assert (circle.code, "interns > staff > interns" in circle.err) == (1, True)
    assert [person["aor"] for person in json.loads(must("user", "list", "--group", "staff", "--json"))] == [ALICE]

    must("policy", "create", "calling", "interns", "--set", "pstn_calls=domestic", "--set", "forwarding=no")
    must("policy", "create", "calling", "standard", "--set", "pstn_calls=none")
    must("policy", "grant", "calling", "interns", "--group", "staff", "--rank", "10")
    must("policy", "grant", "calling", "standard", "--everybody")
    found = json.loads(must("policy", "explain", ALICE, "--kind", "calling", "--json"))["kinds"][0]["settings"]
    reach = next(each for each in found if each["name"] == "pstn_calls")
    assert (reach["value"], reach["by"]["way"], reach["lost"][0]["policy"]) == (
        "domestic",
        ["interns", "staff"],
        "standard",
    )
    assert "by way of interns" in must("policy", "explain", ALICE)
    assert isthmus("policy", "delete", "calling", "standard").code == 1
    assert isthmus("policy", "create", "calling", "x", "--set", "most_calls=0").code == 2
    assert "Emergency" in must("policy", "kinds", "calling")

    must("licence", "set", "phone-system", "--count", "1")
    must("group", "rename", "staff", "everybody")
    assert "everybody" in must("policy", "show", "calling", "interns")
    must("group", "rename", "everybody", "staff")
    must("licence", "assign", "phone-system", "--group", "staff")
    assert "group staff, by way of interns" in must("licence", "show", ALICE)
    assert isthmus("licence", "check", "--dry-run", "--count", "phone-system=0").code == 1
    must("licence", "check")

    renamed = json.loads(must("group", "rename", "staff", "everyone", "--json"))
    assert (renamed["name"], renamed["groups"], renamed["effective"]) == ("everyone", ["interns"], 1)
    assert "group everyone, by way of interns" in must("licence", "show", ALICE)
    assert "by way of interns" in must("policy", "explain", ALICE)
    taken = isthmus("group", "rename", "everyone", "interns")
    assert (taken.code, "the group interns exists already" in taken.err) == (1, True)
    assert isthmus("group", "rename", "nothing", "something").code == 1
    must("group", "rename", "everyone", "staff")

    # As it was: the service is shared with the other tests.
    must("licence", "unassign", "phone-system", "--group", "staff")
    must("licence", "delete", "phone-system")
    must("group", "delete", "staff", "--yes")
    assert "standard" in must("policy", "list")
    must("policy", "revoke", "calling", "--everybody")
    for name in ("interns", "standard"):
        must("policy", "delete", "calling", name)
    must("group", "delete", "interns", "--yes")
