"""Where the media of calls went."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    """Add the column; the comments in records/model.py say what it means. Of calls before nobody knows."""
    op.add_column("call_record", sa.Column("media", sa.Text, nullable=False, server_default=""))
