"""The table of when devices were last seen, as the migrations made it. Each site has its own rows.

The devices themselves are part of the directory (directory/tables.py).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text
from sqlalchemy.dialects import postgresql

metadata = MetaData()

# generation: of the secret that was used. edge: udp, tcp, tls or ws. client: what the phone calls itself.
device_use = Table(
    "device_use",
    metadata,
    Column("name", Text().with_variant(postgresql.TEXT(collation="C"), "postgresql"), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("address", Text, nullable=False),
    Column("edge", Text, nullable=False),
    Column("client", Text, nullable=False),
)
