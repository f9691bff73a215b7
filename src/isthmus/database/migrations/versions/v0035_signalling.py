"""What was signalled of calls that are over: the messages that passed the site, by the record of the leg."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Make the table; the comment in records/tables.py says what it is."""
    op.create_table(
        "call_signalling",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("ended_ms", sa.BigInteger, nullable=False),
        sa.Column("messages", sa.LargeBinary, nullable=False),
    )
    op.create_index("call_signalling_ended", "call_signalling", ["ended_ms"])
