"""Whom a REFER names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.sip.referring import ReferTo, refer_to, without_refer


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("<sip:bob@contoso.example>", ReferTo("sip:bob@contoso.example", "bob", "contoso.example")),
        ('"Bob" <sip:bob@Contoso.Example:5062;user=phone>;x=y', None),
        ("sip:+12065550123@gw;user=phone", ReferTo("sip:+12065550123@gw", "+12065550123", "gw")),
        ("<tel:+12065550123;phone-context=x>", ReferTo("tel:+12065550123;phone-context=x", "+12065550123", "")),
        ("<sip:[2001:db8::1]>", ReferTo("sip:[2001:db8::1]", "", "[2001:db8::1]")),
        (
            "<sip:bob@contoso.example?Replaces=1%40x%3Bto-tag%3Da%3Bfrom-tag%3Db>",
            ReferTo("sip:bob@contoso.example", "bob", "contoso.example", "1@x;to-tag=a;from-tag=b"),
        ),
    ],
)
def test_one_uri_and_at_most_replaces(value: str, found: ReferTo | None):
    expected = found or ReferTo("sip:bob@Contoso.Example:5062;user=phone", "bob", "contoso.example")
    assert refer_to(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "<sip:a@x>, <sip:b@x>",
        "<http://contoso.example/>",
        "<sip:bob@contoso.example?Route=%3Csip:evil%3E>",
        "<sip:bob@contoso.example?Replaces=1&Replaces=2>",
        "<sip:a@b@c>",
        "<sip:bob@contoso.example\r\nVia: x>",
    ],
)
def test_what_names_nobody_or_wants_more(value: str):
    assert refer_to(value) is None


@given(st.text(max_size=60))
def test_nothing_that_anybody_writes_is_an_error(value: str):
    refer_to(value)


def test_methods_without_refer():
    assert without_refer("INVITE, refer,ACK , REFER") == "INVITE, ACK"
    assert without_refer("") == ""
