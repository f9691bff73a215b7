"""Emergency numbers and short codes, as `decide` routes them."""

from __future__ import annotations

import msgspec
import pytest

from isthmus.dialling.plan import Dialling
from isthmus.routing import dialling
from isthmus.routing.model import SHORT, SOS, Answer, Class, Dial, Relay, Request, Source
from isthmus.routing.rules import decide
from tests.routing.people import MemorySnapshot, config, record

ALICE = "alice@contoso.example"
US = Dialling("US", "9", 4, "+1425555")


def snapshot(*barred: str, **changes: object) -> MemorySnapshot:
    alice = msgspec.structs.replace(record(ALICE, "premises"), barred=barred, service=1)
    digits = record("0199@contoso.example", "premises")
    return MemorySnapshot(config(classes=(Class(), Class(US)), **changes), [alice, digits])


def asked(target: str, source: Source = Source.PHONE, **changes: object) -> Request:
    return msgspec.structs.replace(Request("INVITE", target, source, ALICE), **changes)


@pytest.mark.parametrize("barred", [(), ("calls:pstn",), ("account", "calls:pstn", "calls:premium")])
def test_an_emergency_call_goes_out_whatever_the_caller_is_kept_from(barred: tuple[str, ...]):
    outcome = decide(asked(f"{SOS}911"), snapshot(*barred))
    assert outcome.decision == Dial("carrier", "911", emergency=True)
    assert "emergency" in {step.rule for step in outcome.trace}


def test_without_a_trunk_of_its_own_a_site_hands_it_to_one_that_has():
    online = snapshot("calls:pstn", site="online", trunks=(), pstn_sites=("premises",))
    assert decide(asked(f"{SOS}112"), online).decision == Relay("premises", "", -1)
    cut = decide(asked(f"{SOS}112", unreachable=frozenset({"premises"})), online)
    assert cut.decision == Answer(480, "No Way To The PSTN")
    # There it goes out, and never back over the link.
    assert decide(asked(f"{SOS}112", Source.PEER, via="online"), snapshot()).decision == Dial(
        "carrier", "112", emergency=True
    )
    none = snapshot(trunks=(), pstn_sites=("online",))
    assert decide(asked(f"{SOS}112", Source.PEER, via="online"), none).decision == Answer(480, "No Way To The PSTN")


def test_it_does_not_come_back_from_the_pstn():
    assert decide(asked(f"{SOS}911", Source.TRUNK, via="carrier"), snapshot()).decision == Answer(404, "Not Found")


def test_a_short_code_goes_out_but_for_who_is_kept_from_it():
    assert decide(asked(f"{SHORT}411"), snapshot()).decision == Dial("carrier", "411")
    assert decide(asked(f"{SHORT}411"), snapshot("calls:pstn")).decision == Answer(403, "Calls There Are Blocked")
    assert decide(asked(f"{SHORT}411"), snapshot("calls:international")).decision == Dial("carrier", "411")


def test_nobody_can_be_called_as_if_by_an_emergency_number():
    assert decide(asked(f"{SOS}911@contoso.example"), snapshot()).decision == Answer(404, "Not Found")


@pytest.mark.parametrize(
    ("user", "target"),
    [
        ("911", f"{SOS}911"),
        ("9411", "+14255559411"),
        ("0101", "+14255550101"),
        ("0199", "0199@contoso.example"),  # somebody is called so
        ("+14255550199", "+14255550199"),
        ("bob", "bob@contoso.example"),
    ],
)
def test_from_what_is_dialled_to_the_target(user: str, target: str):
    assert dialling.target(user, f"{user}@contoso.example", US, snapshot()) == target
