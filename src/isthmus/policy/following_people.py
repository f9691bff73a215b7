"""What was given to one person alone stays with the person: it follows their stable id to another address.

Whoever gets an address that was somebody else's begins with nothing. A feed may tell in one page that an address is
free, and in a later one who the person is now: until the feed has been read to its end what they had waits for them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import msgspec
from sqlalchemy import Connection, delete, insert, select

from isthmus.addressing import Aor
from isthmus.directory import store as directory_store
from isthmus.directory.journal import PERSON, Journal
from isthmus.directory.model import Person
from isthmus.policy import licence_store, store
from isthmus.policy.model import Assignment, Grant, Level
from isthmus.policy.tables import policy_waiting


@dataclass
class Given:
    """What one person was given alone. places: tenant, plan and place in its line, by whatever way they came in."""

    grants: list[Grant] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    places: list[tuple[str, str, int]] = field(default_factory=list)


def follow(log: Journal) -> None:
    """Take everything from the addresses that were left, and give it to whoever of those people came to another."""
    connection = log.connection
    taken = _take(connection, log.left)
    log.lines |= {tenant for given in taken.values() for tenant, _, _ in given.places}
    owners = {aor: id_ for aor, id_ in log.left.items() if id_ and aor in taken}
    waiting = {id_: taken.pop(aor) for aor, id_ in owners.items()}
    forget(log, taken.values())  # of people without an id: nobody can tell whether they came again
    if log.more_to_come is not None:
        waiting |= _resumed(connection)
    if not waiting:
        return
    people = directory_store.people_by_aor(connection, (Aor.parse(key) for kind, key in log.changes if kind == PERSON))
    for person in people.values():
        if person.id in waiting:
            _give(log, person, waiting.pop(person.id))
    if log.more_to_come:
        _keep(connection, waiting)
    else:
        forget(log, waiting.values())


def forget(log: Journal, gone: Iterable[Given]) -> None:
    """Note that this is nobody's any more; the rows are gone already."""
    for given in gone:
        for grant in given.grants:
            key = f"{grant.tenant}/{grant.kind}/{grant.level}/{grant.target}"
            log.entry("policy.revoke", key, {"policy": grant.policy}, None)
        for each in given.assignments:
            before = {"level": each.level.value, "target": each.target}
            log.entry("licence.unassign", f"{each.tenant}/{each.plan}", before, None)


def _take(connection: Connection, aors: Iterable[Aor]) -> dict[Aor, Given]:
    """What these addresses were given; they have nothing afterwards. Those without anything are left out."""
    found: dict[Aor, Given] = defaultdict(Given)
    names = [str(aor) for aor in aors]
    for grant in store.grants_to(connection, Level.PERSON, names):
        found[Aor.parse(grant.target)].grants.append(grant)
    for each in licence_store.assigned_to(connection, Level.PERSON, names):
        found[Aor.parse(each.target)].assignments.append(each)
    for tenant, plan, place, aor in licence_store.places(connection, map(Aor.parse, names)):
        found[aor].places.append((tenant, plan, place))
    for aor, given in found.items():
        store.delete_grants(connection, given.grants)
        licence_store.delete_assignments(connection, given.assignments)
        for tenant, plan, _ in given.places:
            licence_store.leave(connection, tenant, plan, [aor])
    return dict(found)


def _give(log: Journal, person: Person, given: Given) -> None:
    """What the person had, under the address they have now; but what this site has no more of, or is not theirs."""
    connection, target = log.connection, str(person.aor)
    policies = {(each.kind, each.name) for each in store.policies(connection, person.tenant)}
    plans = {each.name for each in licence_store.plans(connection, person.tenant)}
    lost = Given()
    for grant in given.grants:
        if grant.tenant == person.tenant and (grant.kind, grant.policy) in policies:
            store.put_grant(connection, replace(grant, target=target))
        else:
            lost.grants.append(grant)
    for each in given.assignments:
        if each.tenant == person.tenant and each.plan in plans:
            licence_store.put_assignments(connection, [replace(each, target=target)])
        else:
            lost.assignments.append(each)
    for tenant, plan, place in given.places:
        if tenant == person.tenant and plan in plans:
            licence_store.take_place(connection, tenant, plan, person.aor, place)
            log.lines.add(tenant)
    forget(log, [lost])


def _resumed(connection: Connection) -> dict[str, Given]:
    """What waits since earlier pages; it waits no more."""
    rows = connection.execute(select(policy_waiting)).all()
    if rows:
        connection.execute(delete(policy_waiting))
    return {row.person_id: msgspec.json.decode(row.given, type=Given) for row in rows}


def _keep(connection: Connection, waiting: Mapping[str, Given]) -> None:
    rows = [{"person_id": id_, "given": msgspec.json.encode(each).decode()} for id_, each in waiting.items()]
    if rows:
        connection.execute(insert(policy_waiting), rows)
