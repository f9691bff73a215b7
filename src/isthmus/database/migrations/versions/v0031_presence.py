"""What people set of their presence."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Make the tables; the comments in presence/tables.py say what they are."""
    op.create_table(
        "presence_chosen",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("chosen", sa.Text, nullable=False),
    )
    op.create_table(
        "presence_run",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run", sa.BigInteger, nullable=False),
    )
