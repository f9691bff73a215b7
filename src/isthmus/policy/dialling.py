"""The dial plans of people, as their policies give them, for the snapshot."""

from __future__ import annotations

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

KIND = "dial-plan"


class DialPlans:
    """Who dials by which plan. Implements routing.compile.Plans."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def revision(self) -> int:
        """Is another one once anybody's plan may be."""
        with reading(self._policies.engine) as connection:
            return store.revision(connection)

    def placing(self, before: tuple[Dialling, ...]) -> Placing:
        """Finds people's plans, as of now. before: plans that have a position already."""
        return Placing(self._policies, before)


class Placing:
    """People's plans by position in `plans`, which grows by those that are new."""

    def __init__(self, policies: Policies, before: tuple[Dialling, ...]) -> None:
        self._policies = policies
        self._positions = {plan: position for position, plan in enumerate(before)}
        self._resolvers: dict[str, rules.Resolver] = {}
        self._known: dict[str, int] = {}  # id of the settings

    @property
    def plans(self) -> tuple[Dialling, ...]:
        """All that have a position."""
        return tuple(self._positions)

    def position(self, person: Person) -> int:
        """Where the person's plan stands."""
        resolver = self._resolvers.get(person.tenant)
        if resolver is None:
            resolver = self._resolvers[person.tenant] = self._policies.resolver(person.tenant)
        settings = resolver.resolve(person)[KIND]
        if settings.id not in self._known:
            plan = plan_of(settings)
            self._known[settings.id] = self._positions.setdefault(plan, len(self._positions))
        return self._known[settings.id]


def plan_of(settings: rules.Resolved) -> Dialling:
    """The plan that these settings describe."""
    values = settings.values
    return Dialling(
        country=str(values["country"]),
        outside=str(values["outside_line"]),
        extension_digits=int(values["extension_digits"] or 0),
        extension_base=str(values["extension_base"]),
        rules=parsed(str(values["rules"])),
    )


def follow(log: Journal) -> None:
    """Count what may give anybody another plan (see Directory.join); the whole snapshot is compiled anew for it.

    Policies of other kinds don't, nor do groups as long as none has a plan.
    """
    given = any(each.action.startswith("policy.") and f"/{KIND}/" in each.object for each in log.entries)
    tenants = {group_store.key_of(key)[0] for kind, key in log.changes if kind == GROUP}
    if given or any(_groups_have_plans(log.connection, tenant) for tenant in tenants):
        store.count_revision(log.connection)


def _groups_have_plans(connection: Connection, tenant: str) -> bool:
    return any(each.level is Level.GROUP for each in store.grants(connection, tenant, KIND))
