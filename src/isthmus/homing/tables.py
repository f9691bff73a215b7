"""The tables of moves, as the migrations made them. They stand in the authority's database alone."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql

metadata = MetaData()

_KEY = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

# key, request: idempotency key and digest of what was asked with it. run: which workflow may work on it, counted up
# when it is started anew. note: what it waits for. Times: milliseconds since 1970, UTC.
# tenant: whose people they are; empty for several tenants.
batch = Table(
    "batch",
    metadata,
    Column("id", Text, primary_key=True),
    Column("target", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("key", Text),
    Column("request", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("run", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
    Column("tenant", Text, nullable=False, server_default=""),
    UniqueConstraint("actor", "key", name="one_batch_a_key"),
    Index("batch_created", "created_ms"),
)

# source, epoch: home and epoch when the move began. reasons: JSON list. handed: JSON, participant -> what the target
# took over, so that hand-over knows what is new; emptied at the end. open: not in a final state.
move = Table(
    "move",
    metadata,
    Column("batch", Text, ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("chunk", Integer, nullable=False),
    Column("aor", _KEY, nullable=False),
    Column("state", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("new_epoch", BigInteger, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("handed", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("open", Boolean, nullable=False),
    # Two moves of one person at a time can't be, whatever the code above does.
    Index("one_open_move_a_person", "aor", unique=True, sqlite_where=text("open"), postgresql_where=text("open")),
    Index("move_chunk", "batch", "chunk"),
)
