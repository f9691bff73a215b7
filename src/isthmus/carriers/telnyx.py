"""The adapter for Telnyx's public API, version 2 (developers.telnyx.com/api-reference).

Its number orders, reservations and porting orders carry a `customer_reference`, by which they are found again: that is
our reference. Ordering knows no idempotency key, so before an order is made it is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

import httpx

from isthmus.carriers import rules
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

_T = TypeVar("_T")
URL = "https://api.telnyx.com/v2"
_PAGE = 100
_MOST_PAGES = 50
_MICRO = 1_000_000
_KINDS = {Kind.LOCAL: "local", Kind.MOBILE: "mobile", Kind.NATIONAL: "national", Kind.TOLL_FREE: "toll_free"}
_ORDERS = {"pending": OrderState.PENDING, "success": OrderState.DONE, "failure": OrderState.FAILED}
_PORTS = {
    "draft": PortStanding.SUBMITTED,
    "in-process": PortStanding.SUBMITTED,
    "submitted": PortStanding.SUBMITTED,
    "exception": PortStanding.REJECTED,
    "foc-date-confirmed": PortStanding.SCHEDULED,
    "activation-in-progress": PortStanding.SCHEDULED,
    "ported": PortStanding.COMPLETED,
    "cancel-pending": PortStanding.CANCELLED,
    "cancelled": PortStanding.CANCELLED,
}
_LEAST_FIRST = (  # of an order that the carrier has split: how the whole of it stands
    PortStanding.REJECTED,
    PortStanding.SUBMITTED,
    PortStanding.ACCEPTED,
    PortStanding.SCHEDULED,
    PortStanding.COMPLETED,
    PortStanding.CANCELLED,
)


class TelnyxCarrier:
    """Implements contract.Carrier. connection: the id of the SIP connection there that leads to our trunk."""

    def __init__(
        self,
        name: str,
        key: Callable[[], str],
        *,
        url: str = URL,
        connection: str = "",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._asking = Asking(name, url, key, _reason, transport)
        self._connection = connection

    @property
    def name(self) -> str:
        """As the site file calls it."""
        return self._asking.name

    def search(self, wanted: Search) -> list[Offer]:
        """See the contract. Its filters know no `?`: what they let through is looked at here."""
        params: dict[str, Any] = {
            "filter[country_code]": wanted.country,
            "filter[phone_number_type]": _KINDS[wanted.kind],
            "filter[features]": ",".join(sorted(wanted.can)),
            "filter[limit]": wanted.limit if not _is_wild(wanted.pattern) else _PAGE,
            "filter[best_effort]": "false",
            "filter[reservable]": "true",
            "filter[exclude_held_numbers]": "true",
        }
        if wanted.area:
            params["filter[national_destination_code]"] = wanted.area.lstrip("0")
        params |= _by_pattern(wanted.pattern)
        told = self._data("GET", "/available_phone_numbers", params=params)
        found = _read(lambda: [_offer(each, wanted) for each in told])
        fitting = [each for each in found if _matches(each.number, wanted.pattern)]
        return sorted(fitting, key=lambda each: each.number)[: wanted.limit]

    def reserve(self, number: str, reference: str) -> Reservation:
        """See the contract: thirty minutes there, and as many more each time."""
        known = self._first("/number_reservations", reference)
        if known is not None and known.get("status") != "failure":
            return _read(_reservation, self._data("POST", f"/number_reservations/{known['id']}/actions/extend"))
        body = {"phone_numbers": [{"phone_number": number}], "customer_reference": reference}
        try:
            told = self._data("POST", "/number_reservations", body=body)
        except NotTakenError as error:
            raise self._refused(error, number) from error
        if told.get("status") == "failure":
            raise GoneError(f"{number} can't be reserved", where=self.name)
        return _read(_reservation, told)

    def unreserve(self, reservation: str) -> None:
        """It ends by itself after thirty minutes; there is nothing to call it off by."""

    def buy(self, number: str, reference: str) -> Bought:
        """See the contract."""
        known = self.order(reference)
        if known is not None:
            return known
        body: dict[str, Any] = {"phone_numbers": [{"phone_number": number}], "customer_reference": reference}
        if self._connection:
            body["connection_id"] = self._connection
        try:
            return _read(_bought, self._data("POST", "/number_orders", body=body))
        except NotTakenError as error:
            raise self._refused(error, number) from error

    def order(self, reference: str) -> Bought | None:
        """See the contract."""
        told = self._first("/number_orders", reference)
        return None if told is None else _read(_bought, told)

    def release(self, number: str) -> None:
        """See the contract."""
        id_ = self._id_of(number)
        if id_:
            self._asking.ask("DELETE", f"/phone_numbers/{id_}", missing=True)

    def port_in(self, numbers: tuple[str, ...], reference: str) -> Port:
        """See the contract. The carrier may split an order by country and kind: all parts are one here.

        What it wants to have first (a letter of authorisation, a bill) is told as refusal; asked again, the draft that
        it keeps is submitted.
        """
        parts: list[Any] = self._under("/porting_orders", reference)
        if not parts:
            body = {"phone_numbers": list(numbers), "customer_reference": reference}
            told = self._data("POST", "/porting_orders", body=body)
            parts = told if isinstance(told, list) else [told]
        for place, part in enumerate(parts):
            if part["status"]["value"] == "draft":
                parts[place] = self._data("POST", f"/porting_orders/{part['id']}/actions/confirm")
        return _read(_port, parts)

    def port(self, id_: str) -> Port:
        """See the contract."""
        return _read(_port, [self._data("GET", f"/porting_orders/{part}") for part in id_.split(",")])

    def cancel_port(self, id_: str) -> None:
        """See the contract."""
        for part in id_.split(","):
            if self.port(part).standing not in (PortStanding.COMPLETED, PortStanding.CANCELLED):
                self._data("POST", f"/porting_orders/{part}/actions/cancel")

    def register_address(self, number: str, address: Address) -> str:
        """See the contract."""
        id_ = self._id_of(number)
        if not id_:
            raise CarrierRefusedError("the number is not ours", where=number)
        made = self._data(
            "POST",
            "/addresses",
            body={
                "business_name": address.name,
                "street_address": f"{address.house_number} {address.street}".strip(),
                "extended_address": address.extra,
                "locality": address.city,
                "administrative_area": address.state,
                "postal_code": address.postal_code,
                "country_code": address.country,
                "address_book": False,
                "validate_address": True,
            },
        )
        wanted = {"emergency_enabled": True, "emergency_address_id": made["id"]}
        self._data("POST", f"/phone_numbers/{id_}/actions/enable_emergency", body=wanted)
        return str(made["id"])

    def _refused(self, error: NotTakenError, number: str) -> CarrierRefusedError | GoneError:
        """Why it takes no order. Its words differ from case to case; whether it still offers the number is plain."""
        params = {"filter[phone_number][contains]": number[1:], "filter[limit]": 1}
        found = self._asking.ask("GET", "/available_phone_numbers", params=params, missing=True)
        offered = [each.get("phone_number") for each in (found or {}).get("data") or ()]
        if number in offered:
            return error
        return GoneError(f"{number} can't be had any more ({error.what})", where=self.name)

    def _id_of(self, number: str) -> str:
        """The carrier's name for a number that is ours; empty for none."""
        found = self._pages("/phone_numbers", {"filter[phone_number]": number})
        return next((str(each["id"]) for each in found if each.get("phone_number") == number), "")

    def _first(self, path: str, reference: str) -> dict[str, Any] | None:
        """What was made last under a reference."""
        return max(self._under(path, reference), key=lambda each: str(each.get("created_at", "")), default=None)

    def _under(self, path: str, reference: str) -> list[dict[str, Any]]:
        found = self._pages(path, {"filter[customer_reference]": reference})
        return [each for each in found if each.get("customer_reference") == reference]

    def _pages(self, path: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for page in range(1, _MOST_PAGES + 1):
            told = self._asking.ask("GET", path, params={**params, "page[number]": page, "page[size]": _PAGE})
            try:
                yield from told["data"]
                last = int((told.get("meta") or {}).get("total_pages", 1))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise CarrierDownError(f"a list of it can't be read ({error!r})", where=self.name) from error
            if page >= last:
                return

    def _data(self, method: str, path: str, **more: Any) -> Any:
        told = self._asking.ask(method, path, **more)
        if not isinstance(told, dict) or "data" not in told:
            raise CarrierDownError("its answer has no `data`", where=self.name)
        return told["data"]


def _read(shape: Callable[..., _T], *told: Any) -> _T:
    """What `shape` makes of an answer. Raises CarrierDownError for one that is not as it is documented."""
    try:
        return shape(*told)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise CarrierDownError(f"an answer of it can't be read ({error!r})") from error


def _reason(told: Any) -> str:
    """The words of its errors: `{"errors": [{"code", "title", "detail"}]}`."""
    errors = told.get("errors") if isinstance(told, dict) else None
    found = [each for each in errors or () if isinstance(each, dict)]
    return "; ".join(str(each.get("detail") or each.get("title") or each.get("code")) for each in found)


def _is_wild(pattern: str) -> bool:
    return any(mark in pattern for mark in "*?")


def _by_pattern(pattern: str) -> dict[str, str]:
    """What its filters can do of a pattern: digits it begins with, ends with or has anywhere."""
    if not pattern:
        return {}
    parts = [part for part in pattern.removeprefix("+").replace("?", "*").split("*") if part]
    if not parts:
        return {}
    if not pattern.startswith("+"):
        return {"filter[phone_number][contains]": max(parts, key=len)}
    if not _is_wild(pattern):
        return {"filter[phone_number][contains]": parts[0]}
    return {"filter[phone_number][starts_with]": f"+{parts[0]}"} if pattern[1:2].isdigit() else {}


def _matches(number: str, pattern: str) -> bool:
    return rules.fits_digits(number, "", pattern)


def _offer(told: Any, wanted: Search) -> Offer:
    cost = told.get("cost_information") or {}
    price = Price(cost.get("currency", "USD"), _micro(cost.get("upfront_cost")), _micro(cost.get("monthly_cost")))
    names = {each["name"] for each in told.get("features") or ()}
    regions = told.get("region_information") or ()
    place = ", ".join(
        each["region_name"] for each in regions if each.get("region_type") in ("location", "rate_center", "state")
    )
    can = frozenset(each for each in Can if each.value in names)
    return Offer(str(told["phone_number"]), wanted.kind, wanted.country, place, can, price)


def _micro(amount: Any) -> int:
    """Millionths of an amount written as text, such as "1.00"."""
    whole, _, part = str(amount or "0").partition(".")
    return int(whole or 0) * _MICRO + int((part + "000000")[:6])


def _reservation(told: Any) -> Reservation:
    number = told["phone_numbers"][0]
    until = datetime.fromisoformat(str(number["expired_at"]).replace("Z", "+00:00"))
    return Reservation(str(told["id"]), str(number["phone_number"]), until.timestamp())


def _bought(told: Any) -> Bought:
    number = told["phone_numbers"][0]
    # The order as a whole may wait for others; this number of it is what counts.
    status = number.get("status") if number.get("status") in _ORDERS else told.get("status")
    state = _ORDERS.get(str(status), OrderState.PENDING)
    reason = ""
    if state is OrderState.FAILED:
        reason = str(number.get("errors") or told.get("errors") or "the order failed")
    elif state is OrderState.PENDING and told.get("requirements_met") is False:
        reason = "the carrier waits for documents that its regulations ask for"
    return Bought(str(told["id"]), str(number["phone_number"]), state, reason)


def _port(parts: list[Any]) -> Port:
    standings = [_PORTS.get(str(part["status"]["value"]), PortStanding.SUBMITTED) for part in parts]
    reasons = [
        str(each.get("description") or each.get("code"))
        for part in parts
        for each in part["status"].get("details") or ()
    ]
    activation = [part.get("activation_settings") or {} for part in parts]
    days = [
        str(each.get("foc_datetime_actual") or each.get("foc_datetime_requested") or "")[:10] for each in activation
    ]
    standing = min(standings, key=_LEAST_FIRST.index)
    due = max(days, default="") if standing is PortStanding.SCHEDULED else ""
    return Port(",".join(str(part["id"]) for part in parts), standing, due, "; ".join(reasons))
