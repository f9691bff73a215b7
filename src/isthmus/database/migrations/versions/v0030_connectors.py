"""Connectors, and the sites with gateways that they stand at."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Make the tables; the comments in connectors/tables.py say what they are."""
    op.create_table(
        "connector_site",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("window", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
    )
    op.create_table(
        "connector",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("site", sa.Text, sa.ForeignKey("connector_site.name"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("code", sa.Text, nullable=False, unique=True),
        sa.Column("code_until", sa.BigInteger, nullable=False),
        sa.Column("slot", sa.Integer, unique=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("enrolled", sa.BigInteger, nullable=False),
        sa.Column("certificate_until", sa.BigInteger, nullable=False),
        sa.Column("drains", sa.Boolean, nullable=False),
        sa.Column("removed", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
    )
