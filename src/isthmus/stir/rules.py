"""What is attested of a caller, and whether what others attest is true. Pure: no clock, no I/O.

A call that came in is verified in this order (RFC 8224 section 6.2); the first rule that is broken speaks:

1. It has an Identity header of type `shaken`. Others are passed over: they vouch for other things.
2. The header can be read, and says the same as its PASSporT: type, algorithm, URL of the certificate.
3. `iat` is within 60 seconds of our clock.
4. `orig` is the number that calls, `dest` has the number that is called.
5. The certificate is known, was found trustworthy, is valid now, and may speak for `orig`.
6. The signature is that of the certificate's key.

The certificate is asked for last, so that nobody makes us fetch one by a header that is wrong anyway. Of several
headers one that passes is enough: whoever adds a bad one can't take the good one's proof away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from isthmus.stir import identity, passport
from isthmus.stir.model import (
    ALGORITHM,
    BAD_CREDENTIAL,
    BAD_INFO,
    FRESH_S,
    INVALID,
    NO_IDENTITY,
    SHAKEN,
    STALE,
    Attest,
    Authority,
    Claim,
    Credential,
    Passport,
    Range,
    Verdict,
    Verstat,
)
from isthmus.stir.passport import PassportError

Lookup = Callable[[str], Credential | None]
"""Gives the certificate at a URL, None for one that is not known yet."""

MAX_IDENTITIES = 4  # as many are looked at; each costs a signature


class Owner(Protocol):
    """What is asked of whoever owns a number, or calls."""

    @property
    def aor(self) -> str: ...

    @property
    def tenant(self) -> int: ...


def attestation(shown: str, caller: Owner | None, owner: Owner | None, own_prefixes: tuple[str, ...] = ()) -> Attest:
    """How far a call is vouched for (RFC 8588 section 4).

    shown: the number that is shown, E.164. caller: our authenticated person, None where the call came in by a gateway.
    owner: the one who has the number. own_prefixes: what numbers begin with that were assigned to the organisation.
    """
    if caller is None:
        return Attest.GATEWAY
    if owner is not None and owner.tenant == caller.tenant:
        return Attest.FULL
    if owner is None and own_prefixes and shown.startswith(own_prefixes):
        return Attest.FULL
    return Attest.PARTIAL


def verify(claim: Claim, now_s: int, known: Lookup) -> Verdict:
    """Whether the call is from whom it says. Raises nothing."""
    first: Verdict | None = None
    looked_at = 0
    for value in claim.identities:
        if looked_at == MAX_IDENTITIES:
            break
        verdict = _verify_one(value, claim, now_s, known)
        if verdict is None:
            continue
        looked_at += 1
        if verdict.verstat is Verstat.PASSED:
            return verdict
        first = first or verdict
    return first or Verdict(Verstat.NONE, "the call has no Identity header of type shaken", NO_IDENTITY)


def _verify_one(value: str, claim: Claim, now_s: int, known: Lookup) -> Verdict | None:
    """The verdict by one header; None where it is of a type that is none of ours."""
    try:
        header = identity.parse(value)
        if header.ppt and header.ppt != SHAKEN:
            return None
        said = passport.parse(header.token)
    except PassportError as error:
        return _failed(INVALID, f"the Identity header is no good: {error}")
    if not header.ppt and not said.ppt:
        return None  # a plain PASSporT attests nothing in the sense of SHAKEN
    return (
        _as_the_header_says(header, said)
        or _fresh(said, now_s)
        or _about_this_call(said, claim)
        or _by_whom(header.token, said, now_s, known)
    )


def _as_the_header_says(header: identity.Identity, said: Passport) -> Verdict | None:
    if header.ppt != said.ppt:
        return _failed(INVALID, "ppt of the header is not that of the PASSporT")
    if header.alg not in ("", ALGORITHM):
        return _failed(BAD_CREDENTIAL, f"the algorithm {header.alg} is not {ALGORITHM}")
    if header.info != said.x5u:
        return _failed(BAD_INFO, "info of the header is not x5u of the PASSporT")
    if not is_certificate_url(said.x5u):
        return _failed(BAD_INFO, "x5u is no https:// URL")
    if said.attest not in tuple(Attest):
        return _failed(INVALID, "attest is none of A, B, C")
    if not said.origid or not said.orig_tn or not said.dest_tn:
        return _failed(INVALID, "SHAKEN wants orig and dest as numbers, and an origid")
    return None


def is_certificate_url(url: str) -> bool:
    """Whether `url` may lead to a certificate (RFC 8224 section 4.1, ATIS-1000074 section 5.3.1): HTTPS only."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = parts.username is None and not parts.fragment and url.isascii() and url.isprintable() and " " not in url
    return parts.scheme == "https" and bool(parts.hostname) and plain and port != 0


def _fresh(said: Passport, now_s: int) -> Verdict | None:
    off_s = now_s - said.iat
    if abs(off_s) <= FRESH_S:
        return None
    when = f"{off_s} s ago" if off_s > 0 else f"{-off_s} s ahead"
    return _failed(STALE, f"it was signed {when}; {FRESH_S} s are allowed")


def _about_this_call(said: Passport, claim: Claim) -> Verdict | None:
    if not claim.caller or said.orig_tn != claim.caller:
        return _failed(INVALID, f"it is for calls from {said.orig_tn}, not from {claim.caller or 'nobody known'}")
    if not set(said.dest_tn) & set(claim.called):
        return _failed(INVALID, f"it is for calls to {', '.join(said.dest_tn)}, not to this number")
    return None


def _by_whom(token: str, said: Passport, now_s: int, known: Lookup) -> Verdict:
    credential = known(said.x5u)
    if credential is None:
        return Verdict(Verstat.NONE, f"the certificate {said.x5u} is not known yet", ask=said.x5u)
    if credential.fault:
        verstat = Verstat.NONE if credential.fault_code == BAD_INFO else Verstat.FAILED
        return Verdict(verstat, f"the certificate {said.x5u}: {credential.fault}", credential.fault_code, ask=said.x5u)
    if not credential.not_before_s <= now_s <= credential.not_after_s:
        return _failed(BAD_CREDENTIAL, f"the certificate {said.x5u} is not valid now", ask=said.x5u)
    if credential.authority is not None and not covers(credential.authority, said.orig_tn):
        return _failed(BAD_CREDENTIAL, f"the certificate {said.x5u} is not for {said.orig_tn}")
    if not passport.is_signed_by(token, credential.key):
        # Or the signer has a new key, at the same URL.
        return _failed(INVALID, f"the signature is not that of the certificate {said.x5u}", ask=said.x5u)
    return Verdict(Verstat.PASSED, f"attested {said.attest} by {said.x5u}", attest=said.attest)


def covers(authority: Authority, number: str) -> bool:
    """Whether a certificate may speak for this number (RFC 8226 section 9).

    Which numbers a provider code stands for is in no certificate: a code covers them all, as in SHAKEN
    (ATIS-1000074), where the authority that issued it answers for that.
    """
    return bool(authority.provider_codes) or any(_within(each, number) for each in authority.numbers)


def _within(each: Range, number: str) -> bool:
    if len(number) != len(each.start):
        return False
    if not (number.isdigit() and each.start.isdigit()):
        return number == each.start
    return 0 <= int(number) - int(each.start) < each.count


def _failed(code: int, why: str, ask: str = "") -> Verdict:
    return Verdict(Verstat.FAILED, why, code, ask=ask)
