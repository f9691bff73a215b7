"""The tables of calling plans, as the migration made them. Each site has its own rows: it is its trunks that cost."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, Table, Text

from isthmus.directory import tables as directory

metadata = MetaData()
_tenant = directory.tenant.to_metadata(metadata)  # only pointed to from here

# settings: JSON object, all of a Plan but tenant and name.
calling_plan = Table(
    "calling_plan",
    metadata,
    Column("tenant", Text, ForeignKey("tenant.name"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("settings", Text, nullable=False),
)

# Who has which plan, by the stable id of the person. group_name, licence: by which they have it; both empty: by name.
calling_plan_holder = Table(
    "calling_plan_holder",
    metadata,
    Column("person", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("group_name", Text, nullable=False, server_default=""),
    Column("licence", Text, nullable=False, server_default=""),
    Index("calling_plan_holder_tenant", "tenant"),
)

# Which group has which plan; what comes of it stands in calling_plan_holder (plans/following.py).
calling_plan_group = Table(
    "calling_plan_group",
    metadata,
    Column("tenant", Text, ForeignKey("tenant.name"), primary_key=True),
    Column("group_name", Text, primary_key=True),
    Column("plan", Text, nullable=False),
    Column("rank", Integer, nullable=False),
)

# Which plan whoever holds a licence has, likewise.
calling_plan_licence = Table(
    "calling_plan_licence",
    metadata,
    Column("tenant", Text, ForeignKey("tenant.name"), primary_key=True),
    Column("licence", Text, primary_key=True),
    Column("plan", Text, nullable=False),
    Column("rank", Integer, nullable=False),
)

# settings: JSON object, all of an Account but the tenant. full_micro: see Credit. warned: percent of the last warning.
calling_account = Table(
    "calling_account",
    metadata,
    Column("tenant", Text, ForeignKey("tenant.name"), primary_key=True),
    Column("settings", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("full_micro", BigInteger, nullable=False),
)

calling_deposit = Table(
    "calling_deposit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, ForeignKey("tenant.name"), nullable=False),
    Column("micro", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("calling_deposit_tenant", "tenant", "at_ms"),
)

# One a call record at most: whatever comes twice is charged once.
calling_charge = Table(
    "calling_charge",
    metadata,
    Column("site", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("bucket", Text, nullable=False),
    Column("month", Text, nullable=False),
    Column("began_ms", BigInteger, nullable=False),
    Column("number", Text, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("cost_micro", BigInteger),
    Column("currency", Text, nullable=False),
    Column("counted_s", Integer, nullable=False),
    Column("plan_s", Integer, nullable=False),
    Column("credit_micro", BigInteger, nullable=False),
    Index("calling_charge_month", "tenant", "month", "plan", "bucket", "person", "began_ms"),
)

# How far the site's own records have been charged.
calling_position = Table(
    "calling_position",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)
