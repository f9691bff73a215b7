"""PASSporTs on the wire: compact JWS with ES256 (RFC 8225, RFC 7515), read strictly. Pure.

Not by a JOSE library: RFC 8225 section 9 fixes order and spacing of what is signed, and no such library refuses keys
that stand twice, of which two readers may each believe another. The signature itself is the work of `cryptography`.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_private_key

from isthmus.sip import base64url
from isthmus.stir.model import ALGORITHM, TYPE, Passport
from isthmus.stir.numbers import canonical

MAX_TOKEN = 4096
_MAX_DESTINATIONS = 16
_ES256 = ec.ECDSA(SHA256())
_HALF = 32  # bytes of each of r and s (RFC 7518 section 3.4)


class PassportError(ValueError):
    """A token that is no PASSporT; says why."""


def load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """A signer's key. Raises ValueError for what is none on the curve P-256."""
    key = load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("it is no key on the curve P-256")
    return key


def sign(passport: Passport, key: ec.EllipticCurvePrivateKey) -> str:
    """The token, in full form."""
    signed = f"{_encoded(_header(passport))}.{_encoded(_payload(passport))}"
    r, s = decode_dss_signature(key.sign(signed.encode(), _ES256))
    return f"{signed}.{base64url.encode(r.to_bytes(_HALF, 'big') + s.to_bytes(_HALF, 'big'))}"


def is_signed_by(token: str, key: bytes) -> bool:
    """Whether `token` bears the signature of this public key (SubjectPublicKeyInfo, DER, P-256)."""
    signed, _, signature = token.rpartition(".")
    try:
        raw = base64url.decode(signature)
    except ValueError:
        return False
    if len(raw) != 2 * _HALF:
        return False
    der = encode_dss_signature(int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))
    try:
        _public_key(key).verify(der, signed.encode(), _ES256)
    except InvalidSignature:
        return False
    return True


def parse(token: str) -> Passport:
    """What the token says, whoever signed it.

    Raises PassportError for all that is not exactly as RFC 8225 and 8588 want it: type, algorithm, shape of the claims.
    """
    if len(token) > MAX_TOKEN:
        raise PassportError(f"it has more than {MAX_TOKEN} characters")
    parts = token.split(".")
    if len(parts) != 3:
        raise PassportError("it is not three parts with dots between")
    if not (parts[0] and parts[1]):
        raise PassportError("it is in compact form, which has no place in SHAKEN")
    header, payload = _object(parts[0], "its header"), _object(parts[1], "its payload")
    if header.get("typ") != TYPE:
        raise PassportError(f"its typ is not {TYPE}")
    if header.get("alg") != ALGORITHM:
        raise PassportError(f"its alg is not {ALGORITHM}")
    if "crit" in header:  # RFC 7515 section 4.1.11: whoever does not know what is critical refuses
        raise PassportError("it has critical parameters")
    ppt = header.get("ppt", "")
    iat = payload.get("iat")
    if type(iat) is not int or not 0 <= iat < 1 << 40:
        raise PassportError("iat is not a time in seconds")
    orig_tn, orig_uri = _origin(payload.get("orig"))
    dest_tn, dest_uri = _destinations(payload.get("dest"))
    return Passport(
        orig_tn=orig_tn,
        orig_uri=orig_uri,
        dest_tn=dest_tn,
        dest_uri=dest_uri,
        iat=iat,
        x5u=_text(header.get("x5u"), "x5u"),
        attest=_text(payload.get("attest", ""), "attest"),
        origid=_text(payload.get("origid", ""), "origid"),
        ppt=_text(ppt, "ppt"),
    )


def _header(passport: Passport) -> dict[str, Any]:
    ppt = {"ppt": passport.ppt} if passport.ppt else {}
    return {"alg": ALGORITHM, **ppt, "typ": TYPE, "x5u": passport.x5u}


def _payload(passport: Passport) -> dict[str, Any]:
    dest = {
        **({"tn": list(passport.dest_tn)} if passport.dest_tn else {}),
        **({"uri": list(passport.dest_uri)} if passport.dest_uri else {}),
    }
    orig = {"tn": passport.orig_tn} if passport.orig_tn else {"uri": passport.orig_uri}
    shaken = {"attest": passport.attest, "origid": passport.origid} if passport.ppt else {}
    return {**shaken, "dest": dest, "iat": passport.iat, "orig": orig}


def _encoded(value: dict[str, Any]) -> str:
    """RFC 8225 section 9: keys in order, no white space."""
    return base64url.encode(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def _object(part: str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(base64url.decode(part).decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except PassportError:
        raise
    except (ValueError, RecursionError):
        raise PassportError(f"{what} is not JSON in Base64") from None
    if not isinstance(value, dict):
        raise PassportError(f"{what} is no JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise PassportError("a key stands in it twice")
    return found


def _no_constant(name: str) -> Any:
    raise PassportError(f"{name} is no JSON")


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise PassportError(f"{what} is no text")
    return value


def _origin(orig: object) -> tuple[str, str]:
    """Number and URI of the caller; one of them is empty (RFC 8225 section 5.2.1)."""
    if not isinstance(orig, dict) or len(orig) != 1 or not set(orig) <= {"tn", "uri"}:
        raise PassportError("orig is not one number or URI")
    if "tn" in orig:
        return _number(orig["tn"], "orig"), ""
    return "", _text(orig["uri"], "orig")


def _destinations(dest: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not isinstance(dest, dict) or not dest or not set(dest) <= {"tn", "uri"}:
        raise PassportError("dest is not numbers or URIs")
    for listed in dest.values():
        if not isinstance(listed, list) or not 1 <= len(listed) <= _MAX_DESTINATIONS:
            raise PassportError(f"dest is not 1 to {_MAX_DESTINATIONS} numbers or URIs")
    tn = tuple(_number(each, "dest") for each in dest.get("tn", ()))
    return tn, tuple(_text(each, "dest") for each in dest.get("uri", ()))


def _number(value: object, what: str) -> str:
    text = _text(value, what)
    if not text or canonical(text) != text:
        raise PassportError(f"{what} has a number that is not canonical")
    return text


@lru_cache(maxsize=512)
def _public_key(der: bytes) -> ec.EllipticCurvePublicKey:
    key = load_der_public_key(der)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TypeError("not a P-256 key")
    return key
