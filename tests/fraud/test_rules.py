"""What caps and blocks may say, and which refusals follow from them."""

from __future__ import annotations

import pytest

from isthmus.errors import UsageError
from isthmus.fraud import rules
from isthmus.fraud.model import Block, Cap, Kind
from isthmus.routing.model import AtOnce, Direction


@pytest.mark.parametrize(
    "cap",
    [
        Cap("main", Kind.COUNTRY, "Cuba"),
        Cap("main", Kind.COUNTRY, ""),
        Cap("main", Kind.TENANT, "main", minutes=-1),
        Cap("main", Kind.TENANT, "main", cost="ten"),
        Cap("main", Kind.TENANT, "main", cost="-1"),
        Cap("main", Kind.TENANT, "main", cost="NaN"),
        Cap("main", Kind.TENANT, "main", zone="Nowhere/At_All"),
        Cap("main", Kind.COUNTRY, "CU", zone="UTC"),  # the tenant's is for all
        Cap("main", Kind.TRUNK, "carrier", calls=3),  # the site file's
        Cap("main", Kind.PERSON, "alice", minutes=3),  # a policy's
    ],
)
def test_what_is_no_cap_is_refused(cap: Cap):
    with pytest.raises(UsageError):
        rules.checked(cap)


def test_a_cap_in_its_one_form():
    assert rules.checked(Cap("main", Kind.COUNTRY, "cu", cost="20.50")) == Cap("main", Kind.COUNTRY, "CU", cost="20.5")
    assert rules.checked(Cap("main", Kind.COUNTRY, "+882")).key == "+882"


@pytest.mark.parametrize(
    ("direction", "what"),
    [
        ("in", "+1900"), ("in", "+1425555XXXX$"), ("in", "anonymous"), ("out", "+[2-5]3"), ("out", "country:CU"),
        ("out", "trunk:carrier"), ("out", "person:alice@contoso.example"),
    ],
)  # fmt: skip
def test_what_can_be_blocked(direction: str, what: str):
    assert rules.checked_block(Block("main", Direction(direction), what)).what == what


@pytest.mark.parametrize(
    ("direction", "what"),
    [
        ("in", "1900"), ("in", "!+1900"), ("in", "country:CU"), ("in", ""), ("out", "anonymous"), ("out", "emergency"),
        ("out", "country:Atlantis"), ("out", "person:nobody"), ("out", "trunk:"), ("out", "place:x"),
    ],
)  # fmt: skip
def test_what_can_not(direction: str, what: str):
    with pytest.raises(UsageError):
        rules.checked_block(Block("main", Direction(direction), what))


def test_refusals_stand_under_what_a_cap_is_for():
    caps = [
        (Cap("main", Kind.TENANT, "main", minutes=60), "minutes"),
        (Cap("main", Kind.COUNTRY, "CU", cost="5"), "cost"),
        (Cap("main", Kind.TRUNK, "carrier", cost="5"), "cost"),
        (Cap("main", Kind.PERSON, "p-1", minutes=9), "minutes"),
    ]
    found = rules.limits(caps, {"p-1": "alice@contoso.example"}, lambda cap: 1_000)
    assert {each[0].until_s for each in found.values()} == {1_000}  # of the day's end, whoever is there to tell
    assert {key: each[0].text for key, each in found.items()} == {
        "tenant main": "calls of main have reached their limit of the day: 60 minutes",
        "country CU main": "calls of main to CU have reached their limit of the day: a cost of 5",
        "trunk carrier": "calls by trunk carrier have reached their limit of the day: a cost of 5",
        "person alice@contoso.example": "calls of alice@contoso.example have reached their limit of the day: 9 minutes",
    }


def test_refusals_of_blocks_are_the_tenants():
    blocks = [Block("main", Direction.OUT, what) for what in ("country:CU", "trunk:carrier", "+44")]
    found = rules.blocked(blocks)
    assert set(found) == {"country CU main", "tenant main"}
    assert found["tenant main"][0].ways == ("carrier",)


def test_limits_of_calls_at_once():
    caps = [Cap("main", Kind.TENANT, "main", calls=9), Cap("main", Kind.COUNTRY, "CU", calls=2, minutes=3)]
    assert rules.at_once([*caps, Cap("main", Kind.COUNTRY, "FR", minutes=3)]) == [
        AtOnce("tenant main", 9),
        AtOnce("country CU main", 2),
    ]
