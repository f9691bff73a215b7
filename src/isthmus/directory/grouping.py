"""The write path of groups, and looking at them. In the transactions of the directory, with its rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from isthmus.addressing import Aor
from isthmus.database import reading
from isthmus.directory import group_store, groups, rules, store, wire
from isthmus.directory.journal import GROUP, PERSON, Journal
from isthmus.directory.model import Group, Person
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError, UsageError

_MOST_INSIDE = 10_000  # groups directly in one
_MOST_FORMER = 20  # names of a group that are remembered
_MOST_AT_ONCE = 10_000  # people in one change


@dataclass(frozen=True, slots=True)
class Overview:
    """A group, and how it stands.

    direct: people in it directly. effective: those in groups in it as well; None where that was not counted.
    parents: groups that it is directly in.
    """

    group: Group
    direct: int
    effective: int | None = None
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Members:
    """People and groups that are put into a group, or taken out of it."""

    people: tuple[Aor, ...] = ()
    groups: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.people or self.groups)


class Groups:
    """The groups of one site's directory. A name that stands at people alone is a group as any other."""

    def __init__(self, directory: Directory) -> None:
        self._directory, self._engine = directory, directory.engine

    # Reading

    def listed(
        self, tenant: str, *, match: str | None = None, after: str | None = None, limit: int = 100
    ) -> list[Overview]:
        """Groups in the order of their names, from behind `after` on. match: part of the name, in any case."""
        with reading(self._engine) as connection:
            names = group_store.names(connection, tenant, match=match, after=after, limit=limit)
            made = group_store.by_key(connection, ((tenant, name) for name in names))
            counts = group_store.direct_counts(connection, tenant, names)
        return [Overview(made.get((tenant, name), Group(tenant, name)), counts.get(name, 0)) for name in names]

    def get(self, tenant: str, name: str) -> Overview:
        """One group with its counts. Raises NotFoundError."""
        with reading(self._engine) as connection:
            group = group_store.require(connection, tenant, name)
            inside = groups.within(name, store.nestings(connection).get(tenant, {}))
            return Overview(
                group,
                group_store.count_people(connection, tenant, [name]),
                group_store.count_people(connection, tenant, inside),
                tuple(group_store.parents(connection, tenant, name)),
            )

    def of(self, aor: Aor) -> dict[str, tuple[str, ...]]:
        """Every group the person is in, and the way there (see `groups.containing`). Raises NotFoundError."""
        with reading(self._engine) as connection:
            found = group_store.memberships(connection, [aor])
            if aor not in found:
                raise NotFoundError(f"nobody is called {aor}", do="To see who is there: isthmus user list")
            tenant, direct = found[aor]
            nesting = store.nestings(connection).get(tenant, {})
        return groups.containing(direct, groups.inverted(nesting))

    # Writing, at the authority

    def create(self, tenant: str, name: str, description: str = "", *, actor: str, key: str | None = None) -> Group:
        """Make a group, or give one that stands at people alone its description. Raises RefusedError (exists)."""
        wanted = Group(tenant, rules.checked_group(name), rules.checked_description(description))

        def work(log: Journal) -> Group:
            _known_tenant(log.connection, tenant)
            if group_store.by_key(log.connection, [(tenant, wanted.name)]):
                raise RefusedError(
                    f"the group {wanted.name} exists already", do=f"To change it: isthmus group set '{wanted.name}'"
                )
            _save(log, None, wanted, "group.create")
            return wanted

        return self._write(actor, key, ("group.create", wanted), work)

    def set(self, tenant: str, name: str, description: str, *, actor: str, key: str | None = None) -> Group:
        """Change the description. Raises NotFoundError, UsageError."""
        text = rules.checked_description(description)

        def work(log: Journal) -> Group:
            before = group_store.require(log.connection, tenant, name)
            after = replace(before, description=text)
            if before != after:
                _save(log, before, after, "group.set")
            return after

        return self._write(actor, key, ("group.set", tenant, name, text), work)

    def put(self, wanted: Group, *, actor: str, key: str | None = None) -> Group:
        """For a directory source: make the group as it is there, its groups included.

        Raises UsageError, RefusedError (a circle; kept by hand or by another source).
        """
        return self._write(actor, key, ("group.put", wanted), lambda log: put_kept(log, wanted))

    def rename(self, tenant: str, name: str, wanted: str, *, actor: str, key: str | None = None) -> Group:
        """Call a group kept by hand otherwise; policies and licences given to it stay with it.

        Raises NotFoundError, RefusedError (kept by a source; the name is taken), UsageError.
        """

        def work(log: Journal) -> Group:
            rename_kept(log, tenant, name, wanted)
            return group_store.require(log.connection, tenant, rules.checked_group(wanted))

        return self._write(actor, key, ("group.rename", tenant, name, wanted), work)

    def delete(self, tenant: str, name: str, *, source: str = "", actor: str, key: str | None = None) -> None:
        """Remove the group from everybody and from every group it is in. Raises NotFoundError, RefusedError.

        source: who asks, a directory source or (empty) somebody by hand; only its keeper may.
        """

        def work(log: Journal) -> None:
            delete_kept(log, tenant, name, source)

        self._directory.write(actor, work, key=key, request=("group.delete", tenant, name))

    def change(
        self,
        tenant: str,
        name: str,
        *,
        add: Members = Members(),
        remove: Members = Members(),
        actor: str,
        key: str | None = None,
    ) -> Group:
        """Put people and groups into a group kept by hand, or take them out; all of it or nothing.

        What is as wanted already is no change. Raises NotFoundError (whoever is missing), RefusedError (a circle,
        shown; kept by a directory source), UsageError.
        """
        if len(add.people) + len(remove.people) > _MOST_AT_ONCE:
            raise UsageError(f"more than {_MOST_AT_ONCE} people at once", do="Take several goes.")

        def work(log: Journal) -> Group:
            before = group_store.require(log.connection, tenant, name)
            _only_keeper(before, "")
            inside = tuple(sorted({*before.groups, *add.groups} - set(remove.groups)))
            after = replace(before, groups=inside)
            for child in add.groups:
                group_store.require(log.connection, tenant, child)
            _refuse_circles(log.connection, after)
            if before != after:
                _save(log, before, after, "group.set")
            _save_people(log, _people(log.connection, tenant, add.people), add=name)
            _save_people(log, _people(log.connection, tenant, remove.people), remove=name)
            return after

        return self._write(actor, key, ("group.change", tenant, name, add, remove), work)

    def _write(self, actor: str, key: str | None, request: object, work: Callable[[Journal], Group]) -> Group:
        return self._directory.write(
            actor,
            work,
            key=key,
            request=request,
            encode=wire.public_group,
            decode=lambda _, stored: wire.group_from_public(stored),
        )


