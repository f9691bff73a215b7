"""The examples that the standards print."""

from __future__ import annotations

import json

from isthmus.sip import base64url
from isthmus.stir import passport
from isthmus.stir.model import Passport
from tests.stir.conftest import Signer

X5U = "https://cert.example.org/passport.cer"

# RFC 8225 appendix A: header and payload as they are signed.
SIGNED = (
    "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9j"
    "ZXJ0LmV4YW1wbGUub3JnL3Bhc3Nwb3J0LmNlciJ9."
    "eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI6"
    "MTQ3MTM3NTQxOCwib3JpZyI6eyJ0biI6IjEyMTU1NTUxMjEyIn19"
)
SAID = Passport("12155551212", (), 1471375418, X5U, ppt="", dest_uri=("sip:alice@example.com",))


def test_what_is_signed_is_byte_for_byte_what_rfc_8225_signs(signer: Signer):
    token = passport.sign(SAID, signer.key)
    assert token.rpartition(".")[0] == SIGNED
    assert passport.parse(token) == SAID


def test_shaken_says_what_rfc_8588_prints(signer: Signer):
    identifier = "123e4567-e89b-12d3-a456-426655440000"
    said = Passport("12155551212", ("12125551213",), 1443208345, X5U, "A", identifier)
    header, payload, _ = passport.sign(said, signer.key).split(".")
    assert json.loads(base64url.decode(header)) == {"alg": "ES256", "typ": "passport", "ppt": "shaken", "x5u": X5U}
    assert json.loads(base64url.decode(payload)) == {
        "attest": "A",
        "dest": {"tn": ["12125551213"]},
        "iat": 1443208345,
        "orig": {"tn": "12155551212"},
        "origid": identifier,
    }
