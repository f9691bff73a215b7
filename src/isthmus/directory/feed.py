"""The change feed between sites: reading a page of it at the authority, applying one elsewhere.

A page holds the *present* state of every object changed in its stretch. So a reader may see a person's later state
before the change that led to it, and two people may for a while seem to own one number: the one named last by the
authority is right, the other's entry is on its way.
"""

from __future__ import annotations

from sqlalchemy import Connection

from isthmus.addressing import Aor
from isthmus.directory import group_store, journal, store
from isthmus.directory.journal import DOMAIN, GROUP, PERSON, TENANT, Journal
from isthmus.directory.model import FeedPage, Person
from isthmus.errors import RefusedError

_RESTORED = "Was a database restored from a backup, or made anew? Start the receiving site with an empty one."


def read_page(connection: Connection, seq: int, limit: int) -> FeedPage:
    """The changes after `seq`, at most `limit`. Raises RefusedError for a position this feed never reached.

    connection: one that sees a single unchanging state.
    """
    stream, last = journal.head(connection)
    if seq > last:
        raise RefusedError(f"the feed ends at {last}, and is asked for what follows {seq}", do=_RESTORED)
    changes = journal.changes_after(connection, seq, limit)
    # Sequence numbers of superseded changes are gone: a short page reaches to the end all the same.
    to_seq = changes[-1][0] if len(changes) == limit else last
    keys: dict[str, list[str]] = {TENANT: [], DOMAIN: [], PERSON: [], GROUP: []}
    for _, kind, key in changes:
        keys.setdefault(kind, []).append(key)  # a kind of a later version is none of this page's business
    owners = store.domains(connection) if keys[DOMAIN] else {}
    suspended = store.suspended(connection) if keys[TENANT] else frozenset()
    known = set(store.tenants(connection)) if keys[TENANT] else set()
    aors = [Aor.parse(key) for key in keys[PERSON]]
    people = store.people_by_aor(connection, aors)
    names = [group_store.key_of(key) for key in keys[GROUP]]
    groups = group_store.by_key(connection, names)
    return FeedPage(
        stream=stream,
        from_seq=seq,
        to_seq=to_seq,
        last_seq=last,
        # One that is gone stays at the other site as an empty name: nothing there is its any more.
        tenants=tuple(name for name in keys[TENANT] if name in known),
        domains=tuple((name, owners[name]) for name in keys[DOMAIN] if name in owners),
        people=tuple((aor, people.get(aor)) for aor in aors),
        groups=tuple((name, groups.get(name)) for name in names),
        suspended=tuple(name for name in keys[TENANT] if name in suspended),
        gone_domains=tuple(name for name in keys[DOMAIN] if name not in owners),
    )


def apply_page(log: Journal, page: FeedPage, source: str) -> int:
    """Bring this site's directory up to the page. Returns the position reached.

    A page that was applied before, whole or in part, does no harm. Raises RefusedError for one that leaves a gap,
    comes from another database than those before, or takes a home epoch back; nothing is written then.
    """
    connection = log.connection
    reached = _reached(connection, page, source)
    if page.to_seq <= reached:
        return reached
    present = store.people_by_aor(connection, (aor for aor, _ in page.people))
    _refuse_older_epochs(connection, page, present, source)
    _put_domains(log, page)
    _put_groups(log, page)
    gone = [present[aor] for aor, person in page.people if person is None and aor in present]
    changed = [person for aor, person in page.people if person is not None and person != present.get(aor)]
    _refuse_strangers(connection, changed, source)
    log.left, log.more_to_come = _left(connection, gone, changed, present), page.to_seq < page.last_seq
    store.delete_people(connection, gone)
    # Somebody renamed brings the id along; who has it here is told of further on.
    store.release_ids(connection, [person.id for person in changed if person.id])
    for aor in _release(connection, changed):
        log.changed(PERSON, str(aor))
    store.update_people(connection, [person for person in changed if person.aor in present])
    store.insert_people(connection, [person for person in changed if person.aor not in present])
    store.delete_domains(connection, page.gone_domains)
    for name in page.gone_domains:
        log.changed(DOMAIN, name)
    for person in (*gone, *changed):
        log.changed(PERSON, str(person.aor))
    journal.set_position(connection, source, page.stream, page.to_seq)
    if log.changes:
        after = {"to": page.to_seq, "changed": _names(changed), "gone": _names(gone)}
        log.entry("feed.apply", source, None, after, tenant="")
    return page.to_seq


