"""Call records as CSV and Parquet."""

from __future__ import annotations

import csv
import io

import msgspec
from arro3.io import read_parquet

from isthmus.records import export
from isthmus.records.model import Record, Route
from tests.records.conftest import answered, begins, bye
from tests.records.test_rules import leg_of, record_of


def records(**more: object) -> list[Record]:
    one = msgspec.structs.replace(record_of(leg_of(begins(100), answered(103), bye(163))), **more)
    return [one, msgspec.structs.replace(one, seq=2, answered_ms=None, mos=4.25, cost_micro=1_234_567, currency="EUR")]


def rows(*pages: list[Record]) -> list[dict[str, str]]:
    text = b"".join(export.csv_lines(pages)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_all_that_the_api_shows():
    first, second = rows(records())
    assert tuple(first) == export.COLUMNS == tuple(export.public(records()[0]))
    assert (first["began"], first["seconds"]) == ("1970-01-01T00:01:40.000Z", "60.0")
    assert (first["cost"], second["cost"], second["mos"], second["answered"]) == ("", "1.234567", "4.25", "")


def test_csv_without_records_has_its_header():
    assert rows() == []
    assert b"".join(export.csv_lines([])).decode().startswith("id,site,seq")


def test_a_spreadsheet_computes_nothing_of_what_a_stranger_wrote():
    found = rows(records(caller_agent='=HYPERLINK("http://x")', callee="+14255550102", reason="@SUM(1)"))[0]
    assert found["caller_agent"] == '\'=HYPERLINK("http://x")'
    assert found["callee"] == "+14255550102"
    assert found["reason"] == "'@SUM(1)"


def test_parquet_has_the_same_with_types():
    file = io.BytesIO()
    export.parquet([records(), records(route=Route.DIAL)], file)
    file.seek(0)
    table = read_parquet(file).read_all()
    assert table.num_rows == 4
    assert tuple(table.column_names) == export.COLUMNS
    assert "Timestamp(ms" in str(table.schema.field("began").type)
    assert "Decimal128(18, 6)" in str(table.schema.field("cost").type)
    assert table.column("seq").to_pylist() == [1, 2, 1, 2]
    assert table.column("mos").to_pylist() == [None, 4.25, None, 4.25]
    assert table.column("route").to_pylist() == ["local", "local", "dial", "dial"]


def test_parquet_without_records_is_a_table_without_rows():
    file = io.BytesIO()
    export.parquet([], file)
    file.seek(0)
    assert read_parquet(file).read_all().num_rows == 0
