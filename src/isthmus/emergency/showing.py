"""Locations as the API, the CLI and the audit log show them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isthmus.emergency import civic
from isthmus.emergency.model import Choice, Civic, Loan, Located, NetworkElement, Place, Point, Settings


def place_public(place: Place) -> dict[str, Any]:
    """A place."""
    return {
        "name": place.name,
        "tenant": place.tenant,
        **address_public(place.civic, place.point),
        "elins": list(place.elins),
        "policy": place.policy or None,
        "default": place.default,
    }


def place_from_public(data: Mapping[str, Any]) -> Place:
    """The place that `place_public` made `data` of."""
    point = Point(**data["point"]) if data["point"] else None
    return Place(
        data["tenant"],
        data["name"],
        Civic(data["address"]["country"], tuple(data["address"]["elements"].items())),
        point,
        tuple(data["elins"]),
        data["policy"] or "",
        data["default"],
    )


def address_public(address: Civic, point: Point | None) -> dict[str, Any]:
    """An address with its point, and in words."""
    return {
        "address": {"country": address.country, "elements": dict(address.elements)},
        "point": None if point is None else {"latitude": point.latitude, "longitude": point.longitude},
        "words": civic.words(address),
    }


def network_public(each: NetworkElement) -> dict[str, Any]:
    """A part of a network. port: None for what has none."""
    return {
        "kind": each.kind.value,
        "id": each.id,
        "port": each.port or None,
        "place": each.place,
        "tenant": each.tenant,
    }


def choice_public(choice: Choice) -> dict[str, Any]:
    """What a person chose. device: None for all devices that have no choice of their own. confirmed: Unix seconds."""
    own = None if choice.civic is None else address_public(choice.civic, choice.point)
    return {
        "aor": choice.aor,
        "device": choice.device or None,
        "place": choice.place or None,
        "own": own,
        "confirmed": choice.confirmed_ms / 1000,
    }


def loan_public(loan: Loan) -> dict[str, Any]:
    """A number lent. Times: Unix seconds."""
    return {
        "number": loan.number,
        "tenant": loan.tenant,
        "place": loan.place,
        "aor": loan.aor,
        "device": loan.device or None,
        "call_id": loan.call_id or None,
        "lent": loan.lent_ms / 1000,
        "until": loan.until_ms / 1000,
    }


def located_public(found: Located, settings: Settings, *, elin: bool, own: bool) -> dict[str, Any]:
    """Where a device is, why, and what a call from there would be like. own: whether the asker may see an address
    that a person gave as their own."""
    place = found.place
    hidden = place is not None and not place.name and not own
    shown = place is not None and not hidden
    return {
        "source": found.source.value,
        "place": (place.name or None) if place is not None else None,
        **(address_public(place.civic, place.point) if shown and place else {"address": None, "point": None}),
        "words": civic.words(place.civic) if shown and place else "an address of their own" if hidden else None,
        "why": list(found.why),
        "confirmed": found.confirmed_ms / 1000 if found.confirmed_ms else None,
        "send": settings.send,
        "elin": elin,
        "notify": settings.notify,
        "desk": settings.desk or None,
        "test_number": settings.test_number or None,
    }
