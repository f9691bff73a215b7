"""Time-based one-time passwords (RFC 6238 over RFC 4226). Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from urllib.parse import quote

STEP_S = 30
DIGITS = 6
_AROUND = 1  # steps before and after the present one that are taken (RFC 6238 5.2)
SECRET_BYTES = 20  # as long as the digest (RFC 4226 4, R6)


def code(secret: bytes, step: int, *, digits: int = DIGITS, digest: str = "sha1") -> str:
    """The code of one time step."""
    mac = hmac.new(secret, struct.pack(">Q", step), getattr(hashlib, digest)).digest()
    offset = mac[-1] & 0xF
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def matching_step(secret: bytes, given: str, now: float, after: int) -> int | None:
    """The step whose code was given, if it is about now and newer than `after`: no code counts twice (RFC 6238 5.2)."""
    text = "".join(given.split())
    if len(text) != DIGITS or not text.isascii():
        return None
    present = int(now) // STEP_S
    found = None
    for step in range(present - _AROUND, present + _AROUND + 1):
        if hmac.compare_digest(code(secret, step), text) and step > after:
            found = step
    return found


def uri(secret: bytes, account: str, issuer: str) -> str:
    """What an authenticator app reads from a QR code (the de facto Key URI format)."""
    label = quote(f"{issuer}:{account}", safe="")
    return (
        f"otpauth://totp/{label}?secret={text(secret)}&issuer={quote(issuer, safe='')}&digits={DIGITS}&period={STEP_S}"
    )


def text(secret: bytes) -> str:
    """The secret as people type it."""
    return base64.b32encode(secret).decode().rstrip("=")
