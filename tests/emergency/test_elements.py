"""Parts of a network: however they are written, there is one form of each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.emergency import elements
from isthmus.emergency.model import Element
from isthmus.errors import UsageError


@pytest.mark.parametrize("text", ["00:1A:2B:3C:4D:5E", "00-1a-2b-3c-4d-5e", "001a.2b3c.4d5e", " 001a2b3c4d5e "])
def test_a_mac_address_is_one_however_it_is_written(text: str):
    assert elements.chassis(text) == elements.bssid(text) == "00:1a:2b:3c:4d:5e"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("00:1a:2b:3c:4d:*", "00:1a:2b:3c:4d:*"),
        ("001A2B3C4D5*", "00:1a:2b:3c:4d:5*"),
        ("00-1a-2b-*", "00:1a:2b:*"),
        ("00:1a:2b:3*", "00:1a:2b:3*"),
    ],
)
def test_the_last_digits_of_a_bssid_may_be_open(text: str, form: str):
    assert elements.bssid(text, wildcard=True) == form
    with pytest.raises(UsageError):
        elements.bssid(text)  # a device has a whole one


@pytest.mark.parametrize(
    "text", ["", "*", "00:1a:*", "00:1a:2b:3c:4d:5e:6f", "00:1a:2b:3c:4d:5e*", "x0:1a:2b:3c:4d:5e"]
)
def test_what_is_no_bssid(text: str):
    with pytest.raises(UsageError):
        elements.bssid(text, wildcard=True)


@pytest.mark.parametrize(
    ("kind", "id_", "port"),
    [
        (Element.PORT, "sw1", ""),
        (Element.SWITCH, "sw1", "Gi1"),
        (Element.SUBNET, "10.1.2.3/24", ""),
        (Element.SUBNET, "10.1.2", ""),
        (Element.SWITCH, "", ""),
        (Element.SWITCH, "a\nb", ""),
        (Element.PORT, "sw1", "a\x00"),
        (Element.SWITCH, "x" * 256, ""),
    ],
)
def test_what_is_no_part_of_a_network(kind: Element, id_: str, port: str):
    with pytest.raises(UsageError):
        elements.checked("main", kind, id_, "hq", port)


@given(st.sampled_from(list(Element)), st.text(max_size=40), st.text(max_size=10))
def test_the_one_form_stays_what_it_is(kind: Element, id_: str, port: str):
    try:
        once = elements.checked("main", kind, id_, "hq", port)
    except UsageError:
        return
    assert elements.checked("main", kind, once.id, "hq", once.port) == once


def test_addresses():
    assert str(elements.address("[::ffff:10.1.2.3]")) == "10.1.2.3"
    assert str(elements.address("fe80::1%eth0")) == "fe80::1"
    assert elements.address("nonsense") is None
