"""What was given to people who are on their way to another address."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the table; the comment in policy/tables.py says what it is for."""
    op.create_table(
        "policy_waiting",
        sa.Column("person_id", sa.Text, primary_key=True),
        sa.Column("given", sa.Text, nullable=False),
    )
