"""The write path of purchases: what people ask for. What becomes of it is `buying.py`'s."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from isthmus.addressing import Telephone
from isthmus.carriers import rules, store
from isthmus.carriers.contract import Carrier
from isthmus.carriers.model import Address, Offer, Search
from isthmus.carriers.rules import Event, Purchase, State
from isthmus.database import reading
from isthmus.directory import store as directory_store
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError, UsageError
from isthmus.numbers import stock
from isthmus.numbers import store as number_store
from isthmus.numbers.model import NumberUse, Owner, Range, counted
from isthmus.numbers.rules import not_there
from isthmus.numbers.stock import require_authority
from isthmus.records.rating import amount


def _new_id() -> str:
    return secrets.token_hex(8)


class Purchases:
    """The purchases of every tenant. carriers: by name, in the order of the site file. new_id: a name for a purchase.

    changed: called after each request, to let it be carried out.
    """

    def __init__(
        self,
        directory: Directory,
        carriers: Mapping[str, Carrier],
        *,
        new_id: Callable[[], str] = _new_id,
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        self._directory, self.carriers, self._new_id, self.changed = directory, dict(carriers), new_id, changed

    def search(self, wanted: Search, carrier: str = "") -> list[tuple[str, Offer]]:
        """What the carriers offer now (of one of them alone if named), each with the carrier's name.

        Raises NotFoundError, RefusedError (there are none), CarrierDownError.
        """
        chosen = [self.carrier(carrier)] if carrier else list(self.carriers.values())
        if not chosen:
            raise _no_carriers()
        return [(each.name, offer) for each in chosen for offer in each.search(wanted)]

    def carrier(self, name: str) -> Carrier:
        """One by name; the only one where none is named. Raises NotFoundError, RefusedError."""
        if not self.carriers:
            raise _no_carriers()
        if not name and len(self.carriers) == 1:
            return next(iter(self.carriers.values()))
        if name not in self.carriers:
            raise NotFoundError(f"there is no carrier {name!r}", do=f"There are: {', '.join(self.carriers)}.")
        return self.carriers[name]

    def listed(self, tenant: str, limit: int = 100) -> list[Purchase]:
        """A tenant's, the newest first. Raises RefusedError (not the authority)."""
        require_authority(self._directory)
        with reading(self._directory.engine) as connection:
            return store.of_tenant(connection, tenant, limit)

    def get(self, tenant: str, id_: str) -> Purchase:
        """One of a tenant's. Raises NotFoundError, RefusedError (not the authority)."""
        require_authority(self._directory)
        with reading(self._directory.engine) as connection:
            return _existing(store.get(connection, id_), tenant, id_)

    def request(
        self,
        tenant: str,
        number: str,
        *,
        carrier: str = "",
        use: NumberUse = NumberUse.SUBSCRIBER,
        owner: str = "",
        buy: bool = True,
        most_monthly_micro: int | None = None,
        actor: str,
        key: str | None = None,
    ) -> Purchase:
        """Ask for a number to be reserved at a carrier and, unless `buy` is false, bought.

        number: E.164. owner: as `numbers.model.Owner` parses it; empty: nobody yet. Raises NotFoundError (no such
        tenant, carrier, owner), RefusedError (it is in an inventory already, or a purchase is about it), UsageError.
        """
        chosen, whose = self.carrier(carrier), str(Owner.parse(owner)) if owner else ""

        def work(log: Journal) -> str:
            self._refuse_impossible(log, tenant, number)
            made = Purchase(
                self._new_id(), tenant, chosen.name, number, use, whose, buy, most_monthly_micro, str(log.actor),
                next_ms=log.at_ms, created_ms=log.at_ms, changed_ms=log.at_ms,
            )  # fmt: skip
            store.put(log.connection, made)
            log.entry("purchase.request", made.id, None, public(made), tenant=tenant)
            return made.id

        asked = ("purchase.request", tenant, number, carrier, use, owner, buy, most_monthly_micro)
        id_ = self._directory.write(actor, work, key=key, request=asked, encode=str, decode=lambda _, text: str(text))
        self.changed()
        return self.get(tenant, id_)

    def confirm(self, tenant: str, id_: str, *, owner: str = "", actor: str, key: str | None = None) -> Purchase:
        """Let what is reserved be bought. Raises NotFoundError, RefusedError (it is not reserved any more)."""
        whose = str(Owner.parse(owner)) if owner else ""

        def work(log: Journal) -> None:
            before = _existing(store.get(log.connection, id_), tenant, id_)
            if before.confirmed:
                raise RefusedError(f"{before.number} is bought already, or about to be", where=id_)
            after = replace(before, owner=whose or before.owner, confirmed=True, next_ms=log.at_ms)
            if before.state is State.RESERVED and before.until_ms <= log.at_ms:
                raise RefusedError("its reservation is over", where=id_, do="Ask for the number anew.")
            if before.state not in (State.WANTED, State.RESERVED):
                rules.after(before, Event.CONFIRM, log.at_ms)
            store.put(log.connection, after)
            log.entry("purchase.confirm", id_, public(before), public(after), tenant=tenant)

        self._directory.write(actor, work, key=key, request=("purchase.confirm", tenant, id_, owner))
        self.changed()
        return self.get(tenant, id_)

    def cancel(self, tenant: str, id_: str, *, actor: str, key: str | None = None) -> Purchase:
        """Call a purchase off for which nothing was spent yet. Raises NotFoundError, RefusedError."""

        def work(log: Journal) -> None:
            before = _existing(store.get(log.connection, id_), tenant, id_)
            if before.state is State.RESERVED and before.confirmed:
                raise RefusedError(f"{before.number} is about to be bought", where=id_)
            after = rules.after(before, Event.CANCEL, log.at_ms)
            store.put(log.connection, after)
            log.entry("purchase.cancel", id_, public(before), public(after), tenant=tenant)

        self._directory.write(actor, work, key=key, request=("purchase.cancel", tenant, id_))
        done = self.get(tenant, id_)
        if done.reservation and done.carrier in self.carriers:
            self.carriers[done.carrier].unreserve(done.reservation)
        return done

    def give_back(self, tenant: str, id_: str, *, actor: str, key: str | None = None) -> Purchase:
        """Take a number that was bought out of the inventory, and give it back to the carrier.

        Raises NotFoundError, RefusedError (it has an owner; it was not bought).
        """

        def work(log: Journal) -> None:
            before = _existing(store.get(log.connection, id_), tenant, id_)
            after = rules.after(before, Event.GIVE_UP, log.at_ms, "it is not wanted any more")
            range_ = Range.parse(before.number)
            if number_store.overlapping(log.connection, range_):
                stock.remove(log, tenant, range_)
            store.put(log.connection, after)
            log.entry("purchase.give-up", id_, public(before), public(after), tenant=tenant)

        self._directory.write(actor, work, key=key, request=("purchase.give-up", tenant, id_))
        self.changed()
        return self.get(tenant, id_)

    def register_address(self, tenant: str, number: str, address: Address, place: str, *, actor: str) -> str:
        """Tell the carrier of a number of the tenant's which address emergency calls of it come from.

        place: what it is called here. Gives the carrier's name for it. Raises NotFoundError, RefusedError,
        CarrierDownError.
        """
        require_authority(self._directory)
        with reading(self._directory.engine) as connection:
            found = [
                each for each in number_store.overlapping(connection, Range.parse(number)) if each.tenant == tenant
            ]
        if not found:
            raise not_there(Telephone.parse(number))
        carrier = self.carriers.get(found[0].carrier)
        if carrier is None:
            raise RefusedError(f"{number} is of no carrier that this site asks", where=found[0].carrier)
        id_ = carrier.register_address(number, address)

        def note(log: Journal) -> None:
            log.entry("number.address", number, None, {"place": place, "reference": id_}, tenant=tenant)

        self._directory.write(actor, note)
        return id_

    def _refuse_impossible(self, log: Journal, tenant: str, number: str) -> None:
        connection, range_ = log.connection, Range.parse(number)
        if tenant not in directory_store.tenants(connection):
            raise NotFoundError(f"there is no tenant {tenant!r}")
        if range_.size != 1:
            raise UsageError("one number at a time is bought", where=number)
        if number_store.overlapping(connection, range_):
            raise RefusedError(f"{number} is in an inventory already", do=f"See: isthmus number show {number}")
        if store.live_about(connection, number) is not None:
            raise RefusedError(f"a purchase is about {number} already", do="See: isthmus number purchases")


