"""Every measurement runs, in miniature; what it measures is for the bench itself to say."""

from __future__ import annotations

import json

import pytest
from bench.__main__ import MEASUREMENTS, table
from bench.model import Aim, Figure, Scale


@pytest.mark.engine
@pytest.mark.parametrize("name", ["calls", "registers", "websockets"])
def test_engines_are_measured(name: str):
    _check(name)


@pytest.mark.parametrize(
    "name",
    [
        "routing",
        "publishing",
        "feeding",
        "policies",
        "audit",
        "signing_in",
        "activity",
        "pushing",
        "presence",
        "messaging",
    ],
)
def test_routing_is_measured(name: str):
    _check(name)


@pytest.mark.e2e
def test_whole_sites_are_measured():
    _check("whole")


@pytest.mark.e2e
def test_directory_sync_is_measured():
    _check("syncing")


@pytest.mark.e2e
def test_a_page_is_watched_while_presence_changes():
    _check("watching")


def test_nothing_is_left_out():
    assert set(MEASUREMENTS) == {
        "calls",
        "registers",
        "routing",
        "publishing",
        "feeding",
        "policies",
        "audit",
        "activity",
        "signing_in",
        "presence",
        "pushing",
        "whole",
        "syncing",
        "failing",
        "loading",
        "messaging",
        "websockets",
        "pages",
        "watching",
        "soaking",
    }


def test_a_figure_is_the_median_of_its_rounds_and_held_against_its_aim():
    pairs = [(3.0, 1.0), (2.0, 2.0), (8.0, 4.0)]
    figure = Figure.of("k", "t", "us", pairs, "b", Aim("ratio", 2.0))
    assert (figure.value, figure.baseline) == (3.0, 2.0)
    assert (figure.ratio, figure.low, figure.high) == (2.0, 1.0, 3.0)
    assert figure.met is True
    assert Figure.of("k", "t", "us", pairs, "b", Aim("value", 2.9)).met is False
    assert Figure.of("k", "t", "1/s", pairs, "b", Aim("value", 2.9, least=True)).met is True
    assert Figure.of("k", "t", "us", pairs, "b").met is None


def _check(name: str) -> None:
    figures = MEASUREMENTS[name](Scale.miniature())
    assert figures
    assert all(figure.value >= 0 and figure.baseline > 0 for figure in figures)
    assert len({figure.key for figure in figures}) == len(figures)
    json.dumps([figure.as_json() for figure in figures])
    assert table(figures).row_count >= len(figures)
