"""The SQL beside the people themselves: the change feed, audit log, idempotency keys and feed positions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from isthmus import audit
from isthmus.addressing import Aor
from isthmus.audit import store as audit_store
from isthmus.audit.model import Entry, Filter
from isthmus.directory.store import in_batches, upsert
from isthmus.directory.tables import change, feed, feed_position, idempotency

TENANT, DOMAIN, PERSON, GROUP = "tenant", "domain", "person", "group"


@dataclass
class Journal:
    """What one write has to tell: collected while it works, written by `flush` before it commits.

    actor: who; an audit.Actor where it is known from where. at_ms: milliseconds since 1970. left: addresses that are
    no longer whose they were, and the stable id of who that was (empty: has none). more_to_come: of a page of a feed
    alone, whether others follow it; None for any other write. lines: tenants where somebody came to a licence or lost
    their place for one, noted by who keeps the lines (policy/) for who follows them.
    """

    connection: Connection
    actor: str
    at_ms: int
    changes: dict[tuple[str, str], None] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    renamed_groups: list[tuple[str, str, str]] = field(default_factory=list)  # tenant, name before, name now
    left: dict[Aor, str] = field(default_factory=dict)
    more_to_come: bool | None = None
    lines: set[str] = field(default_factory=set)

    def note(self, kind: str, key: str, action: str, before: Any, after: Any, *, tenant: str | None = None) -> None:
        """An object was changed. before, after: JSON values without secrets; None where there is none."""
        self.changed(kind, key)
        self.entry(action, key, before, after, tenant=tenant)

    def changed(self, kind: str, key: str) -> None:
        """An object is different now; the latest mention decides its place in the feed."""
        self.changes.pop((kind, key), None)
        self.changes[kind, key] = None

    def entry(self, action: str, key: str, before: Any, after: Any, *, tenant: str | None = None) -> None:
        """An entry of the audit log. tenant: whose it is; by default what `after` or `before` says."""
        entry = Entry.of(self.actor, action, key, before, after, at_ms=self.at_ms, tenant=tenant)
        self.entries.append(entry)

    def flush(self) -> int:
        """Write all of it. Returns the sequence number of the last change, 0 when nothing changed."""
        seq = _append(self.connection, list(self.changes)) if self.changes else 0
        if self.entries:
            audit.append(self.connection, self.entries)
        return seq


def lock(connection: Connection) -> tuple[str, int]:
    """Wait until no other write is under way, and keep others out until this transaction ends.

    Returns the feed's stream and last sequence number.
    """
    row = connection.execute(select(feed).where(feed.c.id == 1).with_for_update()).one()
    return row.stream, int(row.seq)


def head(connection: Connection) -> tuple[str, int]:
    """The feed's stream and last sequence number, as of this transaction."""
    row = connection.execute(select(feed).where(feed.c.id == 1)).one()
    return row.stream, int(row.seq)


def changes_after(connection: Connection, seq: int, limit: int) -> list[tuple[int, str, str]]:
    """Sequence number, kind and key of the next changes, in order."""
    query = select(change).where(change.c.seq > seq).order_by(change.c.seq).limit(limit)
    return [(int(row.seq), row.kind, row.key) for row in connection.execute(query)]


def position(connection: Connection, source: str) -> tuple[str, int] | None:
    """How far the feed of `source` has been applied: stream and sequence number; None before the first page."""
    row = connection.execute(select(feed_position).where(feed_position.c.source == source)).one_or_none()
    return None if row is None else (row.stream, int(row.seq))


def set_position(connection: Connection, source: str, stream: str, seq: int) -> None:
    """Remember how far the feed of `source` has been applied."""
    upsert(connection, feed_position, [{"source": source, "stream": stream, "seq": seq}], ("stream", "seq"))


def first_result(connection: Connection, actor: str, key: str) -> tuple[str, Any] | None:
    """Digest of the request and result of the first use of this idempotency key; None when it is new."""
    query = select(idempotency).where(idempotency.c.actor == actor).where(idempotency.c.key == key)
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.request, json.loads(row.result))


def keep_result(connection: Connection, actor: str, key: str, request: str, result: Any, at_ms: int) -> None:
    """Remember what a write under this key answered."""
    row = {"actor": actor, "key": key, "request": request, "result": _json(result), "at_ms": at_ms}
    connection.execute(insert(idempotency), row)


def forget_results(connection: Connection, before_ms: int) -> None:
    """Drop idempotency keys last used before then."""
    connection.execute(delete(idempotency).where(idempotency.c.at_ms < before_ms))


def audit_entries(connection: Connection, key: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """The newest entries of the audit log first, of one object or of all."""
    found = audit_store.find(connection, Filter(object=key), limit=limit)
    return [{"id": each.id, **each.entry._asdict()} for each in found]


def _append(connection: Connection, keys: Sequence[tuple[str, str]]) -> int:
    """Give every object the next sequence number and drop its former one."""
    by_kind: dict[str, list[str]] = {}
    for kind, key in keys:
        by_kind.setdefault(kind, []).append(key)
    for kind, names in by_kind.items():
        _drop(connection, kind, names)
    last = int(
        connection.execute(
            update(feed).where(feed.c.id == 1).values(seq=feed.c.seq + len(keys)).returning(feed.c.seq)
        ).scalar_one()
    )
    first = last - len(keys) + 1
    rows = [{"seq": first + i, "kind": kind, "key": key} for i, (kind, key) in enumerate(keys)]
    connection.execute(insert(change), rows)
    return last


def _drop(connection: Connection, kind: str, names: Iterable[str]) -> None:
    for batch in in_batches(names):
        connection.execute(delete(change).where(change.c.kind == kind).where(change.c.key.in_(batch)))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
