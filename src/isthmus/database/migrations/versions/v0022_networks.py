"""Networks that a site is closed to; profiles by the stable id of their person."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Make the table, and name the profiles anew; the comments in activity/tables.py say what they are."""
    op.create_table(
        "activity_blocked_network",
        sa.Column("network", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.execute(
        "UPDATE activity_profile SET subject = "
        "(SELECT 'person:' || person.id FROM person WHERE person.aor = activity_profile.subject) "
        "WHERE subject IN (SELECT aor FROM person WHERE id IS NOT NULL)"
    )
