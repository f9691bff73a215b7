"""Call records as files: CSV line by line, and Parquet.

Parquet is written by arro3 (Rust's arrow and parquet, Apache-2.0): 12 MB without dependencies, where pyarrow takes 120
and fastparquet needs pandas.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, Any

from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema
from arro3.io import write_parquet

from isthmus.records.model import Record
from isthmus.records.rating import amount

_TIMES = ("began", "answered", "ended", "at")
_INTEGERS = ("seq", "code")
_NUMBERS = ("seconds", "mos", "jitter_ms", "loss_percent", "round_trip_ms")
_TIME = DataType.timestamp("ms", tz="UTC")
_COST = DataType.decimal128(18, 6)


def public(record: Record) -> dict[str, Any]:
    """A record as the API shows it. Times in seconds since 1970; cost in units of the currency, as text."""
    return {
        "id": f"{record.site}:{record.stream}:{record.seq}",
        "site": record.site,
        "seq": record.seq,
        "call_id": record.call_id,
        "side": record.side,
        "began": record.began_ms / 1000,
        "answered": None if record.answered_ms is None else record.answered_ms / 1000,
        "ended": record.ended_ms / 1000,
        "seconds": record.seconds,
        "caller": record.caller,
        "callee": record.callee,
        "caller_tenant": record.caller_tenant or None,
        "callee_tenant": record.callee_tenant or None,
        "source": record.source,
        "via": record.via or None,
        "route": record.route,
        "way": record.way or None,
        "rule": record.rule,
        "text": record.text,
        "code": record.code,
        "reason": record.reason,
        "cause": record.cause or None,
        "by": record.by,
        "caller_agent": record.caller_agent or None,
        "callee_agent": record.callee_agent or None,
        "mos": record.mos,
        "jitter_ms": record.jitter_ms,
        "loss_percent": record.loss_percent,
        "round_trip_ms": record.round_trip_ms,
        "media": record.media or None,
        "cost": None if record.cost_micro is None else amount(record.cost_micro),
        "currency": record.currency or None,
        "rate": record.rate_prefix or None,
    }


COLUMNS = (
    "id", "site", "seq", "call_id", "side", "began", "answered", "ended", "seconds", "caller", "callee",
    "caller_tenant", "callee_tenant", "source", "via", "route", "way", "rule", "text", "code", "reason", "cause", "by",
    "caller_agent", "callee_agent", "mos", "jitter_ms", "loss_percent", "round_trip_ms", "media", "cost", "currency",
    "rate",
)  # fmt: skip


def csv_lines(pages: Iterable[list[Record]]) -> Iterator[bytes]:
    """A header, and a line a record. Times as RFC 3339 in UTC. Text that a spreadsheet would take for a formula is
    quoted with an apostrophe: user agents and reasons are whatever a stranger wrote.
    """
    return table_lines(COLUMNS, ([public(record) for record in page] for page in pages))


def table_lines(columns: Iterable[str], pages: Iterable[list[dict[str, Any]]]) -> Iterator[bytes]:
    """The same of rows that have all these columns, in this order."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for page in pages:
        writer.writerows([_cell(name, value) for name, value in row.items()] for row in page)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


def parquet(pages: Iterable[list[Record]], file: IO[bytes]) -> None:
    """All records as one Parquet file, a row group a page at the most; needs the memory of a page."""
    schema = Schema([Field(name, _type(name), nullable=True) for name in COLUMNS])
    batches = (_batch(page, schema) for page in pages)
    write_parquet(RecordBatchReader.from_batches(schema, batches), file, compression="zstd(3)")


def _batch(page: list[Record], schema: Schema) -> RecordBatch:
    rows = [public(record) for record in page]
    columns = [_column(name, [row[name] for row in rows]) for name in COLUMNS]
    return RecordBatch.from_arrays(columns, schema=schema)


def _column(name: str, values: list[Any]) -> Array:
    if name in _TIMES:
        return Array([None if at is None else round(at * 1000) for at in values], DataType.int64()).cast(_TIME)
    if name == "cost":
        return Array(values, DataType.utf8()).cast(_COST)
    return Array(values, _type(name))


def _type(name: str) -> DataType:
    if name in _TIMES:
        return _TIME
    if name in _INTEGERS:
        return DataType.int64()
    if name in _NUMBERS:
        return DataType.float64()
    return _COST if name == "cost" else DataType.utf8()


def _cell(name: str, value: Any) -> Any:
    if name in _TIMES and value is not None:
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    """A telephone number or an amount, which no spreadsheet computes."""
    return text[1:].isascii() and text[1:].isdecimal()
