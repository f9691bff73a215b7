"""The tables of emergency locations, as the migrations made them. Each site has its own rows."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects import postgresql

from isthmus.directory import tables as directory

metadata = MetaData()
_tenant = directory.tenant.to_metadata(metadata)  # only pointed to from here

_KEY = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

# elements: JSON object (civic.py). policy: name of an emergency policy; empty for none.
place = Table(
    "emergency_place",
    metadata,
    Column("tenant", Text, ForeignKey("tenant.name"), primary_key=True),
    Column("name", _KEY, primary_key=True),
    Column("country", Text, nullable=False),
    Column("elements", Text, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("policy", Text, nullable=False),
    Column("is_default", Boolean, nullable=False),
)

# The key is the number alone: no two places, whosever they are, lend the same one.
elin = Table(
    "emergency_elin",
    metadata,
    Column("number", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("place", _KEY, nullable=False),
    ForeignKeyConstraint(("tenant", "place"), ("emergency_place.tenant", "emergency_place.name")),
    Index("emergency_elin_place", "tenant", "place"),
)

# port: empty but for ports. id: in the form of elements.py.
network = Table(
    "emergency_network",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", _KEY, primary_key=True),
    Column("port", _KEY, primary_key=True),
    Column("place", _KEY, nullable=False),
    ForeignKeyConstraint(("tenant", "place"), ("emergency_place.tenant", "emergency_place.name")),
    Index("emergency_network_place", "tenant", "place"),
)

# By the person's stable id, so that it follows them to another address and nobody else gets it with the old one.
# device: empty for all that have none of their own. place: a name of the tenant's, or empty with country and elements.
choice = Table(
    "emergency_choice",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("device", Text, primary_key=True),
    Column("place", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("elements", Text, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("confirmed_ms", BigInteger, nullable=False),
)

# The last loan of each number; ended ones stay, so that the number that has been free for longest is known.
loan = Table(
    "emergency_loan",
    metadata,
    Column("number", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("aor", _KEY, nullable=False),
    Column("device", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("lent_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Index("emergency_loan_tenant", "tenant", "until_ms"),
)
