"""PASSporTs, credentials and verdicts: frozen values, cheap to make on a call's path.

Telephone numbers are canonical here (RFC 8224 section 8.3): digits, `*` and `#` alone, without `+`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

SHAKEN = "shaken"
ALGORITHM = "ES256"
TYPE = "passport"
FRESH_S = 60
"""How far from our clock `iat` may be, before or after (RFC 8224 section 4.1 recommends 60 s)."""


class Attest(StrEnum):
    """How much the signer knows of the caller (RFC 8588 section 4)."""

    FULL = "A"  # knows the caller, and that the number is theirs to show
    PARTIAL = "B"  # knows the caller, not whose the number is
    GATEWAY = "C"  # knows only where the call came in


class Verstat(StrEnum):
    """What is told to the callee: the tel URI parameter `verstat` (3GPP TS 24.229 section 7.2A.20)."""

    PASSED = "TN-Validation-Passed"
    FAILED = "TN-Validation-Failed"
    NONE = "No-TN-Validation"


class Passport(msgspec.Struct, frozen=True):
    """What a PASSporT says (RFC 8225). Numbers stand in *_tn, other identities in *_uri.

    iat: seconds since 1970. x5u: URL of the signer's certificate. ppt: `shaken` or empty; attest and origid belong to
    `shaken` (RFC 8588).
    """

    orig_tn: str
    dest_tn: tuple[str, ...]
    iat: int
    x5u: str
    attest: str = ""
    origid: str = ""
    ppt: str = SHAKEN
    orig_uri: str = ""
    dest_uri: tuple[str, ...] = ()


class Range(msgspec.Struct, frozen=True, array_like=True):
    """`count` telephone numbers from `start` on (RFC 8226 section 9)."""

    start: str
    count: int = 1


class Authority(msgspec.Struct, frozen=True, array_like=True):
    """For which numbers a certificate may speak (TNAuthList, RFC 8226): provider codes, and numbers."""

    provider_codes: tuple[str, ...] = ()
    numbers: tuple[Range, ...] = ()


class Credential(msgspec.Struct, frozen=True, array_like=True):
    """A signer's certificate as the path of a call needs it: chain and trust were judged when it was fetched.

    key: SubjectPublicKeyInfo, DER. not_before_s, not_after_s: of the whole chain, seconds since 1970. authority: None
    where the certificate has no TNAuthList. fault: why it can't be used, with the status code that says so: 436 where
    it could not be fetched or read, 437 where it is not to be trusted. fetched_s: when. listed: whether it names a list
    of certificates that were taken back; unasked: why that could not be asked, empty where it could.
    """

    x5u: str
    key: bytes = b""
    not_before_s: int = 0
    not_after_s: int = 0
    authority: Authority | None = None
    fault: str = ""
    fault_code: int = 0
    fetched_s: int = 0
    listed: bool = False
    unasked: str = ""


class Claim(msgspec.Struct, frozen=True):
    """A call that came in. identities: values of its Identity headers. caller: the number that P-Asserted-Identity, or
    else From, claims, empty where there is none. called: the numbers of To and Request-URI.
    """

    identities: tuple[str, ...]
    caller: str
    called: tuple[str, ...]


class Verdict(msgspec.Struct, frozen=True):
    """What became of a claim.

    code, phrase: the answer by which it would be refused (RFC 8224 section 6.2.2), 0 where it can't be. why: in words.
    attest: of a PASSporT that passed. ask: URL of a certificate to be fetched, for the next call.
    """

    verstat: Verstat
    why: str
    code: int = 0
    attest: str = ""
    ask: str = ""

    @property
    def phrase(self) -> str:
        """The reason phrase of `code`."""
        return PHRASES.get(self.code, "")


STALE, NO_IDENTITY, BAD_INFO, BAD_CREDENTIAL, INVALID = 403, 428, 436, 437, 438
PHRASES = {
    STALE: "Stale Date",
    NO_IDENTITY: "Use Identity Header",
    BAD_INFO: "Bad Identity Info",
    BAD_CREDENTIAL: "Unsupported Credential",
    INVALID: "Invalid Identity Header",
}
"""Reason phrases as RFC 8224 section 6.2.2 has them."""
