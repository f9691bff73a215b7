"""Calls follow plans: who has one goes by the trunk for plans; what is used up is refused by the snapshot alone."""

from __future__ import annotations

from pathlib import Path

from isthmus.plans.charging import Charging
from isthmus.plans.service import Plans
from isthmus.policy.classes import ClassesOfService, follow
from isthmus.policy.service import Policies
from isthmus.routing.compile import Compiler
from isthmus.routing.model import Answer, Dial, Outcome, Request, Source
from isthmus.routing.rules import decide
from isthmus.routing.snapshot import SnapshotWriter
from isthmus.site.file import SiteFile
from tests.plans.conftest import ALICE, BOB, UK, US, Office


def _site(folder: Path) -> SiteFile:
    site = {
        "name": "premises", "role": "online", "fqdn": "online.contoso.example", "domains": ["contoso.example"],
        "address": "127.0.2.1", "internal_address": "127.0.2.2", "authority": True, "tenant": "main",
    }  # fmt: skip
    trunks = [
        {"name": "carrier", "address": "127.0.9.1"},
        {"name": "plan", "address": "127.0.9.2", "calling_plan": True},
    ]
    return SiteFile.model_validate({"site": site, "trunk": trunks, "path": folder / "site.toml"})


def test_calls_follow_plans_and_what_is_left_of_them(office: Office, tmp_path: Path) -> None:
    directory, policies = office.directory, Policies(office.directory, frozenset({"premises", "online"}))
    directory.join(follow)
    writer = SnapshotWriter(tmp_path / "snapshot")
    plans = Plans(directory, clock=office.clock)
    compiler = Compiler(directory, writer, _site(tmp_path), ClassesOfService(policies, plans.holders_of))
    charging = Charging(directory, "online", ["plan"], writer, clock=office.clock)
    office.plans, office.charging = plans, charging
    plans.changed, plans.regrouped = charging.refuse, compiler.catch_up
    compiler.rebuild()
    reader = writer.reader()

    def called(caller: str, target: str = US) -> Outcome:
        with reader.view() as view:
            return decide(Request("INVITE", target, Source.PHONE, caller), view)

    assert called(ALICE).decision == Dial("carrier", US)
    office.define(domestic=1)
    office.give(ALICE)
    assert called(ALICE).decision == Dial("plan", US)
    assert called(BOB).decision == Dial("carrier", US)
    assert called(ALICE, UK).decision == Answer(403, "Not In The Calling Plan")
    office.charge(office.record())
    assert called(ALICE).decision == Answer(403, "Calling Plan Minutes Used Up")
    assert called(ALICE).trace[-1].rule == "refused"
    assert called(ALICE, "sos.911").decision == Dial("plan", "911", emergency=True)
    compiler.rebuild()  # what is used up stays so
    assert called(ALICE).decision == Answer(403, "Calling Plan Minutes Used Up")
    office.define(domestic=10)
    assert called(ALICE).decision == Dial("plan", US)
    office.give(ALICE, plan=None)
    assert called(ALICE).decision == Dial("carrier", US)
    writer.close()
