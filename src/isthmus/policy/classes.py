"""The classes of service of people, as their policies give them, for the snapshot: how they dial, which numbers they
may call, by which usages, and what the called see of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from sqlalchemy import Connection

from isthmus.database import reading
from isthmus.dialling.patterns import parsed
from isthmus.dialling.plan import Dialling
from isthmus.directory import group_store
from isthmus.directory.journal import GROUP, Journal
from isthmus.directory.model import Person
from isthmus.policy import rules, store
from isthmus.policy.model import Level
from isthmus.policy.service import Policies
from isthmus.routing.model import Class, Order
from isthmus.routing.pstn import PLAN

DIAL_PLAN = "dial-plan"
KINDS = (DIAL_PLAN, "calling", "voice-routing", "caller-id")
"""The kinds of policy that a class of service is made of."""


Holders = Callable[[str], Collection[str]]
"""Who of a tenant has a calling plan, by stable id."""


class ClassesOfService:
    """Who has which class. Implements routing.compile.Services."""

    def __init__(self, policies: Policies, holders: Holders = lambda tenant: ()) -> None:
        """holders: who of a tenant has a calling plan; whoever changes that counts the revision."""
        self._policies, self._holders = policies, holders

    def revision(self) -> int:
        """Is another one once anybody's class may be."""
        with reading(self._policies.engine) as connection:
            return store.revision(connection)

    def placing(self, before: tuple[Class, ...]) -> Placing:
        """Finds people's classes, as of now. before: classes that have a position already."""
        return Placing(self._policies, before, self._holders)


class Placing:
    """People's classes by position in `classes`, which grows by those that are new."""

    def __init__(self, policies: Policies, before: tuple[Class, ...], holders: Holders = lambda tenant: ()) -> None:
        self._policies, self._holders = policies, holders
        self._with_plan: dict[str, Collection[str]] = {}
        self._positions = {each: position for position, each in enumerate(before)}
        self._resolvers: dict[str, rules.Resolver] = {}
        self._known: dict[tuple[object, ...], int] = {}  # ids of the settings, and whether with a calling plan

    @property
    def classes(self) -> tuple[Class, ...]:
        """All that have a position."""
        return tuple(self._positions)

    def position(self, person: Person) -> int:
        """Where the person's class stands."""
        resolver = self._resolvers.get(person.tenant)
        if resolver is None:
            resolver = self._resolvers[person.tenant] = self._policies.resolver(person.tenant)
            self._with_plan[person.tenant] = frozenset(self._holders(person.tenant))
        settings = resolver.resolve(person)
        with_plan = bool(person.id) and person.id in self._with_plan[person.tenant]
        key = (*(settings[kind].id for kind in KINDS), with_plan)
        if key not in self._known:
            made = class_of(settings, with_plan=with_plan)
            self._known[key] = self._positions.setdefault(made, len(self._positions))
        return self._known[key]


def class_of(settings: Mapping[str, rules.Resolved], *, with_plan: bool = False) -> Class:
    """The class that these settings (by kind) describe, of who has a calling plan or has none."""
    calling, routing, shown = (settings[kind].values for kind in KINDS[1:])
    usages = tuple(str(routing["usages"]).split())
    return Class(
        dialling=plan_of(settings[DIAL_PLAN]),
        reach=str(calling["pstn_calls"]),
        dear=bool(calling["premium_numbers"]),
        most_calls=int(calling["most_calls"] or 0),
        usages=(PLAN, *(each for each in usages if each != PLAN)) if with_plan else usages,
        order=Order(str(routing["order"])),
        shown=str(shown["shown"]),
        substitute=str(shown["substitute"] or ""),
        unassigned=bool(calling["unassigned_numbers"]),
        location_based=bool(routing["location_based"]),
    )


def plan_of(settings: rules.Resolved) -> Dialling:
    """The dial plan that these settings describe."""
    values = settings.values
    return Dialling(
        country=str(values["country"]),
        outside=str(values["outside_line"]),
        extension_digits=int(values["extension_digits"] or 0),
        extension_base=str(values["extension_base"]),
        rules=parsed(str(values["rules"])),
    )


def follow(log: Journal) -> None:
    """Count what may give anybody another class (see Directory.join); the whole snapshot is compiled anew for it.

    Policies of other kinds don't, nor do groups as long as none has one of these.
    """
    given = any(_is_of_class(each.action, each.object) for each in log.entries)
    tenants = {group_store.key_of(key)[0] for kind, key in log.changes if kind == GROUP}
    if given or any(_groups_have_some(log.connection, tenant) for tenant in tenants):
        store.count_revision(log.connection)


def _is_of_class(action: str, key: str) -> bool:
    return action.startswith("policy.") and any(f"/{kind}/" in key for kind in KINDS)


def _groups_have_some(connection: Connection, tenant: str) -> bool:
    return any(each.level is Level.GROUP for kind in KINDS for each in store.grants(connection, tenant, kind))
