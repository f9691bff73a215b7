"""What can follow what in a porting order."""

from __future__ import annotations

import pytest

from isthmus.errors import RefusedError, UsageError
from isthmus.numbers import port_rules
from isthmus.numbers.model import Block, Order, PortDirection, PortEvent, PortState, Range
from tests.docs.commands import ROOT

ORDER = Order("o", PortDirection.IN, Block(Range(14255550100, 14255550199), "main"), PortState.REQUESTED)


def walk(*events: str) -> PortState:
    state = PortState.REQUESTED
    for event in events:
        state = port_rules.after(Order("o", PortDirection.IN, ORDER.block, state), PortEvent(event))
    return state


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ("submit accept schedule complete", PortState.COMPLETED),
        ("submit reject submit accept", PortState.ACCEPTED),
        ("submit accept schedule schedule", PortState.SCHEDULED),
        ("submit accept schedule reject", PortState.REJECTED),
        ("submit accept cancel", PortState.CANCELLED),
    ],
)
def test_ways_through(events: str, state: PortState) -> None:
    assert walk(*events.split()) is state


def test_every_state_can_be_reached_and_every_open_one_be_cancelled() -> None:
    reached = {PortState.REQUESTED} | {to for ways in port_rules.TABLE.values() for to in ways.values()}
    assert reached == set(PortState)
    for state in port_rules.OPEN:
        assert port_rules.TABLE[state][PortEvent.CANCEL] is PortState.CANCELLED


@pytest.mark.parametrize("events", ["complete", "accept", "submit complete", "cancel submit", "submit accept complete"])
def test_what_has_no_place_is_refused_and_says_what_has(events: str) -> None:
    with pytest.raises(RefusedError, match="can't"):
        walk(*events.split())


@pytest.mark.parametrize(
    ("event", "due"), [("schedule", None), ("submit", "2027-01-31"), ("schedule", "31.1.2027"), ("schedule", "")]
)
def test_a_day_is_for_scheduling_alone_and_needed_there(event: str, due: str | None) -> None:
    with pytest.raises(UsageError):
        port_rules.checked_due(PortEvent(event), due)


def test_the_page_tells_the_table() -> None:
    page = (ROOT / "docs" / "numbers.md").read_text(encoding="utf-8")
    for state, ways in port_rules.TABLE.items():
        if ways:
            assert f"| {state} | {', '.join(ways)} |" in page
