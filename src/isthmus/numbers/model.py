"""The values of the inventory. Frozen; ranges and owners parse and print themselves.

A number is counted as the integer of its E.164 digits: none begins with 0, so each has one integer, and a range is an
interval of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from isthmus.addressing import Aor, is_e164
from isthmus.errors import UsageError

_LARGEST = 1_000_000  # numbers of one range
_LONGEST_NAME = 64


def written(number: int) -> str:
    """The number in E.164 form, with `+`."""
    return f"+{number}"


def counted(number: str) -> int:
    """The integer of a number in E.164 form."""
    return int(number[1:])


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `first` to `last`, both included, of the same count of digits."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`+14255550100-+14255550199`, `+14255550100-0199` (the last digits of the end), or one number alone.

        Raises UsageError.
        """
        begin, dash, end = (part.strip() for part in text.strip().partition("-"))
        if dash and end.isdigit() and len(end) < len(begin):
            end = begin[: len(begin) - len(end)] + end
        if not is_e164(begin) or (dash and not is_e164(end)):
            raise UsageError(
                f"{text[:80]!r} is no range of numbers", do="Write +14255550100-+14255550199, or +14255550100-0199."
            )
        made = cls(counted(begin), counted(end if dash else begin))
        if len(written(made.first)) != len(written(made.last)) or made.last < made.first:
            raise UsageError(f"{text[:80]!r} does not end behind its beginning")
        if made.size > _LARGEST:
            raise UsageError(f"{made} has {made.size} numbers, and a range {_LARGEST} at most")
        return made

    @property
    def size(self) -> int:
        """How many numbers."""
        return self.last - self.first + 1

    @property
    def common(self) -> str:
        """The digits that all of them begin with."""
        first, last = str(self.first), str(self.last)
        return first[: next((i for i, (a, b) in enumerate(zip(first, last, strict=True)) if a != b), len(first))]

    def holds(self, number: int) -> bool:
        """Whether the number is in it."""
        return self.first <= number <= self.last

    def overlap(self, other: Range) -> Range | None:
        """What is in both."""
        first, last = max(self.first, other.first), min(self.last, other.last)
        return Range(first, last) if first <= last else None

    def without(self, other: Range) -> tuple[Range, ...]:
        """What is in it and not in the other: none, one or two ranges."""
        common = self.overlap(other)
        if common is None:
            return (self,)
        parts = ((self.first, common.first - 1), (common.last + 1, self.last))
        return tuple(Range(first, last) for first, last in parts if first <= last)

    def __str__(self) -> str:
        return written(self.first) if self.first == self.last else f"{written(self.first)}-{written(self.last)}"


class NumberUse(StrEnum):
    """What a number is for."""

    SUBSCRIBER = "subscriber"
    SERVICE = "service"
    TOLL_FREE = "toll-free"


class NumberSource(StrEnum):
    """By which way calls to a number come in."""

    TRUNK = "premises-trunk"
    CONNECTOR = "connector"
    PLAN = "calling-plan"


class NumberState(StrEnum):
    """How it stands with a number. UNKNOWN: a person has it, and it is in no range of the tenant's."""

    FREE = "free"
    RESERVED = "reserved"
    ASSIGNED = "assigned"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What can own a number."""

    PERSON = "person"
    SERVICE = "service"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a number is. name: a person's address; of a service or resource account what it is called."""

    kind: Kind
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """`alice@contoso.example`, `service:NAME` or `resource:NAME`. Raises UsageError."""
        kind, colon, name = text.strip().partition(":")
        if colon and kind in (Kind.SERVICE, Kind.RESOURCE):
            name = " ".join(name.split())
            if not name or len(name) > _LONGEST_NAME or not name.isprintable():
                raise UsageError(f"{name[:80]!r} is not a name", do=f"Use 1 to {_LONGEST_NAME} printable characters.")
            return cls(Kind(kind), name)
        return cls(Kind.PERSON, str(Aor.parse(text.strip())))

    @property
    def aor(self) -> Aor:
        """Of a person: their address."""
        return Aor.parse(self.name)

    def __str__(self) -> str:
        return self.name if self.kind is Kind.PERSON else f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Block:
    """A range that a tenant has. carrier: from whom; empty for unknown. added_ms: milliseconds since 1970."""

    range: Range
    tenant: str
    use: NumberUse = NumberUse.SUBSCRIBER
    source: NumberSource = NumberSource.TRUNK
    carrier: str = ""
    note: str = ""
    added_ms: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """What keeps a number that is nobody's in the directory: a service, a resource account, a reservation.

    owner: None for a reservation; then `by` says whose it is (the audit log's actor), and it ends at `until_ms`.
    """

    number: int
    tenant: str
    owner: Owner | None
    by: str
    at_ms: int
    until_ms: int = 0

    def holds_at(self, now_ms: int) -> bool:
        """Whether it still keeps the number."""
        return self.owner is not None or self.until_ms > now_ms


@dataclass(frozen=True, slots=True)
class Listed:
    """A number as it stands. reservation: of one that is reserved. extensions: how many people are behind it.

    block: None for one of no range.
    """

    number: int
    tenant: str
    state: NumberState
    owner: Owner | None = None
    reservation: Hold | None = None
    block: Block | None = None
    extensions: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which numbers are meant; None: all. country: ISO 3166. area: area code. pattern: digits, `*` and `?`."""

    country: str | None = None
    area: str | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Stock:
    """A range and how many of its numbers are assigned and reserved."""

    block: Block
    assigned: int
    reserved: int


class PortDirection(StrEnum):
    """Whether numbers come from another carrier, or go to one."""

    IN = "in"
    OUT = "out"


class PortState(StrEnum):
    """How far a porting order is."""

    REQUESTED = "requested"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SCHEDULED = "scheduled"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class PortEvent(StrEnum):
    """What happens to a porting order."""

    SUBMIT = "submit"
    ACCEPT = "accept"
    REJECT = "reject"
    SCHEDULE = "schedule"
    COMPLETE = "complete"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Order:
    """A porting order. block: what is ported, and what it is for; its carrier is the one whose it is afterwards.

    reference: the carrier's own name for it. due: the day it is scheduled for (YYYY-MM-DD), empty before.
    note: what was said last. Times: milliseconds since 1970.
    """

    id: str
    direction: PortDirection
    block: Block
    state: PortState
    reference: str = ""
    due: str = ""
    note: str = ""
    created_ms: int = 0
    changed_ms: int = 0
