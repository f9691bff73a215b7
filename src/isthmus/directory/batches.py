"""SQL for lists of any length: one statement for each thousand, or one prepared statement run with all rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

_T = TypeVar("_T")
_BATCH = 1000  # well below the number of parameters either database takes


def in_batches(items: Iterable[_T], size: int = _BATCH) -> Iterator[list[_T]]:
    """The items in lists of at most `size`."""
    everything = list(items)
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


def upsert(connection: Connection, table: Any, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Insert rows; where the primary key exists, set `columns` anew (none: leave the row alone)."""
    if not rows:
        return
    make = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    statement = make(table)
    key = [column.name for column in table.primary_key]
    if columns:
        values = {name: statement.excluded[name] for name in columns}
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=values), rows)
    else:
        connection.execute(statement.on_conflict_do_nothing(index_elements=key), rows)
