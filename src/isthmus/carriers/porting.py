"""Tells carriers of porting orders, and follows what they say until the numbers are in the inventory.

An order `in` whose carrier is one of the site's is told to it under the order's own id, so twice told it is one order
there. Who takes an order for another carrier's numbers says what becomes of it; nobody here has to.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Mapping

from isthmus.carriers.contract import Carrier
from isthmus.carriers.model import Port, PortStanding
from isthmus.database import reading
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError, RefusedError, UnavailableError
from isthmus.numbers import port_rules
from isthmus.numbers import store as number_store
from isthmus.numbers.model import Order, PortDirection, PortEvent, PortState, written
from isthmus.numbers.porting import Porting

_log = logging.getLogger(__name__)
_MOST = 1000  # numbers of one order: more are ordered by hand

_STATES = {
    PortStanding.SUBMITTED: PortState.SUBMITTED,
    PortStanding.ACCEPTED: PortState.ACCEPTED,
    PortStanding.REJECTED: PortState.REJECTED,
    PortStanding.SCHEDULED: PortState.SCHEDULED,
    PortStanding.COMPLETED: PortState.COMPLETED,
    PortStanding.CANCELLED: PortState.CANCELLED,
}


class PortFollowing:
    """One a site, at the authority. carriers: by name."""

    def __init__(
        self,
        directory: Directory,
        porting: Porting,
        carriers: Mapping[str, Carrier],
        *,
        today: Callable[[], str] = lambda: datetime.datetime.now(datetime.UTC).date().isoformat(),
    ) -> None:
        self._directory, self._porting, self._carriers, self._today = directory, porting, carriers, today
        self._over: set[str] = set()  # cancelled orders that the carrier knows to be so

    def work(self) -> None:
        """Tell what is new, ask for what is under way. What fails is tried the next time."""
        states = (*port_rules.OPEN, PortState.CANCELLED)
        with reading(self._directory.engine) as connection:
            found = number_store.orders_of_carriers(connection, list(self._carriers), states)
        for order in found:
            if order.direction is not PortDirection.IN or order.id in self._over:
                continue
            try:
                self._follow(order, self._carriers[order.block.carrier])
            except (RefusedError, UnavailableError) as error:
                _log.warning("porting order %s: %s", order.id, error)
                self._note(order, error)

    def _follow(self, order: Order, carrier: Carrier) -> None:
        if order.state is PortState.CANCELLED:
            if order.reference:
                carrier.cancel_port(order.reference)
            self._over.add(order.id)
        elif order.state is PortState.REQUESTED:
            range_ = order.block.range
            if range_.size > _MOST:
                raise RefusedError(f"an order of {range_.size} numbers is made by hand at the carrier")
            numbers = tuple(written(number) for number in range(range_.first, range_.last + 1))
            port = carrier.port_in(numbers, order.id)
            self._happened(order, PortEvent.SUBMIT, carrier.name, reference=port.id, note=port.reason)
        elif order.reference:
            self._catch_up(order, carrier.port(order.reference), carrier.name)

    def _catch_up(self, order: Order, port: Port, carrier: str) -> None:
        """Take down all that lies between what is known and what the carrier says now."""
        wanted = _STATES[port.standing]
        for event in steps(order.state, wanted):
            due = None
            if event is PortEvent.SCHEDULE:
                # Of one that is completed already the day was missed: it is not later than today.
                due = port.due or (self._today() if wanted is PortState.COMPLETED else "")
                if not due:
                    return  # the day is not known yet
            order = self._happened(order, event, carrier, due=due, note=port.reason)
        if order.state is PortState.SCHEDULED and wanted is PortState.SCHEDULED and port.due != order.due and port.due:
            self._happened(order, PortEvent.SCHEDULE, carrier, due=port.due, note=port.reason)

    def _happened(
        self, order: Order, event: PortEvent, carrier: str, *, due: str | None = None, reference: str | None = None,
        note: str = "",
    ) -> Order:  # fmt: skip
        return self._porting.happened(
            order.block.tenant, order.id, event, due=due, reference=reference, note=note, actor=f"carrier:{carrier}"
        )

    def _note(self, order: Order, error: IsthmusError) -> None:
        """Let whoever looks at the order see why it does not go on."""
        if isinstance(error, RefusedError) and order.note != error.what:
            self._porting.note(order.block.tenant, order.id, error.what, actor=f"carrier:{order.block.carrier}")


def steps(before: PortState, after: PortState) -> list[PortEvent]:
    """The shortest way from one state to another by the table of porting; empty where there is none, or no need."""
    ways: list[tuple[PortState, list[PortEvent]]] = [(before, [])]
    seen = {before}
    for state, events in ways:
        if state is after:
            return events
        for event, following in port_rules.TABLE[state].items():
            if (following not in seen and following is not PortState.CANCELLED) or following is after:
                seen.add(following)
                ways.append((following, [*events, event]))
    return []
