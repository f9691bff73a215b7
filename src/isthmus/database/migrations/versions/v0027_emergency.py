"""Emergency locations: places, what leads to them, what people chose, and numbers lent to calls."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"

_KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables; the comments in emergency/tables.py say what they are."""
    _make_places()
    op.create_table(
        "emergency_choice",
        sa.Column("person_id", sa.Text, primary_key=True),
        sa.Column("device", sa.Text, primary_key=True),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("elements", sa.Text, nullable=False),
        sa.Column("latitude", sa.Float),
        sa.Column("longitude", sa.Float),
        sa.Column("confirmed_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "emergency_loan",
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("aor", _KEY, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("lent_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("emergency_loan_tenant", "emergency_loan", ["tenant", "until_ms"])


def _make_places() -> None:
    op.create_table(
        "emergency_place",
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), primary_key=True),
        sa.Column("name", _KEY, primary_key=True),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("elements", sa.Text, nullable=False),
        sa.Column("latitude", sa.Float),
        sa.Column("longitude", sa.Float),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
    )
    there = ("emergency_place.tenant", "emergency_place.name")
    op.create_table(
        "emergency_elin",
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("place", _KEY, nullable=False),
        sa.ForeignKeyConstraint(("tenant", "place"), there),
    )
    op.create_index("emergency_elin_place", "emergency_elin", ["tenant", "place"])
    op.create_table(
        "emergency_network",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("port", _KEY, primary_key=True),
        sa.Column("place", _KEY, nullable=False),
        sa.ForeignKeyConstraint(("tenant", "place"), there),
    )
    op.create_index("emergency_network_place", "emergency_network", ["tenant", "place"])
