"""The write path of places and networks, and where devices are. Each site keeps its own."""

from __future__ import annotations

import collections
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection

from isthmus.access.model import Reach, Scope
from isthmus.addressing import Aor, normalise_number
from isthmus.database import reading
from isthmus.directory.journal import Journal
from isthmus.directory.model import Person
from isthmus.directory.service import Directory
from isthmus.directory.store import domains as domains_of
from isthmus.directory.store import tenants
from isthmus.emergency import bulk, elements, rules, store
from isthmus.emergency.bulk import ImportReport, Row
from isthmus.emergency.compiled import EmergencyMap, TenantMap, compiled
from isthmus.emergency.model import Element, Found, Known, NetworkElement, Place, Settings
from isthmus.emergency.showing import network_public, place_from_public, place_public
from isthmus.errors import IsthmusError, NotFoundError, RefusedError, UsageError
from isthmus.policy import store as policy_store
from isthmus.policy.service import Policies

KIND = "emergency"
_T = TypeVar("_T")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_PAGE = 1000  # people
_MOST_ELINS = 200  # of a place
_MOST_PLACES, _MOST_PARTS = 10_000, 200_000  # of a tenant


class Locations:
    """The emergency locations of one site. changed: called after each change, for the snapshot."""

    def __init__(
        self, directory: Directory, policies: Policies, *, changed: Callable[[], object] = lambda: None
    ) -> None:
        self._directory, self._policies, self.engine = directory, policies, directory.engine
        self.changed = changed
        self._changes = 0

    # Reading

    def places(self, tenant: str) -> list[Place]:
        """The tenant's places, by name."""
        with reading(self.engine) as connection:
            return store.places(connection, tenant)

    def place(self, tenant: str, name: str) -> Place:
        """One place. Raises NotFoundError."""
        with reading(self.engine) as connection:
            return _existing(connection, tenant, name)

    def network(self, tenant: str, kind: Element | None = None, place: str | None = None) -> list[NetworkElement]:
        """What of the network leads to places, of one kind or to one place."""
        with reading(self.engine) as connection:
            return store.network_of(connection, tenant, kind=kind, place_name=place)

    def lender(self, number: str) -> tuple[str, str] | None:
        """Tenant and place in whose pool a number is; None for one that is in none."""
        with reading(self.engine) as connection:
            return store.lenders(connection, [number]).get(number)

    def map(self, tenant: str, people: Sequence[Aor] | None = None) -> TenantMap:
        """The tenant's locations, as of now. people: whose choices are needed; None: everybody's."""
        with reading(self.engine) as connection:
            return _map(connection, tenant, people)

    def emergency_map(self) -> EmergencyMap:
        """The locations of all tenants, with all that a call asks beside them."""
        with reading(self.engine) as connection:
            names = sorted({*store.tenants(connection), *store.choosing_tenants(connection)})
            made = {each: _map(connection, each, None) for each in names}
            given = {each: policy_store.grants(connection, each, KIND) for each in names}
            domains = domains_of(connection)
            loans = {each.number: each for each in store.all_loans(connection)}
        for each in names:
            if given[each]:
                made[each] = self._with_people(each, made[each])
        return EmergencyMap(made, dict(sorted(domains.items())), loans)

    def revision(self) -> tuple[object, ...]:
        """Is another one once `emergency_map` may be, and compared at little cost."""
        seq = self._directory.last_seq()
        with reading(self.engine) as connection:
            names = sorted({*store.tenants(connection), *store.choosing_tenants(connection)})
            policies = [(policy_store.policies(connection, each, KIND), policy_store.grants(connection, each, KIND))
                        for each in names]  # fmt: skip
            return self._changes, seq, repr(policies)

    def has_changed(self) -> None:
        """Something that is kept here is different: tell who follows."""
        self._changes += 1
        self.changed()

    def _with_people(self, tenant: str, where: TenantMap) -> TenantMap:
        """The map with what the policies say of each person of the tenant, for those of whom it is not the usual."""
        resolver = self._policies.resolver(tenant)
        own = {
            str(person.aor): rules.settings_over(Settings(), resolver.resolve(person)[KIND].values)
            for person in self._people(tenant)
        }
        usual = [each for each, _ in collections.Counter(own.values()).most_common()] or [Settings()]
        positions = {each: position for position, each in enumerate(usual)}
        people = {aor: positions[each] for aor, each in own.items() if each != usual[0]}
        return msgspec.structs.replace(where, settings=tuple(usual), people=people)

    def _people(self, tenant: str) -> Iterator[Person]:
        reach, after = Reach((Scope(tenants=frozenset({tenant})),)), None
        while page := self._directory.people(reach=reach, after=after, limit=_PAGE):
            yield from page
            after = page[-1].aor

    def settings(self, person: Person) -> Settings:
        """What the policies say of a person's emergency calls, before the place is known."""
        return rules.settings_over(Settings(), self._policies.resolver(person.tenant).resolve(person)[KIND].values)

    def find(self, tenant: str, known: Known, person: Person | None = None, device: str = "") -> Found:
        """Where a device is, and what is in force for a call from there: `rules.found`, as a call would.

        person: whose it is; None for a device nobody is known to own. device: its name.
        """
        if person is None:
            return rules.found(self.map(tenant, ()), known, Settings())
        where = self.map(tenant, [person.aor])
        return rules.found(
            where, known, self.settings(person), aor=str(person.aor), device=device, number=person.number or ""
        )

    # Writing

    def add(self, wanted: Place, *, actor: str, key: str | None = None) -> Place:
        """Make a place. Raises UsageError, RefusedError (it or a number is there already), NotFoundError (tenant)."""
        place = _checked(wanted)

        def work(log: Journal) -> Place:
            if place.tenant not in tenants(log.connection):
                raise NotFoundError(f"there is no tenant {place.tenant!r}")
            present = store.places(log.connection, place.tenant)
            if any(each.name == place.name for each in present):
                raise RefusedError(
                    f"there is a place {place.name} already",
                    do=f"To change it: isthmus location place set {place.name}",
                )
            if len(present) >= _MOST_PLACES:
                raise RefusedError(f"the tenant has {_MOST_PLACES} places, the most there may be")
            self._put(log, place)
            log.entry("location.add", _key(place), None, place_public(place))
            return place

        return self._write_place(actor, key, ("location.add", place), work)

    def change(
        self, tenant: str, name: str, change: Callable[[Place], Place], *, actor: str, key: str | None = None,
        request: object = None,
    ) -> Place:  # fmt: skip
        """Let a place be what `change` makes of it. Raises NotFoundError, UsageError, RefusedError."""

        def work(log: Journal) -> Place:
            before = _existing(log.connection, tenant, name)
            after = _checked(change(before))
            if after != before:
                self._put(log, after)
                log.entry("location.set", _key(after), place_public(before), place_public(after))
            return after

        return self._write_place(actor, key, ("location.set", tenant, name, request), work)

    def remove(self, tenant: str, name: str, *, actor: str, key: str | None = None) -> None:
        """Remove a place that nothing leads to. Raises NotFoundError, RefusedError (says what does)."""

        def work(log: Journal) -> None:
            place = _existing(log.connection, tenant, name)
            leading = store.network_of(log.connection, tenant, place_name=name)
            if leading:
                more = f" and {len(leading) - 3} more" if len(leading) > 3 else ""
                raise RefusedError(
                    f"{', '.join(map(str, leading[:3]))}{more} lead to {name}",
                    do="Let them lead elsewhere first: isthmus location network list",
                )
            if count := store.choosing(log.connection, tenant, name):
                raise RefusedError(f"{count} people have chosen {name}", do="isthmus location choose AOR --forget")
            store.delete_place(log.connection, place)
            log.entry("location.remove", _key(place), place_public(place), None)

        self._write(actor, work, key=key, request=("location.remove", tenant, name))

    def lead(
        self, wanted: NetworkElement, *, replace: bool = False, actor: str, key: str | None = None
    ) -> NetworkElement:
        """Let a part of the network lead to a place. replace: also where it leads to another one.

        Raises NotFoundError (place), RefusedError.
        """
        rows = [Row(0, wanted)]

        def work(log: Journal) -> NetworkElement:
            report, changes = _planned(log.connection, wanted.tenant, rows, update=replace, whole=False)
            if report.faults:
                raise RefusedError(report.faults[0].what, do="To let it lead there: --replace")
            self._put_network(log, wanted.tenant, changes, [])
            return wanted

        _require_place(self.engine, wanted.tenant, wanted.place)
        return self._write(
            actor, work, key=key, request=("location.lead", wanted, replace), encode=network_public,
            decode=lambda *_: wanted,
        )  # fmt: skip

    def unlead(self, tenant: str, kind: Element, id_: str, port: str, *, actor: str, key: str | None = None) -> None:
        """Let a part of the network lead nowhere. Raises UsageError, NotFoundError."""
        named = elements.checked(tenant, kind, id_, "", port)

        def work(log: Journal) -> None:
            found = store.network_of(log.connection, tenant, kind=kind, id_=named.id, port=named.port)
            if not found:
                raise NotFoundError(f"{named} leads to no place", do="See: isthmus location network list")
            self._put_network(log, tenant, [], found)

        self._write(actor, work, key=key, request=("location.unlead", named))

    def import_network(
        self, tenant: str, rows: Sequence[Row], *, update: bool, whole: bool, dry_run: bool, actor: str
    ) -> ImportReport:
        """Many at once: all, or none and a list of what is wrong. update: change those that lead elsewhere, else they
        are faults. whole: remove what is not among the rows. dry_run: only say what would be."""
        if dry_run:
            with reading(self.engine) as connection:
                report, _ = _planned(connection, tenant, rows, update=update, whole=whole)
            return msgspec.structs.replace(report, dry_run=True)

        def work(log: Journal) -> ImportReport:
            report, changes = _planned(log.connection, tenant, rows, update=update, whole=whole)
            if not report.faults:
                gone = bulk.missing(store.network_of(log.connection, tenant), rows) if whole else []
                self._put_network(log, tenant, changes, gone)
            return report

        return self._write(actor, work)

    def _put(self, log: Journal, place: Place) -> None:
        for number, (tenant, name) in store.lenders(log.connection, place.elins).items():
            if (tenant, name) != (place.tenant, place.name):
                whose = f"lent by {name}" if tenant == place.tenant else "another tenant's"
                raise RefusedError(
                    f"{number} is {whose} already", do="A number is in one pool, or nobody is found by it."
                )
        for number, aor in store.owned(log.connection, place.elins).items():
            raise RefusedError(f"{number} is the number of {aor}", do="Lend numbers that nobody has.")
        store.put_place(log.connection, place)

    def _put_network(
        self, log: Journal, tenant: str, changes: Sequence[NetworkElement], gone: Sequence[NetworkElement]
    ) -> None:
        if not changes and not gone:
            return
        if len(store.network_of(log.connection, tenant)) + len(changes) - len(gone) > _MOST_PARTS:
            raise RefusedError(f"that are more than {_MOST_PARTS} parts of a network, the most a tenant may have")
        store.put_network(log.connection, changes)
        store.delete_network(log.connection, gone)
        told = {"tenant": tenant, "lead": bulk.told(changes), "removed": bulk.told(gone)}
        log.entry("location.network", f"{tenant}/network", None, told)

    def _write_place(self, actor: str, key: str | None, request: object, work: Callable[[Journal], Place]) -> Place:
        return self._write(
            actor, work, key=key, request=request, encode=place_public, decode=lambda _, data: place_from_public(data)
        )

    def _write(self, actor: str, work: Callable[[Journal], _T], **more: Any) -> _T:
        result: _T = self._directory.write_here(actor, work, **more)
        self.has_changed()
        return result


