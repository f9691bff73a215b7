"""The write path of porting orders: numbers that come from another carrier, or go to one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from isthmus.access.model import EVERYTHING, Reach
from isthmus.database import reading
from isthmus.directory import store as directory_store
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.errors import ForbiddenError, NotFoundError, RefusedError, UsageError
from isthmus.numbers import port_rules, stock, store
from isthmus.numbers.model import Block, Order, PortDirection, PortEvent, PortState
from isthmus.numbers.wire import order_public

_LONGEST_NOTE = 300


def _new_id() -> str:
    return secrets.token_hex(6)


class Porting:
    """The porting orders of every tenant. new_id: a name for an order."""

    def __init__(self, directory: Directory, new_id: Callable[[], str] = _new_id) -> None:
        self._directory, self._new_id = directory, new_id

    def listed(self, tenant: str) -> list[Order]:
        """A tenant's, the newest first. Raises RefusedError (not the authority)."""
        stock.require_authority(self._directory)
        with reading(self._directory.engine) as connection:
            return store.orders(connection, tenant)

    def get(self, tenant: str, id_: str) -> Order:
        """One of a tenant's. Raises NotFoundError, RefusedError (not the authority)."""
        stock.require_authority(self._directory)
        with reading(self._directory.engine) as connection:
            found = store.order(connection, tenant, id_)
        if found is None:
            raise _none(id_)
        return found

    def request(
        self,
        direction: PortDirection,
        block: Block,
        *,
        reference: str = "",
        note: str = "",
        actor: str,
        key: str | None = None,
    ) -> Order:
        """Ask for numbers to be ported. block: what, whose, and from which carrier the tenant has them afterwards (of
        an order `out`: to which they go).

        Raises NotFoundError (no such tenant; `out` of numbers it does not have), RefusedError (in the inventory
        already; an open order is about them), UsageError (no carrier).
        """
        if not block.carrier:
            raise UsageError("a porting order needs the carrier", where="carrier")

        def work(log: Journal) -> str:
            _refuse_impossible(log, direction, block)
            made = Order(
                self._new_id(), direction, block, PortState.REQUESTED, reference, "", note, log.at_ms, log.at_ms
            )
            store.put_order(log.connection, made)
            log.entry("number.port", made.id, None, order_public(made), tenant=block.tenant)
            return made.id

        request = ("number.port", direction, block, reference, note)
        id_ = self._directory.write(actor, work, key=key, request=request, encode=str, decode=lambda _, text: str(text))
        return self.get(block.tenant, id_)

    def happened(
        self,
        tenant: str,
        id_: str,
        event: PortEvent,
        *,
        due: str | None = None,
        reference: str | None = None,
        note: str | None = None,
        actor: str,
        key: str | None = None,
        reach: Reach = EVERYTHING,
    ) -> Order:
        """Take down what happened to an order; when it is completed the inventory changes in the same transaction.

        due: the day of SCHEDULE. reference, note: None leaves them. reach: beyond CANCEL it has to be everywhere.
        Raises NotFoundError, ForbiddenError, UsageError, RefusedError (it has no place in the order's state; at
        completion: numbers that others have by now, or that still have owners).
        """

        def work(log: Journal) -> None:
            before = store.order(log.connection, tenant, id_)
            if before is None:
                raise _none(id_)
            if event not in port_rules.OF_TENANT and not reach.everything:
                raise ForbiddenError("what carriers say of an order is the operator's to take down", where=id_)
            state, day = port_rules.after(before, event), port_rules.checked_due(event, due)
            said = {"due": day, "reference": reference, "note": note}
            given: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
            done = replace(before, state=state, changed_ms=log.at_ms, **given)
            store.put_order(log.connection, done)
            if state is PortState.COMPLETED:
                _complete(log, done)
            log.entry(f"number.port.{event}", id_, order_public(before), order_public(done), tenant=tenant)

        request = ("number.port.event", tenant, id_, event, due, reference, note)
        self._directory.write(actor, work, key=key, request=request)
        return self.get(tenant, id_)

    def note(self, tenant: str, id_: str, text: str, *, actor: str) -> None:
        """Take down what was said of an order to which nothing happened. Raises NotFoundError."""

        def work(log: Journal) -> None:
            before = store.order(log.connection, tenant, id_)
            if before is None:
                raise _none(id_)
            done = replace(before, note=text[:_LONGEST_NOTE], changed_ms=log.at_ms)
            store.put_order(log.connection, done)
            log.entry("number.port.note", id_, order_public(before), order_public(done), tenant=tenant)

        self._directory.write(actor, work)


def _refuse_impossible(log: Journal, direction: PortDirection, block: Block) -> None:
    connection, range_ = log.connection, block.range
    if block.tenant not in directory_store.tenants(connection):
        raise NotFoundError(f"there is no tenant {block.tenant!r}")
    if direction is PortDirection.OUT and not stock.in_inventory(connection, block.tenant, range_):
        raise NotFoundError(f"{range_} is not, or not whole, in the inventory", do="See: isthmus number ranges")
    if direction is PortDirection.IN and store.overlapping(connection, range_):
        raise RefusedError(f"some of {range_} is in an inventory already", do="See: isthmus number ranges")
    for other in store.orders_about(connection, range_, port_rules.OPEN):
        which = f"order {other.id}" if other.block.tenant == block.tenant else "another tenant's order"
        raise RefusedError(f"{which} is about some of {range_}, and is open")


def _complete(log: Journal, order: Order) -> None:
    if order.direction is PortDirection.IN:
        stock.add(log, replace(order.block, note=f"ported in by order {order.id}"))
    else:
        stock.remove(log, order.block.tenant, order.block.range)


def _none(id_: str) -> NotFoundError:
    return NotFoundError(f"there is no porting order {id_[:40]!r}", do="See: isthmus number port list")