def put_kept(log: Journal, wanted: Group) -> Group:
    """Make the group of a source as it is there, its groups included. Raises UsageError, RefusedError."""
    rules.checked_group(wanted.name)
    rules.checked_description(wanted.description)
    _known_tenant(log.connection, wanted.tenant)
    key = (wanted.tenant, wanted.name)
    before = group_store.by_key(log.connection, [key]).get(key)
    if before is not None and before.source != wanted.source:
        raise RefusedError(f"the group {wanted.name} is kept {_keeper(before)}")
    formerly = before.formerly if before is not None else ()
    after = replace(wanted, groups=tuple(sorted(set(wanted.groups))), formerly=formerly)
    _refuse_circles(log.connection, after)
    if before != after:
        _save(log, before, after, "group.set" if before else "group.create")
    return after


def rename_kept(log: Journal, tenant: str, name: str, wanted: str, source: str = "") -> None:
    """Call a group otherwise: at everybody, in every group it is in, and for what was given to it.

    source: as of `delete_kept`. Raises NotFoundError, RefusedError (kept by others; the name is taken), UsageError.
    """
    connection = log.connection
    new = rules.checked_group(wanted)
    before = group_store.require(connection, tenant, name)
    _only_keeper(before, source)
    if new == name:
        return
    if group_store.by_key(connection, [(tenant, new)]) or group_store.worn(connection, tenant, new):
        raise RefusedError(f"the group {new} exists already")
    members = store.people_by_aor(connection, group_store.people(connection, tenant, [name]))
    _save_people(log, members.values(), add=new, remove=name)
    formerly = (*(each for each in before.formerly if each not in (name, new)), name)[-_MOST_FORMER:]
    _save(log, None, replace(before, name=new, formerly=formerly), "group.rename")
    above = group_store.by_key(
        connection, ((tenant, parent) for parent in group_store.parents(connection, tenant, name))
    )
    for parent in above.values():
        _save(log, parent, replace(parent, groups=_with(parent.groups, new, name)), "group.set")
    group_store.delete(connection, [(tenant, name)])
    after = {"name": new, "tenant": tenant}
    log.note(GROUP, group_store.key_text(tenant, name), "group.rename", wire.public_group(before), after)
    log.renamed_groups.append((tenant, name, new))


