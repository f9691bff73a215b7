"""What POST requests with an idempotency key were answered."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Make the table; the comment in api/tables.py says what it is for."""
    op.create_table(
        "answered",
        sa.Column("asked", sa.Text, primary_key=True),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("answered_at", "answered", ["at_ms"])
