"""Calls to people who don't want to be disturbed."""

from __future__ import annotations

import msgspec
import pytest

from isthmus.routing.model import Answer, Local, Outcome, Relay, Request, Source
from isthmus.routing.quiet import of_called
from isthmus.routing.refusals import Refusal
from isthmus.routing.rules import decide
from tests.routing.people import MemorySnapshot, config, record

ALICE, BOB, BOSS = (f"{user}@contoso.example" for user in ("alice", "bob", "boss"))
NUMBER = "+14255550102"
UNTIL = 2_000
WISH = Refusal("presence", "quiet", "does not want to be disturbed", until_s=UNTIL, callers=(BOSS, "+12065550100"))


def called(request: Request, site: str = "premises") -> Outcome:
    people = [record(ALICE, "premises"), record(BOB, "premises", number=NUMBER), record(BOSS, "online")]
    return decide(request, MemorySnapshot(config(site), people, {of_called(BOB): (WISH,)}))


CALL = Request("INVITE", BOB, Source.PHONE, ALICE, at_s=1_000)


@pytest.mark.parametrize("target", [BOB, NUMBER])
@pytest.mark.parametrize(
    ("source", "via", "epoch"), [(Source.PHONE, "", -1), (Source.PEER, "online", 1), (Source.TRUNK, "carrier", -1)]
)
def test_no_phone_of_theirs_rings_whoever_calls_by_whatever_way(target: str, source: Source, via: str, epoch: int):
    caller = ALICE if source is not Source.TRUNK else "+12065550199"
    request = msgspec.structs.replace(CALL, target=target, source=source, via=via, epoch=epoch, caller=caller)
    outcome = called(request)
    assert outcome.decision == Answer(480, "Do Not Disturb")
    assert outcome.trace[-1].text == f"{BOB} does not want to be disturbed: no phone rings"


@pytest.mark.parametrize(
    "changes",
    [
        {"caller": BOSS, "source": Source.PEER, "via": "online", "epoch": 1},
        {"caller": "+12065550100", "source": Source.TRUNK, "via": "carrier"},
        {"called_back": True, "source": Source.TRUNK, "via": "carrier", "caller": ""},
        {"at_s": UNTIL},
        {"method": "MESSAGE"},
        {"method": "REGISTER"},
        {"target": ALICE},
    ],
    ids=["excepted person", "excepted number", "emergency call back", "over", "message", "register", "somebody else"],
)
def test_what_gets_through(changes: dict[str, object]):
    assert isinstance(called(msgspec.structs.replace(CALL, **changes)).decision, Local)  # type: ignore[arg-type]


def test_the_home_alone_says_so():
    assert isinstance(called(CALL, "online").decision, Relay)
