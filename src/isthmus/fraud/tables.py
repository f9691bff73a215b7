"""The tables of caps and blocks, as the migration made them. Each site has its own rows, and the authority's blocks."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, MetaData, Table, Text

from isthmus.directory import tables as directory

metadata = MetaData()
_tenant = directory.tenant.to_metadata(metadata)  # only pointed to from here

# settings: JSON object, all of a Cap but tenant, kind and key.
call_cap = Table(
    "call_cap",
    metadata,
    Column("tenant", Text, ForeignKey("tenant.name"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("settings", Text, nullable=False),
)

# site: where the block was made.
call_block = Table(
    "call_block",
    metadata,
    Column("site", Text, primary_key=True),
    Column("tenant", Text, ForeignKey("tenant.name"), primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("exception", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
