"""The write path of licences, and who has which. Each site counts its own.

The line of each plan is kept in the transaction of whatever bears on it: an assignment here, or any change of people
and groups in the directory (`following.follow` joins those).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from isthmus.addressing import Aor
from isthmus.database import reading
from isthmus.directory import group_store, groups
from isthmus.directory import rules as directory_rules
from isthmus.directory import store as directory_store
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError, UsageError
from isthmus.policy import licence_store, licences
from isthmus.policy.following import settle
from isthmus.policy.licences import Effect
from isthmus.policy.model import Assignment, Entitled, Level, Plan

_MOST = 100_000_000  # licences of one plan


@dataclass(frozen=True, slots=True)
class PlanState:
    """How a plan stands. given: whether the tenant has a count of it at this site. line: people it is assigned to."""

    plan: Plan
    given: bool
    line: int
    assignments: tuple[Assignment, ...] = ()

    @property
    def held(self) -> int:
        """Licences in use."""
        return min(self.line, self.plan.count)

    @property
    def waiting(self) -> int:
        """People who are in the line without one."""
        return self.line - self.held


@dataclass(frozen=True, slots=True)
class PersonLicences:
    """What a person has. asked: whether licences are asked for at all. reasons: see `licences.reasons`."""

    aor: Aor
    asked: bool
    plans: tuple[Entitled, ...]
    reasons: Mapping[str, Sequence[tuple[str, ...]]]
    features: Mapping[str, Sequence[str]]


class Licences:
    """The licences of one site. changed: called after each write, for what follows from who holds which."""

    def __init__(self, directory: Directory) -> None:
        self._directory, self._engine = directory, directory.engine
        self.changed: Callable[[], object] = lambda: None

    # Reading

    def listed(self, tenant: str) -> list[PlanState]:
        """Every plan: those with a count, and those that come with the product."""
        with reading(self._engine) as connection:
            return _states(connection, tenant)

    def get(self, tenant: str, name: str) -> tuple[PlanState, list[tuple[int, Aor]]]:
        """One plan, and its line: place and person. Raises NotFoundError."""
        with reading(self._engine) as connection:
            state = _state(connection, tenant, name)
            return state, licence_store.line(connection, tenant, name)

    def of(self, aor: Aor) -> PersonLicences:
        """What a person has, and why. Raises NotFoundError."""
        with reading(self._engine) as connection:
            found = group_store.memberships(connection, [aor])
            if aor not in found:
                raise NotFoundError(f"nobody is called {aor}", do="To see who is there: isthmus user list")
            tenant, direct = found[aor]
            nesting = directory_store.nestings(connection).get(tenant, {})
            ways = groups.containing(direct, groups.inverted(nesting))
            return PersonLicences(
                aor,
                bool(licence_store.plans(connection, tenant)),
                tuple(licence_store.entitled(connection, tenant, [aor])),
                licences.reasons(aor, licence_store.assignments(connection, tenant), ways),
                licence_store.features(connection, tenant, [aor]).get(aor, {}),
            )

    def features(self, tenant: str, aors: Iterable[Aor]) -> dict[Aor, dict[str, list[str]]] | None:
        """What these people have: feature to the plans that give it; None where licences are not asked for."""
        with reading(self._engine) as connection:
            if not licence_store.plans(connection, tenant):
                return None
            return licence_store.features(connection, tenant, aors)

    def shortages(self) -> list[PlanState]:
        """The plans of all tenants in whose line somebody waits."""
        with reading(self._engine) as connection:
            tenants = sorted({each.tenant for each in licence_store.plans(connection)})
            return [state for tenant in tenants for state in _states(connection, tenant) if state.waiting]

    # Writing. With `dry_run` all of it is done, looked at, and undone again.

    def define(
        self,
        tenant: str,
        name: str,
        *,
        count: int | None = None,
        features: Collection[str] | None = None,
        description: str | None = None,
        force: bool = False,
        dry_run: bool = False,
        actor: str,
        key: str | None = None,
    ) -> Effect:
        """Say how many licences of a plan the tenant has, and what it gives; of new plans both.

        Raises RefusedError where people would lose something, unless `force`; UsageError.
        """
        if count is not None and not 0 <= count <= _MOST:
            raise UsageError(f"a count of {count} is not between 0 and {_MOST}")

        def work(log: Journal) -> Effect:
            if tenant not in directory_store.tenants(log.connection):
                raise NotFoundError(f"there is no tenant {tenant!r}")
            before = _given(log.connection, tenant, name)
            plan = _wanted(before or _shipped(tenant, name), tenant, name, count, features, description)
            people = [aor for _, aor in licence_store.line(log.connection, tenant, name)]

            def change() -> None:
                licence_store.put_plan(log.connection, plan)
                log.lines.add(tenant)
                if before != plan:
                    log.entry("licence.set", _key(plan), before and plan_public(before), plan_public(plan))

            made = _effect(log.connection, tenant, name, people, change)
            if made.loses and not force and not dry_run:
                raise RefusedError(
                    f"{len(made.loses)} people would lose {_features(made.loses)}",
                    do=f"See who: isthmus licence check --dry-run --count {name}={plan.count}. All the same: --force",
                )
            return made

        return self._write(
            actor, key, ("licence.set", tenant, name, count, features, description, force), work, dry_run
        )

    def remove(self, tenant: str, name: str, *, actor: str, key: str | None = None) -> None:
        """Give a plan up that is assigned to nobody; without the last one licences are asked for no more.

        Raises NotFoundError, RefusedError.
        """

        def work(log: Journal) -> None:
            plan = _given(log.connection, tenant, name)
            if plan is None:
                raise _no_plan(name)
            if licence_store.assignments(log.connection, tenant, name):
                raise RefusedError(
                    f"{name} is assigned still", do=f"See to whom: isthmus licence show {name}. Then: licence unassign"
                )
            licence_store.delete_plan(log.connection, plan)
            log.lines.add(tenant)
            log.entry("licence.delete", _key(plan), plan_public(plan), None)

        self._directory.write_here(actor, work, key=key, request=("licence.delete", tenant, name))
        self.changed()

    def assign(
        self,
        tenant: str,
        name: str,
        people: Sequence[Aor] = (),
        in_groups: Sequence[str] = (),
        *,
        dry_run: bool = False,
        actor: str,
        key: str | None = None,
    ) -> Effect:
        """Give a plan to people and groups; all of them or nobody.

        Raises NotFoundError (whoever is missing), RefusedError when there are not enough.
        """

        def work(log: Journal) -> Effect:
            connection = log.connection
            plan = _assignable(connection, tenant, name)
            _known_people(connection, tenant, people)
            for group in in_groups:
                group_store.require(connection, tenant, group)
            wanted = _assignments(tenant, name, people, in_groups)
            new = [each for each in wanted if each not in licence_store.assignments(connection, tenant, name)]
            before = licence_store.lengths(connection, tenant).get(name, 0)

            def change() -> None:
                licence_store.put_assignments(connection, new)
                settle(log, tenant, [name])

            concerned = {*people, *_members(connection, tenant, in_groups)}
            made = _effect(connection, tenant, name, concerned, change)
            after = licence_store.lengths(connection, tenant).get(name, 0)
            if after > plan.count and after > before:
                raise RefusedError(
                    f"{name}: {plan.count} licences, {max(plan.count - before, 0)} of them free, "
                    f"and {after - before} more people would need one",
                    do=f"Raise the count (isthmus licence set {name} --count {after}) or unassign somebody "
                    f"(isthmus licence show {name} tells who has it).",
                )
            for each in new:
                log.entry("licence.assign", f"{tenant}/{name}", None, assignment_public(each))
            return made

        return self._write(actor, key, ("licence.assign", tenant, name, people, in_groups), work, dry_run)

    def unassign(
        self,
        tenant: str,
        name: str,
        people: Sequence[Aor] = (),
        in_groups: Sequence[str] = (),
        *,
        dry_run: bool = False,
        actor: str,
        key: str | None = None,
    ) -> Effect:
        """Take a plan away from people and groups; who has another reason keeps it. Raises NotFoundError."""

        def work(log: Journal) -> Effect:
            connection = log.connection
            if _given(connection, tenant, name) is None:
                raise _no_plan(name)
            gone = _assignments(tenant, name, people, in_groups)
            present = licence_store.assignments(connection, tenant, name)
            if missing := [each.target for each in gone if each not in present]:
                raise NotFoundError(
                    f"{name} is not assigned to {', '.join(missing[:5])}", do=f"See: isthmus licence show {name}"
                )
            line = [aor for _, aor in licence_store.line(connection, tenant, name)]

            def change() -> None:
                licence_store.delete_assignments(connection, gone)
                settle(log, tenant, [name])

            made = _effect(connection, tenant, name, line, change)
            for each in gone:
                log.entry("licence.unassign", f"{tenant}/{name}", assignment_public(each), None)
            return made

        return self._write(actor, key, ("licence.unassign", tenant, name, people, in_groups), work, dry_run)

    def _write(
        self, actor: str, key: str | None, request: object, work: Callable[[Journal], Effect], dry_run: bool
    ) -> Effect:
        if not dry_run:
            made = self._directory.write_here(
                actor, work, key=key, request=request, encode=effect_public, decode=lambda _, stored: _effect_of(stored)
            )
            self.changed()
            return made

        def undone(log: Journal) -> Effect:
            raise _DryRunError(work(log))

        try:
            return self._directory.write_here(actor, undone)
        except _DryRunError as done:
            return done.effect


class _DryRunError(Exception):
    """Rolls a dry run back, and carries out what it would have done."""

    def __init__(self, effect: Effect) -> None:
        super().__init__()
        self.effect = effect


def plan_public(plan: Plan) -> dict[str, Any]:
    """A plan as the API and the audit log show it."""
    return {
        "name": plan.name,
        "tenant": plan.tenant,
        "description": plan.description,
        "features": list(plan.features),
        "count": plan.count,
    }


def assignment_public(each: Assignment) -> dict[str, Any]:
    """An assignment as the API and the audit log show it."""
    return {"level": each.level.value, "target": each.target}


def effect_public(made: Effect) -> dict[str, Any]:
    """What a change does, as the API shows it."""
    return {
        "gains": {str(aor): list(names) for aor, names in made.gains.items()},
        "loses": {str(aor): list(names) for aor, names in made.loses.items()},
        "waits": [str(aor) for aor in made.waits],
    }


def _effect_of(stored: Mapping[str, Any]) -> Effect:
    return Effect(
        {Aor.parse(aor): tuple(names) for aor, names in stored["gains"].items()},
        {Aor.parse(aor): tuple(names) for aor, names in stored["loses"].items()},
        tuple(Aor.parse(aor) for aor in stored["waits"]),
    )


def _effect(
    connection: Connection, tenant: str, name: str, people: Collection[Aor], change: Callable[[], None]
) -> Effect:
    """Make the change, and say what it does to these people, and to who is in the line."""
    everybody = {*people, *(aor for _, aor in licence_store.line(connection, tenant, name))}
    before = licence_store.features(connection, tenant, everybody)
    change()
    after = licence_store.features(connection, tenant, everybody)
    plan = _given(connection, tenant, name)
    waiting = licence_store.line(connection, tenant, name)[plan.count if plan else 0 :]
    return licences.effect(before, after, (aor for _, aor in waiting))


def _states(connection: Connection, tenant: str) -> list[PlanState]:
    given = {each.name: each for each in licence_store.plans(connection, tenant)}
    lengths = licence_store.lengths(connection, tenant)
    assigned = licence_store.assignments(connection, tenant)
    return [
        PlanState(
            given.get(name) or _known(tenant, name),
            name in given,
            lengths.get(name, 0),
            tuple(each for each in assigned if each.plan == name),
        )
        for name in sorted({*given, *licences.SHIPPED})
    ]


def _state(connection: Connection, tenant: str, name: str) -> PlanState:
    for state in _states(connection, tenant):
        if state.plan.name == name:
            return state
    raise _no_plan(name)


def _given(connection: Connection, tenant: str, name: str) -> Plan | None:
    return next((each for each in licence_store.plans(connection, tenant) if each.name == name), None)


def _shipped(tenant: str, name: str) -> Plan | None:
    return _known(tenant, name) if name in licences.SHIPPED else None


def _known(tenant: str, name: str) -> Plan:
    description, features = licences.SHIPPED[name]
    return Plan(tenant, name, features, 0, description)


def _wanted(
    present: Plan | None,
    tenant: str,
    name: str,
    count: int | None,
    features: Collection[str] | None,
    description: str | None,
) -> Plan:
    if present is None:
        if count is None or features is None:
            raise NotFoundError(
                f"there is no plan {name!r} yet", do="For a new one give its count and features: --count, --feature."
            )
        present = Plan(tenant, licences.checked_plan(name), licences.checked_features(features), count)
    return replace(
        present,
        count=present.count if count is None else count,
        features=present.features if features is None else licences.checked_features(features),
        description=present.description if description is None else directory_rules.checked_description(description),
    )


def _assignable(connection: Connection, tenant: str, name: str) -> Plan:
    plan = _given(connection, tenant, name)
    if plan is not None:
        return plan
    if _shipped(tenant, name) is None:
        raise _no_plan(name)
    raise RefusedError(
        f"tenant {tenant} has no licences of {name} at this site",
        do=f"Say how many there are: isthmus licence set {name} --count N",
    )


def _no_plan(name: str) -> NotFoundError:
    return NotFoundError(f"there is no plan {name!r}", do="To see which there are: isthmus licence list")


def _known_people(connection: Connection, tenant: str, people: Sequence[Aor]) -> None:
    found = group_store.memberships(connection, people)
    if missing := [str(aor) for aor in people if aor not in found or found[aor][0] != tenant]:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise NotFoundError(f"nobody is called {', '.join(missing[:5])}{more}", do="Nothing was changed.")


def _members(connection: Connection, tenant: str, names: Sequence[str]) -> list[Aor]:
    nesting = directory_store.nestings(connection).get(tenant, {})
    return group_store.people(connection, tenant, set().union(*(groups.within(name, nesting) for name in names)))


def _assignments(tenant: str, name: str, people: Sequence[Aor], in_groups: Sequence[str]) -> list[Assignment]:
    if not people and not in_groups:
        raise UsageError("nobody is named", do="Name people or groups.")
    found = [Assignment(tenant, name, Level.PERSON, str(aor)) for aor in people]
    found += [Assignment(tenant, name, Level.GROUP, group) for group in in_groups]
    return list(dict.fromkeys(found))


def _key(plan: Plan) -> str:
    return f"{plan.tenant}/{plan.name}"


def _features(loses: Mapping[Aor, Sequence[str]]) -> str:
    return ", ".join(sorted({feature for names in loses.values() for feature in names}))
