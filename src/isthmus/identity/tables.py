"""The tables of accounts, as the migrations made them. Each site keeps its own.

Times are milliseconds since 1970, UTC. Lists are JSON. Nothing here is a secret in clear.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()


def _account(primary_key: bool = False) -> Column[str]:
    return Column(
        "account", Text, ForeignKey("account.id", ondelete="CASCADE"), primary_key=primary_key, nullable=False
    )


# name: in its one form (rules.account_name). tenant: NULL for accounts of the whole installation. person: the stable
# id of the person it is. password: argon2id, in PHC form; NULL where no password lets in.
account = Table(
    "account",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("tenant", Text),
    Column("display_name", Text, nullable=False),
    Column("person", Text),
    Column("enabled", Boolean, nullable=False),
    Column("password", Text),
    Column("password_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
    Column("signed_in_ms", BigInteger),
    UniqueConstraint("name", name="one_account_a_name"),
    UniqueConstraint("person", name="one_account_a_person"),
)

# tenant: empty for roles of the whole installation.
custom_role = Table(
    "custom_role",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False),
    Column("permissions", Text, nullable=False),
)

# tenants, sites, groups: NULL: no limit.
account_role = Table(
    "account_role",
    metadata,
    Column("id", Text, primary_key=True),
    _account(),
    Column("role", Text, nullable=False),
    Column("tenants", Text),
    Column("sites", Text),
    Column("groups", Text),
    Index("account_role_account", "account"),
)

# secret: sealed (sealing.Sealer). last_step: the newest time step whose code was used; none is taken twice.
account_totp = Table(
    "account_totp",
    metadata,
    _account(primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("last_step", BigInteger, nullable=False),
)

account_recovery = Table(
    "account_recovery",
    metadata,
    _account(primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("used_ms", BigInteger),
)

# id: the credential's, base64url. attestation: format the authenticator gave, and whether it was verified.
account_passkey = Table(
    "account_passkey",
    metadata,
    Column("id", Text, primary_key=True),
    _account(),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("aaguid", Text, nullable=False),
    Column("attestation", Text, nullable=False),
    Column("backed_up", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
    Index("account_passkey_account", "account"),
)

# hash: of the cookie. agent: digest of the browser's User-Agent. factor_ms: last proof by second factor.
account_session = Table(
    "account_session",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    _account(),
    Column("stage", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("factor_ms", BigInteger),
    Column("agent", Text, nullable=False),
    Column("browser", Text, nullable=False),
    Column("address", Text, nullable=False),
    UniqueConstraint("hash", name="one_session_a_cookie"),
    Index("account_session_account", "account"),
    Index("account_session_expires", "expires_ms"),
)

account_token = Table(
    "account_token",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    _account(),
    Column("name", Text, nullable=False),
    Column("permissions", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
    UniqueConstraint("hash", name="one_token_a_secret"),
    Index("account_token_account", "account"),
)

# Who an account is to a provider outside. authority: `ldap:NAME`, or the issuer of an OpenID provider. subject: stable
# there, and never given to anybody else.
account_link = Table(
    "account_link",
    metadata,
    Column("id", Text, primary_key=True),
    _account(),
    Column("authority", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
    UniqueConstraint("authority", "subject", name="one_account_a_subject"),
    UniqueConstraint("account", "authority", name="one_subject_an_account"),
)
