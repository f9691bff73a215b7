"""What an authorization request must be like, and what is told of an account. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from isthmus.errors import UsageError
from isthmus.provider.model import ONE_FACTOR, SCOPES, TWO_FACTORS, Asked, Grant, OpenidClient, ProtocolError

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # SHA-256 in base64url (RFC 7636 4.2)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 4.1
_LONGEST = 2048


def client_of(query: Mapping[str, str], clients: Mapping[str, OpenidClient]) -> tuple[OpenidClient, str]:
    """The client that asks, and where it wants the browser sent. Raises UsageError: nobody is sent anywhere then.

    RFC 9700 4.1: the address has to be one that was registered, as it stands.
    """
    client = clients.get(query.get("client_id", ""))
    if client is None:
        raise UsageError("no program of that client_id is registered here", where="client_id")
    address = query.get("redirect_uri", "")
    if address not in client.redirect_uris:
        raise UsageError("the program is not registered with that redirect_uri", where="redirect_uri")
    return client, address


def asked(query: Mapping[str, str], client: OpenidClient, redirect_uri: str, now: float) -> Asked:
    """The request, if it is in order (OpenID Connect Core 3.1.2.2). Raises ProtocolError, which the client is told.

    query: `proved_after` in it was checked by who calls.
    """
    if any(len(value) > _LONGEST for value in query.values()):
        raise ProtocolError("invalid_request", "a parameter is too long")
    for name in ("request", "request_uri"):
        if name in query:
            raise ProtocolError(f"{name}_not_supported", f"{name} is not supported")
    if query.get("response_type") != "code" or query.get("response_mode", "query") != "query":
        raise ProtocolError("unsupported_response_type", "only response_type=code, by query, is supported")
    if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(query.get("code_challenge", "")):
        raise ProtocolError("invalid_request", "PKCE with S256 is required")
    scopes = tuple(dict.fromkeys(query.get("scope", "").split()))
    if "openid" not in scopes:
        raise ProtocolError("invalid_scope", "the scope openid is missing")
    prompts = query.get("prompt", "").split()
    if "none" in prompts and len(prompts) > 1:
        raise ProtocolError("invalid_request", "prompt=none stands alone")
    allowed = tuple(each for each in scopes if each in SCOPES and (each != "api" or client.api))
    return Asked(
        client=client,
        redirect_uri=redirect_uri,
        scopes=allowed,
        state=query.get("state", ""),
        nonce=query.get("nonce", ""),
        challenge=query["code_challenge"],
        silent=prompts == ["none"],
        proved_after=_proved_after(query, "login" in prompts, now),
    )


def _proved_after(query: Mapping[str, str], again: bool, now: float) -> float | None:
    if "proved_after" in query:
        return float(query["proved_after"])
    if again:
        return now
    if "max_age" not in query:
        return None
    age = query["max_age"]
    if not (age.isascii() and age.isdigit() and len(age) < 10):
        raise ProtocolError("invalid_request", "max_age is no number of seconds")
    return now - int(age)


def is_proved(proved_at: float, wanted: Asked) -> bool:
    """Whether a sign-in of that time will do."""
    return wanted.proved_after is None or proved_at >= wanted.proved_after


def answer(redirect_uri: str, issuer: str, state: str, **parameters: str) -> str:
    """The address that takes the answer back. It says whose it is (RFC 9207)."""
    query = {**parameters, **({"state": state} if state else {}), "iss": issuer}
    return f"{redirect_uri}{'&' if urlsplit(redirect_uri).query else '?'}{urlencode(query)}"


def fits(verifier: str, challenge: str) -> bool:
    """Whether the PKCE verifier is the one of the challenge (RFC 7636 4.6)."""
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    return hmac.compare_digest(_base64url(hashlib.sha256(verifier.encode()).digest()), challenge)


def at_hash(access_token: str) -> str:
    """Ties an ID token to its access token (OpenID Connect Core 3.1.3.6)."""
    return _base64url(hashlib.sha256(access_token.encode()).digest()[:16])


def factors(second_factor: bool) -> dict[str, Any]:
    """How it was proved who they are (RFC 8176). Which kind of second factor it was is not told."""
    if second_factor:
        return {"acr": TWO_FACTORS, "amr": ["mfa"]}
    return {"acr": ONE_FACTOR, "amr": ["pwd"]}


def is_code_of(grant: Grant, client: OpenidClient, redirect_uri: str, verifier: str, now: float) -> bool:
    """Whether a code may be used by who shows it."""
    return (
        grant.client == client.id
        and grant.redirect_uri == redirect_uri
        and now < grant.code_expires
        and fits(verifier, grant.challenge)
    )


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
