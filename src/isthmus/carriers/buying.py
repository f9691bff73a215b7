"""Carries purchases out, step by step, until each is at its end: the machine of rules.py with a carrier at its side.

A step asks the carrier, outside of any transaction, and writes down what it said. Whatever is asked was written down
before, and is asked under the purchase's id: killed anywhere, the next run asks again and finds what was done.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from isthmus.addressing import Telephone
from isthmus.carriers import rules, store
from isthmus.carriers.contract import Carrier, CarrierBusyError, CarrierDownError, GoneError
from isthmus.carriers.model import Bought, Kind, OrderState, Price, Search
from isthmus.carriers.rules import Event, Purchase, State
from isthmus.carriers.service import Purchases, number_of, public
from isthmus.database import reading
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.errors import ForbiddenError, IsthmusError, NotFoundError, RefusedError, UsageError
from isthmus.numbers import owning, stock
from isthmus.numbers.model import Block, NumberSource, Owner, Range
from isthmus.numbers.rules import country_of

_log = logging.getLogger(__name__)
_ASK_AGAIN_S = 5.0  # for an order that the carrier works on
_STUCK_S = 600.0  # money may be spent, and for so long nothing went on: somebody has to look


class Buying:
    """One a site. clock: Unix seconds."""

    def __init__(self, directory: Directory, purchases: Purchases, *, clock: Callable[[], float] = time.time) -> None:
        self._directory, self._purchases, self._clock = directory, purchases, clock

    def work(self) -> None:
        """Take every purchase as far as it goes now. What can't be done now is tried again later, by itself."""
        with reading(self._directory.engine) as connection:
            found = store.live(connection)
        for purchase in found:
            try:
                self._take_on(purchase)
            except IsthmusError as error:
                _log.warning("purchase %s of %s waits: %s", purchase.id, purchase.number, error)

    def health(self) -> dict[str, object]:
        """Whether money may be spent with no number to show for it, for GET /v1/health."""
        with reading(self._directory.engine) as connection:
            found, unlisted = store.live(connection), store.unlisted(connection)
        now_ms = self._now_ms()
        stuck = [
            f"{each.number}: {each.reason or each.state}"
            for each in found
            if each.state in rules.SPENT and now_ms - each.created_ms > _STUCK_S * 1000 and each.attempts
        ]
        stuck += [f"{each.number}: paid for, and in no inventory: isthmus number return {each.id}" for each in unlisted]
        return {"ok": not stuck, "live": len(found), "stuck": stuck}

    def _take_on(self, purchase: Purchase) -> None:
        while purchase.live and purchase.next_ms <= self._now_ms():
            before = purchase
            purchase = self._step(purchase)
            if purchase == before or purchase.attempts:
                return

    def _step(self, purchase: Purchase) -> Purchase:
        """One step; what became of it is written down."""
        carrier = self._purchases.carriers.get(purchase.carrier)
        if carrier is None:
            return self._wait(purchase, f"there is no carrier {purchase.carrier} any more", rules.LONGEST_WAIT_S)
        try:
            return self._STEPS[purchase.state](self, purchase, carrier)
        except CarrierBusyError as error:
            return self._wait(purchase, error.what, error.retry_after_s)
        except CarrierDownError as error:
            if rules.is_given_up(purchase, self._now_ms()):
                return self._became(purchase, Event.FAIL, f"the carrier did not answer: {error.what}")
            return self._wait(purchase, error.what)

    def _reserve(self, purchase: Purchase, carrier: Carrier) -> Purchase:
        country = country_of(number_of(purchase.number))
        price = next((found for kind in Kind if (found := _price(carrier, purchase.number, country, kind))), None)
        if price is None:
            return self._became(purchase, Event.FAIL, "the carrier does not offer it (any more)")
        if rules.too_dear(purchase, price):
            dear = f"it costs {price.monthly_micro / 1e6:.2f} {price.currency} a month, more than it may"
            return self._became(purchase, Event.FAIL, dear)
        try:
            kept = carrier.reserve(purchase.number, purchase.id)
        except RefusedError as error:
            return self._became(purchase, Event.FAIL, error.what)
        until_ms = round(kept.until_s * 1000)
        return self._became(purchase, Event.RESERVE, price=price, reservation=kept.id, until_ms=until_ms)

    def _reserved(self, purchase: Purchase, carrier: Carrier) -> Purchase:
        now_ms = self._now_ms()
        if purchase.confirmed:
            return self._became(purchase, Event.CONFIRM)
        if purchase.until_ms <= now_ms:
            carrier.unreserve(purchase.reservation)
            return self._became(purchase, Event.EXPIRE, "nobody bought it in time")
        return purchase

    def _buy(self, purchase: Purchase, carrier: Carrier) -> Purchase:
        """Buy it, unless it was bought already: what stands at the carrier under our id is looked for first."""
        try:
            bought = carrier.order(purchase.id) or carrier.buy(purchase.number, purchase.id)
        except GoneError as error:
            return self._became(purchase, Event.FAIL, error.what)
        except RefusedError as error:
            return self._became(purchase, Event.FAIL, error.what)
        return self._ordered(purchase, bought)

    def _ordered(self, purchase: Purchase, bought: Bought) -> Purchase:
        if bought.state is OrderState.DONE:
            return self._became(purchase, Event.PAY)
        if bought.state is OrderState.FAILED:
            return self._became(purchase, Event.FAIL, bought.reason)
        return self._wait(purchase, bought.reason or "the carrier works on the order", _ASK_AGAIN_S)

    def _list(self, purchase: Purchase, carrier: Carrier) -> Purchase:
        """Into the inventory, and what is written of the purchase, in one transaction."""
        number = number_of(purchase.number)
        block = Block(Range(number, number), purchase.tenant, purchase.use, NumberSource.PLAN, carrier.name, "bought")
        try:
            return self._became(purchase, Event.LIST, doing=lambda log: stock.add(log, block))
        except (RefusedError, NotFoundError, UsageError) as error:
            # Another tenant has it by now, or this one is gone: it must not be paid for month by month.
            return self._became(purchase, Event.REFUSE, f"the inventory does not take it: {error.what}")

    def _assign(self, purchase: Purchase, carrier: Carrier) -> Purchase:
        if not purchase.owner:
            return self._became(purchase, Event.ASSIGN)
        telephone, owner = Telephone.parse(purchase.number), Owner.parse(purchase.owner)

        def give(log: Journal) -> None:
            owning.assign(log, purchase.tenant, telephone, owner, instead=False)

        try:
            return self._became(purchase, Event.ASSIGN, doing=give)
        except (RefusedError, NotFoundError, UsageError, ForbiddenError) as error:
            return self._became(purchase, Event.ASSIGN, f"it is free, and not {owner}'s: {error.what}")

    def _return(self, purchase: Purchase, carrier: Carrier) -> Purchase:
        carrier.release(purchase.number)
        return self._became(purchase, Event.RETURN, f"{purchase.reason}; it was given back to the carrier")

    _STEPS = {  # noqa: RUF012 (the table of the machine)
        State.WANTED: _reserve,
        State.RESERVED: _reserved,
        State.BUYING: _buy,
        State.BOUGHT: _list,
        State.LISTED: _assign,
        State.RETURNING: _return,
    }

    def _became(
        self,
        purchase: Purchase,
        event: Event,
        reason: str = "",
        *,
        doing: Callable[[Journal], object] = lambda _: None,
        **said: Any,
    ) -> Purchase:
        """Write an event down, and do `doing` in the same transaction; as it is now, if somebody else was faster."""

        def work(log: Journal) -> Purchase:
            present = store.get(log.connection, purchase.id)
            if present is None or (present.state, present.confirmed) != (purchase.state, purchase.confirmed):
                return present or purchase
            doing(log)
            done = replace(rules.after(present, event, log.at_ms, reason), **said)
            store.put(log.connection, done)
            log.entry(f"purchase.{event}", done.id, public(present), public(done), tenant=done.tenant)
            return done

        return self._directory.write(f"carrier:{purchase.carrier}", work)

    def _wait(self, purchase: Purchase, reason: str, wait_s: float | None = None) -> Purchase:
        def work(log: Journal) -> Purchase:
            present = store.get(log.connection, purchase.id)
            if present is None or present.state is not purchase.state:
                return present or purchase
            done = rules.waiting(present, self._now_ms(), reason, wait_s)
            store.put(log.connection, done)
            return done

        return self._directory.write(f"carrier:{purchase.carrier}", work)

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)


def _price(carrier: Carrier, number: str, country: str, kind: Kind) -> Price | None:
    found = carrier.search(Search(country, pattern=number, kind=kind, can=frozenset()))
    return next((each.price for each in found if each.number == number), None)
