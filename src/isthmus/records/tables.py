"""The tables of call records, as the migration made them. Each site has its own rows, and copies of its peers' records.

A record is named by site, stream and seq everywhere, so one that comes twice is there once.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects import postgresql

metadata = MetaData()

# Compared by bytes in either database: rates are found by prefix.
_PLAIN = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

# A leg that has no record yet. known: a Leg, msgpack. heard_ms: when something of it was heard last.
call_leg = Table(
    "call_leg",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("side", Text, primary_key=True),
    Column("heard_ms", BigInteger, nullable=False),
    Column("known", LargeBinary, nullable=False),
)

# How far the records of a site go here; of the site itself, how far it has numbered them.
call_record_position = Table(
    "call_record_position",
    metadata,
    Column("site", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

call_record = Table(
    "call_record",
    metadata,
    Column("site", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("began_ms", BigInteger, nullable=False),
    Column("answered_ms", BigInteger),
    Column("ended_ms", BigInteger, nullable=False),
    Column("caller", Text, nullable=False),
    Column("callee", Text, nullable=False),
    Column("caller_person", Text, nullable=False),
    Column("caller_tenant", Text, nullable=False),
    Column("callee_person", Text, nullable=False),
    Column("callee_tenant", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("way", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("code", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("caller_agent", Text, nullable=False),
    Column("callee_agent", Text, nullable=False),
    Column("mos", Double),
    Column("jitter_ms", Double),
    Column("loss_percent", Double),
    Column("round_trip_ms", Double),
    Column("cost_micro", BigInteger),
    Column("currency", Text, nullable=False),
    Column("rate_prefix", Text, nullable=False),
    Column("media", Text, nullable=False, server_default=""),
    Index("call_record_began", "began_ms"),
    Index("call_record_call", "call_id"),
    Index("call_record_caller", "caller_person", "began_ms"),
    Index("call_record_callee", "callee_person", "began_ms"),
    Index("call_record_ended", "ended_ms"),
)

# What a browser reported of its end of a call. kind: `end` or `problem`. who: the person's address in it. told: JSON.
call_report = Table(
    "call_report",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("told", Text, nullable=False),
    Index("call_report_at", "at_ms"),
)

# What was signalled of the legs that are over, as long as the site keeps that. messages: of Message, msgpack.
call_signalling = Table(
    "call_signalling",
    metadata,
    Column("site", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("ended_ms", BigInteger, nullable=False),
    Column("messages", LargeBinary, nullable=False),
    Index("call_signalling_ended", "ended_ms"),
)

# What calls out by this site's trunks cost a tenant. price_micro: millionths of the currency's unit a minute.
call_rate = Table(
    "call_rate",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("prefix", _PLAIN, primary_key=True),
    Column("name", Text, nullable=False),
    Column("price_micro", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("minimum_s", Integer, nullable=False),
    Column("increment_s", Integer, nullable=False),
)