def delete_kept(log: Journal, tenant: str, name: str, source: str = "") -> None:
    """Remove the group from everybody and from every group it is in. Raises NotFoundError, RefusedError.

    source: who asks, a directory source or (empty) somebody by hand; only its keeper may.
    """
    connection = log.connection
    before = group_store.require(connection, tenant, name)
    _only_keeper(before, source)
    members = store.people_by_aor(connection, group_store.people(connection, tenant, [name]))
    _save_people(log, members.values(), remove=name)
    above = group_store.by_key(
        connection, ((tenant, parent) for parent in group_store.parents(connection, tenant, name))
    )
    for parent in above.values():
        inside = tuple(child for child in parent.groups if child != name)
        _save(log, parent, replace(parent, groups=inside), "group.set")
    group_store.delete(connection, [(tenant, name)])
    log.note(GROUP, group_store.key_text(tenant, name), "group.delete", wire.public_group(before), None)


def _known_tenant(connection: Connection, tenant: str) -> None:
    if tenant not in store.tenants(connection):
        raise NotFoundError(f"there is no tenant {tenant!r}")


def _only_keeper(group: Group, source: str) -> None:
    if group.source != source:
        raise RefusedError(f"the group {group.name} is kept {_keeper(group)}", do="Change it there.")


def _keeper(group: Group) -> str:
    return f"by the directory source {group.source}" if group.source else "by hand"


def _refuse_circles(connection: Connection, group: Group) -> None:
    if len(group.groups) > _MOST_INSIDE:
        raise UsageError(f"more than {_MOST_INSIDE} groups in {group.name}")
    nesting = {**store.nestings(connection).get(group.tenant, {}), group.name: ()}
    for child in group.groups:
        if way := groups.circle(group.name, child, nesting):
            raise RefusedError(
                f"{group.name} would contain itself: {' > '.join(way)}", do="Take one of these out of the one before."
            )


def _save(log: Journal, before: Group | None, after: Group, action: str) -> None:
    group_store.put(log.connection, [after])
    key = group_store.key_text(after.tenant, after.name)
    log.note(GROUP, key, action, None if before is None else wire.public_group(before), wire.public_group(after))


def _people(connection: Connection, tenant: str, aors: Sequence[Aor]) -> list[Person]:
    """All of these people. Raises NotFoundError naming those who are not people of the tenant."""
    found = store.people_by_aor(connection, aors)
    missing = [str(aor) for aor in aors if aor not in found or found[aor].tenant != tenant]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise NotFoundError(f"nobody is called {', '.join(missing[:5])}{more}", do="Nothing was changed.")
    return [found[aor] for aor in dict.fromkeys(aors)]


def _save_people(log: Journal, people: Iterable[Person], *, add: str = "", remove: str = "") -> None:
    changed: list[Person] = []
    for person in people:
        wanted = rules.normalised(replace(person, groups=_with(person.groups, add, remove)))
        if wanted == person:
            continue
        if faults := rules.faults_of(wanted, None, {person.aor.domain: person.tenant}):
            raise UsageError("; ".join(faults), where=str(person.aor))
        changed.append(wanted)
        log.note(PERSON, str(person.aor), "person.set", wire.public(person), wire.public(wanted))
    store.update_people(log.connection, changed)


def _with(present: Collection[str], add: str, remove: str) -> tuple[str, ...]:
    names = set(present) - {remove}
    return tuple(sorted(names | {add} if add else names))
