"""SRTP of the tests: the vectors of RFC 3711 appendix B.3, and both ways."""

from __future__ import annotations

import secrets

from tests.agents.srtp import Context, derived

MASTER = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6")


def test_session_keys_as_the_rfc_has_them():
    assert derived(MASTER, 0, 16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert derived(MASTER, 2, 14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert derived(MASTER, 1, 20).hex().upper() == "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"


def test_what_is_protected_is_opened_by_the_same_key_alone():
    one, other = Context(secrets.token_bytes(30)), Context(secrets.token_bytes(30))
    packet = bytes.fromhex("8000002a000000a0deadbeef") + bytes(range(160))
    sealed = one.protect(packet)
    assert len(sealed) == len(packet) + 10
    assert packet[12:] not in sealed
    assert one.unprotect(sealed) == packet
    assert other.unprotect(sealed) is None
    assert one.unprotect(packet) is None
    assert one.unprotect(sealed[:-1] + bytes([sealed[-1] ^ 1])) is None
