"""Answers that are kept for those who ask again with the same idempotency key."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Make the table; the comment in api/tables.py says what it is for."""
    op.create_table(
        "kept_answer",
        sa.Column("actor", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("kept_answer_at", "kept_answer", ["at_ms"])
