"""What every carrier does for us: the contract. tests/carriers holds each adapter to it.

Whatever costs money takes a *reference*, our own name for it, and asking again under the same one changes nothing: an
adapter whose carrier knows no such thing looks first for what it ordered under it. So an answer that was lost, or a
crash after it, is mended by asking again.
"""

from __future__ import annotations

from typing import Protocol

from isthmus.carriers.model import Address, Bought, Offer, Port, Reservation, Search
from isthmus.errors import RefusedError, UnavailableError


class CarrierDownError(UnavailableError):
    """No answer, or none that helps. What was asked for may have been done: ask again."""


class CarrierBusyError(CarrierDownError):
    """The carrier limits how often it is asked; nothing was done. retry_after_s: seconds until asking can help."""

    def __init__(self, what: str, *, retry_after_s: float, where: str = "", do: str = "") -> None:
        super().__init__(what, where=where, do=do)
        self.retry_after_s = retry_after_s


class CarrierKeyError(CarrierDownError):
    """The carrier does not accept our credentials: nothing was done, and the operator has to see to it."""


class GoneError(RefusedError):
    """The number can't be had (any more): somebody else has it or has reserved it."""


class CarrierRefusedError(RefusedError):
    """The carrier does not do this, and asking again will not help."""


class Carrier(Protocol):
    """One carrier. All of it may raise CarrierDownError and those below it."""

    @property
    def name(self) -> str: ...

    def search(self, wanted: Search) -> list[Offer]:
        """Numbers that can be bought, ascending."""
        ...

    def reserve(self, number: str, reference: str) -> Reservation:
        """Keep a number for us for some minutes. Raises GoneError."""
        ...

    def unreserve(self, reservation: str) -> None:
        """Let it go; one that is over is let go already."""
        ...

    def buy(self, number: str, reference: str) -> Bought:
        """Buy a number, once a reference. Raises GoneError, CarrierRefusedError."""
        ...

    def order(self, reference: str) -> Bought | None:
        """What was ordered under a reference; None: nothing, and nothing was spent."""
        ...

    def release(self, number: str) -> None:
        """Give a number back; one we don't have is given back already."""
        ...

    def port_in(self, numbers: tuple[str, ...], reference: str) -> Port:
        """Ask for numbers of another carrier to be ported to this one, once a reference. Raises CarrierRefusedError."""
        ...

    def port(self, id_: str) -> Port:
        """How it stands with a porting order. Raises CarrierRefusedError where there is no such."""
        ...

    def cancel_port(self, id_: str) -> None:
        """Call a porting order off; one that is over stays as it is."""
        ...

    def register_address(self, number: str, address: Address) -> str:
        """Register the address that emergency calls of a number come from. Gives the carrier's name for it.

        Raises CarrierRefusedError for an address that is not known there.
        """
        ...
