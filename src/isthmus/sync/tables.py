"""The tables of directory synchronisation, as the migrations made them. They stand in the authority's database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, Table, Text, text
from sqlalchemy.dialects import postgresql

metadata = MetaData()

_KEY = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

# How far each source has been read. cursor: the source's own business.
source = Table(
    "sync_source",
    metadata,
    Column("name", Text, primary_key=True),
    Column("cursor", Text, nullable=False),
    Column("synced_ms", BigInteger, nullable=False),
)

# What each object of a source stands for, and how it was read last (JSON of model.Wanted). number: repeated from
# there, to find who else claims it. conflicts: JSON list; vanished_ms, times: milliseconds since 1970, UTC.
link = Table(
    "sync_link",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("aor", _KEY),
    Column("number", Text),
    Column("stamp", Text, nullable=False),
    Column("wanted", Text, nullable=False),
    Column("conflicts", Text, nullable=False),
    Column("conflicted", Boolean, nullable=False),
    Column("vanished_ms", BigInteger),
    # Security id of the account elsewhere that an object of a resource forest belongs to.
    Column("twin", Text),
    # Whatever the code above does: a person is kept by one object of one source.
    Index("one_object_a_person", "aor", unique=True),
    Index("sync_link_number", "number"),
    Index("sync_link_twin", "source", "twin"),
    Index("sync_link_conflicted", "source", sqlite_where=text("conflicted"), postgresql_where=text("conflicted")),
)

# key, request: idempotency key and what was asked with it. attempt: which workflow may work on it. counts: JSON.
# cursor: where the source has to be read on from once everything is applied.
run = Table(
    "sync_run",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("key", Text),
    Column("request", Text, nullable=False),
    Column("approved", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
    Column("note", Text, nullable=False),
    Column("counts", Text, nullable=False),
    Column("cursor", Text, nullable=False),
    Index("one_run_a_key", "actor", "key", unique=True),
    Index(
        "one_open_run_a_source",
        "source",
        unique=True,
        sqlite_where=text("finished_ms IS NULL"),
        postgresql_where=text("finished_ms IS NULL"),
    ),
    Index("sync_run_started", "started_ms"),
)

# The plan of a run, in its order (JSON of model.Change). reason: why it could not be done after all.
change = Table(
    "sync_change",
    metadata,
    Column("run", Text, ForeignKey("sync_run.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("chunk", Integer, nullable=False),
    Column("change", Text, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Index("sync_change_open", "run", "chunk", sqlite_where=text("NOT done"), postgresql_where=text("NOT done")),
)
