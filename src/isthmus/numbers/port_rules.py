"""The rules of porting orders, pure: what can follow what, as one table.

1. An order goes from request to completion, or ends cancelled; a rejected one can be mended and submitted anew.
2. Until it is completed nothing of the inventory is different. Then the numbers of an order `in` are in the tenant's
   inventory, and those of an order `out` are in nobody's.
3. Numbers that have an owner are not taken out: an order `out` completes once they are released.
4. A number is in one open order at most.
"""

from __future__ import annotations

import datetime

from isthmus.errors import RefusedError, UsageError
from isthmus.numbers.model import Order, PortEvent, PortState

TABLE: dict[PortState, dict[PortEvent, PortState]] = {
    PortState.REQUESTED: {
        PortEvent.SUBMIT: PortState.SUBMITTED,
        PortEvent.CANCEL: PortState.CANCELLED,
    },
    PortState.SUBMITTED: {
        PortEvent.ACCEPT: PortState.ACCEPTED,
        PortEvent.REJECT: PortState.REJECTED,
        PortEvent.CANCEL: PortState.CANCELLED,
    },
    PortState.REJECTED: {
        PortEvent.SUBMIT: PortState.SUBMITTED,
        PortEvent.CANCEL: PortState.CANCELLED,
    },
    PortState.ACCEPTED: {
        PortEvent.SCHEDULE: PortState.SCHEDULED,
        PortEvent.CANCEL: PortState.CANCELLED,
    },
    PortState.SCHEDULED: {
        PortEvent.SCHEDULE: PortState.SCHEDULED,
        PortEvent.REJECT: PortState.REJECTED,
        PortEvent.COMPLETE: PortState.COMPLETED,
        PortEvent.CANCEL: PortState.CANCELLED,
    },
    PortState.COMPLETED: {},
    PortState.CANCELLED: {},
}

OPEN = tuple(state for state, ways in TABLE.items() if ways)
OF_TENANT = frozenset({PortEvent.CANCEL})
"""What a tenant's administrator may say; the rest is between the operator and the carriers."""


def after(order: Order, event: PortEvent) -> PortState:
    """The state that follows. Raises RefusedError for an event that has no place there."""
    ways = TABLE[order.state]
    if event not in ways:
        can = ", ".join(ways) or "nothing any more"
        raise RefusedError(f"a porting order that is {order.state} can't {event}", where=order.id, do=f"It can: {can}.")
    return ways[event]


def checked_due(event: PortEvent, due: str | None) -> str | None:
    """The day of an event; SCHEDULE needs one, others have none. Raises UsageError."""
    if (event is PortEvent.SCHEDULE) != (due is not None):
        raise UsageError("a day is for `schedule`, and needed there", where="due", do="Write it as 2027-01-31.")
    if due is None:
        return None
    try:
        return datetime.date.fromisoformat(due).isoformat()
    except ValueError as error:
        raise UsageError(f"{due[:40]!r} is not a day", where="due", do="Write it as 2027-01-31.") from error
