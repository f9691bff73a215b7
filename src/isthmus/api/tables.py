"""The API's own table."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table, Text

metadata = MetaData()

# What POST requests with an idempotency key were answered. asked: keyed digest of who asked, which route, which key.
# request: keyed digest of what was asked. answer: sealed, since it may hold a secret that is shown once.
answered = Table(
    "answered",
    metadata,
    Column("asked", Text, primary_key=True),
    Column("request", Text, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("answered_at", "at_ms"),
)
