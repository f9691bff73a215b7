"""Sign-in by providers outside: who accounts are to them, and sign-ins that are on their way."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the tables; the comments in identity/tables.py and federation/tables.py say what they are for."""
    op.create_table(
        "account_link",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("used_ms", sa.BigInteger),
        sa.UniqueConstraint("authority", "subject", name="one_account_a_subject"),
        sa.UniqueConstraint("account", "authority", name="one_subject_an_account"),
    )
    op.create_table(
        "outside_sign_in",
        sa.Column("state", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("browser", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("links", sa.Text, nullable=False),
        sa.Column("ends", sa.Text, nullable=False),
        sa.Column("back", sa.Text, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("outside_sign_in_expires", "outside_sign_in", ["expires_ms"])
