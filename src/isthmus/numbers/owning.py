"""Giving numbers and extensions, and taking them, inside a transaction of the directory."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.addressing import Aor, Telephone
from isthmus.directory import changing
from isthmus.directory import store as directory_store
from isthmus.directory.changing import Alter
from isthmus.directory.journal import Journal
from isthmus.directory.model import Person, PersonChanges
from isthmus.errors import IsthmusError, NotFoundError, RefusedError, UsageError
from isthmus.numbers import rules, store
from isthmus.numbers.following import covering
from isthmus.numbers.model import Hold, Kind, Owner, Range, counted, written
from isthmus.numbers.wire import owner_public


def free(log: Journal, tenant: str, telephone: Telephone) -> int:
    """The number, if it is the tenant's and the actor can have it now. Raises NotFoundError, RefusedError."""
    number = _in_inventory(log, tenant, telephone)
    _refuse_taken(log, number, owner_of(log, tenant, number))
    return number


def _refuse_taken(log: Journal, number: int, present: Owner | None) -> None:
    if present is not None:
        raise rules.taken_by(number, present)
    rules.may_take(number, store.holds(log.connection, [number]).get(number), log.actor, log.at_ms)


def assign(log: Journal, tenant: str, telephone: Telephone, owner: Owner, *, instead: bool) -> None:
    """Give what is free to `owner`; what is theirs already stays so."""
    if telephone.extension:
        _assign_extension(log, tenant, telephone, owner)
        return
    number = _in_inventory(log, tenant, telephone)
    present = owner_of(log, tenant, number)
    if present == owner:
        return
    _refuse_taken(log, number, present)
    _give(log, tenant, number, None, owner, instead=instead)


def transfer(log: Journal, tenant: str, telephone: Telephone, owner: Owner, *, instead: bool) -> None:
    """Give what has an owner to another one."""
    if telephone.extension:
        present = _behind(log, tenant, telephone)
        if present is None:
            raise _nobodys(telephone)
        if owner.kind is not Kind.PERSON or owner.aor != present:
            _put_behind(log, tenant, telephone, present, owner)
        return
    number = counted(telephone.number)
    before = owner_of(log, tenant, number)
    if before is None or owner.kind is not Kind.PERSON:  # a person alone may have what is in no range
        _in_inventory(log, tenant, telephone)
    if before is None:
        raise _nobodys(telephone)
    if before != owner:
        _give(log, tenant, number, before, owner, instead=instead)


def release(log: Journal, tenant: str, telephone: Telephone) -> None:
    """Free it, whoever has it or has reserved it."""
    if telephone.extension:
        present = _behind(log, tenant, telephone)
        if present is not None:
            store.delete_extension(log.connection, telephone)
            _note(log, "number.release", tenant, str(telephone), Owner(Kind.PERSON, str(present)), None)
        return
    number = counted(telephone.number)
    before = owner_of(log, tenant, number)
    if before is None:
        _in_inventory(log, tenant, telephone)
    if before is not None and before.kind is Kind.PERSON:
        _alter(log, [Alter(before.aor, PersonChanges(number=None))])
    hold = store.holds(log.connection, [number]).get(number)
    store.delete_holds(log.connection, [number])
    if before is not None:
        _note(log, "number.release", tenant, telephone.number, before, None)
    elif hold is not None:
        log.entry("number.release", telephone.number, {"reserved_by": hold.by}, None, tenant=tenant)


def _give(log: Journal, tenant: str, number: int, before: Owner | None, owner: Owner, *, instead: bool) -> None:
    """Let the number be `owner`'s, and no more whose it was before.

    Raises NotFoundError, and RefusedError where a person has another number, unless `instead`.
    """
    changes: dict[Aor, PersonChanges] = {}
    if before is not None and before.kind is Kind.PERSON:
        changes[before.aor] = PersonChanges(number=None)
    if owner.kind is Kind.PERSON:
        person = _person(log, owner.aor, tenant)
        if person.number and person.number != written(number) and not instead:
            raise rules.has_another(person.aor, person.number)
        changes[person.aor] = PersonChanges(number=written(number))
    store.delete_holds(log.connection, [number])
    _alter(log, [Alter(aor, change) for aor, change in changes.items()])
    if owner.kind is not Kind.PERSON:
        store.put_hold(log.connection, Hold(number, tenant, owner, str(log.actor), log.at_ms))
    _note(log, "number.transfer" if before else "number.assign", tenant, written(number), before, owner)


def owner_of(log: Journal, tenant: str, number: int) -> Owner | None:
    """Who of the tenant owns the number."""
    for aor, whose in directory_store.owners(log.connection, [written(number)]).values():
        if whose == tenant:
            return Owner(Kind.PERSON, str(aor))
    hold = store.holds(log.connection, [number]).get(number)
    return hold.owner if hold and hold.tenant == tenant else None


def _in_inventory(log: Journal, tenant: str, telephone: Telephone) -> int:
    number = counted(telephone.number)
    block = covering(log.connection, [number]).get(number)
    if block is None or block.tenant != tenant:
        raise rules.not_there(telephone)
    store.forget_reservations(log.connection, log.at_ms)
    return number


def _assign_extension(log: Journal, tenant: str, telephone: Telephone, owner: Owner) -> None:
    present = _behind(log, tenant, telephone)
    if present is not None and (owner.kind is not Kind.PERSON or owner.aor != present):
        raise RefusedError(
            f"{telephone} belongs to {present}", do="To give it to somebody else: isthmus number transfer"
        )
    if present is None:
        _put_behind(log, tenant, telephone, None, owner)


def _behind(log: Journal, tenant: str, telephone: Telephone) -> Aor | None:
    """Who is behind the extension. Raises NotFoundError where the number is not the tenant's."""
    number = _in_inventory(log, tenant, telephone)
    behind = {ext: aor for _, ext, aor in store.extensions(log.connection, Range(number, number))}
    return behind.get(telephone.extension)


def _put_behind(log: Journal, tenant: str, telephone: Telephone, before: Aor | None, owner: Owner) -> None:
    if owner.kind is not Kind.PERSON:
        raise UsageError(f"{owner} is no person", where=str(telephone), do="Extensions are for people.")
    number = counted(telephone.number)
    hold = store.holds(log.connection, [number]).get(number)
    if hold is not None and hold.owner is None:
        rules.may_take(number, hold, log.actor, log.at_ms)
    person = _person(log, owner.aor, tenant)
    store.put_extension(log.connection, telephone, tenant, person.id)
    action = "number.transfer" if before else "number.assign"
    _note(log, action, tenant, str(telephone), Owner(Kind.PERSON, str(before)) if before else None, owner)


def _person(log: Journal, aor: Aor, tenant: str) -> Person:
    """Raises NotFoundError for nobody, and for another tenant's alike."""
    person = directory_store.people_by_aor(log.connection, [aor]).get(aor)
    if person is None or person.tenant != tenant:
        raise NotFoundError(f"nobody is called {aor}", do="To see who is there: isthmus user list")
    return person


def _alter(log: Journal, operations: Sequence[Alter]) -> None:
    for outcome in changing.apply(log, operations, None):
        if isinstance(outcome, IsthmusError):
            raise outcome


def _nobodys(telephone: Telephone) -> RefusedError:
    return RefusedError(f"nobody has {telephone}", do="To give it to somebody: isthmus number assign")


def _note(log: Journal, action: str, tenant: str, name: str, before: Owner | None, after: Owner | None) -> None:
    told = ({"owner": owner_public(owner)} if owner else None for owner in (before, after))
    log.entry(action, name, *told, tenant=tenant)
