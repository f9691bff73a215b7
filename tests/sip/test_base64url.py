"""Base64 for URIs: as the standard library writes it, without padding, and strict when reading."""

from __future__ import annotations

import base64
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from isthmus.sip import base64url


@given(raw=st.binary(max_size=60))
def test_it_is_that_of_the_standard_library_without_padding(raw: bytes) -> None:
    text = base64url.encode(raw)
    assert text == base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert base64url.decode(text) == raw


@given(text=st.text(max_size=60) | st.text(alphabet="AZaz09-_+/= \n", max_size=24))
def test_it_reads_what_the_standard_library_reads_strictly(text: str) -> None:
    assert read(base64url.decode, text) == read(strict, text)


def strict(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def read(decode: Callable[[str], bytes], text: str) -> bytes | None:
    """What `decode` makes of it, None where it refuses."""
    try:
        return decode(text)
    except ValueError:
        return None
