"""What identity providers push by SCIM: users, groups, members."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

_KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def _resource(name: str, *more: sa.Column[int]) -> None:
    op.create_table(
        name,
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("external_id", sa.Text),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("modified_ms", sa.BigInteger, nullable=False),
        *more,
        sa.Column("resource", sa.Text, nullable=False),
    )
    op.create_index(f"{name}_external", name, ["tenant", "external_id"])


def upgrade() -> None:
    """Make the tables; the comments in scim/tables.py say what they are for."""
    _resource("scim_user", sa.Column("deleted_ms", sa.BigInteger))
    present = sa.text("deleted_ms IS NULL")
    op.create_index(
        "one_scim_user_a_name",
        "scim_user",
        ["tenant", "key"],
        unique=True,
        sqlite_where=present,
        postgresql_where=present,
    )
    _resource("scim_group")
    op.create_index("one_scim_group_a_name", "scim_group", ["tenant", "key"], unique=True)
    op.create_table(
        "scim_member",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("group_id", _KEY, primary_key=True),
        sa.Column("member", _KEY, primary_key=True),
        sa.Column("is_group", sa.Boolean, nullable=False),
        sa.Column("display", sa.Text),
    )
    op.create_index("scim_member_member", "scim_member", ["tenant", "member"])
    op.create_table(
        "scim_removal",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("scim_removal_at", "scim_removal", ["tenant", "at_ms"])
