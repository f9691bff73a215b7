"""Addresses: what a country wants of one, and how one is read to somebody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.emergency import civic
from isthmus.emergency.model import Point
from isthmus.errors import UsageError
from tests.emergency.addresses import BERLIN, REDMOND, texts, us


def test_an_address_comes_into_its_one_form():
    address = civic.checked(
        " us ", {"FLR": " 3 ", "A1": "washington", **{k: v for k, v in REDMOND.items() if k != "A1"}}
    )
    assert address.country == "US"
    assert dict(address.elements) == {**REDMOND, "FLR": "3"}
    assert [name for name, _ in address.elements] == ["A1", "A3", "RD", "STS", "HNO", "FLR", "PC"]  # as in the schema
    assert civic.checked("US", dict(address.elements)) == address


@pytest.mark.parametrize(
    ("country", "elements", "told"),
    [
        ("XX", REDMOND, "is no country"),
        ("ZZ", REDMOND, "is no country"),
        ("USA", REDMOND, "is no country"),
        ("../../etc/passwd", REDMOND, "is no country"),
        ("", REDMOND, "is no country"),
        ("US", REDMOND | {"A1": ""}, "need A1"),
        ("US", REDMOND | {"A1": "Bavaria"}, "no state or province"),
        ("US", REDMOND | {"A3": ""}, "need A3"),
        ("US", REDMOND | {"PC": "9805"}, "no postal code of US"),
        ("US", REDMOND | {"PC": "10001"}, "not of that part of US"),
        ("US", REDMOND | {"RD": ""}, "has to say where in the city"),
        ("US", REDMOND | {"HNO": "1A"}, "HNS"),
        ("US", REDMOND | {"STREET": "Main"}, "no element 'STREET'"),
        ("US", REDMOND | {"LOC": "x" * 101}, "longer than 100"),
        ("US", REDMOND | {"LOC": "a\x00b"}, "can't be shown"),
        ("US", REDMOND | {"LOC": "\u202e"}, "can't be shown"),
        ("DE", BERLIN | {"PC": "1082"}, "no postal code of DE"),
        ("GB", {"A3": "London", "RD": "Broadway", "PC": "SW1H 0BG extra"}, "no postal code of GB"),
    ],
)
def test_what_has_not_the_form_of_its_country_is_told(country: str, elements: dict[str, str], told: str):
    with pytest.raises(UsageError, match=told):
        civic.checked(country, elements)


@pytest.mark.parametrize(
    ("country", "elements"),
    [
        ("DE", BERLIN),
        ("GB", {"A3": "London", "HNO": "8", "RD": "Broadway", "PC": "sw1h 0bg"}),
        ("IE", {"A3": "Dublin", "RD": "Grafton", "STS": "Street"}),  # a postal code is not wanted there
        ("HK", {"A1": "Kowloon", "RD": "Nathan Road", "HNO": "10"}),  # nor a city
        ("JP", {"A1": "Tokyo", "A3": "Chiyoda", "A6": "Marunouchi", "PC": "100-0005"}),  # nor a street
        ("AU", {"A1": "NSW", "A3": "Sydney", "RD": "George", "STS": "St", "PC": "2000"}),
    ],
)
def test_each_country_has_its_own(country: str, elements: dict[str, str]):
    assert civic.checked(country, elements).country == country


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(UsageError) as caught:
        civic.checked("US", {"HNO": "x"})
    assert all(told in str(caught.value) for told in ("A1", "A3", "PC", "where in the city", "HNS"))


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=120), max_size=8), st.text(max_size=4))
def test_whatever_is_said_is_an_address_or_refused(elements: dict[str, str], country: str):
    try:
        address = civic.checked(country, elements)
    except UsageError:
        return
    assert civic.checked(address.country, dict(address.elements)) == address


@given(st.dictionaries(st.sampled_from(sorted(set(civic.ELEMENTS) - {"HNO"})), texts))
def test_no_element_is_left_unsaid(more: dict[str, str]):
    said = REDMOND | {name: text for name, text in more.items() if name not in REDMOND}
    words = civic.words(civic.checked("US", said))
    assert all(text in words for text in said.values())


def test_in_words():
    assert civic.words(us(FLR="3", ROOM="3.14", NAM="Contoso")) == (
        "Contoso, 1 Main St, Redmond, WA 98052, US, floor 3, room 3.14"
    )


def test_points():
    assert civic.checked_point(47.62051234567, -122.3493) == Point(47.620512, -122.3493)
    for wrong in ((91, 0), (0, 181), (float("nan"), 0), (0, float("inf"))):
        with pytest.raises(UsageError):
            civic.checked_point(*wrong)
