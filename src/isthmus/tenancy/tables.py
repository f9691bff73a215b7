"""The tables of tenants, as the migration made them. That a tenant exists, and is suspended, is the directory's."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Table, Text

from isthmus.directory import tables as directory

metadata = MetaData()
_tenant = directory.tenant.to_metadata(metadata)  # only pointed to from here

# Limits: NULL for none.
tenant_profile = Table(
    "tenant_profile",
    metadata,
    Column("tenant", Text, ForeignKey("tenant.name", ondelete="CASCADE"), primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("people", Integer),
    Column("numbers", Integer),
    Column("devices", Integer),
    Column("requests_per_minute", Integer),
    Column("created_ms", BigInteger),
)

# Several tenants may claim a domain; one can prove it. A proved one stands in the directory's table `domain` as well.
domain_claim = Table(
    "domain_claim",
    metadata,
    Column("tenant", Text, ForeignKey("tenant.name", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("token", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("verified_ms", BigInteger),
    Column("verified_by", Text),
    Column("checked_ms", BigInteger),
    Column("trouble", Text, nullable=False),
)
