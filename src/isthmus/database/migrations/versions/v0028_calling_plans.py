"""Calling plans: numbers bought from carriers, plans and who has them, credit, charges."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Make the tables; the comments in carriers/tables.py and plans/tables.py say what they are."""
    op.create_table(
        "number_purchase",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), nullable=False),
        sa.Column("carrier", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("confirmed", sa.Boolean, nullable=False),
        sa.Column("most_monthly_micro", sa.BigInteger),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("currency", sa.Text),
        sa.Column("once_micro", sa.BigInteger),
        sa.Column("monthly_micro", sa.BigInteger),
        sa.Column("reservation", sa.Text, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_ms", sa.BigInteger, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("number_purchase_state", "number_purchase", ["state"])
    op.create_index("number_purchase_number", "number_purchase", ["number"])
    op.create_table(
        "calling_plan",
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("settings", sa.Text, nullable=False),
    )
    op.create_table(
        "calling_plan_holder",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
    )
    op.create_index("calling_plan_holder_tenant", "calling_plan_holder", ["tenant"])
    op.create_table(
        "calling_account",
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), primary_key=True),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("full_micro", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "calling_deposit",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), nullable=False),
        sa.Column("micro", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("calling_deposit_tenant", "calling_deposit", ["tenant", "at_ms"])
    op.create_table(
        "calling_charge",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("bucket", sa.Text, nullable=False),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("began_ms", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("seconds", sa.Integer, nullable=False),
        sa.Column("cost_micro", sa.BigInteger),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("counted_s", sa.Integer, nullable=False),
        sa.Column("plan_s", sa.Integer, nullable=False),
        sa.Column("credit_micro", sa.BigInteger, nullable=False),
    )
    op.create_index(
        "calling_charge_month", "calling_charge", ["tenant", "month", "plan", "bucket", "person", "began_ms"]
    )
    op.create_table(
        "calling_position",
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
