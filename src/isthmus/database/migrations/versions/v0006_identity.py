"""Accounts, their roles, factors, sessions and tokens; people's stable ids; whose a batch of moves is."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def _account(primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(
        "account", sa.Text, sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=primary_key, nullable=False
    )


def upgrade() -> None:
    """Make the tables; the comments in identity/tables.py say what they are for."""
    _people_and_moves()
    op.create_table(
        "account",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("person", sa.Text),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("password", sa.Text),
        sa.Column("password_ms", sa.BigInteger),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("signed_in_ms", sa.BigInteger),
        sa.UniqueConstraint("name", name="one_account_a_name"),
        sa.UniqueConstraint("person", name="one_account_a_person"),
    )
    op.create_table(
        "custom_role",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("permissions", sa.Text, nullable=False),
    )
    op.create_table(
        "account_role",
        sa.Column("id", sa.Text, primary_key=True),
        _account(),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("tenants", sa.Text),
        sa.Column("sites", sa.Text),
        sa.Column("groups", sa.Text),
    )
    op.create_index("account_role_account", "account_role", ["account"])
    _factors()
    _sessions_and_tokens()


def _people_and_moves() -> None:
    op.add_column("batch", sa.Column("tenant", sa.Text, nullable=False, server_default=""))
    with op.batch_alter_table("person") as table:
        table.add_column(sa.Column("id", sa.Text))
        table.create_unique_constraint("one_person_an_id", ["id"])
    connection = op.get_bind()
    # Both sites have to give the same people the same ids, whichever is brought up to date first.
    rows = [
        {"aor_": aor, "id_": hashlib.sha256(f"person:{aor}".encode()).hexdigest()[:32]}
        for (aor,) in connection.execute(sa.text("SELECT aor FROM person"))
    ]
    if rows:
        connection.execute(sa.text("UPDATE person SET id = :id_ WHERE aor = :aor_"), rows)


def _factors() -> None:
    op.create_table(
        "account_totp",
        _account(primary_key=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("confirmed", sa.Boolean, nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "account_recovery",
        _account(primary_key=True),
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("used_ms", sa.BigInteger),
    )
    op.create_table(
        "account_passkey",
        sa.Column("id", sa.Text, primary_key=True),
        _account(),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("aaguid", sa.Text, nullable=False),
        sa.Column("attestation", sa.Text, nullable=False),
        sa.Column("backed_up", sa.Boolean, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("used_ms", sa.BigInteger),
    )
    op.create_index("account_passkey_account", "account_passkey", ["account"])


def _sessions_and_tokens() -> None:
    op.create_table(
        "account_session",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("hash", sa.Text, nullable=False),
        _account(),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("seen_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.Column("factor_ms", sa.BigInteger),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("browser", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.UniqueConstraint("hash", name="one_session_a_cookie"),
    )
    op.create_index("account_session_account", "account_session", ["account"])
    op.create_index("account_session_expires", "account_session", ["expires_ms"])
    op.create_table(
        "account_token",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("hash", sa.Text, nullable=False),
        _account(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("permissions", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.Column("used_ms", sa.BigInteger),
        sa.UniqueConstraint("hash", name="one_token_a_secret"),
    )
    op.create_index("account_token_account", "account_token", ["account"])
