"""PASSporTs: what is signed is read back, and by another implementation too; what is not exactly one is refused."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from isthmus.sip import base64url
from isthmus.stir import identity, passport
from isthmus.stir.numbers import canonical
from isthmus.stir.passport import PassportError
from tests.stir.conftest import CALLED, CALLER, URL, Signer, said

DIGITS = st.text("0123456789", min_size=1, max_size=15)


def der_of(signer: Signer) -> bytes:
    return signer.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@given(orig=DIGITS, dest=st.lists(DIGITS, min_size=1, max_size=3), attest=st.sampled_from("ABC"))
def test_what_is_signed_is_read_back(signer: Signer, orig: str, dest: list[str], attest: str):
    made = said(orig_tn=orig, dest_tn=tuple(dest), attest=attest)
    token = passport.sign(made, signer.key)
    assert passport.parse(token) == made
    assert passport.is_signed_by(token, der_of(signer))


def test_another_implementation_believes_the_signature_and_reads_the_same(signer: Signer):
    token = passport.sign(said(), signer.key)
    pem = signer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    registry = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    found = jws.deserialize_compact(token, ECKey.import_key(pem), registry=registry)
    assert json.loads(found.payload) == {
        "attest": "A",
        "dest": {"tn": [CALLED]},
        "iat": 1_800_000_000,
        "orig": {"tn": CALLER},
        "origid": "one",
    }
    # RFC 8225 section 9: in lexicographic order, without white space.
    assert found.payload == json.dumps(json.loads(found.payload), sort_keys=True, separators=(",", ":")).encode()


@given(st.data())
def test_whatever_is_changed_breaks_the_signature(signer: Signer, data: st.DataObject):
    token = passport.sign(said(), signer.key)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("AQgw01.-_"))
    changed = token[:at] + other + token[at + 1 :]
    if changed == token:
        return
    # The last characters of Base64 may have bits that stand for nothing.
    same = _bytes(changed) is not None and _bytes(changed) == _bytes(token)
    assert same or not passport.is_signed_by(changed, der_of(signer))


def _bytes(token: str) -> list[bytes] | None:
    try:
        head, _, signature = token.rpartition(".")
        return [head.encode(), base64url.decode(signature)]
    except ValueError:
        return None


def made_of(header: object, payload: object) -> str:
    parts = [each if isinstance(each, str) else json.dumps(each) for each in (header, payload)]
    return ".".join([*(base64url.encode(part.encode()) for part in parts), "AAAA"])


HEADER = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": URL}
PAYLOAD = {"attest": "A", "dest": {"tn": [CALLED]}, "iat": 1, "orig": {"tn": CALLER}, "origid": "one"}


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        ({**HEADER, "alg": "none"}, PAYLOAD),
        ({**HEADER, "alg": "HS256"}, PAYLOAD),
        ({**HEADER, "typ": "JWT"}, PAYLOAD),
        ({**HEADER, "crit": ["b64"]}, PAYLOAD),
        ({**HEADER, "x5u": 7}, PAYLOAD),
        ('{"alg":"ES256","alg":"none"}', PAYLOAD),
        ([], PAYLOAD),
        (HEADER, {**PAYLOAD, "iat": "1"}),
        (HEADER, {**PAYLOAD, "iat": True}),
        (HEADER, {**PAYLOAD, "iat": -1}),
        (HEADER, {**PAYLOAD, "orig": {"tn": "+14255550101"}}),
        (HEADER, {**PAYLOAD, "orig": {"tn": CALLER, "uri": "sip:x"}}),
        (HEADER, {**PAYLOAD, "orig": CALLER}),
        (HEADER, {**PAYLOAD, "dest": {"tn": CALLED}}),
        (HEADER, {**PAYLOAD, "dest": {"tn": []}}),
        (HEADER, {**PAYLOAD, "dest": {"tn": [CALLED] * 17}}),
        (HEADER, '{"orig":{"tn":"1","tn":"2"}}'),
        (HEADER, "NaN"),
        (HEADER, "[" * 10_000),
    ],
)
def test_what_is_no_passport_is_refused(header: object, payload: object):
    with pytest.raises(PassportError):
        passport.parse(made_of(header, payload))


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c.d", "..c", "!.!.!", "x" * 5000])
def test_nor_is_what_has_not_its_form(token: str):
    with pytest.raises(PassportError):
        passport.parse(token)


def test_the_header_is_read_back_and_says_nothing_twice():
    header = identity.of_token("a.b.c", URL)
    assert identity.parse(str(header)) == header
    for wrong in ("a.b.c", "a.b.c;info=x", f"a.b.c;info=<{URL}>;info=<{URL}>", f"a b;info=<{URL}>", "x" * 9000):
        with pytest.raises(PassportError):
            identity.parse(wrong)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+1 (215) 555-0121", "12155550121"),
        ("+12155550121;ext=7", "12155550121"),
        ("*82", "*82"),
        ("alice", ""),
        ("1215555012l", ""),
        ("", ""),
    ],
)
def test_numbers_have_one_form(text: str, number: str):
    assert canonical(text) == number
