"""The values of the contract with carriers. Frozen. Numbers are E.164 with `+`; money is millionths of a unit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a number is at the carrier."""

    LOCAL = "local"
    MOBILE = "mobile"
    NATIONAL = "national"
    TOLL_FREE = "toll-free"


class Can(StrEnum):
    """What a number can be used for."""

    VOICE = "voice"
    SMS = "sms"
    FAX = "fax"
    EMERGENCY = "emergency"


class OrderState(StrEnum):
    """How it stands with an order. PENDING: the carrier works on it, and asking again tells."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class PortStanding(StrEnum):
    """How far the carrier is with a porting order."""

    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SCHEDULED = "scheduled"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Price:
    """What a number costs, in millionths of the currency's unit. once: when it is bought."""

    currency: str
    once_micro: int = 0
    monthly_micro: int = 0


@dataclass(frozen=True, slots=True)
class Search:
    """Which numbers are looked for. country: ISO 3166. area: area code.

    pattern: digits, `*` and `?`; with `+` all of the number. can: what they have to be able to. limit: at most.
    """

    country: str
    area: str = ""
    pattern: str = ""
    kind: Kind = Kind.LOCAL
    can: frozenset[Can] = frozenset({Can.VOICE})
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Offer:
    """A number that can be bought now. place: a town or region, in words; empty for unknown."""

    number: str
    kind: Kind
    country: str
    place: str
    can: frozenset[Can]
    price: Price


@dataclass(frozen=True, slots=True)
class Reservation:
    """A number that is kept for us. id: the carrier's name for it. until_s: Unix seconds."""

    id: str
    number: str
    until_s: float


@dataclass(frozen=True, slots=True)
class Bought:
    """An order for one number. id: the carrier's name for it. reason: why it failed."""

    id: str
    number: str
    state: OrderState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Port:
    """A porting order at the carrier. id: its name there. due: the day it is scheduled for (YYYY-MM-DD).

    reason: why it was rejected.
    """

    id: str
    standing: PortStanding
    due: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A civic address that a number is registered with for emergency calls. country: ISO 3166."""

    name: str
    street: str
    house_number: str
    city: str
    state: str
    postal_code: str
    country: str
    extra: str = ""
