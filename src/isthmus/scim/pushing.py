"""What a pushed user or group means for the directory, done at once by the planner of all sources.

People go through sync.work: the same mapping, conflicts, restoring and one write path as people who are fetched.
Groups become groups of ours, kept by this source, with the groups in them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Connection

from isthmus.directory import grouping
from isthmus.directory.model import Group
from isthmus.directory.rules import checked_group
from isthmus.directory.service import Directory
from isthmus.scim import store
from isthmus.scim.model import Member, Stored, source_of
from isthmus.scim.source import LATELY_MS, entries
from isthmus.sync.work import Work

_DAY_MS = 24 * 3600 * 1000
_BURIED_MS = 400 * _DAY_MS  # longer than any source keeps who vanished


class Effects:
    """Everything in the caller's transaction, in the name of `actor`; the caller then calls `announce`."""

    def __init__(self, directory: Directory, work: Work, actor: str, clock: Callable[[], float] = time.time) -> None:
        self._directory, self._work, self._actor, self._clock = directory, work, actor, clock

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self._clock() * 1000)

    def announce(self) -> None:
        """What was written is committed."""
        self._directory.announce()

    @staticmethod
    def group_name(display_name: str) -> str:
        """What a group is called with us. Raises UsageError for what can't be a group's name."""
        return checked_group(display_name)

    def users(self, connection: Connection, tenant: str, ids: Collection[str], gone: Collection[str] = ()) -> None:
        """These are new, different, or in other groups now, and those are gone."""
        now = self.now_ms()
        removed, _ = self._work.push(
            connection,
            source_of(tenant),
            entries(connection, tenant, ids),
            gone,
            actor=self._actor,
            lately=store.removals(connection, tenant, now - LATELY_MS),
        )
        if removed:
            store.note_removals(connection, tenant, removed, now, now - LATELY_MS)

    def user_gone(self, connection: Connection, tenant: str, before: Stored) -> None:
        """The provider deleted a user: they are disabled, and kept as those of any source."""
        now = self.now_ms()
        store.bury(connection, tenant, before.id, now)
        store.forget_buried(connection, tenant, now - _BURIED_MS)
        store.touch(connection, "Group", tenant, store.drop_members(connection, tenant, [before.id]), now)
        self.users(connection, tenant, [], [before.id])

    def group(
        self, connection: Connection, tenant: str, before: Stored | None, after: Stored, members: Sequence[Member]
    ) -> None:
        """A group was made or changed. Raises RefusedError: a circle; a group of that name is kept by others."""
        now = self.now_ms()
        present = {each.id: each for each in store.members(connection, tenant, [after.id]).get(after.id, ())}
        wanted = {each.id: each for each in members}
        left = [each for each in present.values() if each.id not in wanted]
        changed = [each for each in members if present.get(each.id) != each]
        store.drop_members(connection, tenant, [each.id for each in left], after.id)
        store.put_members(connection, tenant, after.id, changed)
        renamed = before is not None and before.name != after.name
        if renamed and left:
            # Under the old name, by which the planner knows what the group has given them.
            self.users(connection, tenant, {each.id for each in left if not each.is_group})
        moved = [each for each in (*left, *changed) if each.id not in wanted or each.id not in present]
        if before is None or renamed or any(each.is_group for each in moved):
            self._put(connection, tenant, before, after, [each.id for each in members if each.is_group])
        people = {each.id for each in (members if renamed else moved) if not each.is_group}
        people |= {each.id for each in left if not each.is_group}
        if people:
            store.touch(connection, "User", tenant, people, now)
            self.users(connection, tenant, people)

    def _put(
        self, connection: Connection, tenant: str, before: Stored | None, after: Stored, inside: Collection[str]
    ) -> None:
        names = tuple(name for _, name in store.kinds(connection, tenant, inside).values())
        source = source_of(tenant)
        if before is not None and before.name != after.name:
            self._directory.write_in(
                connection,
                self._actor,
                lambda log: grouping.rename_kept(log, tenant, before.name, after.name, source),
            )
        wanted = Group(tenant, after.name, source=source, groups=names)
        self._directory.write_in(connection, self._actor, lambda log: grouping.put_kept(log, wanted))

    def group_gone(self, connection: Connection, tenant: str, before: Stored) -> None:
        """The provider deleted a group."""
        now = self.now_ms()
        inside = store.members(connection, tenant, [before.id]).get(before.id, [])
        people = [each.id for each in inside if not each.is_group]
        store.drop_group(connection, tenant, before.id)
        store.touch(connection, "Group", tenant, store.drop_members(connection, tenant, [before.id]), now)
        source = source_of(tenant)
        self._directory.write_in(
            connection, self._actor, lambda log: grouping.delete_kept(log, tenant, before.name, source)
        )
        if people:
            store.touch(connection, "User", tenant, people, now)
            self.users(connection, tenant, people)
