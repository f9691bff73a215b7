"""Who has a calling plan by a group or a licence: brought up to date in the transaction of whatever changes these.

What comes of it is written down as if it had been given to them one by one, so that calls, charges and classes of
service know of one way to have a plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace

from sqlalchemy import Connection

from isthmus.addressing import Aor
from isthmus.directory import group_store, groups
from isthmus.directory import store as directory_store
from isthmus.directory.journal import GROUP, PERSON, Journal
from isthmus.plans import rules, store
from isthmus.plans.model import Given
from isthmus.policy import licence_store
from isthmus.policy import store as policy_store


def follow(log: Journal) -> bool:
    """Let plans follow what the write changed of people, groups and lines for licences. Whether anybody has another one
    now."""
    connection = log.connection
    people = [Aor.parse(key) for kind, key in log.changes if kind == PERSON]
    changed = [group_store.key_of(key) for kind, key in log.changes if kind == GROUP]
    if not people and not changed and not log.renamed_groups and not log.lines:
        return False
    tenants = {each.tenant for each in store.given(connection)}
    if not tenants:
        return False
    _rename(log)
    _forget(log, changed)
    # A change in who contains whom, or in a line, bears on people who are not in the write themselves.
    whole = {owner for owner, _ in changed} | log.lines
    done = [settle(connection, tenant, None if tenant in whole else people) for tenant in sorted(tenants)]
    return any(done)


def settle(connection: Connection, tenant: str, people: Collection[Aor] | None = None) -> bool:
    """Let everybody have the plan that their groups and licences give them, as rule 5 of `rules.py` says.

    people: whom to look at; None for everybody concerned. Whether anybody has another plan now.
    """
    given = store.given(connection, tenant)
    nesting = directory_store.nestings(connection).get(tenant, {})
    everybody = people is None
    if people is None:
        people = _concerned(connection, tenant, given, nesting)
    members = group_store.memberships(connection, people)
    found = directory_store.people_by_aor(connection, members)
    parents = groups.inverted(nesting)
    holds = licences_of(connection, tenant, members) if any(each.licence for each in given) else {}
    ranked = {
        found[aor].id: rules.of_groups(given, groups.containing(direct, parents), holds.get(aor, ()))
        if owner == tenant
        else []
        for aor, (owner, direct) in sorted(members.items())
        if aor in found
    }
    held = {each.person: each for each in store.holders(connection, tenant, ranked)}
    plans = store.plans(connection, tenant)
    some_are_full = any(plan.most is not None for plan in plans.values())
    counts = Counter(each.plan for each in store.holders(connection, tenant)) if some_are_full else Counter()
    rooms = {name: plan.most - counts[name] for name, plan in plans.items() if plan.most is not None}
    now = rules.shared_out(ranked, held, rooms)
    gone = [id_ for id_, each in held.items() if not each.by_name and id_ not in now]
    new = {id_: each for id_, each in now.items() if id_ not in held or held[id_].by != each.by}
    store.delete_holders(connection, gone)
    for given_by in {*new.values()}:
        people_ = [id_ for id_, each in new.items() if each == given_by]
        store.put_holders(connection, tenant, given_by.plan, people_, *given_by.to)
    if gone or new:
        # Who has a plan calls by other trunks: their classes of service are made anew.
        policy_store.count_revision(connection)
    freed = gone or len(members) < len(people) or any(id_ in held for id_ in new)
    if freed and some_are_full and not everybody:
        settle(connection, tenant)  # somebody else may have waited for it
    return bool(gone or new)


def waiting(connection: Connection, tenant: str, plan: str) -> list[Aor]:
    """Who is in a group that has the plan or holds such a licence, and has none: it is for no more people."""
    given = [each for each in store.given(connection, tenant) if each.plan == plan]
    nesting = directory_store.nestings(connection).get(tenant, {})
    inside = {*group_store.people(connection, tenant, _inside(given, nesting)), *_licensed(connection, tenant, given)}
    people = directory_store.people_by_aor(connection, inside)
    have = {each.person for each in store.holders(connection, tenant, [each.id for each in people.values()])}
    return sorted(aor for aor, each in people.items() if each.id not in have)


def _concerned(connection: Connection, tenant: str, given: Iterable[Given], nesting: groups.Nesting) -> set[Aor]:
    present = {Aor.parse(each.aor) for each in store.holders(connection, tenant) if not each.by_name}
    by_group = group_store.people(connection, tenant, _inside(given, nesting))
    return present.union(by_group, _licensed(connection, tenant, given))


def _inside(given: Iterable[Given], nesting: groups.Nesting) -> set[str]:
    return {name for each in given if each.group for name in groups.within(each.group, nesting)}


def _licensed(connection: Connection, tenant: str, given: Iterable[Given]) -> list[Aor]:
    """Who holds the licences that give a plan: the first of each line, as many as there are."""
    counts = {each.name: each.count for each in licence_store.plans(connection, tenant)}
    names = [each.licence for each in given if each.licence in counts]
    return [aor for name in names for _, aor in licence_store.line(connection, tenant, name)[: counts[name]]]


def licences_of(connection: Connection, tenant: str, people: Collection[Aor]) -> dict[Aor, set[str]]:
    """Which licences these people hold."""
    found: dict[Aor, set[str]] = {}
    for each in licence_store.entitled(connection, tenant, people):
        if each.holds:
            found.setdefault(each.aor, set()).add(each.plan)
    return found


def _rename(log: Journal) -> None:
    """What was given to a group stays with it under its new name."""
    for tenant, name, new in log.renamed_groups:
        for each in store.given(log.connection, tenant):
            if each.group == name:
                store.delete_given(log.connection, each)
                store.put_given(log.connection, replace(each, group=new))


def _forget(log: Journal, changed: Collection[tuple[str, str]]) -> None:
    """What was given to groups and licences that are no more."""
    connection = log.connection
    present = group_store.by_key(connection, changed)
    gone = {key for key in changed if key not in present and not group_store.worn(connection, *key)}
    licences = {(each.tenant, each.name) for each in licence_store.plans(connection)} if log.lines else set()
    for each in store.given(connection):
        ended = (each.tenant, each.licence) not in licences if each.licence and log.lines else False
        if ended or (each.tenant, each.group) in gone:
            store.delete_given(connection, each)
            log.entry("plan.ungive", rules.named(each), {"plan": each.plan}, None, tenant=each.tenant)
