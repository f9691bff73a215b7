"""`isthmus presence` against a control service that is up."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cli.conftest import Answer

Isthmus = Callable[..., Answer]
ALICE = "present@contoso.example"


@pytest.fixture(autouse=True)
def alice(isthmus: Isthmus) -> None:
    made = isthmus("user", "create", ALICE, "--home", "premises", "--generate-password")
    assert made.code == 0 or "exists" in made.err, made


def test_presence_is_set_shown_and_taken_back(isthmus: Isthmus) -> None:
    done = isthmus(
        "presence", "set", ALICE, "--be", "do-not-disturb", "--for", "60", "--out-of-office", "--note", "on leave",
        "--location", "Room 5", "--time-zone", "Europe/Berlin", "--except", "bob@contoso.example",
    )  # fmt: skip
    assert (done.code, "do not disturb, out of office" in done.out) == (0, True)
    shown = isthmus("presence", "show", ALICE).out
    assert all(word in shown for word in ("do not disturb", "on leave", "Room 5", "Europe/Berlin", "premises", "now"))
    taken = isthmus(
        "presence", "set", ALICE, "--be", "automatic", "--in-office", "--note", "", "--no-exceptions", "--json"
    )
    told = json.loads(taken.out)
    assert (told["availability"], told["note"], told["chosen"]["exceptions"]) == ("offline", "", [])


def test_what_can_not_be_is_told_in_one_line(isthmus: Isthmus) -> None:
    for words, what in (
        (("set", ALICE), "nothing to set"),
        (("set", ALICE, "--be", "on-fire"), "can't be set"),
        (("set", ALICE, "--for", "5"), "Name it"),
        (("set", ALICE, "--time-zone", "Mars"), "is no time zone"),
        (("set", ALICE, "--shows", "all"), "shows"),
        (("show", "nobody@contoso.example"), "nobody"),
    ):
        refused = isthmus("presence", *words)
        assert refused.code in (1, 2)
        assert what in refused.err, refused
