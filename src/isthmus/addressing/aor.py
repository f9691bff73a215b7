"""The address-of-record: who a person is in SIP (RFC 3261 section 10)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from isthmus.errors import UsageError

# What an administrator may choose as the user part: the unreserved characters of RFC 3261 section 25.1
# that need no escaping anywhere, and no leading dot. Escaped forms are decoded before they get here.
_USER = re.compile(r"[a-z0-9_][a-z0-9._\-+]{0,63}")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


@dataclass(frozen=True, slots=True, order=True)
class Aor:
    """`user@domain`, both in lower case.

    RFC 3261 section 19.1.4 compares the user part with case; people do not, and neither do the
    directories they come from, so two addresses that differ in case alone are one person.
    """

    user: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `alice@contoso.example`, with or without `sip:` or `sips:`.

        Raises UsageError naming the part that is wrong.
        """
        bare = text.strip()
        scheme, colon, rest = bare.partition(":")
        if colon and scheme.lower() in ("sip", "sips"):
            bare = rest
        user, at, domain = bare.partition("@")
        if not at:
            raise UsageError(f"{text!r} is not an address-of-record", do="Write it as alice@contoso.example.")
        user = unquote(user)
        # Before .lower(), which makes a plain k of the Kelvin sign.
        lookalike = not user.isascii()
        user, domain = user.lower(), domain.lower() if domain.isascii() else ""
        if lookalike or not _USER.fullmatch(user):
            raise UsageError(
                f"the part before the @ in {text!r} is not allowed",
                do="Use letters, digits, '.', '-', '_' and '+', at most 64.",
            )
        if len(domain) > 253 or not all(_LABEL.fullmatch(label) for label in domain.split(".")):
            raise UsageError(f"the domain in {text!r} is not a domain name")
        return cls(user, domain)

    @property
    def uri(self) -> str:
        """The SIP URI, `sip:user@domain`."""
        return f"sip:{self.user}@{self.domain}"

    def __str__(self) -> str:
        return f"{self.user}@{self.domain}"