def public(purchase: Purchase) -> dict[str, Any]:
    """A purchase as the API, the CLI and the audit log show it. Times in seconds since 1970."""
    price = purchase.price
    return {
        "id": purchase.id,
        "tenant": purchase.tenant,
        "carrier": purchase.carrier,
        "number": purchase.number,
        "use": purchase.use.value,
        "owner": purchase.owner or None,
        "state": purchase.state.value,
        "confirmed": purchase.confirmed,
        "live": purchase.live,
        "currency": price.currency if price else None,
        "once": amount(price.once_micro) if price else None,
        "monthly": amount(price.monthly_micro) if price else None,
        "reserved_until": purchase.until_ms / 1000 if purchase.until_ms else None,
        "reason": purchase.reason or None,
        "created": purchase.created_ms / 1000,
        "changed": purchase.changed_ms / 1000,
    }


def offer_public(carrier: str, offer: Offer) -> dict[str, Any]:
    """What a carrier offers, as the API and the CLI show it."""
    return {
        "number": offer.number,
        "carrier": carrier,
        "kind": offer.kind.value,
        "country": offer.country,
        "place": offer.place or None,
        "can": sorted(each.value for each in offer.can),
        "currency": offer.price.currency,
        "once": amount(offer.price.once_micro),
        "monthly": amount(offer.price.monthly_micro),
    }


def number_of(text: str) -> int:
    """The integer of a purchase's number."""
    return counted(text)


def _existing(found: Purchase | None, tenant: str, id_: str) -> Purchase:
    """Another tenant's answers as what does not exist."""
    if found is None or found.tenant != tenant:
        raise NotFoundError(f"there is no purchase {id_[:40]!r}", do="See: isthmus number purchases")
    return found


def _no_carriers() -> RefusedError:
    return RefusedError(
        "this site buys numbers from no carrier", do="Set one up: [[carrier]] in the site file of the authority."
    )
