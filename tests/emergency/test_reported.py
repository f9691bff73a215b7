"""What phones say of their network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.emergency import reported


@pytest.mark.parametrize(
    ("header", "bssid"),
    [
        ("IEEE-802.11n; i-wlan-node-id=001a2b3c4d5e", "00:1a:2b:3c:4d:5e"),
        ('ieee-802.11;I-WLAN-NODE-ID="00:1A:2B:3C:4D:5E";np', "00:1a:2b:3c:4d:5e"),
        ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=x, IEEE-802.11ac; i-wlan-node-id=001a2b3c4d5e", "00:1a:2b:3c:4d:5e"),
        ("3GPP-E-UTRAN-FDD;i-wlan-node-id=001a2b3c4d5e", ""),
        ("IEEE-802.11", ""),
        ("IEEE-802.11; i-wlan-node-id=001a2b3c4d*", ""),  # nobody is at all access points at once
        ("", ""),
    ],
)
def test_the_access_point(header: str, bssid: str):
    assert reported.bssid(header) == bssid


@given(st.text(max_size=400))
def test_whatever_a_phone_says(header: str):
    assert reported.bssid(header) == ""
