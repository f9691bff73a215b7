"""Calling plans that groups have, and by which group somebody has theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Make the table and the column; the comments in plans/tables.py say what they are."""
    op.create_table(
        "calling_plan_group",
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), primary_key=True),
        sa.Column("group_name", sa.Text, primary_key=True),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
    )
    op.add_column("calling_plan_holder", sa.Column("group_name", sa.Text, nullable=False, server_default=""))
