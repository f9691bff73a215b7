"""Secrets of accounts at rest: hashes of what only has to be recognised, encryption of what has to be read."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from isthmus.errors import UnavailableError

_KEY_BYTES = 32
_NONCE_BYTES = 12
# RFC 9106 section 4, the second recommended choice: 64 MiB, three passes, four lanes.
HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4, type=Type.ID)


class Sealer:
    """What needs the site's identity key: encryption of TOTP secrets, and hashes that a stolen database can't test."""

    def __init__(self, key: bytes) -> None:
        self._box, self._key = AESGCM(hashlib.sha256(b"seal" + key).digest()), hashlib.sha256(b"hash" + key).digest()

    @classmethod
    def from_file(cls, path: Path) -> Sealer:
        """With the key in the file; it is made (0600) where it is missing. Raises UnavailableError."""
        try:
            if not path.exists():
                made = path.with_suffix(".new")
                with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
                    file.write(secrets.token_bytes(_KEY_BYTES))
                    file.flush()
                    os.fsync(file.fileno())
                made.rename(path)
            return cls(path.read_bytes())
        except OSError as error:
            raise UnavailableError(f"the identity key can't be read ({error.strerror})", where=str(path)) from error

    def seal(self, secret: bytes, about: str) -> bytes:
        """Encrypted; it opens only for the same `about`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._box.encrypt(nonce, secret, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """What was sealed. Raises UnavailableError when the key is another one than then."""
        try:
            return self._box.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
        except InvalidTag:
            raise UnavailableError(
                "a secret was sealed by another identity key",
                do="Restore the site's identity.key, or let the second factors be reset: isthmus account reset-mfa",
            ) from None

    def digest(self, text: str) -> str:
        """To recognise `text` by."""
        return hmac.new(self._key, text.encode(), "sha256").hexdigest()


class Passwords:
    """Argon2id with a hash of nobody's password, so that unknown names take as long as known ones."""

    def __init__(self, hasher: PasswordHasher = HASHER) -> None:
        self._hasher = hasher
        self._nobody = hasher.hash(secrets.token_urlsafe(16))

    def hash(self, password: str) -> str:
        """For the database, in PHC form."""
        return self._hasher.hash(password)

    def right(self, stored: str | None, given: str) -> bool:
        """Whether `given` is the password; without a stored one it takes as long, and is wrong."""
        try:
            right = self._hasher.verify(stored or self._nobody, given)
        except (VerificationError, InvalidHashError):
            return False
        return right and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether it should be hashed anew, with the costs of today."""
        return self._hasher.check_needs_rehash(stored)


def random_token() -> str:
    """256 random bits, as text: so long that its plain hash gives nothing away."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """To recognise a random token by."""
    return hashlib.sha256(token.encode()).hexdigest()
