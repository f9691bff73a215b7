"""Who has a phone registered, by what the SIP engine tells and what its registrar has."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from isthmus.errors import UnavailableError
from isthmus.presence.phones import Phones
from tests.presence.world import Site, World, aor


@dataclass
class Engine:
    """A registrar. on_disk: what it has written. asked: addresses it was asked about, one by one."""

    has: set[str] = field(default_factory=set)
    on_disk: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    is_down: bool = False

    def has_phone(self, address: str) -> bool:
        self.asked.append(address)
        if self.is_down:
            raise UnavailableError("the registrar does not answer")
        return address in self.has


class Office:
    """One site, with alice and anna at home there, and its registrar."""

    def __init__(self, folder: Path) -> None:
        self.world, self.engine, self.now = World(folder), Engine(), 1000.0
        for user in ("alice", "anna"):
            self.world.create(user, "premises")
        self.site: Site = self.world.premises
        self.restart()

    def restart(self) -> None:
        """The control service begins anew."""
        self.phones = Phones(
            self.site.here, self.site.people, lambda: self.engine.on_disk, self.engine.has_phone, lambda: self.now
        )

    def registers(self, user: str, edge: str = "udp") -> None:
        self.engine.has.add(aor(user))
        self.phones.saved(aor(user), edge)

    def goes(self, user: str, *, last: bool = True) -> None:
        if last:
            self.engine.has.discard(aor(user))
        self.phones.dropped(aor(user))

    def state(self, user: str) -> str:
        self.phones.work()
        return self.site.state(user)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_who_has_a_phone_alone_is_available_while_it_is_registered(office: Office):
    office.registers("alice")
    assert (office.state("alice"), office.state("anna"), len(office.phones)) == ("available", "offline", 1)
    office.goes("alice")
    assert office.state("alice") == "offline"


def test_both_homes_see_it(office: Office):
    office.registers("alice")
    office.phones.work()
    office.world.exchange()
    assert office.world.online.state("alice") == "available"


def test_a_refresh_is_no_event_and_asks_nobody(office: Office):
    office.registers("alice")
    office.phones.work()
    woken: list[None] = []
    office.phones.wake = lambda: woken.append(None)
    told = len(office.site.told)
    for _ in range(100):
        office.registers("alice")
    assert office.state("alice") == "available"
    assert (woken, office.engine.asked, len(office.site.told)) == ([], [], told)


def test_of_several_phones_the_last_one_counts(office: Office):
    office.registers("alice")
    office.registers("alice", "tls")
    office.goes("alice", last=False)
    assert office.state("alice") == "available"
    office.goes("alice")
    assert office.state("alice") == "offline"


def test_a_browser_counts_by_its_tabs_and_not_by_its_binding(office: Office):
    office.phones.saved(aor("alice"), "ws")
    office.phones.dropped(aor("alice"))
    assert office.state("alice") == "offline"
    assert office.engine.asked == []


def test_who_registered_before_the_service_began_is_seen(office: Office):
    office.registers("alice")
    assert office.state("alice") == "available"
    office.engine.on_disk = {aor("alice"), aor("nobody")}
    office.site.restart()
    office.restart()
    assert office.state("alice") == "offline"
    office.phones.look()
    assert office.state("alice") == "available"
    office.goes("alice")
    assert office.state("alice") == "offline"


def test_what_went_untold_is_found(office: Office):
    office.registers("alice")
    office.phones.work()
    office.engine.has.clear()
    office.phones.look()
    assert office.state("alice") == "offline"


def test_what_is_not_yet_written_or_not_yet_removed_on_disk_makes_nobody_flicker(office: Office):
    office.registers("alice")
    office.phones.look()  # nothing of it is on disk
    assert office.state("alice") == "available"
    office.engine.on_disk = {aor("alice")}
    office.goes("alice")
    office.phones.look()
    assert office.state("alice") == "offline"
    office.now += 10  # by then it would have been removed: it is there again
    office.phones.look()
    assert office.state("alice") == "available"


def test_a_registrar_that_does_not_answer_is_asked_again(office: Office):
    office.registers("alice")
    office.phones.work()
    office.engine.is_down = True
    office.goes("alice")
    with pytest.raises(UnavailableError):
        office.phones.work()
    office.engine.is_down = False
    assert office.state("alice") == "offline"


def test_a_phone_that_is_back_while_the_registrar_is_asked_stays(office: Office, monkeypatch: pytest.MonkeyPatch):
    office.registers("alice")
    office.phones.work()

    def has_phone(address: str) -> bool:
        office.phones.saved(address, "udp")
        return False

    monkeypatch.setattr(office.phones, "_has_phone", has_phone)
    office.goes("alice")
    assert office.state("alice") == "available"


def test_what_somebody_said_comes_before_their_phone(office: Office):
    office.registers("alice")
    office.phones.work()
    office.site.presence.choose(office.site.id("alice"), {"availability": "away"})
    assert office.state("alice") == "away"
    office.site.presence.choose(office.site.id("alice"), {"availability": ""})
    office.site.here.tab(office.site.id("alice"), "tab", active=False)
    assert office.state("alice") == "away"
