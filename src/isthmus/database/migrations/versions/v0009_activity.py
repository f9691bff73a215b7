"""What accounts usually do, alerts, their delivery; what people are barred from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

_KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables; the comments in activity/tables.py and directory/tables.py say what they are for."""
    op.add_column("person", sa.Column("barred", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "activity_profile",
        sa.Column("subject", _KEY, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("profile", sa.LargeBinary, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("activity_profile_updated", "activity_profile", ["updated_ms"])
    op.create_table(
        "activity_alert",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("subject", _KEY, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("activity_alert_last", "activity_alert", ["last_ms"])
    op.create_index("activity_alert_subject", "activity_alert", ["subject", "last_ms"])
    op.create_table(
        "activity_delivery",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.Column("delivered", sa.Boolean, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
    )
    open_ = sa.text("NOT done")
    op.create_index(
        "activity_delivery_open", "activity_delivery", ["made_ms"], sqlite_where=open_, postgresql_where=open_
    )
