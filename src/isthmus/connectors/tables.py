"""The tables of connectors, as the migrations made them. Only the site that they belong to has rows."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, MetaData, Table, Text

from isthmus.directory import tables as directory

metadata = MetaData()
_tenant = directory.tenant.to_metadata(metadata)  # only pointed to from here

# settings: JSON object. name: of one site only, whatever its tenant, since connectors are named by it.
connector_site = Table(
    "connector_site",
    metadata,
    Column("name", Text, primary_key=True),
    Column("tenant", Text, ForeignKey("tenant.name"), nullable=False),
    Column("settings", Text, nullable=False),
    Column("window", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("version", Text, nullable=False),
)

# A connector that was removed stays as a row: its name is not given again. slot: null before it is enrolled and after
# it is removed. report: JSON object.
connector = Table(
    "connector",
    metadata,
    Column("name", Text, primary_key=True),
    Column("site", Text, ForeignKey("connector_site.name"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("code", Text, nullable=False, unique=True),
    Column("code_until", BigInteger, nullable=False),
    Column("slot", Integer, unique=True),
    Column("key", Text, nullable=False),
    Column("enrolled", BigInteger, nullable=False),
    Column("certificate_until", BigInteger, nullable=False),
    Column("drains", Boolean, nullable=False),
    Column("removed", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("report", Text, nullable=False),
)
