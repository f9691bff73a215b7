"""Many changes of people in one transaction, each judged by itself: what can't be done is told, the rest is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from isthmus.addressing import Aor
from isthmus.directory import importing, kept, rules, store, wire
from isthmus.directory.journal import PERSON, Journal
from isthmus.directory.model import NewPerson, Person, PersonChanges
from isthmus.errors import IsthmusError, NotFoundError, RefusedError, UsageError

_SET = "person.set"


@dataclass(frozen=True, slots=True)
class Create:
    """Add a person."""

    new: NewPerson


@dataclass(frozen=True, slots=True)
class Alter:
    """Change a person, and their address where `rename_to` is given: number, home and groups stay with them.

    The epoch stays, too, unless the new address belonged to somebody before: then it goes on from theirs. The digest
    secrets contain the user name, so a phone can sign in under the new name once its password is set anew; devices with
    credentials of their own keep them within the domain.
    action: what the audit log calls it; another one than the usual is noted even where nothing changes.
    """

    aor: Aor
    changes: PersonChanges
    rename_to: Aor | None = None
    action: str = _SET


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a person; the number is free then."""

    aor: Aor


Operation = Create | Alter | Remove
Outcome = Person | IsthmusError | None


@dataclass(frozen=True, slots=True)
class _Planned:
    before: Person | None
    after: Person | None
    action: str

    @property
    def renamed(self) -> bool:
        return self.before is not None and self.after is not None and self.before.aor != self.after.aor


def apply(
    log: Journal, operations: Sequence[Operation], homes: Collection[str] | None, judge: kept.Judge = kept.nothing
) -> list[Outcome]:
    """Do all that can be done. Addresses and numbers may change hands among the operations, in any order.

    judge: says which numbers are not to be had.
    Returns for each operation the person as they are now (None for one who was removed), or why it was not done.
    """
    planner = _Planner(log, operations, homes, judge)
    outcomes: dict[int, Outcome] = {}
    planned: dict[int, _Planned] = {}
    for index, operation in enumerate(operations):
        try:
            planned[index] = planner.plan(operation)
        except IsthmusError as error:
            outcomes[index] = error
    # One that can't be done keeps its address and number, which another one may have counted on: look again.
    while clashes := planner.clashes(planned):
        outcomes |= clashes
        planned = {index: each for index, each in planned.items() if index not in clashes}
    _write(log, list(planned.values()))
    outcomes |= {index: each.after for index, each in planned.items()}
    return [outcomes[index] for index in range(len(operations))]


