"""Whom somebody means who asks what reaches them, and what is dialled for them."""

from __future__ import annotations

from typing import Any, cast

import pytest
from msgspec.structs import replace

from isthmus.dialling.patterns import parsed
from isthmus.dialling.plan import Dialling
from isthmus.errors import NotFoundError, UsageError
from isthmus.routing import asking
from isthmus.routing.model import Class
from tests.routing.people import MemorySnapshot, config, record

ALICE, CAROL = "alice@contoso.example", "carol@contoso.example"
NEAR = Class(Dialling("US", "9", 3, "+14255550", parsed("*7 -> +14255550103")))
FAR = Class(Dialling("US", "", 3, "+12065550"))


def view(*classes: Class, people: tuple[Any, ...] = ()) -> Any:
    alice = replace(record(ALICE, "premises", 1, "+14255550101"), service=0)
    carol = replace(record(CAROL, "online", 2, "+14255550103"), service=0)
    return cast(Any, MemorySnapshot(config(classes=classes or (NEAR,)), [alice, carol, *people]))


@pytest.mark.parametrize(
    ("text", "whom", "why"),
    [
        (ALICE, ALICE, ""),
        ("+1 425 555 0101", ALICE, ""),
        ("tel:+14255550101", ALICE, ""),
        ("101", ALICE, "101 means +14255550101: extension 101 behind +14255550"),
        ("*7", CAROL, "*7 means +14255550103: rule *7 -> +14255550103"),
        ("94255550103", CAROL, "94255550103 means +14255550103: dialled as in US behind 9 for an outside line"),
        (
            "tel:+14255550101;ext=7",
            ALICE,
            "calls to +14255550101;ext=7 ring whoever has +14255550101: no call goes by the extension",
        ),
    ],
)  # fmt: skip
def test_somebody_is_meant_by_address_number_extension_and_what_is_dialled(text: str, whom: str, why: str):
    meant = asking.meant(text, view())
    assert (meant.person.aor, meant.why) == (whom, why)
    assert meant.extension == ("7" if ";ext" in text else "")


@pytest.mark.parametrize("text", ["nobody@contoso.example", "+12025550199", "+12025550199;ext=5", "777", "bert"])
def test_what_belongs_to_nobody(text: str):
    with pytest.raises(NotFoundError):
        asking.meant(text, view())


def test_short_codes_and_emergency_numbers_reach_nobody_here():
    with pytest.raises(UsageError, match="911 reaches nobody here: 911 calls the emergency services of US"):
        asking.meant("911", view())
    with pytest.raises(UsageError, match="9411 reaches nobody here: a short code of US"):
        asking.meant("9411", view())


def test_an_extension_that_means_two_people_has_to_be_told_apart_but_for_whom_one_may_not_know():
    erin = record("erin@contoso.example", "premises", 1, "+12065550101")
    known = view(NEAR, FAR, people=(erin,))
    with pytest.raises(UsageError, match="101 means 2 different people"):
        asking.meant("101", known)
    assert asking.meant("101", known, lambda aor: aor == ALICE).person.aor == ALICE
    with pytest.raises(NotFoundError):
        asking.meant("101", known, lambda aor: False)
    with pytest.raises(NotFoundError):
        asking.meant(ALICE, known, lambda aor: aor != ALICE)


def test_what_is_dialled_for_somebody_by_their_plan():
    known = view()
    assert [each.digits for each in asking.forms_of(known.people[0], known)] == ["101", "94255550101"]
    known.people.append(record("101@contoso.example", "premises"))  # whose address are these digits
    assert [each.digits for each in asking.forms_of(known.people[0], known)] == ["94255550101"]
