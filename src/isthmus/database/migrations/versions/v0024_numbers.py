"""The inventory of telephone numbers, and porting orders."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def _of_tenant() -> sa.Column[str]:
    return sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name", ondelete="CASCADE"), nullable=False)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _integers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def upgrade() -> None:
    """Make the tables; the comments in numbers/tables.py say what they are for."""
    op.create_table(
        "number_block",
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        *_integers("last"),
        _of_tenant(),
        *_texts("purpose", "source", "carrier", "note"),
        *_integers("added_ms"),
    )
    op.create_table(
        "number_hold",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        _of_tenant(),
        *_texts("kind", "name", "made_by"),
        *_integers("at_ms", "until_ms"),
    )
    op.create_table(
        "number_extension",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("extension", sa.Text, primary_key=True),
        _of_tenant(),
        *_texts("person"),
    )
    op.create_index("number_extension_person", "number_extension", ["person"])
    op.create_table(
        "number_port",
        sa.Column("id", sa.Text, primary_key=True),
        _of_tenant(),
        *_texts("direction"),
        *_integers("first", "last"),
        *_texts("purpose", "source", "carrier", "state", "reference", "due", "note"),
        *_integers("created_ms", "changed_ms"),
    )
