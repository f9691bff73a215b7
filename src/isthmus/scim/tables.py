"""The tables of SCIM, as the migrations made them. They stand in the authority's database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, Table, Text, text
from sqlalchemy.dialects import postgresql

metadata = MetaData()

_KEY = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

# What was pushed of people. key: the user name as it is compared. resource: JSON, see model.Stored. deleted_ms: since
# when it is gone at the provider; kept to know the same person again.
user = Table(
    "scim_user",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", _KEY, primary_key=True),
    Column("key", _KEY, nullable=False),
    Column("name", Text, nullable=False),
    Column("external_id", Text),
    Column("version", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("modified_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger),
    Column("resource", Text, nullable=False),
    Index(
        "one_scim_user_a_name",
        "tenant",
        "key",
        unique=True,
        sqlite_where=text("deleted_ms IS NULL"),
        postgresql_where=text("deleted_ms IS NULL"),
    ),
    Index("scim_user_external", "tenant", "external_id"),
)

# What was pushed of groups. key: the display name as it is compared.
group = Table(
    "scim_group",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", _KEY, primary_key=True),
    Column("key", _KEY, nullable=False),
    Column("name", Text, nullable=False),
    Column("external_id", Text),
    Column("version", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("modified_ms", BigInteger, nullable=False),
    Column("resource", Text, nullable=False),
    Index("one_scim_group_a_name", "tenant", "key", unique=True),
    Index("scim_group_external", "tenant", "external_id"),
)

# Who and what is directly in a group.
member = Table(
    "scim_member",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("group_id", _KEY, primary_key=True),
    Column("member", _KEY, primary_key=True),
    Column("is_group", Boolean, nullable=False),
    Column("display", Text),
    Index("scim_member_member", "tenant", "member"),
)

# People who were disabled by a push, to notice when they are too many in a short time.
removal = Table(
    "scim_removal",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("scim_removal_at", "tenant", "at_ms"),
)
