"""The tables of the inventory, as the migration made them. The authority's rows alone mean something.

Numbers are the integers of their E.164 digits. That a person owns a number stands at the person alone
(directory.tables.person.number).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, MetaData, Table, Text

from isthmus.directory import tables as directory

metadata = MetaData()
_tenant = directory.tenant.to_metadata(metadata)  # only pointed to from here


def _of_tenant() -> Column[str]:
    return Column("tenant", Text, ForeignKey("tenant.name", ondelete="CASCADE"), nullable=False)


# Ranges of all tenants; none overlaps another.
number_block = Table(
    "number_block",
    metadata,
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    _of_tenant(),
    Column("purpose", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
)

# What keeps a number that is no person's. kind: service, resource or reserved. until_ms: of a reservation.
number_hold = Table(
    "number_hold",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _of_tenant(),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
)

# Who is behind a number, by the stable id of the person.
number_extension = Table(
    "number_extension",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("extension", Text, primary_key=True),
    _of_tenant(),
    Column("person", Text, nullable=False),
    Index("number_extension_person", "person"),
)

number_port = Table(
    "number_port",
    metadata,
    Column("id", Text, primary_key=True),
    _of_tenant(),
    Column("direction", Text, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("due", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)