def _map(connection: Connection, tenant: str, people: Sequence[Aor] | None) -> TenantMap:
    policies = {each.name: dict(each.settings) for each in policy_store.policies(connection, tenant, KIND)}
    choices = store.choices(connection, people) if people is not None else store.choices_of(connection, tenant)
    return compiled(
        store.places(connection, tenant),
        store.network_of(connection, tenant),
        policies,
        {str(aor): tuple(each) for aor, each in choices.items()},
    )


def _planned(
    connection: Connection, tenant: str, rows: Sequence[Row], *, update: bool, whole: bool
) -> tuple[ImportReport, list[NetworkElement]]:
    names = {each.name for each in store.places(connection, tenant)}
    return bulk.planned(store.network_of(connection, tenant), names, rows, update=update, whole=whole)


def _key(place: Place) -> str:
    """How the audit log names a place."""
    return f"{place.tenant}/place/{place.name}"


def _existing(connection: Connection, tenant: str, name: str) -> Place:
    found = store.places(connection, tenant, name)
    if not found:
        raise NotFoundError(f"there is no place {name!r}", do="To see which there are: isthmus location place list")
    return found[0]


def _require_place(engine: Any, tenant: str, name: str) -> None:
    with reading(engine) as connection:
        _existing(connection, tenant, name)


def _checked(place: Place) -> Place:
    """The place in its one form; its address was checked where it was read. Raises UsageError."""
    if _NAME.fullmatch(place.name) is None:
        raise UsageError(
            f"{place.name[:80]!r} is not a name for a place", do="Small letters, digits, '.', '_' and '-', at most 63."
        )
    if len(place.elins) > _MOST_ELINS:
        raise UsageError(f"a place lends at most {_MOST_ELINS} numbers")
    try:
        numbers = tuple(sorted({normalise_number(each) for each in place.elins}))
    except IsthmusError as error:
        raise UsageError(str(error), where="elin") from None
    return msgspec.structs.replace(place, elins=numbers)
