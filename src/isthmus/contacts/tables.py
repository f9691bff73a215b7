"""The tables of contacts, as the migration made them. Each site has those of the people at home there."""

from __future__ import annotations

from sqlalchemy import Column, MetaData, Table, Text

metadata = MetaData()

# person: stable id of whose list it is. contact: JSON object, a Contact.
contact_entry = Table(
    "contact_entry",
    metadata,
    Column("person", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("contact", Text, nullable=False),
)
