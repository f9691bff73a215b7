"""Conversations, their messages and files."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"

_PLAIN = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables; the comments in messaging/tables.py say what they are."""
    op.create_table(
        "chat_clock",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("stamp", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "chat",
        sa.Column("id", _PLAIN, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "chat_member",
        sa.Column("chat", _PLAIN, primary_key=True),
        sa.Column("person", _PLAIN, primary_key=True),
        sa.Column("joined", sa.Boolean, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "chat_message",
        sa.Column("id", _PLAIN, primary_key=True),
        sa.Column("chat", _PLAIN, nullable=False),
        sa.Column("origin", _PLAIN, nullable=False),
        sa.Column("stamp", sa.BigInteger, nullable=False),
        sa.Column("author", _PLAIN, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
    )
    op.create_table(
        "chat_mark",
        sa.Column("chat", _PLAIN, primary_key=True),
        sa.Column("person", _PLAIN, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("site", _PLAIN, primary_key=True),
        sa.Column("stamp", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "chat_word",
        sa.Column("chat", _PLAIN, primary_key=True),
        sa.Column("word", _PLAIN, primary_key=True),
        sa.Column("message", _PLAIN, primary_key=True),
    )
    op.create_table(
        "chat_feed",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("chat", _PLAIN, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", _PLAIN, nullable=False),
    )
    op.create_table(
        "chat_position",
        sa.Column("peer", _PLAIN, primary_key=True),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "chat_file",
        sa.Column("id", _PLAIN, primary_key=True),
        sa.Column("hash", _PLAIN, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("owner", _PLAIN, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("chat_member_person", "chat_member", ["person", "joined"])
    op.create_index("chat_message_place", "chat_message", ["chat", "stamp", "origin"])
    op.create_index("chat_message_origin", "chat_message", ["chat", "origin", "stamp"])
    op.create_index("chat_message_changed", "chat_message", ["chat", "changed", "id"])
    op.create_index("chat_message_at", "chat_message", ["at_ms"])
    op.create_index("chat_word_message", "chat_word", ["message"])
    op.create_index("chat_feed_key", "chat_feed", ["chat", "kind", "key"])
    op.create_index("chat_file_at", "chat_file", ["at_ms"])
    op.execute("INSERT INTO chat_clock (id, stamp, seq) VALUES (1, 0, 0)")
