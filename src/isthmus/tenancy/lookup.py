"""Looks for TXT records in the DNS, within a set time."""

from __future__ import annotations

from collections.abc import Sequence

import dns.exception
import dns.resolver
from dns.rdatatype import TXT

from isthmus.errors import UnavailableError

_SECONDS = 5.0  # for all attempts together
_MOST_RECORDS = 50


class TxtLookup:
    """Asks the machine's own resolvers, or `nameservers`, by address, at `port`. seconds: the longest it may take."""

    def __init__(self, nameservers: Sequence[str] = (), port: int = 53, seconds: float = _SECONDS) -> None:
        self._nameservers, self._port, self._seconds = list(nameservers), port, seconds

    def __call__(self, name: str) -> list[str]:
        """The texts at `name`, none where there are none. Raises UnavailableError when nobody answers in time.

        The several strings of a record are one text (RFC 7208 3.3).
        """
        try:
            answer = self._resolver().resolve(f"{name}.", TXT, search=False, lifetime=self._seconds)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise UnavailableError(
                f"the DNS does not answer ({type(error).__name__})", where=name, do="Try again later."
            ) from error
        return [b"".join(record.strings).decode("utf-8", "replace") for record in list(answer)[:_MOST_RECORDS]]

    def _resolver(self) -> dns.resolver.Resolver:
        # Made anew: a verification is rare, and the machine's resolvers may have changed. No cache: the record was
        # perhaps missing a moment ago.
        resolver = dns.resolver.Resolver(configure=not self._nameservers)
        if self._nameservers:
            resolver.nameservers = list(self._nameservers)
        resolver.port = self._port
        return resolver
