"""Devices of people, with credentials of their own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

_KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables; the comments in directory/tables.py and devices/tables.py say what they are for."""
    op.create_table(
        "device",
        sa.Column("name", _KEY, primary_key=True),
        sa.Column("aor", _KEY, sa.ForeignKey("person.aor", ondelete="CASCADE"), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("ha1_md5", sa.LargeBinary, nullable=False),
        sa.Column("ha1_sha256", sa.LargeBinary, nullable=False),
        sa.Column("former_md5", sa.LargeBinary, nullable=False),
        sa.Column("former_sha256", sa.LargeBinary, nullable=False),
        sa.Column("former_until_ms", sa.BigInteger, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("secret_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("device_aor", "device", ["aor"])
    op.create_table(
        "device_ended",
        sa.Column("aor", _KEY, primary_key=True),
        sa.Column("name", _KEY, primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("looked", sa.Integer, nullable=False),
        sa.Column("next_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("device_ended_next", "device_ended", ["next_ms"])
    op.create_table(
        "device_use",
        sa.Column("name", _KEY, primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("edge", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
    )
    # A site of the version before has passed over the devices that its authority sent: it takes the feed anew, from
    # the start. What it has already does no harm there.
    op.execute("UPDATE feed_position SET seq = 0")
