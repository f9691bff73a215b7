"""Credentials for TURN, and the URLs by which browsers know the server."""

import pytest

from isthmus.turn.rules import Server, credential


def test_a_credential_is_as_coturn_makes_it():
    """By `printf %s 1700000000:anna | openssl dgst -sha1 -hmac "open sesame" -binary | base64`."""
    made = credential("open sesame", "anna", 1_700_000_000)
    assert made.username == "1700000000:anna"
    assert made.password == "GVWYEFxW6NppTyZVTPEbK9+MSPw="


def test_names_that_would_be_read_otherwise_are_refused():
    with pytest.raises(ValueError, match="colon"):
        credential("open sesame", "1800000000:anna", 1_700_000_000)


def test_urls():
    server = Server("2001:db8::1", "premises.contoso.example", 3478, 443)
    assert server.stun == "stun:[2001:db8::1]:3478"
    assert server.turn == (
        "turn:[2001:db8::1]:3478?transport=udp",
        "turn:[2001:db8::1]:3478?transport=tcp",
        "turns:premises.contoso.example:443?transport=tcp",
    )
