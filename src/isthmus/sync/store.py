"""The SQL of directory synchronisation. Functions of a connection, nothing decided."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, case, delete, func, insert, select, update

from isthmus.addressing import Aor
from isthmus.directory.store import in_batches, upsert
from isthmus.sync.model import SILENT, Change, Link, Run, RunState, Wanted
from isthmus.sync.rules import Holder
from isthmus.sync.tables import change, link, run, source

INTERVAL = "sync:interval"  # who begins the runs by themselves
_KEPT_RUNS = 50  # of a source; older ones are forgotten, the audit log is not

_wanted = msgspec.json.Decoder(Wanted)
_change = msgspec.json.Decoder(Change)


# Sources


def cursor(connection: Connection, name: str) -> str | None:
    """Where the source is to be read on from; None when it was never read to the end."""
    return connection.execute(select(source.c.cursor).where(source.c.name == name)).scalar()


def synced(connection: Connection) -> dict[str, float]:
    """When each source was last brought to an end, Unix seconds."""
    return {row.name: row.synced_ms / 1000 for row in connection.execute(select(source))}


def set_cursor(connection: Connection, name: str, value: str, now_ms: int) -> None:
    """Remember how far the source has been read."""
    upsert(connection, source, [{"name": name, "cursor": value, "synced_ms": now_ms}], ("cursor", "synced_ms"))


# Links


def stamps(connection: Connection, name: str) -> dict[str, str]:
    """Id and stamp of all objects of a source that we know."""
    query = select(link.c.id, link.c.stamp).where(link.c.source == name)
    return {row.id: row.stamp for row in connection.execute(query)}


def links(connection: Connection, name: str, ids: Collection[str] | None = None) -> dict[str, Link]:
    """The links of a source, all or those of some objects."""
    query = select(link).where(link.c.source == name)
    if ids is None:
        return {row["id"]: _link(row) for row in connection.execute(query).mappings()}
    found: dict[str, Link] = {}
    for some in in_batches(ids):
        found |= {row["id"]: _link(row) for row in connection.execute(query.where(link.c.id.in_(some))).mappings()}
    return found


def conflicted(connection: Connection, name: str | None = None) -> list[Link]:
    """Links with conflicts, of one source or of all."""
    query = select(link).where(link.c.conflicted).order_by(link.c.source, link.c.id)
    if name is not None:
        query = query.where(link.c.source == name)
    return [_link(row) for row in connection.execute(query).mappings()]


def vanished(connection: Connection, name: str, before_ms: int) -> list[Link]:
    """Links whose object has been missing since before then."""
    query = select(link).where(link.c.source == name, link.c.vanished_ms < before_ms).order_by(link.c.id)
    return [_link(row) for row in connection.execute(query).mappings()]


def holders(connection: Connection, aors: Iterable[Aor]) -> dict[Aor, Holder]:
    """Which object each of the people is linked to."""
    found: dict[Aor, Holder] = {}
    for some in in_batches(str(aor) for aor in aors):
        query = select(link.c.aor, link.c.source, link.c.id).where(link.c.aor.in_(some))
        found |= {Aor.parse(row.aor): (row.source, row.id) for row in connection.execute(query)}
    return found


def of_person(connection: Connection, aor: Aor) -> Link | None:
    """The link of one person."""
    row = connection.execute(select(link).where(link.c.aor == str(aor))).mappings().first()
    return None if row is None else _link(row)


def named(connection: Connection, name: str, text: str) -> Link | None:
    """The object of a source that has this id, or that is called so there (a DN)."""
    for found in (
        link.c.id == text,
        link.c.wanted.contains(f'"name":{msgspec.json.encode(text).decode()}', autoescape=True),
    ):
        query = select(link).where(link.c.source == name, found).limit(1)
        row = connection.execute(query).mappings().first()
        if row is not None:
            return _link(row)
    return None


def claiming(connection: Connection, numbers: Iterable[str]) -> list[Link]:
    """Links of all sources whose objects want one of the numbers."""
    found: list[Link] = []
    for some in in_batches(numbers):
        found += [_link(row) for row in connection.execute(select(link).where(link.c.number.in_(some))).mappings()]
    return found


def linked(connection: Connection, name: str) -> int:
    """How many people a source keeps who have not vanished."""
    query = select(func.count()).where(link.c.source == name, link.c.aor.is_not(None), link.c.vanished_ms.is_(None))
    return int(connection.execute(query).scalar_one())


def put_links(connection: Connection, items: Sequence[Link]) -> None:
    """Remember links. Addresses may change hands among them, in any order."""
    for some in in_batches(items):
        aors = [str(each.aor) for each in some if each.aor is not None]
        connection.execute(update(link).where(link.c.aor.in_(aors)).values(aor=None))
    columns = ("aor", "number", "stamp", "wanted", "conflicts", "conflicted", "vanished_ms", "twin")
    upsert(connection, link, [_link_row(each) for each in items], columns)


def drop_links(connection: Connection, name: str, ids: Collection[str]) -> None:
    """Forget objects."""
    for some in in_batches(ids):
        connection.execute(delete(link).where(link.c.source == name, link.c.id.in_(some)))


# Runs


def insert_run(connection: Connection, new: Run, *, key: str | None, request: str) -> None:
    """Begin a run. Raises IntegrityError while another one of the source is open."""
    connection.execute(
        insert(run).values(
            id=new.id,
            source=new.source,
            mode=new.mode,
            actor=new.actor,
            key=key,
            request=request,
            approved=new.approved,
            state=new.state.value,
            attempt=new.attempt,
            started_ms=int(new.started * 1000),
            note=new.note,
            counts="{}",
            cursor="",
        )
    )


def set_run(connection: Connection, run_id: str, **values: Any) -> None:
    """Change columns of a run."""
    connection.execute(update(run).where(run.c.id == run_id).values(**values))


def get_run(connection: Connection, run_id: str) -> Run | None:
    """One run."""
    row = connection.execute(select(run).where(run.c.id == run_id)).mappings().first()
    return None if row is None else _run(row)


def run_cursor(connection: Connection, run_id: str) -> str:
    """Where its source is to be read on from."""
    return str(connection.execute(select(run.c.cursor).where(run.c.id == run_id)).scalar_one())


def run_by_key(connection: Connection, actor: str, key: str) -> tuple[str, str] | None:
    """(id, request) of the run that `actor` began with this key."""
    row = connection.execute(select(run.c.id, run.c.request).where(run.c.actor == actor, run.c.key == key)).first()
    return None if row is None else (row.id, row.request)


def runs(connection: Connection, name: str | None, limit: int) -> list[Run]:
    """The newest runs first."""
    query = select(run).order_by(run.c.started_ms.desc(), run.c.id).limit(limit)
    if name is not None:
        query = query.where(run.c.source == name)
    return [_run(row) for row in connection.execute(query).mappings()]


def open_runs(connection: Connection) -> list[Run]:
    """Runs that are not over."""
    return [_run(row) for row in connection.execute(select(run).where(run.c.finished_ms.is_(None))).mappings()]


def forget_runs(connection: Connection, name: str, last: str) -> None:
    """Drop all but the newest runs of a source, and but for the last one those by themselves that found nothing."""
    old = (run.c.source == name) & run.c.finished_ms.is_not(None) & (run.c.id != last)
    idle = (run.c.actor == INTERVAL) & (run.c.state == RunState.DONE.value) & (run.c.counts == "{}")
    connection.execute(delete(run).where(old, idle))
    newest = select(run.c.id).where(run.c.source == name).order_by(run.c.started_ms.desc(), run.c.id)
    kept = connection.execute(newest.limit(_KEPT_RUNS)).scalars().all()
    connection.execute(delete(run).where(old, run.c.id.not_in(kept)))


# Plans


def clear_plan(connection: Connection, run_id: str) -> None:
    """Drop what an earlier attempt wrote of a run's plan."""
    connection.execute(delete(change).where(change.c.run == run_id))


