"""The MAC under everything a site writes itself and wants to know again: nonces and seals.

Keyed BLAKE2b (RFC 7693 section 2.9). HMAC by OpenSSL 3 looks its algorithm up anew each time, which made it the
dearest single step on a call's path.
"""

from __future__ import annotations

import hashlib


def mac(secret: bytes, purpose: bytes, text: bytes, size: int) -> bytes:
    """`size` bytes that only a holder of `secret` (at most 64 bytes) can make for this text and purpose.

    purpose: at most 16 bytes; what is made for one purpose is worth nothing for another.
    """
    return hashlib.blake2b(text, digest_size=size, key=secret, person=purpose).digest()
