"""Whose account an object of a resource forest is, by the security id in the forest where people sign in."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the column; sync/tables.py says what it is for."""
    op.add_column("sync_link", sa.Column("twin", sa.Text))
    op.create_index("sync_link_twin", "sync_link", ["source", "twin"])
