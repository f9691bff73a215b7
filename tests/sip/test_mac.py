"""The MAC of nonces and seals: for one secret, one purpose, one text."""

from __future__ import annotations

import hashlib

from isthmus.sip.mac import mac

SECRET = b"k" * 32


def test_it_is_keyed_blake2b() -> None:
    assert (
        mac(SECRET, b"pass", b"text", 10)
        == hashlib.blake2b(b"text", digest_size=10, key=SECRET, person=b"pass").digest()
    )


def test_another_secret_purpose_or_text_gives_another() -> None:
    made = {mac(*given, 12) for given in ((SECRET, b"pass", b"a"), (SECRET, b"flow", b"a"), (SECRET, b"pass", b"b"))}
    assert len(made | {mac(b"x" * 32, b"pass", b"a", 12)}) == 4
