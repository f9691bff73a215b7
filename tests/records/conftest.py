"""A directory with people, a recorder and records, on either database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine

from isthmus.addressing import Aor
from isthmus.directory.model import Credentials, NewPerson
from isthmus.directory.service import Directory
from isthmus.records.model import By, Event, Filter, Kind, Record, Route
from isthmus.records.rating import Rates
from isthmus.records.recorder import Recorder
from isthmus.records.service import Records
from tests.devices.conftest import Clock
from tests.directory.conftest import authority, database_url, engine, other_site, postgresql, shared_other_site

__all__ = ["database_url", "engine", "other_site", "postgresql", "shared_other_site"]

ALICE, BOB = "alice@contoso.example", "bob@contoso.example"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@dataclass
class Office:
    """One site's records."""

    engine: Engine
    directory: Directory
    clock: Clock
    name: str = "premises"
    recorder: Recorder = field(init=False)
    records: Records = field(init=False)
    rates: Rates = field(init=False)

    def __post_init__(self) -> None:
        self.restart()
        self.records = Records(self.engine, self.name, clock=self.clock)
        self.rates = Rates(self.directory)

    def restart(self) -> None:
        """The control service is started anew: what was in memory is gone."""
        self.recorder = Recorder(self.engine, self.name, clock=self.clock)

    def tell(self, *events: Event, after_s: float = 300.0) -> list[Record]:
        """Take these events at once, and look at all records some time later, the newest first."""
        for event in events:
            self.recorder.take(event)
        self.recorder.write()
        self.clock.now_s += after_s
        self.recorder.write()
        return self.all()

    def all(self) -> list[Record]:
        return self.records.find(Filter(), limit=1000)

    def person(self, address: str, number: str | None = None) -> None:
        aor = Aor.parse(address)
        self.directory.create(NewPerson(aor, aor.user, "premises", Credentials.of(aor, "x"), number), actor="test")


@pytest.fixture
def office(engine: Engine, clock: Clock) -> Office:
    made = Office(engine, authority(engine, clock=clock), clock)
    made.person(ALICE, "+14255550101")
    made.person(BOB, "+14255550102")
    return made


def begins(at: float, call_id: str = "c1", **more: Any) -> Event:
    """Alice calls Bob; more: what is otherwise."""
    told: dict[str, Any] = {
        "side": "edge", "tag": "a", "caller": ALICE, "callee": BOB, "source": "phone", "route": Route.LOCAL,
        "whom": BOB, "rule": "home", "text": "Bob is at home here", "agent": "Phone/1",
    }  # fmt: skip
    return Event(at, Kind.BEGINS, call_id, **told | more)


def dials(at: float, number: str, call_id: str = "c1", **more: Any) -> Event:
    """Alice calls out by a trunk."""
    return begins(at, call_id, callee=number, route=Route.DIAL, way="carrier", whom="", **more)


def answered(at: float, call_id: str = "c1", side: str = "edge", media: str = "") -> Event:
    return Event(at, Kind.ANSWERED, call_id, side, agent="Phone/2", media=media)


def bye(at: float, call_id: str = "c1", tag: str = "a", side: str = "edge", **more: Any) -> Event:
    """The one hangs up whose tag it is: a is the caller's."""
    return Event(at, Kind.ENDS, call_id, side, tag=tag, **more)


def failed(at: float, code: int = 486, call_id: str = "c1", by: By = By.CALLEE) -> Event:
    return Event(at, Kind.ENDS, call_id, "edge", code=code, reason="Busy Here", by=by)
