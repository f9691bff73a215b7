"""The tables of signing in by providers outside, as the migrations made them. Times: milliseconds since 1970."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table, Text

metadata = MetaData()

# Sign-ins that are at the provider now; each is used once. state, browser: hashes of what the provider and the
# browser's cookie have to bring back. sealed: nonce and PKCE verifier. links: account to link. ends: session to end.
outside_sign_in = Table(
    "outside_sign_in",
    metadata,
    Column("state", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("browser", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("links", Text, nullable=False),
    Column("ends", Text, nullable=False),
    Column("back", Text, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index("outside_sign_in_expires", "expires_ms"),
)
