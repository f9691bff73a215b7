"""`isthmus call records|record|export` and `isthmus rate`: of a running service that is told of calls."""

from __future__ import annotations

import csv
import io
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from arro3.io import read_parquet

from isthmus.database import open_database
from isthmus.engines.kamailio.spool import Spool
from isthmus.records.reports import CallDirection, CallReportBody, Reports
from isthmus.site import internal
from isthmus.site.file import load
from tests.cli.conftest import Answer
from tests.records.conftest import ALICE, answered, bye, dials, failed
from tests.support import wait_for

Isthmus = Callable[..., Answer]
_numbers = itertools.count(1)


@pytest.fixture
def call(isthmus: Isthmus, sites: Path) -> str:
    """The Call-ID of a recorded call that Alice made out by a trunk, once busy, then answered."""
    assert isthmus("user", "create", ALICE, "--home", "premises", "--generate-password").code == 0
    pipe = internal.records_pipe(load(sites / "premises" / "site.toml"))
    name, now, spool = f"call-{next(_numbers)}@192.0.2.10", time.time() - 60, Spool(str(pipe))
    number = "+12065550123"
    for event in (dials(now, number, name), failed(now + 1, call_id=name), dials(now + 2, number, name)):
        spool.tell(event)
    for event in (
        answered(now + 5, name, media="past"),
        bye(now + 50, name, tag="b", cause='Q.850;cause=16;text="Terminated"'),
    ):
        spool.tell(event)
    wait_for(lambda: isthmus("call", "record", name).out.count("Began") == 2, 60, "the call has its records")
    return name


def test_a_list_has_a_line_a_leg(isthmus: Isthmus, call: str):
    lines = isthmus("call", "records", "--who", ALICE).out.splitlines()
    assert lines[0].split()[:4] == ["Began", "From", "To", "At"]
    assert "by trunk carrier" in lines[1] and "0:00:45" in lines[1] and "by callee" in lines[1] and call in lines[1]
    assert "486 Busy Here" in lines[2]
    found = json.loads(isthmus("call", "records", "--trunk", "carrier", "--answered", "--limit", "1", "--json").out)
    assert [(each["call_id"], each["seconds"]) for each in found] == [(call, 45.0)]
    assert "No call records." in isthmus("call", "records", "--who", ALICE, "--until", "2020-01-01").out


def test_one_call_is_told_in_words(isthmus: Isthmus, call: str):
    told = isthmus("call", "record", call).out
    assert told.startswith(f"Call from {ALICE} to +12065550123, {call}")
    for words in (f"At premises, came in from a phone of {ALICE}:", "by trunk carrier", "by callee", "Q.850;cause=16"):
        assert words in told
    assert "directly from end to end" not in told  # of the first leg, which nobody answered, nothing is known
    assert "not by way of premises" in told
    missing = isthmus("call", "record", "no-such-call")
    assert missing.code == 1 and "there is no record" in missing.err


def test_exports_are_files(isthmus: Isthmus, call: str, tmp_path: Path):
    file = tmp_path / "calls.csv"
    assert isthmus("call", "export", "--who", ALICE, "--output", str(file)).code == 0
    rows = list(csv.DictReader(io.StringIO(file.read_bytes().decode(), newline="")))
    assert [row["code"] for row in rows if row["call_id"] == call] == ["200", "486"]
    other = tmp_path / "calls.parquet"
    said = isthmus("call", "export", "--format", "parquet", "--output", str(other), "--json")
    assert json.loads(said.out)["bytes"] == other.stat().st_size
    assert call in read_parquet(other).read_all().column("call_id").to_pylist()


def test_what_browsers_reported_is_listed_and_written(isthmus: Isthmus, call: str, sites: Path, tmp_path: Path):
    report = CallReportBody(
        call_id=call, kind="problem", seconds=61, mos=2.5, sent=CallDirection(packets=3000),
        received=CallDirection(packets=10, loss_percent=12.5), findings=["lossIn"], text="it hissed",
    )  # fmt: skip
    person = json.loads(isthmus("user", "show", ALICE, "--json").out)["id"]
    file = load(sites / "premises" / "site.toml")
    engine = open_database(file.database_url)
    Reports(engine, "premises").keep(person, report)
    engine.dispose()
    told = isthmus("call", "reports", "--mos-below", "3", "--kind", "problem", "--who", ALICE).out
    for words in (ALICE, "problem", "0:01:01", "2.5", "12.5 %", "lossIn", "it hissed", call):
        assert words in told
    (found,) = json.loads(isthmus("call", "reports", "--call", call, "--json").out)
    assert found["report"]["text"] == "it hissed"
    assert "No reports." in isthmus("call", "reports", "--mos-below", "2").out
    written = tmp_path / "reports.csv"
    assert isthmus("call", "reports", "--since", "2026-01-01", "--output", str(written)).code == 0
    rows = list(csv.DictReader(io.StringIO(written.read_bytes().decode(), newline="")))
    assert [row["text"] for row in rows if row["call_id"] == call] == ["it hissed"]
    assert "--call" in isthmus("call", "reports", "--call", call, "--kind", "end").err


def test_rates_are_tried_imported_and_listed(isthmus: Isthmus, tmp_path: Path):
    file = tmp_path / "rates.csv"
    file.write_text("prefix,name,price_per_minute,currency\n+44,United Kingdom,0.015,GBP\n")
    assert "would be added: 1: +44" in isthmus("rate", "import", str(file), "--dry-run").out
    assert "No rates" in isthmus("rate", "list").out
    assert "added: 1: +44" in isthmus("rate", "import", str(file)).out
    assert "0.015 GBP" in isthmus("rate", "list").out
    file.write_text("prefix,name,price_per_minute,currency\n+44,United Kingdom,free,GBP\n")
    wrong = isthmus("rate", "import", str(file))
    assert wrong.code == 2 and "line 2: 'free' is no price" in wrong.out and "nothing was changed" in wrong.err
    assert len(json.loads(isthmus("rate", "list", "--json").out)) == 1
    file.write_text("prefix,name,price_per_minute,currency\n")
    assert "removed: 1: +44" in isthmus("rate", "import", str(file)).out
    assert isthmus("rate", "import", str(tmp_path / "absent.csv")).code == 2
