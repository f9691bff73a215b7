"""The tables of being an OpenID provider, as the migrations made them. Times: milliseconds since 1970."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, MetaData, Table, Text

from isthmus.identity import tables as identity

metadata = MetaData()
_session = identity.account_session.to_metadata(metadata)  # only pointed to from here
_account = identity.account.to_metadata(metadata)

# sealed: the private key (JWK) for the site's identity key.
provider_key = Table(
    "provider_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

# code, refresh, access: hashes. Gone with its session.
provider_grant = Table(
    "provider_grant",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client", Text, nullable=False),
    Column("account", Text, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("session", Text, ForeignKey("account_session.id", ondelete="CASCADE"), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("proved_ms", BigInteger, nullable=False),
    Column("code", Text, nullable=False),
    Column("code_expires_ms", BigInteger, nullable=False),
    Column("code_used", Boolean, nullable=False),
    Column("refresh", Text),
    Column("access", Text),
    Column("access_expires_ms", BigInteger, nullable=False),
    Index("provider_grant_code", "code"),
    Index("provider_grant_refresh", "refresh"),
    Index("provider_grant_access", "access"),
    Index("provider_grant_session", "session"),
)

# Hashes of the refresh tokens that a grant had before: one that comes again was stolen, however long ago.
provider_former = Table(
    "provider_former",
    metadata,
    Column("token", Text, primary_key=True),
    Column("grant_id", Text, ForeignKey("provider_grant.id", ondelete="CASCADE"), nullable=False),
    Index("provider_former_grant", "grant_id"),
)
