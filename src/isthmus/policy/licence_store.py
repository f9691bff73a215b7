"""The SQL of licences. Functions of a connection, nothing decided."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, RowMapping, delete, func, insert, select

from isthmus.addressing import Aor
from isthmus.directory.store import in_batches, upsert
from isthmus.policy.model import Assignment, Entitled, Level, Plan
from isthmus.policy.tables import licence_assignment, licence_place, licence_plan


def plans(connection: Connection, tenant: str | None = None) -> list[Plan]:
    """The plans that have a count, of one tenant or of all, by name."""
    query = select(licence_plan)
    if tenant is not None:
        query = query.where(licence_plan.c.tenant == tenant)
    found = [_plan(row) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda each: (each.tenant, each.name))


def put_plan(connection: Connection, wanted: Plan) -> None:
    """Make the plan as given."""
    row = {
        "tenant": wanted.tenant,
        "name": wanted.name,
        "description": wanted.description,
        "features": json.dumps(wanted.features),
        "count": wanted.count,
    }
    upsert(connection, licence_plan, [row], ("description", "features", "count"))


def delete_plan(connection: Connection, gone: Plan) -> None:
    """Remove a plan that is assigned to nobody."""
    connection.execute(
        delete(licence_plan).where(licence_plan.c.tenant == gone.tenant, licence_plan.c.name == gone.name)
    )


def assignments(connection: Connection, tenant: str | None = None, plan: str | None = None) -> list[Assignment]:
    """Assignments, of one tenant and plan or of all, people before groups, by name."""
    query = select(licence_assignment)
    if tenant is not None:
        query = query.where(licence_assignment.c.tenant == tenant)
    if plan is not None:
        query = query.where(licence_assignment.c.plan == plan)
    found = [
        Assignment(row["tenant"], row["plan"], Level(row["level"]), row["target"])
        for row in connection.execute(query).mappings()
    ]
    return sorted(found, key=lambda each: (each.tenant, each.plan, each.level != Level.PERSON, each.target))


def assigned_to(connection: Connection, level: Level, targets: Iterable[str]) -> list[Assignment]:
    """Assignments of any tenant to these people or groups."""
    found: list[Assignment] = []
    for batch in in_batches(targets):
        query = select(licence_assignment).where(
            licence_assignment.c.level == level.value, licence_assignment.c.target.in_(batch)
        )
        found += [
            Assignment(row["tenant"], row["plan"], level, row["target"]) for row in connection.execute(query).mappings()
        ]
    return found


def put_assignments(connection: Connection, wanted: Sequence[Assignment]) -> None:
    """Make sure that these are there."""
    rows = [
        {"tenant": each.tenant, "plan": each.plan, "level": each.level.value, "target": each.target} for each in wanted
    ]
    upsert(connection, licence_assignment, rows, ())


def delete_assignments(connection: Connection, gone: Iterable[Assignment]) -> None:
    """Remove these."""
    table = licence_assignment.c
    for each in gone:
        connection.execute(
            delete(licence_assignment).where(
                table.tenant == each.tenant,
                table.plan == each.plan,
                table.level == each.level.value,
                table.target == each.target,
            )
        )


def line(connection: Connection, tenant: str, plan: str) -> list[tuple[int, Aor]]:
    """Everybody with a place, in order."""
    query = select(licence_place.c.place, licence_place.c.aor).where(
        licence_place.c.tenant == tenant, licence_place.c.plan == plan
    )
    return [(int(place), Aor.parse(aor)) for place, aor in connection.execute(query.order_by(licence_place.c.place))]


def lengths(connection: Connection, tenant: str) -> dict[str, int]:
    """How many people are in the line of each plan; plans with nobody are left out."""
    query = select(licence_place.c.plan, func.count()).where(licence_place.c.tenant == tenant)
    return {plan: int(count) for plan, count in connection.execute(query.group_by(licence_place.c.plan))}


def places_of(connection: Connection, aors: Iterable[Aor]) -> dict[Aor, set[tuple[str, str]]]:
    """The lines that these people are in, as tenant and plan."""
    found: dict[Aor, set[tuple[str, str]]] = defaultdict(set)
    for batch in in_batches(aors):
        query = select(licence_place).where(licence_place.c.aor.in_([str(aor) for aor in batch]))
        for row in connection.execute(query):
            found[Aor.parse(row.aor)].add((row.tenant, row.plan))
    return found


def places(connection: Connection, aors: Iterable[Aor]) -> list[tuple[str, str, int, Aor]]:
    """Tenant, plan and place of these people in every line they are in."""
    found: list[tuple[str, str, int, Aor]] = []
    for batch in in_batches(aors):
        query = select(licence_place).where(licence_place.c.aor.in_([str(aor) for aor in batch]))
        found += [(row.tenant, row.plan, int(row.place), Aor.parse(row.aor)) for row in connection.execute(query)]
    return found


def take_place(connection: Connection, tenant: str, plan: str, aor: Aor, place: int) -> None:
    """Put somebody who is not in the line at this place of it, or at its end where it is somebody else's."""
    query = select(licence_place.c.aor).where(
        licence_place.c.tenant == tenant, licence_place.c.plan == plan, licence_place.c.place == place
    )
    if connection.execute(query).first() is not None:
        append(connection, tenant, plan, [aor])
        return
    connection.execute(insert(licence_place), {"tenant": tenant, "plan": plan, "aor": str(aor), "place": place})


