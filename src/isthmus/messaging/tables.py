"""The tables of conversations, as the migration made them. A site has those that its people are in."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text
from sqlalchemy.dialects import postgresql

metadata = MetaData()

# Compared by bytes in either database: words are found by prefix.
_PLAIN = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

# One row. Whoever writes locks it first, so that stamps and sequence numbers become visible in their order.
chat_clock = Table(
    "chat_clock",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("stamp", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
)

chat = Table(
    "chat",
    metadata,
    Column("id", _PLAIN, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("owner", Text, nullable=False, server_default=""),
)

# person: the directory's stable id.
chat_member = Table(
    "chat_member",
    metadata,
    Column("chat", _PLAIN, primary_key=True),
    Column("person", _PLAIN, primary_key=True),
    Column("joined", Boolean, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Index("chat_member_person", "person", "joined"),
)

# file: JSON of a File, empty without one.
chat_message = Table(
    "chat_message",
    metadata,
    Column("id", _PLAIN, primary_key=True),
    Column("chat", _PLAIN, nullable=False),
    Column("origin", _PLAIN, nullable=False),
    Column("stamp", BigInteger, nullable=False),
    Column("author", _PLAIN, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("file", Text, nullable=False),
    Index("chat_message_place", "chat", "stamp", "origin"),
    Index("chat_message_origin", "chat", "origin", "stamp"),
    Index("chat_message_changed", "chat", "changed", "id"),
    Index("chat_message_at", "at_ms"),
)

chat_mark = Table(
    "chat_mark",
    metadata,
    Column("chat", _PLAIN, primary_key=True),
    Column("person", _PLAIN, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("site", _PLAIN, primary_key=True),
    Column("stamp", BigInteger, nullable=False),
)

chat_word = Table(
    "chat_word",
    metadata,
    Column("chat", _PLAIN, primary_key=True),
    Column("word", _PLAIN, primary_key=True),
    Column("message", _PLAIN, primary_key=True),
    Index("chat_word_message", "message"),
)

# What changed at this site, in order. kind, key: which value; what is told is what it is like by then.
chat_feed = Table(
    "chat_feed",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("chat", _PLAIN, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", _PLAIN, nullable=False),
    Index("chat_feed_key", "chat", "kind", "key"),
)

# How far the feed of a peer has been applied here.
chat_position = Table(
    "chat_position",
    metadata,
    Column("peer", _PLAIN, primary_key=True),
    Column("stream", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
)

# Files that were brought here, whether they are sent by now or not. What is in them is in files, by hash.
chat_file = Table(
    "chat_file",
    metadata,
    Column("id", _PLAIN, primary_key=True),
    Column("hash", _PLAIN, nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("owner", _PLAIN, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("chat_file_at", "at_ms"),
)

# Messages that a phone of somebody who is at home here has still to get, as SIP MESSAGE.
chat_waiting = Table(
    "chat_waiting",
    metadata,
    Column("person", _PLAIN, primary_key=True),
    Column("message", _PLAIN, primary_key=True),
    Column("turn", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("chat_waiting_at", "at_ms"),
)
