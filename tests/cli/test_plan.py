"""`isthmus plan` and `isthmus credit`, against a running control service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.cli.conftest import Answer

pytestmark = pytest.mark.e2e

Isthmus = Callable[..., Answer]
ALICE = "alice@contoso.example"


@pytest.fixture(autouse=True)
def people(isthmus: Isthmus) -> Iterator[None]:
    """Alice, and no plans."""
    assert isthmus("user", "create", ALICE, "--no-password").code == 0
    yield
    isthmus("user", "delete", ALICE, "--yes")
    for each in json.loads(isthmus("plan", "list", "--json").out):
        assert isthmus("plan", "delete", each["name"]).code == 0


def test_a_plan_is_made_changed_and_given(isthmus: Isthmus) -> None:
    made = isthmus("plan", "set", "eu", "--home", "DE", "--domestic", "unlimited", "--group", "near=FR,GB:500")
    assert made.code == 0 and "near: FR GB, 500" in made.out
    assert isthmus("plan", "set", "eu", "--international", "60", "--then", "credit").code == 0
    assert isthmus("plan", "assign", "eu", ALICE).out == "1 person has eu.\n"
    plan = json.loads(isthmus("plan", "show", "eu", "--json").out)
    assert plan == {
        "tenant": "main", "name": "eu", "home": ["DE"], "domestic": None, "international": 60,
        "groups": [{"name": "near", "countries": ["FR", "GB"], "minutes": 500}], "pooled": False,
        "when_spent": "credit", "increment_s": 60, "most": None, "holders": 1, "people": [ALICE],
        "given": [], "by_group": {}, "by_licence": {}, "waiting": [],
    }  # fmt: skip
    assert "unlimited" in isthmus("plan", "list").out
    assert json.loads(isthmus("plan", "set", "eu", "--most", "5", "--json").out)["most"] == 5
    bare = json.loads(isthmus("plan", "set", "eu", "--most", "any", "--group", "none", "--json").out)
    assert (bare["most"], bare["groups"]) == (None, [])
    assert isthmus("plan", "set", "eu", "--group", "near=FR,GB:500").code == 0
    uses = json.loads(isthmus("plan", "usage", "--json").out)["uses"]
    assert {(each["bucket"], each["limit_minutes"]) for each in uses} == {
        ("domestic", None), ("group:near", 500), ("international", 60),
    }  # fmt: skip
    refused = isthmus("plan", "delete", "eu")
    assert (refused.code, "people have eu still" in refused.err) == (1, True)
    assert isthmus("plan", "unassign", "eu", ALICE).code == 0


def test_a_plan_is_given_to_a_group_and_said_of_its_people(isthmus: Isthmus) -> None:
    isthmus("plan", "set", "eu", "--home", "DE")
    assert isthmus("group", "create", "sales").code == 0
    try:
        assert isthmus("plan", "assign", "eu", "--group", "sales", "--rank", "7").out == "1 group has eu.\n"
        assert isthmus("group", "add", "sales", ALICE).code == 0
        shown = isthmus("plan", "show", "eu").out
        assert f"{ALICE} (by group sales)" in shown and "sales (rank 7)" in shown
        assert "eu, by group sales" in isthmus("plan", "show", ALICE).out
        assert json.loads(isthmus("plan", "show", ALICE, "--json").out) == {
            "aor": ALICE, "plan": "eu", "group": "sales", "licence": None,
            "given": [{"group": "sales", "licence": None, "rank": 7, "plan": "eu"}],
            "uses": [
                {"plan": "eu", "bucket": bucket, "whose": ALICE, "used_minutes": 0.0, "limit_minutes": 0}
                for bucket in ("domestic", "international")
            ],
        }  # fmt: skip
        refused = isthmus("plan", "unassign", "eu", ALICE)
        assert (refused.code, "by the group sales" in refused.err) == (1, True)
        assert isthmus("plan", "unassign", "eu", "--group", "sales").code == 0
        assert json.loads(isthmus("plan", "show", ALICE, "--json").out)["plan"] is None
        assert isthmus("plan", "assign", "eu").code == 2
    finally:
        isthmus("group", "delete", "sales", "--yes")


def test_who_has_a_plan_is_looked_for_and_a_change_is_shown_before_it_is_made(isthmus: Isthmus) -> None:
    isthmus("plan", "set", "eu", "--home", "DE", "--domestic", "100", "--shared")
    preview = isthmus("plan", "assign", "eu", ALICE, "--dry-run")
    assert preview.code == 0 and ALICE in preview.out and "eu, by name" in preview.out
    assert "Nobody here has the plan." in isthmus("plan", "people", "eu").out  # it was only looked at
    assert isthmus("plan", "assign", "eu", ALICE).code == 0
    assert "Nobody would have another plan." in isthmus("plan", "assign", "eu", ALICE, "--dry-run").out
    (found,) = json.loads(isthmus("plan", "people", "eu", "--match", "ALI", "--json").out)
    assert (found["aor"], found["group"], found["licence"]) == (ALICE, None, None)
    assert json.loads(isthmus("plan", "people", "eu", "--match", "bob", "--json").out) == []
    assert "domestic 0 of 100" in isthmus("plan", "people", "eu").out
    gone = json.loads(isthmus("plan", "unassign", "eu", ALICE, "--dry-run", "--json").out)
    assert gone == {
        "count": 1,
        "people": [{"aor": ALICE, "before": {"plan": "eu", "group": None, "licence": None}, "after": None}],
    }
    shown = isthmus("plan", "show", ALICE).out
    assert "All together" in shown and "domestic 0 of 100" in shown
    together = json.loads(isthmus("plan", "usage", "--together", "--json").out)["uses"]
    assert [each["limit_minutes"] for each in together if each["bucket"] == "domestic"] == [100]


def test_a_plan_comes_with_a_licence(isthmus: Isthmus) -> None:
    isthmus("plan", "set", "eu", "--home", "DE")
    unknown = isthmus("plan", "assign", "eu", "--licence", "lines")
    assert (unknown.code, "no licences of 'lines'" in unknown.err) == (1, True)
    assert isthmus("licence", "set", "lines", "--count", "1", "--feature", "calling-plan").code == 0
    assert isthmus("licence", "assign", "lines", ALICE).code == 0
    try:
        assert isthmus("plan", "assign", "eu", "--licence", "lines", "--rank", "3").out == "1 licence has eu.\n"
        shown = isthmus("plan", "show", "eu").out
        assert f"{ALICE} (by licence lines)" in shown and "licence lines (rank 3)" in shown
        assert "eu, by licence lines" in isthmus("plan", "show", ALICE).out
        assert json.loads(isthmus("plan", "show", "eu", "--json").out)["by_licence"] == {ALICE: "lines"}
        refused = isthmus("plan", "unassign", "eu", ALICE)
        assert (refused.code, "by the licence lines" in refused.err) == (1, True)
        assert isthmus("licence", "unassign", "lines", ALICE).code == 0
        assert json.loads(isthmus("plan", "show", ALICE, "--json").out)["plan"] is None
        assert "licences have eu still" in isthmus("plan", "delete", "eu").err
        assert isthmus("plan", "unassign", "eu", "--licence", "lines").code == 0
    finally:
        isthmus("licence", "unassign", "lines", ALICE)
        isthmus("licence", "delete", "lines")


@pytest.mark.parametrize(
    "words",
    [
        ("new",),
        ("new", "--home", "Germany"),
        ("new", "--home", "DE", "--domestic", "many"),
        ("new", "--home", "DE", "--group", "x"),
        ("new", "--home", "DE", "--most", "-1"),
    ],
)
def test_what_is_no_plan_is_refused_in_a_line(isthmus: Isthmus, words: tuple[str, ...]) -> None:
    answer = isthmus("plan", "set", *words)
    assert answer.code != 0
    assert "Traceback" not in answer.err


def test_countries_are_blocked_and_let_go(isthmus: Isthmus) -> None:
    assert "KP" in isthmus("plan", "settings", "--block", "kp", "--end-calls").out
    assert json.loads(isthmus("plan", "settings", "--json").out)["blocked"] == ["KP"]
    assert json.loads(isthmus("plan", "settings", "--block", "none", "--let-calls", "--json").out) == {
        "tenant": "main", "blocked": [], "end_calls": False,
    }  # fmt: skip


def test_credit_is_added_and_shown(isthmus: Isthmus) -> None:
    before = float(json.loads(isthmus("credit", "show", "--json").out)["balance"])
    added = isthmus("credit", "add", "12.50", "usd", "--note", "first")
    assert added.code == 0 and "12.50 USD first" in added.out
    assert isthmus("credit", "add", "--", "-2.50", "USD").code == 0
    after = json.loads(isthmus("credit", "show", "--json").out)
    assert float(after["balance"]) == before + 10
    assert isthmus("credit", "add", "much", "USD").code == 2
    assert "No call was charged." in isthmus("credit", "charges").out


def test_without_a_carrier_it_is_said_how_to_have_one(isthmus: Isthmus) -> None:
    for words in (("find", "--country", "US"), ("buy", "+14255550300")):
        answer = isthmus("number", *words)
        assert answer.code == 1
        assert "[[carrier]]" in answer.err
    assert "Nothing was bought." in isthmus("number", "purchases").out
