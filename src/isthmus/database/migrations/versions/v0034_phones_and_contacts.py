"""Messages that phones have still to get, lists of contacts, owners of groups."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0033"

_PLAIN = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables; the comments in messaging/tables.py and contacts/tables.py say what they are."""
    op.create_table(
        "chat_waiting",
        sa.Column("person", _PLAIN, primary_key=True),
        sa.Column("message", _PLAIN, primary_key=True),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("chat_waiting_at", "chat_waiting", ["at_ms"])
    op.add_column("chat", sa.Column("owner", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "contact_entry",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("contact", sa.Text, nullable=False),
    )
