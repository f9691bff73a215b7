"""A bulk import inside its transaction: first what it would do and everything against it, then all of it."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from isthmus.access.model import EVERYTHING, Reach
from isthmus.addressing import Aor
from isthmus.directory import kept, rules, store, wire
from isthmus.directory.bulk import Fault, ImportReport, Row
from isthmus.directory.journal import PERSON, Journal
from isthmus.directory.model import UNCHANGED, Credentials, Person, PersonChanges


@dataclass(frozen=True)
class Plan:
    """created: new people. updated: people before and after. faults: with any, nothing may be carried out."""

    created: list[Person]
    updated: list[tuple[Person, Person]]
    unchanged: int
    faults: list[Fault]

    def report(self, *, dry_run: bool) -> ImportReport:
        """The plan in numbers."""
        faults = tuple(sorted(self.faults, key=lambda fault: fault.line))
        return ImportReport(len(self.created), len(self.updated), self.unchanged, dry_run, faults)

    def carry_out(self, log: Journal) -> None:
        """Write all of it."""
        # Updates first: they may free the number that a new person brings.
        store.update_people(log.connection, [after for _, after in self.updated])
        store.insert_people(log.connection, self.created)
        for before, after in self.updated:
            log.note(PERSON, str(after.aor), "person.set", wire.public(before), audited(before, after))
        for person in self.created:
            log.note(PERSON, str(person.aor), "person.create", None, wire.public(person))


def audited(before: Person, after: Person) -> dict[str, Any]:
    """What the audit log says of the state after: no secrets, but whether there are new ones."""
    changed = {"password": "changed"} if before.credentials != after.credentials else {}
    return {**wire.public(after), **changed}


def domains_within(connection: Connection, reach: Reach) -> dict[str, str]:
    """Domains and tenants; those of tenants out of reach are as if they did not exist."""
    return {name: tenant for name, tenant in store.domains(connection).items() if reach.tenant(tenant)}


def plan(
    connection: Connection,
    rows: Sequence[Row],
    *,
    update: bool,
    homes: Collection[str] | None,
    reach: Reach = EVERYTHING,
    judge: kept.Judge = kept.nothing,
) -> Plan:
    """What importing `rows` means in the present state, to somebody of that reach.

    judge: says which numbers are not to be had.
    """
    domains = domains_within(connection, reach)
    present = store.people_by_aor(connection, (row.aor for row in rows if row.aor.domain in domains))
    epochs = store.departed_epochs(connection, (row.aor for row in rows if row.aor not in present))
    made = Plan([], [], 0, [])
    lines: dict[Aor, int] = {}
    after: dict[Aor, Person] = {}
    unchanged = 0
    for row in rows:
        if row.aor in lines:
            made.faults.append(Fault(row.line, f"stands already on line {lines[row.aor]}", str(row.aor)))
            continue
        lines[row.aor] = row.line
        before = present.get(row.aor)
        person = _changed(before, row) if before else _new(row, domains, epochs.get(row.aor, 0) + 1)
        faults = _faults(row, before, person, update, homes, domains) or _out_of_reach(before, person, reach)
        made.faults.extend(Fault(row.line, fault, str(row.aor)) for fault in faults)
        if before is None:
            made.created.append(person)
        elif not update:
            continue  # keeps what they have, the number above all
        elif before != person:
            made.updated.append((before, person))
        else:
            unchanged += 1
        after[row.aor] = person
    made.faults.extend(_number_faults(connection, after, lines))
    made.faults.extend(_kept_faults(present, after, lines, judge))
    return replace(made, unchanged=unchanged)


def unusable_credentials() -> Credentials:
    """Secrets of a password that nobody knows: for people who can't sign in before one is set."""
    return Credentials(secrets.token_bytes(16), secrets.token_bytes(32))


def _new(row: Row, domains: dict[str, str], epoch: int) -> Person:
    return rules.normalised(
        Person(
            aor=row.aor,
            tenant=domains.get(row.aor.domain, ""),
            display_name=row.display_name if row.display_name is not UNCHANGED else row.aor.user,
            number=row.number if row.number is not UNCHANGED else None,
            home=row.home if row.home is not UNCHANGED else "",
            home_epoch=epoch,
            credentials=row.credentials if row.credentials is not UNCHANGED else unusable_credentials(),
            enabled=row.enabled if row.enabled is not UNCHANGED else True,
            groups=row.groups if row.groups is not UNCHANGED else (),
            id=store.new_id(),
        )
    )


def _changed(person: Person, row: Row) -> Person:
    changes = PersonChanges(
        display_name=row.display_name,
        number=row.number,
        credentials=row.credentials,
        enabled=row.enabled,
        groups=row.groups,
    )
    return rules.normalised(changes.applied_to(person))


def _faults(
    row: Row,
    before: Person | None,
    person: Person,
    update: bool,
    homes: Collection[str] | None,
    domains: dict[str, str],
) -> list[str]:
    if before is None:
        if row.home is UNCHANGED:
            return ["no home is given"]
        return rules.faults_of(person, homes, domains)
    if not update:
        return ["exists already (people who exist are changed with --update)"]
    if row.home is not UNCHANGED and row.home != before.home:
        return [f"is at home at {before.home}: a home changes by a move (isthmus user move {row.aor} --to {row.home})"]
    return rules.faults_of(person, None, domains)


def _out_of_reach(before: Person | None, after: Person, reach: Reach) -> list[str]:
    if all(reach.covers(rules.as_object(person)) for person in (before, after) if person is not None):
        return []
    return ["is, or would be, outside of what your roles reach"]


def _number_faults(connection: Connection, after: dict[Aor, Person], lines: dict[Aor, int]) -> list[Fault]:
    """Numbers that two people of the file want, or that somebody has who keeps it."""
    faults: list[Fault] = []
    first: dict[str, Aor] = {}
    for aor, person in after.items():
        if person.number is None:
            continue
        other = first.setdefault(person.number, aor)
        if other != aor:
            what = f"the number {person.number} is given to {other} on line {lines[other]}"
            faults.append(Fault(lines[aor], what, str(aor)))
    for number, (owner, tenant) in store.owners(connection, first).items():
        aor = first[number]
        keeps = owner not in after or after[owner].number == number
        if owner != aor and keeps:
            faults.append(Fault(lines[aor], rules.number_taken(after[aor], owner, tenant), str(aor)))
    return faults


def _kept_faults(
    present: dict[Aor, Person], after: dict[Aor, Person], lines: dict[Aor, int], judge: kept.Judge
) -> list[Fault]:
    """Numbers that are kept from who is to get them."""
    given = {
        aor: (person.number, person.tenant)
        for aor, person in after.items()
        if person.number is not None and (aor not in present or present[aor].number != person.number)
    }
    not_to_be_had = judge(set(given.values()))
    return [
        Fault(lines[aor], not_to_be_had[wanted].what, str(aor))
        for aor, wanted in given.items()
        if wanted in not_to_be_had
    ]
