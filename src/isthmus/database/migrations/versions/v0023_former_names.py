"""What groups were called before, so that at the other sites what was given to them goes with them."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the column; directory/tables.py says what it is for."""
    op.add_column("directory_group", sa.Column("formerly", sa.Text, nullable=False, server_default="[]"))
