"""The tables of activity, as the migrations made them. Each site keeps its own: they are no part of the feed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.dialects import postgresql

metadata = MetaData()

_KEY = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

# subject: `person:ID`, another account, or `tenant:NAME` for what its people do together. profile: msgpack of
# profile.Profile or profile.Organisation. updated_ms: milliseconds since 1970, UTC.
profile = Table(
    "activity_profile",
    metadata,
    Column("subject", _KEY, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("profile", LargeBinary, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Index("activity_profile_updated", "updated_ms"),
)

# body: JSON of model.Alert; the other columns repeat what is looked for.
alert = Table(
    "activity_alert",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("subject", _KEY, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("activity_alert_last", "last_ms"),
    Index("activity_alert_subject", "subject", "last_ms"),
)

# What has to be told to whom. channel: mail or webhook. body: JSON. attempt: which workflow may work on it.
# note: why it was not delivered yet, or at all.
delivery = Table(
    "activity_delivery",
    metadata,
    Column("id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("delivered", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Index("activity_delivery_open", "made_ms", sqlite_where=text("NOT done"), postgresql_where=text("NOT done")),
)

# Networks that this site is closed to, whoever comes from there.
blocked_network = Table(
    "activity_blocked_network",
    metadata,
    Column("network", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
