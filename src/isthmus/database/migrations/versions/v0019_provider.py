"""This site as an OpenID provider: its keys, and what was granted to programs."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make the tables; the comments in provider/tables.py say what they are for."""
    op.create_table(
        "provider_key",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("algorithm", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "provider_grant",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("account", sa.Text, sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
        sa.Column("session", sa.Text, sa.ForeignKey("account_session.id", ondelete="CASCADE"), nullable=False),
        sa.Column("redirect_uri", sa.Text, nullable=False),
        sa.Column("challenge", sa.Text, nullable=False),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("proved_ms", sa.BigInteger, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("code_expires_ms", sa.BigInteger, nullable=False),
        sa.Column("code_used", sa.Boolean, nullable=False),
        sa.Column("refresh", sa.Text),
        sa.Column("access", sa.Text),
        sa.Column("access_expires_ms", sa.BigInteger, nullable=False),
    )
    for column in ("code", "refresh", "access", "session"):
        op.create_index(f"provider_grant_{column}", "provider_grant", [column])
    op.create_table(
        "provider_former",
        sa.Column("token", sa.Text, primary_key=True),
        sa.Column("grant_id", sa.Text, sa.ForeignKey("provider_grant.id", ondelete="CASCADE"), nullable=False),
    )
    op.create_index("provider_former_grant", "provider_former", ["grant_id"])