def put_plan(connection: Connection, run_id: str, number: int, position: int, changes: Sequence[Change]) -> None:
    """Write a chunk of a run's plan, its changes from this position on."""
    connection.execute(
        insert(change),
        [
            {
                "run": run_id,
                "position": position + index,
                "chunk": number,
                "change": msgspec.json.encode(each).decode(),
                "done": False,
                "reason": "",
            }
            for index, each in enumerate(changes)
        ],
    )


def next_chunk(connection: Connection, run_id: str) -> int | None:
    """The first chunk of a plan that is not done."""
    query = select(func.min(change.c.chunk)).where(change.c.run == run_id, ~change.c.done)
    return connection.execute(query).scalar()


def chunk(connection: Connection, run_id: str, number: int) -> list[tuple[int, Change]]:
    """What is not done of a chunk: position and change."""
    query = select(change).where(change.c.run == run_id, change.c.chunk == number, ~change.c.done)
    return [(row.position, _change.decode(row.change)) for row in connection.execute(query.order_by(change.c.position))]


def set_done(connection: Connection, run_id: str, number: int, reasons: Mapping[int, str]) -> None:
    """A chunk is done. reasons: position to why a change could not be."""
    connection.execute(update(change).where(change.c.run == run_id, change.c.chunk == number).values(done=True))
    for position, reason in reasons.items():
        connection.execute(
            update(change).where(change.c.run == run_id, change.c.position == position).values(reason=reason)
        )


