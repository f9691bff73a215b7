"""The directory: tenants, domains, people, groups, the change feed, the audit log."""

import uuid

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

# Addresses compare and sort by bytes, as the snapshot does.
_KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; the comments in directory/tables.py say what they are for."""
    op.create_table("tenant", sa.Column("name", sa.Text, primary_key=True))
    op.create_table(
        "domain",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), nullable=False),
    )
    op.create_table(
        "person",
        sa.Column("aor", _KEY, primary_key=True),
        sa.Column("domain", sa.Text, sa.ForeignKey("domain.name"), nullable=False),
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=True),
        sa.Column("home", sa.Text, nullable=False),
        sa.Column("home_epoch", sa.BigInteger, nullable=False),
        sa.Column("ha1_md5", sa.LargeBinary, nullable=False),
        sa.Column("ha1_sha256", sa.LargeBinary, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.UniqueConstraint("number", name="one_owner_a_number"),
    )
    op.create_index("person_home", "person", ["home"])
    op.create_table(
        "membership",
        sa.Column("aor", _KEY, sa.ForeignKey("person.aor", ondelete="CASCADE"), primary_key=True),
        sa.Column("group_name", sa.Text, primary_key=True),
    )
    op.create_index("membership_group", "membership", ["group_name"])
    op.create_table(
        "departed",
        sa.Column("aor", _KEY, primary_key=True),
        sa.Column("home_epoch", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "feed",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    feed = sa.table("feed", sa.column("id"), sa.column("stream"), sa.column("seq"))
    op.bulk_insert(feed, [{"id": 1, "stream": uuid.uuid4().hex, "seq": 0}])
    op.create_table(
        "change",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", _KEY, nullable=False),
        sa.UniqueConstraint("kind", "key", name="one_change_an_object"),
    )
    op.create_table(
        "feed_position",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("object", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=True),
        sa.Column("after", sa.Text, nullable=True),
    )
    op.create_index("audit_object", "audit", ["object"])
    op.create_table(
        "idempotency",
        sa.Column("actor", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("idempotency_at", "idempotency", ["at_ms"])
