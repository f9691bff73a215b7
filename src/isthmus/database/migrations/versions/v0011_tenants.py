"""Tenants: whether they are suspended, their profiles and limits, and the domains they claim."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def _tenant() -> sa.Column[str]:
    return sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name", ondelete="CASCADE"), primary_key=True)


def upgrade() -> None:
    """Make the tables; the comments in tenancy/tables.py say what they are for."""
    op.add_column("tenant", sa.Column("suspended", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "tenant_profile",
        _tenant(),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("contact", sa.Text, nullable=False),
        sa.Column("people", sa.Integer),
        sa.Column("numbers", sa.Integer),
        sa.Column("devices", sa.Integer),
        sa.Column("requests_per_minute", sa.Integer),
        sa.Column("created_ms", sa.BigInteger),
    )
    op.create_table(
        "domain_claim",
        _tenant(),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("verified_ms", sa.BigInteger),
        sa.Column("verified_by", sa.Text),
        sa.Column("checked_ms", sa.BigInteger),
        sa.Column("trouble", sa.Text, nullable=False),
    )
