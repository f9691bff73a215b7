"""Groups as objects, licences, policies."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

_KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables; the comments in directory/tables.py and policy/tables.py say what they are for."""
    _groups()
    _policies()
    _licences()
    # A site of the version before has passed over the groups that its authority sent: it takes the feed anew, from
    # the start. What it has already does no harm there.
    op.execute("UPDATE feed_position SET seq = 0")


def _groups() -> None:
    op.create_table(
        "directory_group",
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.create_table(
        "subgroup",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("parent", sa.Text, primary_key=True),
        sa.Column("child", sa.Text, primary_key=True),
        sa.ForeignKeyConstraint(
            ["tenant", "parent"], ["directory_group.tenant", "directory_group.name"], ondelete="CASCADE"
        ),
    )
    op.create_index("subgroup_child", "subgroup", ["tenant", "child"])


def _policies() -> None:
    op.create_table(
        "policy",
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
    )
    op.create_table(
        "policy_grant",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("level", sa.Text, primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["tenant", "kind", "policy"], ["policy.tenant", "policy.kind", "policy.name"]),
    )
    op.create_index("policy_grant_target", "policy_grant", ["target"])


def _licences() -> None:
    op.create_table(
        "licence_plan",
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("features", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "licence_assignment",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("plan", sa.Text, primary_key=True),
        sa.Column("level", sa.Text, primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.ForeignKeyConstraint(["tenant", "plan"], ["licence_plan.tenant", "licence_plan.name"]),
    )
    op.create_index("licence_assignment_target", "licence_assignment", ["target"])
    op.create_table(
        "licence_place",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("plan", sa.Text, primary_key=True),
        sa.Column("aor", _KEY, primary_key=True),
        sa.Column("place", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["tenant", "plan"], ["licence_plan.tenant", "licence_plan.name"]),
        sa.UniqueConstraint("tenant", "plan", "place", name="one_person_a_place"),
    )
    op.create_index("licence_place_aor", "licence_place", ["aor"])
