"""A Telnyx for tests: answers in the shape of its documented API, written by hand, out of a carrier in memory.

Its lists have pages of one, so that whoever does not turn them misses what is behind. `before` and `after` are called
with each request, and may raise httpx's errors: the connection breaks before, or after, what was asked was done.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from isthmus.carriers.contract import CarrierRefusedError, GoneError
from isthmus.carriers.memory import MemoryCarrier
from isthmus.carriers.model import Address, Can, Kind, Offer, PortStanding, Search

KEY = "KEY0123_example"
_STATUS = {
    PortStanding.SUBMITTED: "submitted",
    PortStanding.ACCEPTED: "submitted",
    PortStanding.REJECTED: "exception",
    PortStanding.SCHEDULED: "foc-date-confirmed",
    PortStanding.COMPLETED: "ported",
    PortStanding.CANCELLED: "cancelled",
}
Hook = Callable[[httpx.Request], httpx.Response | None]


class TelnyxApi(httpx.BaseTransport):
    """https://api.telnyx.com/v2. `asked` counts requests by method and path."""

    def __init__(self, carrier: MemoryCarrier) -> None:
        self.carrier = carrier
        self.before: Hook = lambda request: None
        self.after: Hook = lambda request: None
        self.asked: list[str] = []
        self.numbers: dict[str, str] = {}  # number: id
        self.reservations: dict[str, dict[str, Any]] = {}
        self.orders: list[dict[str, Any]] = []
        self.ports: list[dict[str, Any]] = []
        self.addresses: dict[str, dict[str, str]] = {}
        self.decoys = [{"id": "decoy", "customer_reference": "somebody-else"}]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v2")
        self.asked.append(f"{request.method} {path}")
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return error(401, "10009", "Authentication failed", "The required authentication headers were invalid.")
        early = self.before(request)
        if early is not None:
            return early
        body = json.loads(request.content) if request.content else {}
        answer = self._answer(request.method, path.strip("/").split("/"), dict(request.url.params), body)
        return self.after(request) or answer

    def _answer(self, method: str, path: list[str], params: dict[str, str], body: dict[str, Any]) -> httpx.Response:
        try:
            match method, path:
                case "GET", ["available_phone_numbers"]:
                    return self._available(params)
                case "POST", ["number_reservations"]:
                    return self._reserve(body)
                case "POST", ["number_reservations", id_, "actions", "extend"]:
                    made = self.reservations[id_]
                    made["phone_numbers"][0]["expired_at"] = self._until(made["phone_numbers"][0]["phone_number"], made)
                    return data(made)
                case "GET", ["number_reservations"]:
                    return self._page([*self.decoys, *self.reservations.values()], params)
                case "POST", ["number_orders"]:
                    return self._order(body)
                case "GET", ["number_orders"]:
                    return self._page([*self.decoys, *self.orders], params)
                case "GET", ["phone_numbers"]:
                    wanted = params["filter[phone_number]"]
                    own = [{"id": id_, "phone_number": number} for number, id_ in self.numbers.items()]
                    near = [{"id": "decoy", "phone_number": wanted[:-1]}]  # the filter takes parts of numbers, too
                    return self._page(
                        [*near, *(each for each in own if each["phone_number"] == wanted)], params, raw=True
                    )
                case "DELETE", ["phone_numbers", id_]:
                    number = next((number for number, each in self.numbers.items() if each == id_), "")
                    if not number:
                        return error(404, "10005", "Resource not found", "The requested resource could not be found.")
                    self.carrier.release(self.numbers and number)
                    del self.numbers[number]
                    return data({"id": id_, "phone_number": number, "status": "deleted"})
                case "POST", ["porting_orders"]:
                    return self._port_in(body)
                case "GET", ["porting_orders"]:
                    return self._page([*self.decoys, *(self._port(each) for each in self.ports)], params)
                case "GET", ["porting_orders", id_]:
                    found = [each for each in self.ports if each["id"] == id_]
                    return data(self._port(found[0])) if found else error(404, "10005", "Resource not found", "none")
                case "POST", ["porting_orders", id_, "actions", "confirm"]:
                    (port,) = (each for each in self.ports if each["id"] == id_)
                    port["draft"] = False
                    return data(self._port(port))
                case "POST", ["porting_orders", id_, "actions", "cancel"]:
                    (port,) = (each for each in self.ports if each["id"] == id_)
                    self.carrier.cancel_port(port["own"])
                    return data(self._port(port))
                case "POST", ["addresses"]:
                    id_ = str(uuid.uuid4())
                    self.addresses[id_] = body
                    return data({"id": id_, "record_type": "address", **body}, 201)
                case "POST", ["phone_numbers", id_, "actions", "enable_emergency"]:
                    return self._emergency(id_, body)
        except GoneError as gone:
            return error(422, "10015", "Bad Request", gone.what)
        except CarrierRefusedError as refused:
            return error(422, "10015", "Bad Request", refused.what)
        return error(404, "10005", "Resource not found", "The requested resource or URL could not be found.")

    def _available(self, params: dict[str, str]) -> httpx.Response:
        kind = Kind(params.get("filter[phone_number_type]", "local").replace("_", "-"))
        can = frozenset(Can(each) for each in params.get("filter[features]", "").split(",") if each)
        starts = params.get("filter[phone_number][starts_with]", "")
        pattern = f"{starts}*" if starts else params.get("filter[phone_number][contains]", "")
        limit = int(params.get("filter[limit]", "100"))
        area = params.get("filter[national_destination_code]", "")
        if "filter[country_code]" in params:
            kinds = [(kind, params["filter[country_code]"])]
        else:
            kinds = [(each, country) for each in Kind for country in ("US", "GB")]
        found = [
            offer
            for one, country in kinds
            for offer in self.carrier.search(Search(country, area, pattern, one, can, limit))
        ]
        shown = [available(each) for each in found]
        return httpx.Response(
            200, json={"data": shown, "meta": {"total_results": len(shown), "best_effort_results": 0}}
        )

    def _reserve(self, body: dict[str, Any]) -> httpx.Response:
        number, reference = body["phone_numbers"][0]["phone_number"], body["customer_reference"]
        made = {
            "id": str(uuid.uuid4()),
            "record_type": "number_reservation",
            "status": "success",
            "customer_reference": reference,
            "created_at": _now(),
        }
        self.reservations[made["id"]] = made | {
            "phone_numbers": [{"phone_number": number, "status": "success", "expired_at": self._until(number, made)}]
        }
        return data(self.reservations[made["id"]])

    def _until(self, number: str, made: dict[str, Any]) -> str:
        kept = self.carrier.reserve(number, made["customer_reference"])
        return datetime.fromtimestamp(kept.until_s, UTC).isoformat().replace("+00:00", "Z")

    def _order(self, body: dict[str, Any]) -> httpx.Response:
        number, reference = body["phone_numbers"][0]["phone_number"], body["customer_reference"]
        # Telnyx knows no idempotency here: each order is another one.
        self.carrier.buy(number, f"{reference}-{len(self.orders)}")
        self.numbers[number] = str(1_000_000 + len(self.numbers))
        made = {
            "id": str(uuid.uuid4()),
            "record_type": "number_order",
            "phone_numbers_count": 1,
            "connection_id": body.get("connection_id"),
            "phone_numbers": [{"phone_number": number, "status": "success", "requirements_met": True}],
            "status": "success",
            "customer_reference": reference,
            "created_at": _now(),
        }
        self.orders.append(made)
        return data(made)

    def _port_in(self, body: dict[str, Any]) -> httpx.Response:
        port = self.carrier.port_in(tuple(body["phone_numbers"]), body["customer_reference"])
        # An order is split by country and kind of number.
        made = {"id": str(uuid.uuid4()), "own": port.id, "draft": True, "reference": body["customer_reference"]}
        self.ports.append(made)
        return data([self._port(made)], 201)

    def _port(self, made: dict[str, Any]) -> dict[str, Any]:
        port = self.carrier.port(made["own"])
        details = [{"code": "REJECTED", "description": port.reason}] if port.reason else []
        return {
            "id": made["id"],
            "record_type": "porting_order",
            "customer_reference": made["reference"],
            "status": {"value": "draft" if made["draft"] else _STATUS[port.standing], "details": details},
            "activation_settings": {"foc_datetime_actual": f"{port.due}T15:00:00Z" if port.due else None},
        }

    def _emergency(self, id_: str, body: dict[str, Any]) -> httpx.Response:
        (number,) = (number for number, each in self.numbers.items() if each == id_)
        said = self.addresses[body["emergency_address_id"]]
        street = said["street_address"]
        self.carrier.register_address(
            number,
            Address(
                said["business_name"], street.partition(" ")[2], street.partition(" ")[0], said["locality"],
                said["administrative_area"], said["postal_code"], said["country_code"],
            ),
        )  # fmt: skip
        return data({"id": id_, "emergency": {"emergency_enabled": True, "emergency_status": "active"}})

    @staticmethod
    def _page(found: list[dict[str, Any]], params: dict[str, str], *, raw: bool = False) -> httpx.Response:
        reference = params.get("filter[customer_reference]")
        fitting = (
            found if raw else [each for each in found if each["customer_reference"] in (reference, "somebody-else")]
        )
        page = int(params["page[number]"])
        shown = fitting[page - 1 : page]
        meta = {"total_pages": len(fitting), "page_number": page, "page_size": 1, "total_results": len(fitting)}
        return httpx.Response(200, json={"data": shown, "meta": meta})


def data(value: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"data": value})


def error(status: int, code: str, title: str, detail: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"errors": [{"code": code, "title": title, "detail": detail}]}, headers=headers)


def available(offer: Offer) -> dict[str, Any]:
    """As it stands in developers.telnyx.com/docs/numbers/phone-numbers/number-search."""
    return {
        "record_type": "available_phone_number",
        "phone_number": offer.number,
        "vanity_format": None,
        "best_effort": False,
        "quickship": True,
        "reservable": True,
        "region_information": [
            {"region_type": "location", "region_name": offer.place},
            {"region_type": "country_code", "region_name": offer.country},
        ],
        "cost_information": {
            "upfront_cost": f"{offer.price.once_micro / 1e6:.2f}",
            "monthly_cost": f"{offer.price.monthly_micro / 1e6:.2f}",
            "currency": offer.price.currency,
        },
        "features": [{"name": each.value} for each in sorted(offer.can)] + [{"name": "hd_voice"}],
    }


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
