"""Digest access authentication with MD5 and SHA-256 (RFC 7616, RFC 8760), and nonces that prove their own age.

A nonce carries the time it was made, random bytes, and a MAC over both, the realm and the address it was given
to. So no table of nonces is needed to know that one is ours, how old it is, and that it was not carried off to
another address. What has been used is remembered by the caller (see `Credentials.counter`).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import struct
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from isthmus.sip import base64url
from isthmus.sip.mac import mac

# The loop over what is not special stands outside the alternation: else each character costs a step of the matcher.
# A value that opens with a quote ends with one; either way it is the same group.
_FIELD = re.compile(r'\s*,?\s*([a-zA-Z][\w-]*)\s*=\s*(")?((?(2)[^"\\]*(?:\\.[^"\\]*)*|[^\s",]+))(?(2)")')
_ESCAPED = re.compile(r"\\(.)")
_HEX = "0123456789abcdef"
_MAX_HEADER = 2048
_MAC_BYTES = 12
_HEAD = struct.Struct("!I6s")


class Algorithm(StrEnum):
    """The hash a challenge asks for, as written in the header; the strongest first."""

    SHA256 = "SHA-256"
    MD5 = "MD5"


_ALGORITHMS = {algorithm.value: algorithm for algorithm in Algorithm}


class Credentials(msgspec.Struct, frozen=True):
    """A parsed Authorization or Proxy-Authorization header (RFC 7616 section 3.4).

    counter: the nonce count as a number; 1 where the client speaks the old form without qop, so that such a
    nonce serves once.
    """

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: Algorithm
    qop: str
    cnonce: str
    nc: str
    counter: int


def parse_credentials(header: str) -> Credentials | None:
    """Read the header's value. None for anything that is not complete, well-formed Digest."""
    if len(header) > _MAX_HEADER or header[:7].lower() != "digest ":
        return None
    fields = _fields(header[7:])
    if fields is None:
        return None
    try:
        algorithm = _ALGORITHMS[fields.get("algorithm", "MD5").upper()]
        username, realm, nonce = fields["username"], fields["realm"], fields["nonce"]
        uri, response = fields["uri"], fields["response"].lower()
    except KeyError:
        return None
    qop, nc, cnonce = fields.get("qop", ""), fields.get("nc", ""), fields.get("cnonce", "")
    if not response or response.strip(_HEX) or qop not in ("", "auth"):
        return None
    counter = 1
    if qop:
        if len(nc) != 8 or nc.lower().strip(_HEX) or not cnonce:
            return None
        counter = int(nc, 16)
    return Credentials(username, realm, nonce, uri, response, algorithm, qop, cnonce, nc, counter)


def _fields(text: str) -> dict[str, str] | None:
    """The comma-separated `name=value` pairs; None where one stands twice or something else stands between."""
    # What stands between the pairs, then name, opening quote and value of the next one, and so on.
    parts = _FIELD.split(text)
    if any(parts[:-1:4]) or parts[-1].strip(" ,\t\r\n"):
        return None
    names, values = parts[1::4], parts[3::4]
    if "\\" in text:
        quotes = parts[2::4]
        values = [_ESCAPED.sub(r"\1", each) if quote else each for each, quote in zip(values, quotes, strict=True)]
    fields = dict(zip(map(str.lower, names), values, strict=True))
    return fields if len(fields) == len(names) else None


def expected_response(credentials: Credentials, method: str, ha1: bytes) -> str:
    """The response a holder of `ha1` (raw digest of user:realm:password) gives (RFC 7616 section 3.4.1)."""
    return _expected(credentials, method, (ha1,))[0]


def _expected(credentials: Credentials, method: str, ha1s: Sequence[bytes]) -> list[str]:
    digest = hashlib.md5 if credentials.algorithm is Algorithm.MD5 else hashlib.sha256
    ha2 = digest(f"{method}:{credentials.uri}".encode()).hexdigest()
    middle = (
        f"{credentials.nonce}:{credentials.nc}:{credentials.cnonce}:{credentials.qop}"
        if credentials.qop
        else credentials.nonce
    )
    return [digest(f"{ha1.hex()}:{middle}:{ha2}".encode()).hexdigest() for ha1 in ha1s]


def which_is_right(credentials: Credentials, method: str, ha1s: Sequence[bytes]) -> int:
    """Position of the first of several secrets whose holder gave the response; -1 for none.

    All are tried whatever the outcome: the time tells nothing.
    """
    responses = _expected(credentials, method, ha1s)
    right = [hmac.compare_digest(credentials.response, response) for response in responses]
    return right.index(True) if True in right else -1


def is_right(credentials: Credentials, method: str, ha1: bytes) -> bool:
    """Whether the response is that of a holder of `ha1`, compared in constant time."""
    return hmac.compare_digest(credentials.response, expected_response(credentials, method, ha1))


def make_nonce(secret: bytes, now: float, realm: str, address: str, random: bytes | None = None) -> str:
    """A nonce for `realm`, given to a client at `address`. now: unix seconds. random: six bytes, for tests."""
    head = _HEAD.pack(int(now) & 0xFFFFFFFF, random or os.urandom(6))
    return base64url.encode(head + _mac(secret, head, realm, address))


def nonce_age(secret: bytes, nonce: str, now: float, realm: str, address: str) -> float | None:
    """Seconds since we made this nonce for this realm and address; None if we never did.

    Negative when the clock was set back since; the caller treats that as stale.
    """
    try:
        raw = base64url.decode(nonce)
    except ValueError:
        return None
    head, given = raw[: _HEAD.size], raw[_HEAD.size :]
    if len(head) != _HEAD.size or not hmac.compare_digest(given, _mac(secret, head, realm, address)):
        return None
    made: int = _HEAD.unpack(head)[0]
    return now - made


def _mac(secret: bytes, head: bytes, realm: str, address: str) -> bytes:
    return mac(secret, b"nonce", b"%b|%b|%b" % (head, realm.encode(), address.encode()), _MAC_BYTES)


def challenges(
    header: str, realm: str, nonce: str, *, stale: bool, algorithms: Sequence[Algorithm] = tuple(Algorithm)
) -> str:
    """The challenge header lines, each ending in CRLF. algorithms: strongest first (RFC 8760 section 2.4)."""
    head = f'{header}: Digest realm="{realm}", nonce="{nonce}", algorithm='
    tail = ', qop="auth", stale=true\r\n' if stale else ', qop="auth"\r\n'
    return "".join(f"{head}{algorithm}{tail}" for algorithm in algorithms)
