"""What a branch is told that it can do with online away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isthmus.connectors.surviving import MOST_ASKED, Finding, asked, findings
from isthmus.dialling.plan import Dialling
from isthmus.directory.model import Person
from isthmus.registration.model import Binding
from isthmus.routing.model import Class, Config, PersonRecord, TrunkRecord
from tests.routing.people import MemorySnapshot, person

ANNA, BEN = person("anna", number="+14255550201"), person("ben")
PHONE = Binding("sip:anna@192.0.2.1", "c", 1, 2_000_000_000)


def told(
    people: Sequence[Person] = (ANNA, BEN),
    phones: Mapping[str, Sequence[Binding]] | None = None,
    *,
    there: bool = True,
    trunk: str = "up",
    country: str = "US",
    fallback: str = "",
) -> dict[str, Finding]:
    at = Config(
        "branch-a", "connector", ("branch-a", "online"), ("contoso",), {"contoso.example": 0},
        (TrunkRecord("gateway", "192.0.2.9:5060"),), upstream="online", fallback=fallback,
        classes=(Class(dialling=Dialling(country)),),
    )  # fmt: skip
    records = [PersonRecord(str(each.aor), 0, 0, 1, b"m" * 16, b"s" * 32, each.number) for each in people]
    held = {str(ANNA.aor): [PHONE]} if phones is None else phones
    answered = {aor: there for aor, _ in asked(held)}
    found = findings(MemorySnapshot(at, records), people, held, answered, {"gateway": trunk}, 2)
    return {each.what: each for each in found}


def works(found: Mapping[str, Finding], what: str) -> bool | None:
    return next(each.works for name, each in found.items() if what in name)


def test_who_has_a_phone_that_answers_is_called_and_calls():
    found = told()
    assert works(found, "anna") is True
    assert found["anna@contoso.example (+14255550201)"].why == (
        "is called at the branch, is called by the PSTN, calls out by trunk gateway"
    )
    assert works(found, "ben") is False  # no phone is registered here


def test_a_phone_that_does_not_answer_does_not_count():
    assert works(told(there=False), "anna") is False


def test_help_takes_a_trunk_that_answers_and_a_country():
    assert works(told(), "emergency") is True
    assert works(told(trunk="down"), "emergency") is False
    assert works(told(country=""), "emergency") is False


def test_a_trunk_that_is_not_asked_is_not_said_to_work():
    assert works(told(trunk="unknown"), "trunk gateway") is None


def test_calls_for_others_need_a_fallback_that_answers():
    assert works(told(), "anybody else") is False
    assert works(told(fallback="+14255550201"), "anybody else") is True
    assert works(told(fallback="+14255550201", there=False), "anybody else") is False
    assert works(told(fallback="+12065550100"), "anybody else") is True
    assert works(told(fallback="+12065550100", trunk="down"), "anybody else") is False


def test_what_online_told_of_blocks_and_limits_is_said():
    assert told()["what keeps calls from being made and taken"].why.startswith(
        "0 blocks, 0 limits of calls at once and 2 of the day"
    )


def test_a_branch_that_nobody_registered_through_can_do_nothing():
    assert works(told(people=(), phones={}), "phones at this branch") is False


def test_of_more_phones_than_are_asked_the_others_are_not_said_to_be_gone():
    ahead = {f"a{number}@contoso.example": [PHONE] for number in range(MOST_ASKED)}  # before anna
    assert works(told(phones={**ahead, str(ANNA.aor): [PHONE]}), "anna") is None