def _left(
    connection: Connection, gone: list[Person], changed: list[Person], present: dict[Aor, Person]
) -> dict[Aor, str]:
    """Addresses that are no longer whose they were, and the id of who that was."""
    left = {person.aor: person.id for person in gone}
    for person in changed:
        before = present.get(person.aor)
        # Somebody without an id is nobody else for getting one: an older version of the other site gave none.
        if before is not None and before.id and person.id and before.id != person.id:
            left[person.aor] = before.id
    now = {person.id: person.aor for person in changed if person.id}
    holders = store.holders(connection, now)
    return left | {aor: id_ for id_, aor in holders.items() if aor != now[id_]}


def _names(people: list[Person]) -> list[str]:
    return [str(person.aor) for person in people]


def _reached(connection: Connection, page: FeedPage, source: str) -> int:
    stored = journal.position(connection, source)
    stream, reached = stored or (page.stream, 0)
    if stream != page.stream:
        raise RefusedError("the feed comes from another database than before", where=source, do=_RESTORED)
    if page.from_seq > reached:
        raise RefusedError(
            f"the feed goes on at {page.from_seq}, and {reached} is as far as it was applied",
            where=source,
            do=f"Send what follows {reached}.",
        )
    return reached


def _refuse_older_epochs(connection: Connection, page: FeedPage, present: dict[Aor, Person], source: str) -> None:
    before = store.departed_epochs(connection, (aor for aor, person in page.people if aor not in present))
    for aor, person in page.people:
        known = present[aor].home_epoch if aor in present else before.get(aor, -1)
        if person is not None and person.home_epoch < known:
            raise RefusedError(
                f"the home epoch of {aor} would go back from {known} to {person.home_epoch}",
                where=source,
                do=_RESTORED,
            )


def _refuse_strangers(connection: Connection, people: list[Person], source: str) -> None:
    domains = store.domains(connection)
    for person in people:
        if domains.get(person.aor.domain) != person.tenant:
            raise RefusedError(
                f"the feed has {person.aor} in tenant {person.tenant!r}, which does not own that domain", where=source
            )


def _put_domains(log: Journal, page: FeedPage) -> None:
    known = set(store.tenants(log.connection))
    suspended = store.suspended(log.connection)
    for name in page.tenants:
        if name not in known or (name in suspended) != (name in page.suspended):
            log.changed(TENANT, name)
    owned = store.domains(log.connection)
    for name, tenant in page.domains:
        if owned.get(name) != tenant:
            log.changed(DOMAIN, name)
    store.put_tenants(log.connection, {*page.tenants, *(tenant for _, tenant in page.domains)} - known)
    for name in page.tenants:
        if (name in suspended) != (name in page.suspended):
            store.set_suspended(log.connection, name, name in page.suspended)
    store.put_domains(log.connection, page.domains)


def _put_groups(log: Journal, page: FeedPage) -> None:
    present = group_store.by_key(log.connection, (key for key, _ in page.groups))
    gone = [key for key, group in page.groups if group is None and key in present]
    changed = [group for key, group in page.groups if group is not None and group != present.get(key)]
    # Its tenant is in the feed as well, but may have its place further on.
    for group in changed:
        if (group.tenant, group.name) not in present:  # new here: perhaps by a rename
            log.renamed_groups += [(group.tenant, before, group.name) for before in group.formerly]
    store.put_tenants(log.connection, {group.tenant for group in changed})
    group_store.delete(log.connection, gone)
    group_store.put(log.connection, changed)
    for tenant, name in (*gone, *((group.tenant, group.name) for group in changed)):
        log.changed(GROUP, group_store.key_text(tenant, name))


def _release(connection: Connection, changed: list[Person]) -> list[Aor]:
    """Free the numbers these people bring from whoever has them and is not among them. Returns who that was."""
    incoming = {person.aor for person in changed}
    numbers = (person.number for person in changed if person.number is not None)
    others = [aor for aor, _ in store.owners(connection, numbers).values() if aor not in incoming]
    store.release_numbers(connection, others)
    return others
