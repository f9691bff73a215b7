"""The directory's tables, as the migrations made them (a test compares the two)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.dialects import postgresql

metadata = MetaData()

# Addresses compare and sort by bytes, as the snapshot does.
_KEY = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

# suspended: its people are let in nowhere, and its accounts and tokens neither.
tenant = Table(
    "tenant",
    metadata,
    Column("name", Text, primary_key=True),
    Column("suspended", Boolean, nullable=False, server_default=false()),
)

domain = Table(
    "domain",
    metadata,
    Column("name", Text, primary_key=True),
    Column("tenant", Text, ForeignKey("tenant.name"), nullable=False),
)

person = Table(
    "person",
    metadata,
    Column("aor", _KEY, primary_key=True),
    Column("domain", Text, ForeignKey("domain.name"), nullable=False),
    Column("tenant", Text, ForeignKey("tenant.name"), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("number", Text),
    Column("home", Text, nullable=False),
    Column("home_epoch", BigInteger, nullable=False),
    Column("ha1_md5", LargeBinary, nullable=False),
    Column("ha1_sha256", LargeBinary, nullable=False),
    Column("enabled", Boolean, nullable=False),
    # Stays when the address changes, and is never given again. NULL: came from a site that gives none.
    Column("id", Text),
    UniqueConstraint("id", name="one_person_an_id"),
    # What they are kept from, sorted, with blanks between (addressing/barring.py).
    Column("barred", Text, nullable=False, server_default=""),
    # The one thing that makes "a number has one owner" true whatever the code above it does.
    UniqueConstraint("number", name="one_owner_a_number"),
    Index("person_home", "home"),
)

# ha1_md5 is empty where MD5 is not for this device. former_*: empty and 0 unless the secret before is still good.
device = Table(
    "device",
    metadata,
    Column("name", _KEY, primary_key=True),
    Column("aor", _KEY, ForeignKey("person.aor", ondelete="CASCADE"), nullable=False),
    Column("label", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("ha1_md5", LargeBinary, nullable=False),
    Column("ha1_sha256", LargeBinary, nullable=False),
    Column("former_md5", LargeBinary, nullable=False),
    Column("former_sha256", LargeBinary, nullable=False),
    Column("former_until_ms", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("secret_ms", BigInteger, nullable=False),
    Index("device_aor", "aor"),
)

# Secrets that open nothing any more: what was registered with them has to end. Each site has its own rows, written in
# the transaction that ends the secret, kept for as long as a registration lives. next_ms: when to look again.
device_ended = Table(
    "device_ended",
    metadata,
    Column("aor", _KEY, primary_key=True),
    Column("name", _KEY, primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("looked", Integer, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Index("device_ended_next", "next_ms"),
)

membership = Table(
    "membership",
    metadata,
    Column("aor", _KEY, ForeignKey("person.aor", ondelete="CASCADE"), primary_key=True),
    Column("group_name", Text, primary_key=True),
    Index("membership_group", "group_name"),
)

# source: which directory source keeps it, empty for none. A name in `membership` alone is a group as well.
directory_group = Table(
    "directory_group",
    metadata,
    Column("tenant", Text, ForeignKey("tenant.name"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False),
    Column("source", Text, nullable=False),
    # JSON list of what it was called before.
    Column("formerly", Text, nullable=False, server_default="[]"),
)

# Which group is directly in which. The child may be one without a row: a feed brings them in any order.
subgroup = Table(
    "subgroup",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("parent", Text, primary_key=True),
    Column("child", Text, primary_key=True),
    ForeignKeyConstraint(("tenant", "parent"), ("directory_group.tenant", "directory_group.name"), ondelete="CASCADE"),
    Index("subgroup_child", "tenant", "child"),
)

# The last epoch of people who were deleted: should the address come back, its epoch must not start anew.
departed = Table(
    "departed",
    metadata,
    Column("aor", _KEY, primary_key=True),
    Column("home_epoch", BigInteger, nullable=False),
)

# One row. `stream` names this database for as long as it lives; `seq` is the last change. Whoever writes locks the
# row first, so that sequence numbers become visible in their order: a reader who has seen 7 will never meet a new 6.
feed = Table(
    "feed",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("stream", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
)

# The last change of every object, deleted ones included; an earlier change of the same object is gone. So the table
# is as long as the directory, and whoever reads on from any number gets everything that is different since.
change = Table(
    "change",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("key", _KEY, nullable=False),
    UniqueConstraint("kind", "key", name="one_change_an_object"),
)

# How far another site's feed has been applied here.
feed_position = Table(
    "feed_position",
    metadata,
    Column("source", Text, primary_key=True),
    Column("stream", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
)

# What a write answered the first time. `request`: digest of what was asked; `result`: JSON.
idempotency = Table(
    "idempotency",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("idempotency_at", "at_ms"),
)
