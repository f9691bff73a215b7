"""The tables of the audit log, as the migrations made them.

Triggers (they stand in the migration) refuse to change an entry, to remove one that retention has not given up, to
write one into a place the chain has passed, and to take the head of the chain back.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

# The columns up to `after` are those of model.Entry. id: given by the chain, without gaps.
audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("digest", LargeBinary, nullable=False),
    Index("audit_object", "object", "id"),
    Index("audit_actor", "actor", "id"),
    Index("audit_at", "at_ms"),
)

# One row: see model.Head. Whoever appends locks it first, so that there is one chain whatever writes to it.
audit_chain = Table(
    "audit_chain",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("chain", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("cut", BigInteger, nullable=False),
    Column("cut_by", BigInteger, nullable=False),
)
