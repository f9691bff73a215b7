"""Trunks for calling plans: whose calls they take, and whose not."""

from __future__ import annotations

import msgspec
import pytest

from isthmus.routing.model import Answer, Class, Dial, Outcome, Relay, Request, RouteRecord, Source, TrunkRecord
from isthmus.routing.pstn import PLAN
from isthmus.routing.rules import decide
from tests.routing.people import CARRIER, MemorySnapshot, config, record

NORTHWIND = TrunkRecord("northwind", "127.0.9.2:5060", plan=True)
WITH_PLAN, WITHOUT = "carla@contoso.example", "pat@contoso.example"
US = "+12065550199"
ROUTE = RouteRecord("all", 0, ("default",), ("+",), (("carrier", 0),))


def called(caller: str, target: str = US, source: Source = Source.PHONE, **changes: object) -> Outcome:
    """What becomes of a call at online, which has both trunks unless told otherwise."""
    fields = {"trunks": (CARRIER, NORTHWIND), "classes": (Class(), Class(usages=(PLAN, "default")))} | changes
    people = [msgspec.structs.replace(record(WITH_PLAN, "online"), service=1), record(WITHOUT, "online")]
    snapshot = MemorySnapshot(config("online", **fields), people)
    return decide(Request("INVITE", target, source, caller, "premises" if source is Source.PEER else ""), snapshot)


@pytest.mark.parametrize("source", [Source.PHONE, Source.PEER])
def test_who_has_a_plan_calls_by_it_first(source: Source) -> None:
    outcome = called(WITH_PLAN, source=source)
    assert outcome.decision == Dial("northwind", US)
    assert "if that fails carrier" in outcome.trace[-1].text


def test_who_has_none_calls_by_the_others() -> None:
    assert called(WITHOUT).decision == Dial("carrier", US)
    assert called(WITHOUT, trunks=(NORTHWIND,), pstn_sites=("premises",)).decision == Relay("premises", "", -1)
    assert called("stranger@contoso.example", source=Source.PEER).decision == Dial("carrier", US)


def test_without_another_way_it_is_said_why() -> None:
    outcome = called(WITHOUT, trunks=(NORTHWIND,))
    assert isinstance(outcome.decision, Answer)
    assert "no-plan" in {step.rule for step in outcome.trace}


def test_a_plan_comes_before_voice_routes_and_they_are_what_is_left_without_it() -> None:
    assert called(WITH_PLAN, routes=(ROUTE,)).decision == Dial("northwind", US)
    assert called(WITHOUT, routes=(ROUTE,)).decision == Dial("carrier", US)
    elsewhere = msgspec.structs.replace(ROUTE, patterns=("+49",))
    assert called(WITH_PLAN, routes=(elsewhere,)).decision == Dial("northwind", US)


@pytest.mark.parametrize(("caller", "first"), [(WITH_PLAN, "northwind"), (WITHOUT, "carrier")])
def test_an_emergency_call_takes_any(caller: str, first: str) -> None:
    assert called(caller, "sos.911").decision == Dial(first, "911", emergency=True)
    assert called(caller, "sos.911", trunks=(NORTHWIND,)).decision == Dial("northwind", "911", emergency=True)
