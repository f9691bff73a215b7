"""Refusals: what is refused for now, by whom and for whom, and that an emergency call never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.routing import refusals
from isthmus.routing.model import Answer, Dial, Outcome, Request, Source, TrunkRecord
from isthmus.routing.refusals import Refusal, of_country, of_person, of_tenant, of_trunk
from isthmus.routing.rules import decide
from isthmus.routing.snapshot import LmdbSnapshot, SnapshotWriter
from tests.routing.people import CARRIER, MemorySnapshot, config, person, record

ALICE = record("alice@contoso.example", "premises", number="+14255550101")
SPENT = Refusal("plan", "minutes", "the minutes are used up", "Calling Plan Used Up")
OTHER = TrunkRecord("other", "127.0.9.2:5060")
US, UK = "+12065550199", "+442079460000"


def called(refused: dict[str, tuple[Refusal, ...]], target: str = US, source: Source = Source.PHONE) -> Outcome:
    """What becomes of a call of Alice's, with two trunks."""
    snapshot = MemorySnapshot(config(trunks=(CARRIER, OTHER)), [ALICE], refused)
    via = "online" if source is Source.PEER else ""
    return decide(Request("INVITE", target, source, ALICE.aor, via), snapshot)


@pytest.mark.parametrize(
    "key", [of_person(ALICE.aor), of_tenant("contoso"), of_country("US"), of_country("US", "contoso")]
)
def test_a_call_is_refused_with_its_reason(key: str) -> None:
    outcome = called({key: (SPENT,)})
    assert outcome.decision == Answer(403, "Calling Plan Used Up")
    assert outcome.trace[-1].rule == "refused"
    assert "the minutes are used up (plan: minutes)" in outcome.trace[-1].text


@pytest.mark.parametrize("key", [of_person("bob@contoso.example"), of_tenant("fabrikam"), of_country("GB")])
def test_the_refusals_of_others_are_theirs(key: str) -> None:
    assert called({key: (SPENT,)}).decision == Dial("carrier", US)


def test_nothing_keeps_anybody_from_an_emergency_call() -> None:
    keys = (of_person(ALICE.aor), of_tenant("contoso"), of_country("US"), of_trunk("carrier"), of_trunk("other"))
    assert called(dict.fromkeys(keys, (SPENT,)), "sos.911").decision == Dial("carrier", "911", emergency=True)


def test_who_is_called_for_another_site_is_refused_too() -> None:
    """The site that has the trunks knows what they cost."""
    assert called({of_person(ALICE.aor): (SPENT,)}, source=Source.PEER).decision == Answer(403, SPENT.phrase)


def test_some_countries_can_be_meant_or_all_others() -> None:
    at_home = Refusal("plan", "minutes", "used up", regions=("US", "CA"))
    abroad = Refusal("plan", "minutes", "used up", but=("US", "CA"))
    assert isinstance(called({of_person(ALICE.aor): (at_home,)}, US).decision, Answer)
    assert called({of_person(ALICE.aor): (at_home,)}, UK).decision == Dial("carrier", UK)
    assert called({of_person(ALICE.aor): (abroad,)}, US).decision == Dial("carrier", US)
    assert isinstance(called({of_person(ALICE.aor): (abroad,)}, UK).decision, Answer)


def test_one_trunk_can_be_meant_and_others_take_the_call() -> None:
    only = Refusal("plan", "minutes", "used up", ways=("carrier",))
    assert called({of_person(ALICE.aor): (only,)}).decision == Dial("other", US)
    assert called({of_trunk("carrier"): (SPENT,)}).decision == Dial("other", US)
    assert isinstance(called({of_trunk("carrier"): (SPENT,), of_trunk("other"): (SPENT,)}).decision, Answer)


def test_it_can_end_by_itself() -> None:
    """With nobody left to take it away."""
    month = Refusal("plan", "minutes", "used up", until_s=1_000)
    snapshot = MemorySnapshot(config(), [ALICE], {of_person(ALICE.aor): (month,)})
    before, after = (Request("INVITE", US, Source.PHONE, ALICE.aor, at_s=at) for at in (999, 1_000))
    assert isinstance(decide(before, snapshot).decision, Answer)
    assert decide(after, snapshot).decision == Dial("carrier", US)


def test_each_feature_writes_its_own_and_a_new_compilation_keeps_them(tmp_path: Path) -> None:
    writer = SnapshotWriter(tmp_path / "snapshot")
    fraud = Refusal("fraud", "cost", "over the limit of the day")
    key, other = of_person(ALICE.aor), of_tenant("contoso")
    assert writer.refuse("plan", {key: [SPENT]}) == {key}
    assert writer.refuse("fraud", {key: [fraud], other: [fraud]}) == {key, other}
    assert writer.refuse("fraud", {key: [fraud], other: [fraud]}) == frozenset()
    writer.rebuild(config(), [person("alice")], 1)
    writer.close()
    reader = LmdbSnapshot.open(tmp_path / "snapshot")
    with reader.view() as view:
        assert set(view.refusals(key)) == {SPENT, fraud}
        assert view.refusals(other) == (fraud,)
        assert refusals.about(view, aor="", tenant="contoso", region="US", at_s=0) == (fraud,)
    reader.close()
    writer = SnapshotWriter(tmp_path / "snapshot")
    assert writer.refuse("plan", {}) == {key}
    writer.close()
    reader = LmdbSnapshot.open(tmp_path / "snapshot")
    with reader.view() as view:
        assert view.refusals(key) == (fraud,)
    reader.close()
