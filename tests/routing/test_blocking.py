"""Blocks: which callers are not let in, which numbers nobody calls, and what no block is for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.routing import pstn
from isthmus.routing.blocking import ANONYMOUS, judged
from isthmus.routing.model import (
    Answer,
    AtOnce,
    BlockRecord,
    Class,
    Dial,
    Direction,
    Local,
    Outcome,
    Relay,
    Request,
    Source,
)
from isthmus.routing.rules import decide
from tests.routing.people import MemorySnapshot, config, record

ALICE = record("alice@contoso.example", "premises", number="+14255550101")
CAROL = record("carol@contoso.example", "online", number="+14255550104")
NUISANCE, FRIEND = "+19005550123", "+19005550199"
IN, OUT = Direction.IN, Direction.OUT


def blocking(direction: Direction, *patterns: str) -> tuple[BlockRecord, ...]:
    """Blocks of the first tenant; `-` before one: an exception."""
    return tuple(BlockRecord(0, direction, each.lstrip("-"), each.startswith("-")) for each in patterns)


def rung(caller: str, *patterns: str, target: str = "+14255550101", **more: object) -> Outcome:
    """A call from the PSTN while these callers are blocked."""
    snapshot = MemorySnapshot(config(blocks=blocking(IN, *patterns)), [ALICE, CAROL])
    request = {"source": Source.TRUNK, "caller": caller, "via": "carrier"} | more
    return decide(Request("INVITE", target, **request), snapshot)  # type: ignore[arg-type]


def dialled(target: str, *patterns: str, **more: object) -> Outcome:
    """A call of Alice's while these numbers are blocked."""
    snapshot = MemorySnapshot(config(blocks=blocking(OUT, *patterns)), [ALICE, CAROL])
    return decide(Request("INVITE", target, **({"source": Source.PHONE, "caller": ALICE.aor} | more)), snapshot)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("caller", "patterns", "refused"),
    [
        (NUISANCE, ("+1900",), True),
        (NUISANCE, ("+1900555XXXX$",), True),
        (NUISANCE, ("+44",), False),
        (NUISANCE, (), False),
        (FRIEND, ("+1900", "-+19005550199$"), False),
        (NUISANCE, ("+1900", "-+19005550199$"), True),
        (FRIEND, ("+19005550199", "-+1900"), False),  # an exception is stronger, however short
        ("", (ANONYMOUS,), True),
        ("", ("+1900",), False),
        (NUISANCE, (ANONYMOUS,), False),
    ],
)
def test_who_is_blocked_is_refused_but_for_exceptions(caller: str, patterns: tuple[str, ...], refused: bool):
    decision = rung(caller, *patterns).decision
    assert isinstance(decision, Answer if refused else Local)
    if refused:
        assert (decision.code, decision.reason) == (603, "Calls From This Number Are Blocked")


def test_it_says_by_what_it_was_blocked_or_let_through():
    assert rung(NUISANCE, "+1900").trace[-1].text == f"calls from {NUISANCE} are blocked: +1900"
    told = [step.text for step in rung(FRIEND, "+1900", "-+19005550199$").trace if step.rule == "exception"]
    assert told == [f"calls from {FRIEND} are let through: +19005550199$, though +1900 is"]


def test_who_calls_back_after_an_emergency_call_is_never_blocked():
    assert isinstance(rung("", ANONYMOUS, target=ALICE.aor, called_back=True).decision, Local)


def test_blocks_hold_for_people_at_home_here_whichever_site_has_the_trunk():
    over_the_link = {"source": Source.PEER, "via": "online", "epoch": 1}
    assert isinstance(rung(NUISANCE, "+1900", **over_the_link).decision, Answer)
    assert isinstance(rung(CAROL.aor, ANONYMOUS, **over_the_link).decision, Local)  # a colleague


def test_blocks_hold_for_people_who_live_elsewhere():
    assert isinstance(rung(NUISANCE, "+44", target="+14255550104").decision, Relay)
    assert isinstance(rung(NUISANCE, "+1900", target="+14255550104").decision, Answer)


