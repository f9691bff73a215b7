"""`make bench` tells of a measurement that failed what went wrong, all of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import bench.__main__ as bench_main
import pytest
from bench.model import Figure, Scale


@contextlib.contextmanager
def _put_away_badly() -> Iterator[None]:
    try:
        yield
    finally:
        raise OSError("the folder is not empty")


def _broken(_: Scale) -> list[Figure]:
    with _put_away_badly():
        raise AssertionError("30 of 30 calls failed")


def _cut_short(_: Scale) -> list[Figure]:
    try:
        raise KeyError("inside")
    except KeyError:
        raise AssertionError("no such figure") from None


def _in_groups(_: Scale) -> list[Figure]:
    raise ExceptionGroup("two tasks failed", [ValueError("one"), TypeError("two")])


def test_the_error_of_a_measurement_is_seen_before_that_of_its_clean_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(bench_main, "_RESULTS", tmp_path / "results")
    monkeypatch.setitem(bench_main.MEASUREMENTS, "broken", _broken)
    written = tmp_path / "bench.json"

    assert bench_main.main(["--only", "broken", "--json", str(written)]) == 1

    both = "AssertionError: 30 of 30 calls failed; then OSError: the folder is not empty"
    assert json.loads(written.read_text())["failures"] == {"broken": both}
    shown = " ".join(capsys.readouterr().err.split())
    assert f"broken could not be measured: {both}" in shown


@pytest.mark.parametrize(
    ("measurement", "told"),
    [
        (_cut_short, "AssertionError: no such figure"),
        (_in_groups, "ExceptionGroup: two tasks failed (2 sub-exceptions) (ValueError: one, TypeError: two)"),
    ],
)
def test_what_was_said_of_an_error_on_purpose_stays_so(measurement, told: str):
    with pytest.raises((AssertionError, ExceptionGroup)) as raised:
        measurement(Scale())
    assert bench_main.told(raised.value) == told
