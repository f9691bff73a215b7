"""The SQL of presence. Functions of a connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, delete, select

from isthmus.directory.batches import in_batches, upsert
from isthmus.presence.model import Chosen
from isthmus.presence.tables import presence_chosen, presence_run

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Chosen)


def chosen(connection: Connection, people: Iterable[str] | None = None) -> dict[str, Chosen]:
    """What people set, by stable id; of all, or of some."""
    query = select(presence_chosen.c.person, presence_chosen.c.chosen)
    if people is None:
        return {person: _decoder.decode(row) for person, row in connection.execute(query)}
    found: dict[str, Chosen] = {}
    for batch in in_batches(people):
        rows = connection.execute(query.where(presence_chosen.c.person.in_(batch)))
        found |= {person: _decoder.decode(row) for person, row in rows}
    return found


def put(connection: Connection, wanted: Mapping[str, Chosen]) -> None:
    """Keep what these people set."""
    rows = [{"person": person, "chosen": _encoder.encode(each).decode()} for person, each in wanted.items()]
    upsert(connection, presence_chosen, rows, ("chosen",))


def remove(connection: Connection, people: Iterable[str]) -> None:
    """Forget what these people set."""
    for batch in in_batches(people):
        connection.execute(delete(presence_chosen).where(presence_chosen.c.person.in_(batch)))


def last_run(connection: Connection) -> int:
    """The number of the last run that was noted; 0: none."""
    return connection.execute(select(presence_run.c.run)).scalar() or 0


def note_run(connection: Connection, run: int) -> None:
    """Keep the number of this run."""
    upsert(connection, presence_run, [{"one": 1, "run": run}], ("run",))
