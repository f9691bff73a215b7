"""Base64 for URIs and header values (RFC 4648 section 5), without padding.

By binascii: the standard library's base64 makes four calls of Python for one, on each message of a call.
"""

from __future__ import annotations

import binascii

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")


def encode(raw: bytes) -> str:
    """`raw` as text of letters, digits, `-` and `_`."""
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL, b"=").decode()


def decode(text: str) -> bytes:
    """The bytes that `text` stands for. Raises ValueError where it is no Base64."""
    padded = text.encode("ascii").translate(_FROM_URL) + b"=" * (-len(text) % 4)
    return binascii.a2b_base64(padded, strict_mode=True)
