"""The move's table, and its reasons against."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.addressing import Aor
from isthmus.directory.model import Credentials, Person
from isthmus.homing import rules
from isthmus.homing.model import Event, State
from isthmus.homing.page import page
from isthmus.homing.rules import COMMITTED, FINAL, STAGES, TABLE, Facts, SiteFacts, reasons_against

ALICE = Aor.parse("alice@contoso.example")
SITES = {
    "premises": SiteFacts("premises", "premises"),
    "online": SiteFacts("online", "online"),
    "gateway": SiteFacts("gateway", "connector"),
}


def facts(target: str = "online", **changes: object) -> Facts:
    person = Person(ALICE, "main", "Alice", None, "premises", 1, Credentials(b"", b""))
    given: dict[str, object] = {
        "target": target,
        "sites": SITES,
        "people": {ALICE: person},
        "running": {},
        "against": {},
    }
    return Facts(**(given | changes))  # type: ignore[arg-type]


def test_the_page_is_current() -> None:
    """Write it anew with: python -m isthmus.homing.page > docs/move.md"""
    assert (Path(__file__).parents[2] / "docs" / "move.md").read_text() == page()


def test_every_state_leads_to_an_end() -> None:
    reached = set(FINAL)
    while more := {state for state, ways in TABLE.items() if set(ways.values()) & reached} - reached:
        reached |= more
    assert reached == set(State)


def test_before_commit_nothing_leads_to_moved_and_after_it_nothing_else() -> None:
    for state, ways in TABLE.items():
        for there in ways.values():
            if state in COMMITTED:
                assert there in COMMITTED
            elif there in COMMITTED:
                assert (state, there) == (State.COMMITTING, State.PUBLISHING)


def test_an_event_out_of_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="queued"):
        rules.after(State.QUEUED, Event.COMMITTED)


def test_the_earliest_stage_is_worked_on_first() -> None:
    assert rules.next_stage([State.CLEANING_UP, State.MOVED, State.PREPARING]) is State.PREPARING
    assert rules.next_stage([State.MOVED, State.NOT_MOVED]) is None
    assert STAGES[0] is State.QUEUED


def test_nothing_against() -> None:
    assert reasons_against(ALICE, facts()) == ()


def test_every_reason_is_given_at_once() -> None:
    disabled = Person(ALICE, "main", "Alice", None, "premises", 1, Credentials(b"", b""), enabled=False)
    down = {**SITES, "premises": SiteFacts("premises", "premises", "premises does not answer")}
    found = reasons_against(
        ALICE,
        facts(
            "gateway",
            people={ALICE: disabled},
            sites=down,
            running={ALICE: "b1"},
            against={ALICE: ["voicemail: the box is locked"]},
        ),
    )
    assert found == (
        "the person is disabled",
        "a move is under way already (b1)",
        "gateway is a connector: nobody lives there",
        "premises does not answer",
        "voicemail: the box is locked",
    )


@pytest.mark.parametrize(
    ("target", "changes", "reason"),
    [
        ("online", {"people": {}}, "nobody with this address is in the directory"),
        ("premises", {}, "already at home at premises"),
        ("mars", {}, "there is no site 'mars' (sites: gateway, online, premises)"),
        ("online", {"sites": {**SITES, "online": SiteFacts("online", "online", "down")}}, "down"),
    ],
)
def test_one_reason(target: str, changes: dict[str, object], reason: str) -> None:
    assert reasons_against(ALICE, facts(target, **changes)) == (reason,)