def photos(connection: Connection) -> set[str]:
    """Hashes of everybody's photos."""
    named = ~link.c.wanted.contains('"photo":""') & link.c.wanted.contains('"photo":"')
    rows = connection.execute(select(link.c.wanted).where(named))
    return {found for row in rows if (found := _wanted.decode(row.wanted).photo)}


def applied(connection: Connection, run_id: str) -> tuple[int, int, int]:
    """How many changes a run's plan has, how many of them were tried, and how many could not be."""
    done, failed = func.sum(case((change.c.done, 1), else_=0)), func.sum(case((change.c.reason != "", 1), else_=0))
    row = connection.execute(select(func.count(), done, failed).where(change.c.run == run_id)).one()
    return int(row[0]), int(row[1] or 0), int(row[2] or 0)


def planned(connection: Connection, run_id: str, limit: int) -> list[tuple[Change, bool, str]]:
    """A run's changes that mean something to a reader: with whether each is done, and why not."""
    query = select(change).where(change.c.run == run_id).order_by(change.c.position)
    found: list[tuple[Change, bool, str]] = []
    for row in connection.execute(query):
        each = _change.decode(row.change)
        if each.kind not in SILENT or each.conflicts or row.reason:
            found.append((each, row.done, row.reason))
            if len(found) >= limit:
                break
    return found


def _link(row: RowMapping) -> Link:
    return Link(
        source=row["source"],
        id=row["id"],
        aor=None if row["aor"] is None else Aor.parse(row["aor"]),
        wanted=_wanted.decode(row["wanted"]),
        vanished_ms=row["vanished_ms"],
        conflicts=tuple(json.loads(row["conflicts"])),
    )


def _link_row(each: Link) -> dict[str, Any]:
    return {
        "source": each.source,
        "id": each.id,
        "aor": None if each.aor is None else str(each.aor),
        "number": each.wanted.number,
        "stamp": each.wanted.stamp if each.vanished_ms is None else "",
        "wanted": msgspec.json.encode(each.wanted).decode(),
        "conflicts": json.dumps(each.conflicts),
        "conflicted": bool(each.conflicts),
        "vanished_ms": each.vanished_ms,
        "twin": each.wanted.twin or None,
    }


def _run(row: RowMapping) -> Run:
    finished = row["finished_ms"]
    return Run(
        id=row["id"],
        source=row["source"],
        mode=row["mode"],
        actor=row["actor"],
        approved=row["approved"],
        state=RunState(row["state"]),
        attempt=row["attempt"],
        started=row["started_ms"] / 1000,
        finished=None if finished is None else finished / 1000,
        note=row["note"],
        counts=json.loads(row["counts"]),
    )
