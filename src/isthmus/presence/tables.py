"""The tables of presence, as the migration made them. Each site has those of the people at home there."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

metadata = MetaData()

# person: stable id. chosen: JSON object, a Chosen.
presence_chosen = Table(
    "presence_chosen",
    metadata,
    Column("person", Text, primary_key=True),
    Column("chosen", Text, nullable=False),
)

# One row. run: of the service that began last.
presence_run = Table(
    "presence_run",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("run", BigInteger, nullable=False),
)
