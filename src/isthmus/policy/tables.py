"""The tables of policies and licences, as the migrations made them. Each site has its own rows."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql

from isthmus.directory import tables as directory

metadata = MetaData()
_tenant = directory.tenant.to_metadata(metadata)  # only pointed to from here

_KEY = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

# settings: JSON object of those that the policy names.
policy = Table(
    "policy",
    metadata,
    Column("tenant", Text, ForeignKey("tenant.name"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False),
    Column("settings", Text, nullable=False),
)

# The key is what makes the precedence a total order: a target has one policy of each kind.
policy_grant = Table(
    "policy_grant",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("level", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("policy", Text, nullable=False),
    Column("rank", Integer, nullable=False),
    ForeignKeyConstraint(("tenant", "kind", "policy"), ("policy.tenant", "policy.kind", "policy.name")),
    Index("policy_grant_target", "target"),
)

# features: JSON list. A tenant without any row is not asked for licences.
licence_plan = Table(
    "licence_plan",
    metadata,
    Column("tenant", Text, ForeignKey("tenant.name"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False),
    Column("features", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
)

licence_assignment = Table(
    "licence_assignment",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("plan", Text, primary_key=True),
    Column("level", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    ForeignKeyConstraint(("tenant", "plan"), ("licence_plan.tenant", "licence_plan.name")),
    Index("licence_assignment_target", "target"),
)

# Everybody to whom a plan is assigned in whatever way. Kept in the transaction of every change that bears on it. Who
# holds the licence follows: the lowest places, as many as the plan counts.
licence_place = Table(
    "licence_place",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("plan", Text, primary_key=True),
    Column("aor", _KEY, primary_key=True),
    Column("place", BigInteger, nullable=False),
    ForeignKeyConstraint(("tenant", "plan"), ("licence_plan.tenant", "licence_plan.name")),
    UniqueConstraint("tenant", "plan", "place", name="one_person_a_place"),
    Index("licence_place_aor", "aor"),
)

# What was given to people whose address a page of the feed took away, and who may come under another one in a later
# page. Empty whenever the feed has been read to its end. given: JSON (following_people.py).
policy_waiting = Table(
    "policy_waiting",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("given", Text, nullable=False),
)

# One row: grows with every change of policies, their grants, or groups. What is compiled from them knows by it.
policy_revision = Table(
    "policy_revision",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
