"""What is said of a caller's place where an emergency call is explained."""

from __future__ import annotations

import pytest

from isthmus.emergency import explained
from isthmus.emergency.compiled import EmergencyMap, compiled
from isthmus.emergency.model import Choice, Element, NetworkElement, Settings
from isthmus.routing.model import Request, Source
from tests.emergency.addresses import place, us

ALICE = "alice@contoso.example"
CARRIED = {"via": "online", "source": Source.PEER}


def known(*, default: bool = False, send: str = "pidf-lo", chosen: bool = False) -> EmergencyMap:
    parts = [NetworkElement("main", Element.SUBNET, "10.1.3.0/24", "hq3")]
    choices = {ALICE: (Choice(ALICE, civic=us(UNIT="4")),)} if chosen else {}
    made = compiled([place("hq3"), place("lobby", default=default)], parts, {}, choices)
    made = type(made)(
        **{name: getattr(made, name) for name in made.__struct_fields__} | {"settings": (Settings(send=send),)}
    )
    return EmergencyMap({"main": made}, {"contoso.example": "main"})


def told(where: EmergencyMap, phone: str = "", target: str = "sos.911", **more: object) -> str:
    request = Request("INVITE", target, caller=ALICE, phone=phone, **{"source": Source.PHONE, **more})  # type: ignore[arg-type]
    return " ".join(f"{step.rule}: {step.text}" for step in explained.steps(where, request))


def test_the_place_of_the_phone_and_what_a_trunk_is_told():
    assert told(known(), "10.1.3.20") == (
        "place: a phone at 10.1.3.20 is found at hq3 by subnet; "
        "a trunk with emergency_location is told it by a document"
    )
    assert "no trunk told of it" in told(known(send="none"), "10.1.3.20")


def test_without_an_address_what_else_is_known():
    assert told(known()) == "place: a phone of which no address is known is found at no place"
    assert "is found at lobby by default" in told(known(default=True))


def test_where_somebody_lives_is_nothing_that_calls_tell():
    assert "found at an address of their own by chosen" in told(known(chosen=True), "198.51.100.7")


def test_the_site_of_the_trunk_says_whether_it_knows_more():
    assert told(known(), "10.1.3.20", **CARRIED) == (
        "place: a phone at 10.1.3.20 is found here at hq3 by subnet, unless online knows it as exactly"
    )
    assert "what online says of it counts" in told(known(default=True), "198.51.100.7", **CARRIED)


@pytest.mark.parametrize("target", ["+14255550101", "bob@contoso.example", "sos.911@contoso.example"])
def test_of_other_calls_nothing(target: str):
    assert told(known(), "10.1.3.20", target) == ""


def test_nothing_of_what_comes_from_a_trunk():
    assert told(known(), "10.1.3.20", source=Source.TRUNK) == ""
