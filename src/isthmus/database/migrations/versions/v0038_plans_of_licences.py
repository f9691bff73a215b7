"""Calling plans that come with a licence, and by which licence somebody has theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    """Make the table and the column; the comments in plans/tables.py say what they are."""
    op.create_table(
        "calling_plan_licence",
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), primary_key=True),
        sa.Column("licence", sa.Text, primary_key=True),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
    )
    op.add_column("calling_plan_holder", sa.Column("licence", sa.Text, nullable=False, server_default=""))
