"""The table of answers that are kept for those who ask again, as the migrations made it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

# request: hash of what was asked. status: 0 while it is worked on. sealed: headers and body, for the site's identity
# key: an answer may hold a password that is shown once.
kept_answer = Table(
    "kept_answer",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("sealed", LargeBinary),
    Column("at_ms", BigInteger, nullable=False),
    Index("kept_answer_at", "at_ms"),
)
