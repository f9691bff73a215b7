"""Networks that a site is closed to."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0018"


def upgrade() -> None:
    """Make the table; the comment in activity/tables.py says what it is for."""
    op.create_table(
        "activity_blocked_network",
        sa.Column("network", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