class _Planner:
    """What is there before the operations, and what each comes to."""

    def __init__(
        self, log: Journal, operations: Sequence[Operation], homes: Collection[str] | None, judge: kept.Judge
    ) -> None:
        connection = self._connection = log.connection
        self._homes, self._judge = homes, judge
        named = {aor for operation in operations for aor in _named(operation)}
        self._present = store.people_by_aor(connection, named)
        self._epochs = store.departed_epochs(connection, named - set(self._present))
        self._domains = store.domains(connection)

    def plan(self, operation: Operation) -> _Planned:
        """Raises UsageError, NotFoundError and RefusedError for what can't be, whatever the others do."""
        if isinstance(operation, Create):
            return self._create(operation)
        aor = operation.aor
        before = self._present.get(aor)
        if before is None:
            raise NotFoundError(f"nobody is called {aor}")
        if isinstance(operation, Remove):
            return _Planned(before, None, "person.delete")
        after = operation.changes.applied_to(before)
        target = operation.rename_to or aor
        if target != aor:
            tenant = self._domains.get(target.domain, before.tenant)
            if tenant != before.tenant:
                raise RefusedError(f"the domain {target.domain} belongs to another tenant", where=str(aor))
            # A device's secrets contain the domain alone: they stay good within it, and are none anywhere else.
            devices = before.devices if target.domain == aor.domain else ()
            epoch = max(before.home_epoch, self._next_epoch(target))
            after = replace(after, aor=target, home_epoch=epoch, devices=devices)
        after = self._checked(rules.normalised(after))
        return _Planned(before, after, operation.action if target == aor else "person.rename")

    def _create(self, operation: Create) -> _Planned:
        new = operation.new
        person = new.person(self._domains.get(new.aor.domain, ""), self._next_epoch(new.aor), store.new_id())
        return _Planned(None, self._checked(rules.normalised(person), home_is_new=True), "person.create")

    def _next_epoch(self, aor: Aor) -> int:
        holder = self._present.get(aor)
        return (holder.home_epoch if holder else self._epochs.get(aor, 0)) + 1

    def _checked(self, person: Person, *, home_is_new: bool = False) -> Person:
        faults = rules.faults_of(person, self._homes if home_is_new else None, self._domains)
        if faults:
            raise UsageError("; ".join(faults), where=str(person.aor))
        return person

    def clashes(self, planned: Mapping[int, _Planned]) -> dict[int, Outcome]:
        """Those that would give an address or a number to a second person. Who has it and keeps it is in the right."""
        found: dict[int, Outcome] = {}
        leaving = {each.before.aor for each in planned.values() if each.before and (each.renamed or not each.after)}
        addresses: set[Aor] = set()
        for index, each in planned.items():
            if each.after is None or (each.before is not None and not each.renamed):
                continue
            aor = each.after.aor
            if aor in addresses or (aor in self._present and aor not in leaving):
                found[index] = RefusedError(f"{aor} exists already", where=str(each.before.aor) if each.before else "")
            addresses.add(aor)
        return found | self._number_clashes({index: each for index, each in planned.items() if index not in found})

    def _number_clashes(self, planned: Mapping[int, _Planned]) -> dict[int, Outcome]:
        touched = {each.before.aor for each in planned.values() if each.before}
        wanted = {each.after.number for each in planned.values() if each.after and each.after.number}
        taken = {
            number: owner for number, owner in store.owners(self._connection, wanted).items() if owner[0] not in touched
        }
        found: dict[int, Outcome] = {}
        not_to_be_had = self._judge(
            {
                (each.after.number, each.after.tenant)
                for each in planned.values()
                if each.after and each.after.number and not _keeps_number(each)
            }
        )
        keeping_first = sorted(planned.items(), key=lambda item: not _keeps_number(item[1]))
        for index, each in keeping_first:
            if each.after is None or each.after.number is None:
                continue
            number = each.after.number
            if number in taken:
                what = rules.number_taken(each.after, *taken[number])
                found[index] = RefusedError(what, where=str(each.after.aor))
            elif error := not_to_be_had.get((number, each.after.tenant)):
                found[index] = kept.refusal(error, each.after.aor)
            else:
                taken[number] = (each.after.aor, each.after.tenant)
        return found


def _named(operation: Operation) -> tuple[Aor, ...]:
    if isinstance(operation, Create):
        return (operation.new.aor,)
    if isinstance(operation, Alter) and operation.rename_to is not None:
        return operation.aor, operation.rename_to
    return (operation.aor,)


def _keeps_number(each: _Planned) -> bool:
    return each.before is not None and each.after is not None and each.before.number == each.after.number


def _write(log: Journal, planned: Sequence[_Planned]) -> None:
    """Leavers first, then who stays, then who comes: so that whatever changes hands is free when it is taken."""
    leaving = [each.before for each in planned if each.before and (each.renamed or not each.after)]
    staying = [each for each in planned if each.before and each.after and not each.renamed]
    changed = [each.after for each in staying if each.after and each.after != each.before]
    coming = [each.after for each in planned if each.after and (each.renamed or not each.before)]
    log.left.update((person.aor, person.id) for person in leaving)
    store.delete_people(log.connection, leaving)
    store.update_people(log.connection, changed)
    store.insert_people(log.connection, coming)
    for each in planned:
        _note(log, each)


def _note(log: Journal, each: _Planned) -> None:
    before, after = each.before, each.after
    if before is None and after is not None:
        log.note(PERSON, str(after.aor), each.action, None, wire.public(after))
    elif before is not None and after is None:
        log.note(PERSON, str(before.aor), each.action, wire.public(before), None)
    elif before is not None and after is not None and each.renamed:
        # Under both addresses: whoever looks for the old one finds where it went.
        log.note(PERSON, str(before.aor), each.action, wire.public(before), {"aor": str(after.aor)})
        log.note(PERSON, str(after.aor), each.action, {"aor": str(before.aor)}, wire.public(after))
    elif before is not None and after is not None and before == after:
        # Nothing is different of the person, but that it was done may matter: who keeps them, what was written back.
        if each.action != _SET:
            log.entry(each.action, str(after.aor), wire.public(before), wire.public(after))
    elif before is not None and after is not None:
        log.note(PERSON, str(after.aor), each.action, wire.public(before), importing.audited(before, after))
