"""When a certificate is to be renewed, and which names one may carry. Pure."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta

from isthmus.errors import UsageError
from isthmus.pki.model import Certificate, Expiry, Names

# X.520 ub-common-name (RFC 5280 appendix A.1): a peer is recognised by its CN, so the whole name has to fit.
MAX_COMMON_NAME = 64
MAX_LIFETIME_DAYS = 3650
# Clocks of two sites differ; a certificate that is valid "from now" is refused by the slower one.
CLOCK_SKEW = timedelta(minutes=5)


def certificate_names(fqdn: str, *addresses: str) -> Names:
    """The names of a site's certificate; addresses without duplicates, in the order given.

    Raises UsageError when the name is too long for a common name.
    """
    if len(fqdn) > MAX_COMMON_NAME:
        raise UsageError(
            f"the name {fqdn!r} has {len(fqdn)} characters; a common name holds {MAX_COMMON_NAME}",
            do="Give the site a shorter fqdn.",
        )
    unique = dict.fromkeys(str(ipaddress.ip_address(address)) for address in addresses)
    return Names(fqdn, tuple(unique))


def checked_lifetime(days: int) -> timedelta:
    """The lifetime of a certificate. Raises UsageError outside 1 to 3650 days."""
    if not 1 <= days <= MAX_LIFETIME_DAYS:
        raise UsageError(f"{days} days is no lifetime for a certificate", do=f"1 to {MAX_LIFETIME_DAYS}.")
    return timedelta(days=days)


def expiry(certificate: Certificate, now: datetime) -> Expiry:
    """How near the end is: due with a third of the lifetime left, an alarm with a tenth."""
    left = certificate.not_after - now
    lifetime = certificate.not_after - certificate.not_before
    if left <= timedelta(0):
        return Expiry.EXPIRED
    if left <= lifetime / 10:
        return Expiry.ALARM
    return Expiry.DUE if left <= lifetime / 3 else Expiry.GOOD


def renewal_due(certificate: Certificate, wanted: Names, now: datetime) -> bool:
    """Whether to issue anew: a third of the lifetime is left, or the site's names have changed."""
    return certificate.names != wanted or expiry(certificate, now) is not Expiry.GOOD
