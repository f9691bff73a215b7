"""The keys that ID tokens are signed with: made when first needed, renewed by age, published for some time after."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from isthmus.directory.journal import Journal
from isthmus.identity.ledger import Ledger
from isthmus.identity.sealing import Sealer
from isthmus.provider import store

_DAY_MS = 86_400_000
_SIGNS_MS = 90 * _DAY_MS
_KEPT_MS = _SIGNS_MS + 2 * _DAY_MS  # an ID token lives for minutes; who keeps our keys may look for new ones daily
Signer = Callable[[dict[str, Any]], str]
ALGORITHMS = ("RS256", "ES256")


class Keys:
    """One site's keys. Safe to use from several threads."""

    def __init__(self, ledger: Ledger, sealer: Sealer) -> None:
        self._ledger, self._sealer = ledger, sealer

    def signer(self, algorithm: str) -> Signer:
        """Makes JWTs by the newest key of the algorithm. Not within a transaction. Raises UnavailableError."""
        key_id, key = self._newest(algorithm)
        return lambda claims: jwt.encode({"alg": algorithm, "kid": key_id}, claims, key)

    def published(self) -> dict[str, Any]:
        """The public keys (RFC 7517 5), those that have signed lately among them. Raises UnavailableError."""
        found = self._present()
        listed = [
            {**self._opened(key_id, name, sealed).as_dict(private=False), "kid": key_id, "alg": name, "use": "sig"}
            for key_id, name, sealed, _ in found
        ]
        return {"keys": listed}

    def find(self, key_id: str) -> tuple[str, ECKey | RSAKey] | None:
        """The algorithm and key of that id; None for none of ours."""
        for each, algorithm, sealed, _ in self._ledger.read(store.keys):
            if each == key_id:
                return algorithm, self._opened(each, algorithm, sealed)
        return None

    def _newest(self, algorithm: str) -> tuple[str, ECKey | RSAKey]:
        key_id, name, sealed, _ = next(each for each in self._present() if each[1] == algorithm)
        return key_id, self._opened(key_id, name, sealed)

    def _present(self) -> list[tuple[str, str, bytes, int]]:
        found, oldest = self._ledger.read(store.keys), self._ledger.now_ms() - _SIGNS_MS
        if {name for _, name, _, made in found if made > oldest} == set(ALGORITHMS):
            return found
        return self._ledger.write("site", self._renew)

    def _renew(self, log: Journal) -> list[tuple[str, str, bytes, int]]:
        """New keys in the place of those that have signed long enough. Under the lock: of two who come, one makes."""
        young = {name for _, name, _, made in store.keys(log.connection) if made > log.at_ms - _SIGNS_MS}
        for algorithm in ALGORITHMS:
            if algorithm not in young:
                key_id = uuid.uuid4().hex
                made = ECKey.generate_key("P-256") if algorithm == "ES256" else RSAKey.generate_key(2048)
                sealed = self._sealer.seal(json.dumps(made.as_dict(private=True)).encode(), _about(key_id))
                store.insert_key(log.connection, key_id, algorithm, sealed, log.at_ms)
                log.entry("provider.key", f"key:{key_id}", None, {"algorithm": algorithm})
        store.delete_keys(log.connection, log.at_ms - _KEPT_MS)
        return store.keys(log.connection)

    def _opened(self, key_id: str, algorithm: str, sealed: bytes) -> ECKey | RSAKey:
        raw = json.loads(self._sealer.open(sealed, _about(key_id)))
        return ECKey.import_key(raw) if algorithm == "ES256" else RSAKey.import_key(raw)


def _about(key_id: str) -> str:
    return f"provider key {key_id}"
