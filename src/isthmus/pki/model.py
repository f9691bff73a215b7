"""What a certificate is about, without the cryptography."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Names:
    """Whom a certificate is for: the fully qualified name (CN and DNS SAN) and addresses (IP SANs)."""

    fqdn: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that was issued. Times are UTC and aware; serial is the number in hexadecimal."""

    serial: str
    names: Names
    not_before: datetime
    not_after: datetime


class Expiry(StrEnum):
    """How near a certificate's end is."""

    GOOD = "good"
    DUE = "due"  # a third of the lifetime or less is left: time to renew
    ALARM = "alarm"  # renewal is overdue: a tenth or less is left
    EXPIRED = "expired"
