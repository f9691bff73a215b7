"""A carrier in memory: the inventory of the demo's simulated carrier, and the fake that tests use.

Numbers of an account are its own alone: two accounts that want the same number are two customers of one carrier.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from isthmus.carriers import rules
from isthmus.carriers.contract import CarrierRefusedError, GoneError
from isthmus.carriers.model import (
    Address,
    Bought,
    Offer,
    OrderState,
    Port,
    PortStanding,
    Reservation,
    Search,
)

RESERVED_S = 600.0


@dataclass
class Exchange:
    """What a carrier has for all of its customers. reserved_s: how long a reservation lasts."""

    offers: dict[str, Offer]
    clock: Callable[[], float] = time.time
    reserved_s: float = RESERVED_S
    owners: dict[str, str] = field(default_factory=dict)  # number: account
    reserved: dict[str, tuple[str, Reservation]] = field(default_factory=dict)  # number: account, reservation
    lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def of(cls, offers: Iterable[Offer], clock: Callable[[], float] = time.time) -> Exchange:
        """One that sells these."""
        return cls({each.number: each for each in offers}, clock)

    def holder(self, number: str) -> str:
        """The account that has the number or keeps it reserved; empty for nobody."""
        if number in self.owners:
            return self.owners[number]
        account, kept = self.reserved.get(number, ("", None))
        return account if kept is not None and kept.until_s > self.clock() else ""


class MemoryCarrier:
    """One account at an exchange. Implements contract.Carrier."""

    def __init__(self, exchange: Exchange, name: str = "simulated", account: str = "us") -> None:
        self.exchange, self.account = exchange, account
        self._name = name
        self.orders: dict[str, Bought] = {}
        self.ports: dict[str, tuple[str, tuple[str, ...], Port]] = {}  # id: reference, numbers, port
        self.addresses: dict[str, Address] = {}

    @property
    def name(self) -> str:
        """As the site file calls it."""
        return self._name

    def search(self, wanted: Search) -> list[Offer]:
        """Those that are nobody else's."""
        with self.exchange.lock:
            free = [
                offer
                for number, offer in sorted(self.exchange.offers.items())
                if number not in self.exchange.owners and self.exchange.holder(number) in ("", self.account)
            ]
        return [offer for offer in free if _fits(offer, wanted)][: wanted.limit]

    def reserve(self, number: str, reference: str) -> Reservation:
        """For ten minutes; asked again, for ten more."""
        exchange = self.exchange
        with exchange.lock:
            self._require(number)
            made = Reservation(f"r-{reference}", number, exchange.clock() + exchange.reserved_s)
            exchange.reserved[number] = (self.account, made)
            return made

    def unreserve(self, reservation: str) -> None:
        """Nothing where there is none."""
        with self.exchange.lock:
            for number, (account, kept) in list(self.exchange.reserved.items()):
                if kept.id == reservation and account == self.account:
                    del self.exchange.reserved[number]

    def buy(self, number: str, reference: str) -> Bought:
        """Done at once."""
        with self.exchange.lock:
            if reference in self.orders:
                return self.orders[reference]
            self._require(number)
            self.exchange.reserved.pop(number, None)
            self.exchange.owners[number] = self.account
            self.orders[reference] = Bought(f"o-{reference}", number, OrderState.DONE)
            return self.orders[reference]

    def order(self, reference: str) -> Bought | None:
        """By our own name for it."""
        return self.orders.get(reference)

    def release(self, number: str) -> None:
        """It is for sale again."""
        with self.exchange.lock:
            if self.exchange.owners.get(number) == self.account:
                del self.exchange.owners[number]

    def port_in(self, numbers: tuple[str, ...], reference: str) -> Port:
        """Submitted; `tell_port` says what becomes of it."""
        for known, _, port in self.ports.values():
            if known == reference:
                return port
        if any(number in self.exchange.offers for number in numbers):
            raise CarrierRefusedError("numbers of it are this carrier's already", where=", ".join(numbers))
        made = Port(f"p-{reference}", PortStanding.SUBMITTED)
        self.ports[made.id] = (reference, numbers, made)
        return made

    def port(self, id_: str) -> Port:
        """As it was told last."""
        if id_ not in self.ports:
            raise CarrierRefusedError("there is no such porting order", where=id_)
        return self.ports[id_][2]

    def cancel_port(self, id_: str) -> None:
        """Unless it is over."""
        if self.port(id_).standing is not PortStanding.COMPLETED:
            self.tell_port(id_, PortStanding.CANCELLED)

    def register_address(self, number: str, address: Address) -> str:
        """For a number of ours."""
        if self.exchange.owners.get(number) != self.account:
            raise CarrierRefusedError("the number is not ours", where=number)
        if not address.street or not address.city or not address.postal_code:
            raise CarrierRefusedError("the address is not known", where=number)
        self.addresses[number] = address
        return f"a-{number}"

    def tell_port(self, id_: str, standing: PortStanding, due: str = "", reason: str = "") -> None:
        """What the losing carrier said of a porting order: for tests, and the demo's operator."""
        reference, numbers, port = self.ports[id_]
        self.ports[id_] = (reference, numbers, replace(port, standing=standing, due=due or port.due, reason=reason))

    def _require(self, number: str) -> None:
        if number not in self.exchange.offers or self.exchange.holder(number) not in ("", self.account):
            raise GoneError(f"{number} can't be had any more", where=self._name)
        if self.exchange.owners.get(number) == self.account:
            raise GoneError(f"{number} is ours already", where=self._name)


def _fits(offer: Offer, wanted: Search) -> bool:
    if offer.country != wanted.country or offer.kind is not wanted.kind or not wanted.can <= offer.can:
        return False
    return rules.fits_digits(offer.number, wanted.area, wanted.pattern)
