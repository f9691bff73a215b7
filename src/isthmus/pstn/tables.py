"""The table of voice routes, as the migrations made it. Each site has its own rows."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, MetaData, Table, Text

from isthmus.directory import tables as directory

metadata = MetaData()
_tenant = directory.tenant.to_metadata(metadata)  # only pointed to from here

# settings: JSON object, all of a VoiceRoute but tenant and name.
voice_route = Table(
    "voice_route",
    metadata,
    Column("tenant", Text, ForeignKey("tenant.name"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("settings", Text, nullable=False),
)
