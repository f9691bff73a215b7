"""How often what is given to people here was changed, so that the snapshot knows when to follow."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0012"


def upgrade() -> None:
    """Make the table, with its one row."""
    made = op.create_table(
        "policy_revision",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(made, [{"id": 1, "number": 0}])
