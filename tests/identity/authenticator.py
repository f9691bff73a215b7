"""An authenticator in software (WebAuthn Level 3, section 6): makes and uses passkeys as a browser would."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import bytes_to_base64url as text

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One key. verifies: whether it checks who is there (finger, PIN). origin: the page it is used on."""

    origin: str = "https://premises.contoso.example:8443"
    verifies: bool = True
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    aaguid: bytes = bytes(range(16))
    count: int = 0

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.create(options)` gives, with a packed self attestation (8.2)."""
        client = self._client("webauthn.create", options["challenge"])
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        credential = self.aaguid + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor2.dumps(cose)
        data = self._data(options["rp"]["id"], _ATTESTED) + credential
        statement = {"alg": -7, "sig": self._sign(data, client)}
        attestation = cbor2.dumps({"fmt": "packed", "attStmt": statement, "authData": data})
        return self._answer({"clientDataJSON": text(client), "attestationObject": text(attestation)})

    def get(self, options: dict[str, Any], user: str = "") -> dict[str, Any]:
        """What `navigator.credentials.get(options)` gives."""
        client = self._client("webauthn.get", options["challenge"])
        data = self._data(options["rpId"])
        response = {
            "clientDataJSON": text(client),
            "authenticatorData": text(data),
            "signature": text(self._sign(data, client)),
            "userHandle": text(user.encode()),
        }
        return self._answer(response)

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _data(self, rp_id: str, flags: int = 0) -> bytes:
        self.count += 1
        flags |= _PRESENT | (_VERIFIED if self.verifies else 0)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _sign(self, data: bytes, client: bytes) -> bytes:
        return self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        name = text(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}