def entitled(connection: Connection, tenant: str, aors: Iterable[Aor]) -> list[Entitled]:
    """The places of these people, and whether the count reaches them; by person, then plan."""
    last = _last_places(connection, tenant)
    found: list[Entitled] = []
    for batch in in_batches(aors):
        query = select(licence_place).where(
            licence_place.c.tenant == tenant, licence_place.c.aor.in_([str(aor) for aor in batch])
        )
        found += [
            Entitled(row.plan, Aor.parse(row.aor), int(row.place), int(row.place) <= last[row.plan])
            for row in connection.execute(query)
        ]
    return sorted(found, key=lambda each: (each.aor, each.plan))


def append(connection: Connection, tenant: str, plan: str, aors: Sequence[Aor]) -> None:
    """Put these people at the end of the line, in this order."""
    if not aors:
        return
    query = select(func.max(licence_place.c.place)).where(
        licence_place.c.tenant == tenant, licence_place.c.plan == plan
    )
    first = int(connection.execute(query).scalar() or 0) + 1
    rows = [{"tenant": tenant, "plan": plan, "aor": str(aor), "place": place} for place, aor in enumerate(aors, first)]
    connection.execute(insert(licence_place), rows)


def leave(connection: Connection, tenant: str, plan: str, aors: Collection[Aor]) -> None:
    """Take these people out of the line."""
    for batch in in_batches(aors):
        connection.execute(
            delete(licence_place).where(
                licence_place.c.tenant == tenant,
                licence_place.c.plan == plan,
                licence_place.c.aor.in_([str(aor) for aor in batch]),
            )
        )


def features(connection: Connection, tenant: str, aors: Iterable[Aor]) -> dict[Aor, dict[str, list[str]]]:
    """What these people have by the licences they hold: feature to the plans that give it."""
    given: Mapping[str, tuple[str, ...]] = {each.name: each.features for each in plans(connection, tenant)}
    found: dict[Aor, dict[str, list[str]]] = {}
    for each in entitled(connection, tenant, aors):
        if each.holds:
            for feature in given[each.plan]:
                found.setdefault(each.aor, {}).setdefault(feature, []).append(each.plan)
    return found


def _last_places(connection: Connection, tenant: str) -> dict[str, int]:
    """The last place in each plan's line that holds a licence; -1 where none does."""
    found: dict[str, int] = {}
    for plan in plans(connection, tenant):
        query = (
            select(licence_place.c.place)
            .where(licence_place.c.tenant == tenant, licence_place.c.plan == plan.name)
            .order_by(licence_place.c.place)
            .limit(plan.count)
            .subquery()
        )
        last = connection.execute(select(func.max(query.c.place))).scalar() if plan.count else None
        found[plan.name] = -1 if last is None else int(last)
    return found


def _plan(row: RowMapping) -> Plan:
    return Plan(row["tenant"], row["name"], tuple(json.loads(row["features"])), int(row["count"]), row["description"])
