"""Messages that phones have still to get."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0032"

_PLAIN = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table; the comment in messaging/tables.py says what it is."""
    op.create_table(
        "chat_waiting",
        sa.Column("person", _PLAIN, primary_key=True),
        sa.Column("message", _PLAIN, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("chat_waiting_at", "chat_waiting", ["at_ms"])
