"""An OpenID provider outside, over HTTPS: discovery, keys, and the exchange of a code for an ID token."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from isthmus.errors import UnauthenticatedError, UnavailableError
from isthmus.federation import rules
from isthmus.federation.model import Openid, Outside, Waiting

_FRESH_S = 3600.0
_KEYS_AGAIN_S = 10.0  # an unknown key id asks the provider again, but a stranger's tokens not without end
_MOST_BYTES = 512 * 1024
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_KINDS: dict[str, type[Key]] = {"RS": RSAKey, "PS": RSAKey, "ES": ECKey, "Ed": OKPKey}


class OpenidProvider:
    """One provider. What it publishes is kept for an hour. clock: Unix seconds. Safe to use from several threads."""

    def __init__(self, settings: Openid, clock: Callable[[], float] = time.time) -> None:
        self.settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._about: tuple[float, dict[str, Any]] = (float("-inf"), {})
        self._keys: tuple[float, list[dict[str, Any]]] = (float("-inf"), [])

    def address(self, state: str, waiting: Waiting) -> str:
        """Where the browser goes. Raises UnavailableError."""
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": " ".join(dict.fromkeys(("openid", *self.settings.scopes))),
            "state": state,
            "nonce": waiting.nonce,
            "code_challenge": rules.challenge(waiting.verifier),
            "code_challenge_method": "S256",
            **({"max_age": "0", "prompt": "login"} if waiting.fresh else {}),
            **({"acr_values": " ".join(self.settings.acr)} if self.settings.acr else {}),
        }
        endpoint = self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"

    def outside(self, waiting: Waiting, answer: Mapping[str, str]) -> Outside:
        """Who it is, by what the browser brought back. Raises UnauthenticatedError, UnavailableError."""
        about = self._metadata()
        told = answer.get("iss")
        # RFC 9207: an answer of another provider is not sent on to this one.
        if told != self.settings.issuer and (told or about.get("authorization_response_iss_parameter_supported")):
            raise UnauthenticatedError("the answer comes from another provider")
        if answer.get("error") or not answer.get("code"):
            raise UnauthenticatedError("the provider did not let them in")
        token = self._exchange(answer["code"], waiting.verifier)
        return rules.outside(self._verified(token), self.settings, waiting.nonce, self._clock(), waiting.fresh)

    # Parts

    def _exchange(self, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.settings.redirect_uri,
            "code_verifier": verifier,
        }
        headers: dict[str, str] = {}
        methods = self._metadata().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        auth: httpx.BasicAuth | None = None
        if self.settings.secret and "client_secret_basic" in methods:
            # RFC 6749 2.3.1: both are form-encoded first.
            auth = httpx.BasicAuth(quote(self.settings.client_id, safe=""), quote(self.settings.secret, safe=""))
        else:
            form["client_id"] = self.settings.client_id
            if self.settings.secret:
                form["client_secret"] = self.settings.secret
        status, told = self._ask("POST", self._endpoint("token_endpoint"), data=form, headers=headers, auth=auth)
        token = told.get("id_token")
        if status >= 500:
            raise UnavailableError(f"the provider answers {status}", where=self.settings.issuer)
        if status != 200 or not isinstance(token, str):
            raise UnauthenticatedError(f"the provider does not take the code (status {status})")
        return token

    def _verified(self, token: str) -> dict[str, Any]:
        """The claims of a token that one of the provider's keys has signed. Raises UnauthenticatedError."""
        try:
            header = jws.extract_compact(token.encode()).headers()
            algorithm, key_id = header.get("alg"), header.get("kid")
            # The list in the settings holds no `none` and nothing that a shared secret signs.
            if algorithm not in self.settings.algorithms or "crit" in header:
                raise UnauthenticatedError(f"the ID token is signed by {str(algorithm)[:20]}, which is not taken")
            for key in self._signing_keys(key_id, str(algorithm)):
                try:
                    signed = jws.deserialize_compact(token, key, algorithms=[str(algorithm)])
                except JoseError:
                    continue
                claims = _json(signed.payload)
                if claims is not None:
                    return claims
        except (JoseError, ValueError) as error:
            raise UnauthenticatedError("the ID token can't be read") from error
        raise UnauthenticatedError("the ID token is signed by none of the provider's keys")

    def _signing_keys(self, key_id: object, algorithm: str) -> list[Key]:
        """The provider's keys that may have made such a signature; asked for again where a key is new."""
        for again in (False, True):
            fitting = [
                each
                for each in self._published(again)
                if each.get("use", "sig") == "sig"
                and each.get("alg", algorithm) == algorithm
                and (key_id is None or each.get("kid") == key_id)
            ]
            keys = [key for each in fitting if (key := _key(each, algorithm)) is not None]
            if keys:
                return keys
        return []

    def _published(self, again: bool) -> list[dict[str, Any]]:
        now = self._clock()
        at, keys = self._keys
        if now - at < (_KEYS_AGAIN_S if again else _FRESH_S):
            return keys
        with self._lock:
            status, told = self._ask("GET", self._endpoint("jwks_uri"))
            listed = told.get("keys")
            if status != 200 or not isinstance(listed, list):
                raise UnavailableError("the provider's keys can't be read", where=self.settings.issuer)
            fresh = [each for each in listed if isinstance(each, dict)]
            self._keys = (now, fresh)
        return fresh

    def _metadata(self) -> dict[str, Any]:
        now = self._clock()
        at, about = self._about
        if now - at < _FRESH_S:
            return about
        status, told = self._ask("GET", f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != 200 or told.get("issuer") != self.settings.issuer:
            raise UnavailableError("that is not the provider of this name", where=self.settings.issuer)
        self._about = (now, told)
        return told

    def _endpoint(self, name: str) -> str:
        address = self._metadata().get(name)
        if not isinstance(address, str) or urlsplit(address).scheme != "https" or not urlsplit(address).hostname:
            raise UnavailableError(f"the provider's {name} is no https address", where=self.settings.issuer)
        return address

    def _ask(self, method: str, address: str, **more: Any) -> tuple[int, dict[str, Any]]:
        """Status and JSON of an answer; redirections are not followed, and nothing larger than 512 KiB is read."""
        ca_file = self.settings.ca_file
        try:
            trusted = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
            with (
                httpx.Client(verify=trusted, timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client,
                client.stream(method, address, **more) as answer,
            ):
                body = b""
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > _MOST_BYTES:
                        raise UnavailableError("the provider's answer is too large", where=self.settings.issuer)
                return answer.status_code, _json(body) or {}
        except (httpx.HTTPError, OSError) as error:
            said = type(error).__name__
            raise UnavailableError(f"the provider does not answer ({said})", where=self.settings.issuer) from error


def _key(described: dict[str, Any], algorithm: str) -> Key | None:
    """The key, if it is of the kind that makes such signatures: never a public key taken for a shared secret."""
    try:
        key = KeySet.import_key_set({"keys": [described]}).keys[0]
    except (JoseError, ValueError, TypeError, KeyError, IndexError):
        return None
    return key if isinstance(key, _KINDS[algorithm[:2]]) else None


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
