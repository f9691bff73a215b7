"""The adapter for the demo's simulated carrier (demo/carrier_shop.py has its API), all of it idempotent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import httpx

from isthmus.carriers.asking import Asking, NotTakenError
from isthmus.carriers.contract import CarrierDownError, CarrierRefusedError, GoneError
from isthmus.carriers.model import (
    Address,
    Bought,
    Can,
    Kind,
    Offer,
    OrderState,
    Port,
    PortStanding,
    Price,
    Reservation,
    Search,
)


class SimulatedCarrier:
    """Implements contract.Carrier. url: of the API. key: gives the account's token."""

    def __init__(
        self, name: str, url: str, key: Callable[[], str], transport: httpx.BaseTransport | None = None
    ) -> None:
        self._asking = Asking(name, url, key, _reason, transport)

    @property
    def name(self) -> str:
        """As the site file calls it."""
        return self._asking.name

    def search(self, wanted: Search) -> list[Offer]:
        """See the contract."""
        asked = {
            "country": wanted.country,
            "area": wanted.area,
            "pattern": wanted.pattern,
            "kind": wanted.kind.value,
            "can": ",".join(sorted(wanted.can)),
            "limit": wanted.limit,
        }
        return [_offer(each) for each in self._ask("GET", "/numbers", params=asked)]

    def reserve(self, number: str, reference: str) -> Reservation:
        """See the contract."""
        told = self._ask("PUT", f"/reservations/{reference}", body={"number": number})
        return Reservation(told["id"], told["number"], float(told["until"]))

    def unreserve(self, reservation: str) -> None:
        """See the contract."""
        self._ask("DELETE", f"/reservations/{reservation}", missing=True)

    def buy(self, number: str, reference: str) -> Bought:
        """See the contract."""
        return _bought(self._ask("PUT", f"/orders/{reference}", body={"number": number}))

    def order(self, reference: str) -> Bought | None:
        """See the contract."""
        told = self._ask("GET", f"/orders/{reference}", missing=True)
        return None if told is None else _bought(told)

    def release(self, number: str) -> None:
        """See the contract."""
        self._ask("DELETE", f"/numbers/{number}", missing=True)

    def port_in(self, numbers: tuple[str, ...], reference: str) -> Port:
        """See the contract."""
        return _port(self._ask("PUT", f"/ports/{reference}", body={"numbers": list(numbers)}))

    def port(self, id_: str) -> Port:
        """See the contract."""
        told = self._ask("GET", f"/ports/{id_}", missing=True)
        if told is None:
            raise CarrierRefusedError("there is no such porting order", where=id_)
        return _port(told)

    def cancel_port(self, id_: str) -> None:
        """See the contract."""
        self._ask("DELETE", f"/ports/{id_}", missing=True)

    def register_address(self, number: str, address: Address) -> str:
        """See the contract."""
        return str(self._ask("PUT", f"/numbers/{number}/address", body=asdict(address))["id"])

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            return self._asking.ask(method, path, **more)
        except NotTakenError as error:
            if error.status == 410:
                raise GoneError(error.what, where=self.name) from error
            raise


def _reason(told: Any) -> str:
    return str(told.get("error", "")) if isinstance(told, dict) else ""


def _offer(told: Any) -> Offer:
    try:
        price = Price(told["currency"], int(told["once_micro"]), int(told["monthly_micro"]))
        can = frozenset(Can(each) for each in told["can"])
        return Offer(told["number"], Kind(told["kind"]), told["country"], told["place"], can, price)
    except (KeyError, TypeError, ValueError) as error:
        raise CarrierDownError(f"what it offers can't be read ({error})") from error


def _bought(told: Any) -> Bought:
    return Bought(told["id"], told["number"], OrderState(told["state"]), told.get("reason", ""))


def _port(told: Any) -> Port:
    return Port(told["id"], PortStanding(told["standing"]), told.get("due", ""), told.get("reason", ""))
