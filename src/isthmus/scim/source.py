"""What was pushed, as a directory source: so that a run can do anew what a push could not, and ask where it must."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping

from sqlalchemy import Connection, Engine

from isthmus.database import reading
from isthmus.scim import store
from isthmus.scim.flatten import entry_of
from isthmus.sync.model import Entry
from isthmus.sync.source import Reading

LATELY_MS = 24 * 3600 * 1000  # so long people who were disabled count together
_Row = tuple[Entry, tuple[str, ...]]


class ScimSource:
    """The people pushed to one tenant."""

    def __init__(self, engine: Engine, tenant: str, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._tenant, self._clock = engine, tenant, clock

    def check(self) -> str:
        """How many there are. Nobody is asked: the provider comes to us."""
        with reading(self._engine) as connection:
            users = store.count(connection, "User", self._tenant)
            groups = store.count(connection, "Group", self._tenant)
        return f"{users} people and {groups} groups were pushed"

    def full(self) -> Reading:
        """Everybody who was pushed."""
        with reading(self._engine) as connection:
            return Reading(list(entries(connection, self._tenant)), frozenset(), "pushed")

    def lately(self) -> int:
        """How many people were disabled by pushes within the last day."""
        with reading(self._engine) as connection:
            return store.removals(connection, self._tenant, int(self._clock() * 1000) - LATELY_MS)

    def changes(self, cursor: str, known: Mapping[str, str]) -> Reading:
        """Those who are not yet as they were pushed."""
        with reading(self._engine) as connection:
            rows = list(entries(connection, self._tenant))
        changed = [row for row in rows if known.get(row[0].id) != row[0].stamp]
        return Reading(changed, frozenset(set(known) - {entry.id for entry, _ in rows}), cursor)


def entries(connection: Connection, tenant: str, ids: Collection[str] | None = None) -> Iterator[_Row]:
    """What the mapping reads of users, all or some, with the names of the groups they are directly in."""
    found = store.find(connection, "User", tenant, ids=ids)
    around = store.groups_of(connection, tenant, ids)
    for each in found:
        yield entry_of(each.id, each.resource, (name for _, name in around.get(each.id, ())))
