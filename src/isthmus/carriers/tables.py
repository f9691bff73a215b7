"""The table of purchases, as the migration made it. At the authority alone, as the inventory is."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, Table, Text

from isthmus.directory import tables as directory

metadata = MetaData()
_tenant = directory.tenant.to_metadata(metadata)  # only pointed to from here

number_purchase = Table(
    "number_purchase",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, ForeignKey("tenant.name"), nullable=False),
    Column("carrier", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("most_monthly_micro", BigInteger),
    Column("actor", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("currency", Text),
    Column("once_micro", BigInteger),
    Column("monthly_micro", BigInteger),
    Column("reservation", Text, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index("number_purchase_state", "state"),
    Index("number_purchase_number", "number"),
)
