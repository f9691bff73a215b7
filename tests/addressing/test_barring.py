"""What somebody can be kept from."""

from __future__ import annotations

import pytest

from isthmus.addressing import barring

OWN = "+14255550101"


@pytest.mark.parametrize(
    ("barred", "number", "own", "word"),
    [
        ((), "+19005550123", OWN, None),
        (("calls:premium",), "+12065550123", OWN, None),
        (("calls:premium",), "+19005550123", OWN, "calls:premium"),
        (("calls:premium",), "+88213212345", OWN, "calls:premium"),
        (("calls:international",), "+12065550123", OWN, None),
        (("calls:international",), "+442079460123", OWN, "calls:international"),
        (("calls:international",), "+18765551234", OWN, "calls:international"),  # Jamaica, behind +1 as well
        (("calls:international",), "+12065550123", None, "calls:international"),
        (("calls:pstn", "network:192.0.2.0/24"), "+12065550123", OWN, "calls:pstn"),
    ],
)
def test_which_calls(barred: tuple[str, ...], number: str, own: str | None, word: str | None):
    assert barring.keeps_from_calling(barred, number, own) == word


@pytest.mark.parametrize(
    ("barred", "address", "out"),
    [
        ((), "192.0.2.7", False),
        (("account",), "192.0.2.7", True),
        (("calls:pstn",), "192.0.2.7", False),
        (("network:192.0.2.0/24",), "192.0.2.7", True),
        (("network:192.0.2.0/24",), "192.0.3.7", False),
        (("network:192.0.2.0/24",), "2001:db8::7", False),
        (("network:2001:db8::/48",), "[2001:db8::7]", True),
    ],
)
def test_which_addresses(barred: tuple[str, ...], address: str, out: bool):
    assert barring.keeps_out(barred, address) is out


@pytest.mark.parametrize("word", [*barring.WORDS, barring.network("192.0.2.0/24"), "network:2001:db8::/48"])
def test_every_word_means_something(word: str):
    assert barring.fault_of(word) is None
    assert "can" in barring.meaning(word)


@pytest.mark.parametrize("word", ["", "calls", "network:", "network:192.0.2.7/24", "network:example", "account x"])
def test_what_is_no_word(word: str):
    assert barring.fault_of(word)
