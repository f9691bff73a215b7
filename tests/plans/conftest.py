"""A site with people who have calling plans, and records of their calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine

from isthmus.activity.model import Alert
from isthmus.addressing import Aor
from isthmus.directory.service import Directory
from isthmus.plans.charging import Charging
from isthmus.plans.model import Holder, Plan
from isthmus.plans.service import Plans
from isthmus.records.model import Record, Route
from isthmus.routing.refusals import Refusal
from tests.devices.conftest import Clock
from tests.numbers.conftest import clock, database_url, directory, engine, other_site, postgresql

__all__ = ["clock", "database_url", "directory", "engine", "other_site", "postgresql"]

ALICE, BOB, ERIN = "alice@contoso.example", "bob@contoso.example", "erin@fabrikam.example"
US, UK, FR = "+12065550199", "+442079460000", "+33123456789"
BEGAN_MS = 1_796_000_000_000  # 2026-11-30


@dataclass
class Office:
    """One site's plans. refused: what its snapshot holds. told: alerts."""

    engine: Engine
    directory: Directory
    clock: Clock
    refused: dict[str, list[Refusal]] = field(default_factory=dict)
    told: list[Alert] = field(default_factory=list)
    seq: int = 0

    def __post_init__(self) -> None:
        self.clock.now_s = BEGAN_MS / 1000 + 3600
        self.plans = Plans(self.directory, clock=self.clock, changed=self.refresh)
        self.charging = Charging(
            self.directory, "online", ["plan"], self, tell=lambda _, alert: self.told.append(alert), clock=self.clock
        )

    def refresh(self) -> None:
        self.charging.refuse()

    def refuse(self, by: str, wanted: Mapping[str, Sequence[Refusal]]) -> frozenset[str]:
        """As the snapshot's writer."""
        self.refused = {key: list(some) for key, some in wanted.items()}
        return frozenset(wanted)

    def define(self, name: str = "team", **said: Any) -> Plan:
        tenant = said.pop("tenant", "main")
        return self.plans.define(Plan(tenant, name, ("US",), **{"domestic": 10, **said}), actor="test")

    def give(self, *people: str, plan: str | None = "team", tenant: str = "main") -> list[Holder]:
        return self.plans.assign(tenant, plan, [Aor.parse(each) for each in people], actor="test")

    def id_of(self, aor: str) -> str:
        found = self.directory.get(Aor.parse(aor))
        assert found is not None
        return found.id

    def record(self, caller: str = ALICE, callee: str = US, minutes: float = 1, **changes: Any) -> Record:
        """A call that went out by the trunk for plans."""
        self.seq += 1
        began = changes.pop("began_ms", BEGAN_MS + self.seq * 1000)
        tenant = "fabrikam" if caller == ERIN else "main"
        said: dict[str, Any] = {
            "site": "online", "stream": "s", "seq": self.seq, "call_id": f"c{self.seq}", "side": "edge",
            "began_ms": began, "answered_ms": began, "ended_ms": began + round(minutes * 60_000), "caller": caller,
            "callee": callee, "caller_person": self.id_of(caller), "caller_tenant": tenant, "callee_person": "",
            "callee_tenant": "", "source": "phone", "via": "", "route": Route.DIAL, "way": "plan", "rule": "pstn",
            "text": "", "code": 200, "reason": "OK", "cause": "", "by": "caller", "caller_agent": "",
            "callee_agent": "", "mos": None, "jitter_ms": None, "loss_percent": None, "round_trip_ms": None,
            "cost_micro": round(minutes * 100_000), "currency": "USD", "rate_prefix": "+1",
        }  # fmt: skip
        return Record(**{**said, **changes})

    def charge(self, *records: Record) -> None:
        self.charging.charge(records)
        self.charging.refuse()

    def used(self, tenant: str = "main") -> dict[tuple[str, str], int]:
        """Seconds by bucket and person, those that are not 0."""
        return {(each.bucket, each.whose): each.used_s for each in self.plans.usage(tenant).uses if each.used_s}

    def balance(self, tenant: str = "main") -> float:
        return self.plans.credit(tenant)[0].balance_micro / 1e6

    def reasons(self, key: str) -> list[str]:
        return [each.reason for each in self.refused.get(key, ())]


@pytest.fixture
def office(engine: Engine, directory: Directory, clock: Clock) -> Office:
    return Office(engine, directory, clock)
