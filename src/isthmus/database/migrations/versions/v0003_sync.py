"""Directory synchronisation: sources, what their objects stand for, runs and their plans."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

_KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables; the comments in sync/tables.py say what they are for."""
    op.create_table(
        "sync_source",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("cursor", sa.Text, nullable=False),
        sa.Column("synced_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "sync_link",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("aor", _KEY, nullable=True),
        sa.Column("number", sa.Text, nullable=True),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.Column("wanted", sa.Text, nullable=False),
        sa.Column("conflicts", sa.Text, nullable=False),
        sa.Column("conflicted", sa.Boolean, nullable=False),
        sa.Column("vanished_ms", sa.BigInteger, nullable=True),
    )
    op.create_index("one_object_a_person", "sync_link", ["aor"], unique=True)
    op.create_index("sync_link_number", "sync_link", ["number"])
    _partial("sync_link_conflicted", "sync_link", ["source"], "conflicted")
    op.create_table(
        "sync_run",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=True),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("approved", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("finished_ms", sa.BigInteger, nullable=True),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("cursor", sa.Text, nullable=False),
    )
    op.create_index("one_run_a_key", "sync_run", ["actor", "key"], unique=True)
    _partial("one_open_run_a_source", "sync_run", ["source"], "finished_ms IS NULL", unique=True)
    op.create_index("sync_run_started", "sync_run", ["started_ms"])
    op.create_table(
        "sync_change",
        sa.Column("run", sa.Text, sa.ForeignKey("sync_run.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("chunk", sa.Integer, nullable=False),
        sa.Column("change", sa.Text, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    _partial("sync_change_open", "sync_change", ["run", "chunk"], "NOT done")


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
