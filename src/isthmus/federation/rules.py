"""What is believed of a provider's words, and where a browser may be sent. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, TypeGuard

from isthmus.errors import UnauthenticatedError, UsageError
from isthmus.federation.model import Openid, Outside

_SKEW_S = 60.0
_OLDEST_TOKEN_S = 600.0
_LONGEST_SUBJECT = 255  # OpenID Connect Core 2
_PAGES = ("/account", "/oauth/authorize")


def return_path(path: str) -> str:
    """The page to go to after signing in, if it is one of ours; the account page where none is named.

    Raises UsageError: sign-in never leads to another site.
    """
    page, _, query = path.partition("?")
    if not path:
        return _PAGES[0]
    if page not in _PAGES or not path.isascii() or not path.isprintable() or any(c in query for c in "\\#"):
        raise UsageError("that is no page of this site to go back to", where="back", do=f"One of: {', '.join(_PAGES)}.")
    return path


def challenge(verifier: str) -> str:
    """The PKCE challenge (RFC 7636 4.2, S256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def outside(claims: Mapping[str, Any], provider: Openid, nonce: str, now: float, fresh: bool) -> Outside:
    """Who it is, by an ID token whose signature is verified (OpenID Connect Core 3.1.3.7).

    fresh: they had to prove it anew. Raises UnauthenticatedError saying which claim is not as it has to be.
    """
    if claims.get("iss") != provider.issuer:
        raise _wrong("another issuer")
    _for_us(claims, provider.client_id)
    _in_time(claims, now)
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise _wrong("another nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise _wrong("no subject")
    authenticated = claims.get("auth_time")
    if fresh and (not _is_time(authenticated) or now - float(authenticated) > 2 * _SKEW_S):
        raise _wrong("an old proof of who it is, though a new one was asked for")
    return Outside(
        authority=provider.issuer,
        subject=subject,
        entry=_text(claims, provider.entry_claim),
        login=_text(claims, provider.login_claim),
        display_name=_text(claims, "name"),
        proved_at=_second_factor(claims, provider),
    )


def _for_us(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if client_id not in named:
        raise _wrong("another audience")
    if (len(named) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        raise _wrong("issued to another client (azp)")


def _in_time(claims: Mapping[str, Any], now: float) -> None:
    expires, issued, begins = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    if not _is_time(expires) or float(expires) <= now - _SKEW_S:
        raise _wrong("expired")
    if not _is_time(issued) or not now - _OLDEST_TOKEN_S <= float(issued) <= now + _SKEW_S:
        raise _wrong("issued at another time")
    if not _is_time(begins) or float(begins) > now + _SKEW_S:
        raise _wrong("not valid yet")


def _is_time(value: Any) -> TypeGuard[int | float]:
    """A number of seconds: JSON as it is read here also knows NaN and infinity, which no comparison stops."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12


def _second_factor(claims: Mapping[str, Any], provider: Openid) -> float | None:
    """When it was proved, if one of the words that stand for it is there and the provider says when."""
    methods = claims.get("amr")
    named = {each for each in methods if isinstance(each, str)} if isinstance(methods, list) else set()
    when = claims.get("auth_time")
    if claims.get("acr") not in provider.acr and named.isdisjoint(provider.amr):
        return None
    # Without a time it can be as old as the token at most: long ago, for dangerous acts.
    return min(float(when), float(claims["iat"])) if _is_time(when) else 0.0


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name) if name else None
    return value[:256] if isinstance(value, str) else ""


def _wrong(what: str) -> UnauthenticatedError:
    return UnauthenticatedError(f"the provider's ID token is not for this sign-in: {what}")