def test_nobody_calls_what_is_blocked():
    assert dialled("+12065550123", "+1206").decision == Answer(403, "Calls There Are Blocked")
    assert dialled("+12065550123", "+1206", "-+12065550123").decision == Dial("carrier", "+12065550123")
    assert isinstance(dialled("+12065550123", "+1206", source=Source.PEER, via="online").decision, Answer)
    assert isinstance(dialled(CAROL.number or "", "+").decision, Relay)  # that is a colleague, not the PSTN


def test_an_emergency_call_is_never_blocked():
    assert dialled("sos.911", "+").decision == Dial("carrier", "911", emergency=True)


def test_another_tenant_has_its_own():
    blocks = (BlockRecord(1, OUT, "+1206"),)
    assert isinstance(decide(
        Request("INVITE", "+12065550123", Source.PHONE, ALICE.aor), MemorySnapshot(config(blocks=blocks), [ALICE])
    ).decision, Dial)  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from(["+1", "+12", "+123", "+1X3", "+[12]", "+4"]), st.booleans()), max_size=8),
    st.from_regex(r"\+[124][1-3]{1,5}", fullmatch=True),
)
def test_found_by_index_is_found_by_looking_at_all(patterns: list[tuple[str, bool]], number: str):
    blocks = tuple(BlockRecord(0, IN, pattern, exception) for pattern, exception in patterns)
    fitting = [exception for pattern, exception in patterns if pstn.fit((pattern,), number) >= 0]
    assert judged(blocks, 0, IN, number).refuses == (bool(fitting) and not any(fitting))
    assert not judged(blocks, 0, OUT, number).refuses


def test_as_many_calls_at_once_as_there_may_be():
    limits = (AtOnce("tenant contoso", 2),)
    snapshot = MemorySnapshot(config(at_once=limits), [ALICE])
    request = Request("INVITE", "+12065550123", Source.PHONE, ALICE.aor, spent=frozenset({"tenant contoso"}))
    outcome = decide(request, snapshot)
    assert outcome.decision == Answer(403, "Too Many Calls At A Time")
    assert "2 calls at once" in outcome.trace[-1].text


NOWHERE = "+441533999999"  # no such area in the United Kingdom


def test_numbers_abroad_that_nobody_was_given_are_closed_until_a_policy_opens_them():
    assert dialled(NOWHERE).decision == Answer(403, "Calls There Are Not Allowed")
    assert "in no range in use" in dialled(NOWHERE).trace[-1].text
    opened = MemorySnapshot(config(classes=(Class(unassigned=True),)), [ALICE])
    request = Request("INVITE", NOWHERE, Source.PHONE, ALICE.aor)
    assert decide(request, opened).decision == Dial("carrier", NOWHERE)
    # At home new ranges are known late, and nobody gains by them.
    neighbour = record("bea@contoso.example", "premises", number="+442079460123")
    request = Request("INVITE", NOWHERE, Source.PHONE, neighbour.aor)
    assert decide(request, MemorySnapshot(config(), [neighbour])).decision == Dial("carrier", NOWHERE)


@given(
    st.lists(st.sampled_from(["+", "+1", "+[0-9]", "+911"]), max_size=4),
    st.frozensets(st.sampled_from(["tenant contoso", "country US contoso"])),
    st.sampled_from([Source.PHONE, Source.PEER]),
)
def test_whatever_is_blocked_or_spent_an_emergency_call_goes_out(
    patterns: list[str], spent: frozenset[str], source: Source
):
    limits = (AtOnce("tenant contoso", 0), AtOnce("country US contoso", 0))
    snapshot = MemorySnapshot(config(blocks=blocking(OUT, *patterns), at_once=limits), [ALICE])
    via = "online" if source is Source.PEER else ""
    decision = decide(Request("INVITE", "sos.911", source, ALICE.aor, via, spent=spent), snapshot).decision
    assert decision == Dial("carrier", "911", emergency=True)
