"""Numbers as the API, the CLI and the audit log show them. Pure. Times in seconds since 1970."""

from __future__ import annotations

from typing import Any

from isthmus.addressing import Aor
from isthmus.numbers import rules
from isthmus.numbers.model import Block, Listed, Order, Owner, Stock, written


def public(each: Listed) -> dict[str, Any]:
    """A number as it stands."""
    block = each.block
    return {
        "number": written(each.number),
        "tenant": each.tenant,
        "state": each.state.value,
        "owner": owner_public(each.owner),
        "reserved_by": each.reservation.by if each.reservation else None,
        "reserved_until": each.reservation.until_ms / 1000 if each.reservation else None,
        "use": block.use.value if block else None,
        "source": block.source.value if block else None,
        "carrier": (block.carrier or None) if block else None,
        "country": rules.country_of(each.number) or None,
        "area": rules.area_of(each.number) or None,
        "range": str(block.range) if block else None,
        "extensions": each.extensions,
    }


def details(each: Listed, behind: list[tuple[str, Aor]]) -> dict[str, Any]:
    """A number and who is behind it by extensions."""
    return {**public(each), "people": [{"extension": ext, "aor": str(aor)} for ext, aor in behind]}


def owner_public(owner: Owner | None) -> dict[str, str] | None:
    """Whose a number is."""
    return {"kind": owner.kind.value, "name": owner.name} if owner else None


def block_public(block: Block) -> dict[str, Any]:
    """A range without what becomes of its numbers."""
    return {
        "range": str(block.range),
        "tenant": block.tenant,
        "use": block.use.value,
        "source": block.source.value,
        "carrier": block.carrier or None,
        "note": block.note or None,
    }


def stock_public(stock: Stock) -> dict[str, Any]:
    """A range and what becomes of its numbers."""
    block = stock.block
    return {
        **block_public(block),
        "first": written(block.range.first),
        "last": written(block.range.last),
        "country": rules.country_of(block.range.first) or None,
        "area": rules.area_of(block.range.first) or None,
        "numbers": block.range.size,
        "assigned": stock.assigned,
        "reserved": stock.reserved,
        "free": block.range.size - stock.assigned - stock.reserved,
        "added": block.added_ms / 1000,
    }


def order_public(order: Order) -> dict[str, Any]:
    """A porting order. carrier: whose the numbers are afterwards."""
    return {
        "id": order.id,
        "tenant": order.block.tenant,
        "direction": order.direction.value,
        "range": str(order.block.range),
        "numbers": order.block.range.size,
        "use": order.block.use.value,
        "source": order.block.source.value,
        "carrier": order.block.carrier,
        "state": order.state.value,
        "reference": order.reference or None,
        "due": order.due or None,
        "note": order.note or None,
        "created": order.created_ms / 1000,
        "changed": order.changed_ms / 1000,
    }
