"""Contacts, Paths and Routes as text: what is rewritten, what is recognised, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.engines.kamailio import contact
from isthmus.sip import base64url
from isthmus.sip.sealing import EDGES, Flow


def seal(bound: str) -> str:
    """Shows what the seal is bound to."""
    return f"SEAL{bound}"


@pytest.mark.parametrize(
    ("given_", "sealed"),
    [
        ("<sip:alice@10.0.0.5:5070>", "<sip:alice@10.0.0.5:5070;isf=SEAL>"),
        (
            '"Alice, A." <sip:alice@10.0.0.5;transport=tcp>;q=0.5',
            '"Alice, A." <sip:alice@10.0.0.5;transport=tcp;isf=SEAL>;q=0.5',
        ),
        ("sip:alice@10.0.0.5;expires=60", "<sip:alice@10.0.0.5;isf=SEAL>;expires=60"),
        ("<sip:alice@10.0.0.5 >", "<sip:alice@10.0.0.5;isf=SEAL>"),
        ("Alice <SIP:alice@[2001:db8::1]:5060>", "Alice <SIP:alice@[2001:db8::1]:5060;isf=SEAL>"),
        # A seal that the phone brought along itself is replaced, not added to.
        ("<sip:alice@10.0.0.5;isf=FORGED>", "<sip:alice@10.0.0.5;isf=SEAL>"),
        (
            "<sip:alice@contoso.example;gr=urn:uuid:1>",
            "<sip:alice@contoso.example;gr=urn:uuid:1;isf=SEALsip:alice@contoso.example;gr=urn:uuid:1>",
        ),
    ],
)
def test_the_flow_goes_into_the_uri(given_: str, sealed: str) -> None:
    assert contact.with_flow(given_, seal) == sealed


@pytest.mark.parametrize(
    "given_",
    ["", "*", "<tel:+14255550101>", "<sip:a@b>, <sip:c@d>", "<sip:a@b", "sip:", "<mailto:a@b>", "<sip:a@b> trailing",
     "<sip:>", "<sip:a @b>", "<sip:a<b@c>", "<sip:a@b>>"],
)  # fmt: skip
def test_what_is_not_one_sip_address_has_no_flow(given_: str) -> None:
    assert contact.with_flow(given_, seal) is None


_PIECES = ("<", ">", "sip:", "sips:", "a@b", " ", "\t", '"', '"x" ', ",", ";isf=Ab-_9", ";isf=", ";lr", "\u00a0", "?")


@given(st.lists(st.sampled_from(_PIECES), max_size=8).map("".join))
def test_the_usual_form_is_read_as_any_other(value: str) -> None:
    # A blank at either end says nothing, and is not of the usual form.
    assert contact.with_flow(value, seal) == contact.with_flow(f"{value} ", seal)
    assert contact.first_uri(value) == contact.first_uri(f" {value}")


@pytest.mark.parametrize(
    ("uri", "own", "found"),
    [
        ("sip:a@b", "sip:a@b", ""),
        ("sip:a@b;isf=Ab-_9", "sip:a@b", "Ab-_9"),
        ("sip:a@b;isf=Ab-_9;ob", "sip:a@b;ob", "Ab-_9"),
        ("sip:a@b;isf=", "sip:a@b", ""),
        ("sip:a@b;isf=x;isf=y", "sip:a@b", "x"),
        ("sip:a@b;isf=\u00e9", "sip:a@b\u00e9", ""),
    ],
)
def test_a_sealed_flow_is_split_off(uri: str, own: str, found: str) -> None:
    assert contact.split_flow(uri) == (own, found)


@pytest.mark.parametrize(
    ("route", "found"),
    [
        ("sip:h;lr", ""),
        ("sip:h;lr;isd=enAb-_9", "enAb-_9"),
        ("sip:h;lr;isd=enAb-_9;r2=on", "enAb-_9"),
        ("sip:h;isd=;isd=en12", "en12"),
        ("sip:h;isd=en12@h", "en12"),
    ],
)
def test_a_sealed_passage_is_found(route: str, found: str) -> None:
    assert contact.route_seal(route) == found


def test_every_uri_in_angle_brackets_is_found() -> None:
    assert contact.uris('<sip:a;lr>, "x" <sip:b;lr>;y, <>, <sip:c, <sip:d>') == ["sip:a;lr", "sip:b;lr", "sip:d"]


def test_the_phone_gets_its_own_uri_back() -> None:
    sealed = contact.with_flow("<sip:alice@10.0.0.5:5070;transport=tcp;ob>", lambda bound: "AbC-_9")
    assert sealed is not None
    assert contact.split_flow(contact.first_uri(sealed)) == ("sip:alice@10.0.0.5:5070;transport=tcp;ob", "AbC-_9")


@pytest.mark.parametrize(
    ("route", "uri"),
    [
        ("<sip:a;lr>, <sip:b;lr>", "sip:a;lr"),
        ('"x, <y>" <sip:a;lr>', "sip:a;lr"),
        ("sip:a;lr", ""),
        ("", ""),
    ],
)
def test_the_first_route_is_found(route: str, uri: str) -> None:
    assert contact.first_uri(route) == uri


flows = st.builds(Flow, edge=st.sampled_from(EDGES), host=st.ip_addresses().map(str), port=st.integers(1, 65535))


@given(flow=flows)
def test_a_path_carries_the_flow_there_and_back(flow: Flow) -> None:
    path = contact.path_uri("premises.contoso.example:5062", flow.uri)
    assert contact.received_of(path) == flow.uri
    assert contact.edge_of(contact.received_of(path)) == flow.edge


def test_an_edge_we_do_not_have_is_none() -> None:
    assert contact.edge_of("sip:1.2.3.4:5;edge=sctp") == ""
    assert contact.edge_of("sip:1.2.3.4:5") == ""


@given(st.text(max_size=200))
def test_no_text_breaks_the_readers(text: str) -> None:
    contact.with_flow(text, seal)
    contact.split_flow(text)
    contact.first_uri(text)
    contact.route_seal(text)
    contact.received_of(text)
    contact.edge_of(text)


@pytest.mark.parametrize(
    ("contacts", "allowed"),
    [
        ("", True),
        ("*", True),
        ("<sip:a@b>, <sip:c@d>;q=0.5", True),
        ('<sip:a@b>;received="sip:victim:5060"', False),
        ("<sip:a@b>;q=1; Received =x", False),
        ("<sip:a@b>, *", False),
        ("*, <sip:a@b>", False),
    ],
)
def test_what_a_phone_may_register(contacts: str, allowed: bool) -> None:
    assert contact.may_register(contacts) is allowed


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:+12065550123@gateway.example;user=phone", "+12065550123"),
        ("sip:+1206%35550123:x@192.0.2.1", "+12065550123"),
        ("sip:+12065550123;npdi@192.0.2.1", "+12065550123"),
        ("tel:+1-206-555-0123;ext=7", "+1-206-555-0123"),
        ("sip:192.0.2.1", ""),
        ("mailto:a@b", ""),
        ("", ""),
    ],
)
def test_whom_a_uri_means(uri: str, user: str) -> None:
    assert contact.user_of(uri) == user


# Contacts by which trunks see a name


@pytest.mark.parametrize("uri", ["sip:alice@10.0.0.5:5070;ob;isf=SEAL", "sip:[2001:db8::1];gr=urn:uuid:1;isf=x"])
def test_a_contact_that_shows_a_name_leads_to_the_phones_own(uri: str):
    value = contact.named(f'"Alice" <{uri}>;+sip.instance="x"', "+14255550171", "sbc.contoso.example:5067")
    assert value.startswith("<sip:+14255550171@sbc.contoso.example:5067;transport=tls;isc=")
    assert contact.unnamed(contact.first_uri(value)) == uri
    assert contact.named(f"<{uri}>", "", "sbc.contoso.example:5067").startswith("<sip:sbc.contoso.example:5067;")


def test_there_is_none_without_a_uri():
    assert contact.named("*", "", "sbc.contoso.example:5067") == ""


def test_a_uri_that_shows_no_name_or_hides_what_is_none_stays_as_it_is():
    lines = base64url.encode(b"sip:a@b\r\nVia: x")
    for uri in ("sip:alice@10.0.0.5;isf=SEAL", "sip:x@y;isc=!", "sip:x@y;isc=abc", f"sip:x@y;isc={lines}"):
        assert contact.unnamed(uri) == uri


@given(st.text())
def test_what_anybody_writes_is_unnamed_without_an_error(text: str):
    contact.unnamed(f"sip:x@y;isc={text}")
