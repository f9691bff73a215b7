"""Call records: legs that are not over, records of this site and its peers, what calls cost."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Make the tables; the comments in records/tables.py say what they are."""
    op.create_table(
        "call_leg",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("side", sa.Text, primary_key=True),
        sa.Column("heard_ms", sa.BigInteger, nullable=False),
        sa.Column("known", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "call_record_position",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "call_record",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("began_ms", sa.BigInteger, nullable=False),
        sa.Column("answered_ms", sa.BigInteger),
        sa.Column("ended_ms", sa.BigInteger, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("callee", sa.Text, nullable=False),
        sa.Column("caller_person", sa.Text, nullable=False),
        sa.Column("caller_tenant", sa.Text, nullable=False),
        sa.Column("callee_person", sa.Text, nullable=False),
        sa.Column("callee_tenant", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("via", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("code", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("caller_agent", sa.Text, nullable=False),
        sa.Column("callee_agent", sa.Text, nullable=False),
        sa.Column("mos", sa.Double),
        sa.Column("jitter_ms", sa.Double),
        sa.Column("loss_percent", sa.Double),
        sa.Column("round_trip_ms", sa.Double),
        sa.Column("cost_micro", sa.BigInteger),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("rate_prefix", sa.Text, nullable=False),
    )
    op.create_index("call_record_began", "call_record", ["began_ms"])
    op.create_index("call_record_call", "call_record", ["call_id"])
    op.create_index("call_record_caller", "call_record", ["caller_person", "began_ms"])
    op.create_index("call_record_callee", "call_record", ["callee_person", "began_ms"])
    op.create_index("call_record_ended", "call_record", ["ended_ms"])
    op.create_table(
        "call_rate",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("prefix", sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql"), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("price_micro", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("minimum_s", sa.Integer, nullable=False),
        sa.Column("increment_s", sa.Integer, nullable=False),
    )
