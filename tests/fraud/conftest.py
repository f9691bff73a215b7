"""A site's caps and blocks, with the records that they count, on either database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from isthmus.activity.model import Alert
from isthmus.fraud.capping import Capping
from isthmus.fraud.people import PeoplesCaps
from isthmus.fraud.service import Guard
from isthmus.policy.classes import ClassesOfService, follow
from isthmus.policy.service import Policies
from isthmus.routing.refusals import Refusal
from tests.records.conftest import Office, clock, database_url, engine, office, other_site, postgresql

__all__ = ["clock", "database_url", "engine", "office", "other_site", "postgresql"]


@dataclass
class Refused:
    """Keeps the refusals, as the snapshot does."""

    by: dict[str, dict[str, list[Refusal]]] = field(default_factory=dict)
    written: int = 0

    def refuse(self, by: str, wanted: Mapping[str, Sequence[Refusal]]) -> frozenset[str]:
        now = {key: list(some) for key, some in wanted.items() if some}
        self.written += self.by.get(by, {}) != now
        self.by[by] = now
        return frozenset()

    def reasons(self, by: str = "fraud") -> dict[str, list[str]]:
        return {key: [each.reason for each in some] for key, some in self.by.get(by, {}).items()}


@dataclass
class Watched:
    """An office whose calls are capped."""

    office: Office
    refused: Refused = field(default_factory=Refused)
    ended: list[str] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    guard: Guard = field(init=False)
    policies: Policies = field(init=False)
    capping: Capping = field(init=False)

    def __post_init__(self) -> None:
        directory = self.office.directory
        directory.join(follow)
        self.policies = Policies(directory, frozenset({"premises", "online"}))
        self.guard = Guard(directory, ["carrier"], "main", "premises", clock=self.office.clock)
        self.restart()

    def restart(self) -> None:
        """The control service is started anew: what was in memory is gone."""
        self.office.restart()
        directory, classes = self.office.directory, ClassesOfService(self.policies)
        self.capping = Capping(
            directory,
            self.guard,
            PeoplesCaps(self.policies, lambda: (classes.revision(), directory.last_seq())),
            self.refused,
            site="premises",
            own_tenant="main",
            end=self.ended.extend,
            tell=lambda tenant, alert: self.alerts.append(alert),
            clock=self.office.clock,
        )

    def work(self, after_s: float = 0.0) -> dict[str, list[str]]:
        """Some time later; gives what is refused by caps."""
        self.office.clock.now_s += after_s
        self.office.recorder.write()
        self.capping.work()
        return self.refused.reasons()


@pytest.fixture
def watched(office: Office) -> Watched:
    return Watched(office)
