"""The rules of buying a number, pure: what can follow what, as one table; and which digits a search means.

1. Before anything is asked of a carrier it is written down what is about to be asked, under the purchase's own id.
   Asked again under that, no carrier does a thing twice. So a crash at any place is mended by going on.
2. A number that was bought is in the tenant's inventory at last, or goes back to the carrier, and the purchase says so.
3. One purchase at a time is about a number. Of two tenants the carrier serves the one that was first.
4. To give it to its owner is the last step: where that fails the number is free in the inventory, and it is said why.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, replace
from enum import StrEnum

from isthmus.carriers.model import Price
from isthmus.errors import RefusedError
from isthmus.numbers.model import NumberUse

FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 600.0
GIVE_UP_S = 900  # a purchase for which nothing was spent does not wait longer for a carrier that does not answer


class State(StrEnum):
    """How far a purchase is."""

    WANTED = "wanted"
    RESERVED = "reserved"
    BUYING = "buying"
    BOUGHT = "bought"
    LISTED = "listed"
    DONE = "done"
    RETURNING = "returning"
    RETURNED = "returned"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Event(StrEnum):
    """What happens to it."""

    RESERVE = "reserve"  # the carrier keeps the number for us
    CONFIRM = "confirm"  # it is to be bought
    EXPIRE = "expire"
    CANCEL = "cancel"
    FAIL = "fail"  # nothing was spent
    PAY = "pay"  # the carrier says that it is ours
    LIST = "list"  # it is in the inventory
    REFUSE = "refuse"  # the inventory can't take it
    ASSIGN = "assign"  # it has its owner, or it is said why not
    GIVE_UP = "give-up"  # it is out of the inventory, and to go back to the carrier
    RETURN = "return"


TABLE: dict[State, dict[Event, State]] = {
    State.WANTED: {Event.RESERVE: State.RESERVED, Event.FAIL: State.FAILED, Event.CANCEL: State.CANCELLED},
    State.RESERVED: {Event.CONFIRM: State.BUYING, Event.EXPIRE: State.EXPIRED, Event.CANCEL: State.CANCELLED},
    State.BUYING: {Event.PAY: State.BOUGHT, Event.FAIL: State.FAILED},
    State.BOUGHT: {Event.LIST: State.LISTED, Event.REFUSE: State.RETURNING},
    State.LISTED: {Event.ASSIGN: State.DONE},
    State.RETURNING: {Event.RETURN: State.RETURNED},
    State.DONE: {Event.GIVE_UP: State.RETURNING},
    State.RETURNED: {},
    State.EXPIRED: {},
    State.CANCELLED: {},
    State.FAILED: {},
}
LIVE = tuple(state for state, ways in TABLE.items() if ways and state is not State.DONE)
SPENT = frozenset({State.BUYING, State.BOUGHT, State.LISTED, State.RETURNING})
"""Where money is, or may be, spent: these are never given up."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """One number on its way from a carrier into a tenant's inventory. Times: milliseconds since 1970.

    use: what it is for. owner: whose it is to be, empty for nobody's yet. confirmed: whether it is to be bought as soon
    as it is reserved. most_monthly_micro: what it may cost a month, in millionths; None: any price. price: None before
    it is known. reservation, until_ms: the carrier's. reason: what was said last. attempts: tries in a row that met no
    carrier; next_ms: when the next one is due. actor: who asked for it.
    """

    id: str
    tenant: str
    carrier: str
    number: str
    use: NumberUse
    owner: str
    confirmed: bool
    most_monthly_micro: int | None
    actor: str
    state: State = State.WANTED
    price: Price | None = None
    reservation: str = ""
    until_ms: int = 0
    reason: str = ""
    attempts: int = 0
    next_ms: int = 0
    created_ms: int = 0
    changed_ms: int = 0

    @property
    def live(self) -> bool:
        """Whether anything can still happen to it."""
        return self.state in LIVE


def after(purchase: Purchase, event: Event, now_ms: int, reason: str = "") -> Purchase:
    """The purchase after an event. Raises RefusedError for one that has no place in its state."""
    ways = TABLE[purchase.state]
    if event not in ways:
        can = ", ".join(ways) or "nothing any more"
        raise RefusedError(
            f"a purchase that is {purchase.state} can't {event}", where=purchase.id, do=f"It can: {can}."
        )
    return replace(purchase, state=ways[event], reason=reason, attempts=0, next_ms=now_ms, changed_ms=now_ms)


def waiting(purchase: Purchase, now_ms: int, reason: str, wait_s: float | None = None) -> Purchase:
    """The purchase after a try that came to nothing. wait_s: what the carrier asks for; else longer each time."""
    attempts = purchase.attempts + 1
    own = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(purchase.attempts, 10))
    wait = own if wait_s is None else max(wait_s, FIRST_WAIT_S)
    return replace(purchase, attempts=attempts, next_ms=now_ms + round(wait * 1000), reason=reason, changed_ms=now_ms)


def is_given_up(purchase: Purchase, now_ms: int) -> bool:
    """Whether it has waited too long for a carrier, with nothing spent."""
    return purchase.state is State.WANTED and now_ms - purchase.created_ms > GIVE_UP_S * 1000


def too_dear(purchase: Purchase, price: Price) -> bool:
    """Whether it costs more than it may."""
    return purchase.most_monthly_micro is not None and price.monthly_micro > purchase.most_monthly_micro


def fits_digits(number: str, area: str, pattern: str) -> bool:
    """Whether a number (E.164) has the area code and the pattern, which without `+`, `*` and `?` may stand anywhere."""
    digits = number[1:]
    if area and not any(digits[at:].startswith(area.lstrip("0")) for at in (1, 2, 3)):
        return False
    if not pattern:
        return True
    if not any(mark in pattern for mark in "+*?"):
        return pattern in digits
    return fnmatch.fnmatchcase(digits, pattern.removeprefix("+"))
