"""Changes that a real slapd tells by itself (RFC 4533)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import Engine

from isthmus.errors import UnavailableError
from isthmus.sync.sources.connection import Directory
from isthmus.sync.sources.ldap import LdapSource
from tests.support import Loopback, Processes
from tests.sync.slapd import BASE, TELLING, TELLING_WITH_LOG, Slapd, person
from tests.sync.world import World, ldap_source

pytestmark = pytest.mark.engine
PEOPLE, SALES = f"ou=people,{BASE}", f"ou=sales,ou=people,{BASE}"


@pytest.fixture(params=[TELLING, TELLING_WITH_LOG], ids=["present", "log"])
def slapd(request: pytest.FixtureRequest, tmp_path: Path, loopback: Loopback, processes: Processes) -> Slapd:
    """A server that says who is there, and one that says who is gone."""
    return Slapd(tmp_path / "slapd", loopback(), processes, overlay=request.param).start()


@pytest.fixture
def telling(tmp_path: Path, loopback: Loopback, processes: Processes) -> Slapd:
    return Slapd(tmp_path / "slapd", loopback(), processes, overlay=TELLING_WITH_LOG).start()


@pytest.fixture
def never_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lists everybody to find what changed fails."""

    def refuse(*_: object) -> None:
        raise AssertionError("everybody was listed")

    monkeypatch.setattr(LdapSource, "_compared", refuse)


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Grows whenever everybody is listed to find what changed."""
    seen: list[object] = []
    compared = LdapSource._compared
    monkeypatch.setattr(LdapSource, "_compared", lambda *all_: seen.append(1) or compared(*all_))
    return seen


def test_people_come_change_move_and_go_as_the_server_tells(slapd: Slapd, sqlite: Engine, never_listed: None):
    world = World(sqlite, ldap_source(slapd.server(), PEOPLE))
    alice, bob = slapd.person("alice", "+14255550101"), slapd.person("bob", "+14255550102")
    assert "the server tells changes (syncrepl)" in world.service.check("ldap")
    assert world.counts() == {"create": 2}
    assert (world.sync().mode, world.counts()) == ("incremental", {})

    slapd.set(alice, displayName="Alice A.")
    carol = slapd.person("carol")
    assert world.counts() == {"create": 1, "change": 1}
    assert world.person("alice").display_name == "Alice A."

    slapd.move(alice, "uid=alice", SALES)
    assert world.counts() == {}, "another place is no change"
    slapd.move(carol, "uid=caroline", None)
    slapd.set(f"uid=caroline,{PEOPLE}", mail="caroline@contoso.example")
    assert world.counts() == {"rename": 1}

    slapd.delete(bob)
    assert world.counts() == {"disable": 1}
    assert world.person("bob").enabled is False
    assert world.counts() == {}


def test_who_leaves_the_scope_is_gone_and_who_comes_into_it_is_there(slapd: Slapd, sqlite: Engine, never_listed: None):
    world = World(sqlite, ldap_source(slapd.server(), PEOPLE, filter_="(employeeType=staff)"))
    alice = slapd.person("alice", employeeType="staff")
    bob = slapd.person("bob", employeeType="staff")
    carol = slapd.person("carol", employeeType="guest")
    world.sync()
    slapd.move(alice, "uid=alice", f"ou=groups,{BASE}")
    slapd.set(bob, employeeType="guest")
    slapd.set(carol, employeeType="staff")
    assert world.counts(yes=True) == {"disable": 2, "create": 1}
    slapd.move(f"uid=alice,ou=groups,{BASE}", "uid=alice", PEOPLE)
    slapd.set(bob, employeeType="staff")
    assert world.counts() == {"restore": 2}


def test_a_unit_that_is_moved_takes_its_people_along_into_the_scope_and_out_of_it(
    slapd: Slapd, sqlite: Engine, listings: list[object]
):
    """OpenLDAP says no word about those below; so everybody is listed when a unit was touched."""
    world = World(sqlite, ldap_source(slapd.server(), PEOPLE))
    for user in ("alice", "bob"):
        slapd.person(user, ou="sales")
    slapd.person("carol")
    world.sync()
    slapd.move(SALES, "ou=sales", f"ou=groups,{BASE}")
    assert world.counts(yes=True) == {"disable": 2}
    slapd.move(f"ou=sales,ou=groups,{BASE}", "ou=sales", PEOPLE)
    assert world.counts() == {"restore": 2}
    slapd.person("dave")
    before = len(listings)
    assert world.counts() == {"create": 1}
    assert len(listings) == before


def test_more_deletions_than_the_log_holds_are_told_all_the_same(telling: Slapd, sqlite: Engine, never_listed: None):
    telling.stop()
    telling.load((f"uid=u{n},{PEOPLE}", person(f"u{n}")) for n in range(200))
    telling.start()
    world = World(sqlite, ldap_source(telling.server(), BASE))
    world.sync()
    with telling.admin() as connection:
        for n in range(150):
            connection.delete_s(f"uid=u{n},{PEOPLE}")
    assert world.counts(yes=True) == {"disable": 150}


def test_a_server_that_was_restored_from_a_backup_is_read_in_full(telling: Slapd, sqlite: Engine, tmp_path: Path):
    world = World(sqlite, ldap_source(telling.server(), BASE))
    alice = telling.person("alice")
    world.sync()
    telling.stop()
    shutil.copytree(telling.folder / "db", tmp_path / "backup")
    telling.start()
    telling.set(alice, displayName="Alice A.")
    telling.person("bob")
    assert world.counts() == {"create": 1, "change": 1}
    telling.stop()
    shutil.rmtree(telling.folder / "db")
    shutil.copytree(tmp_path / "backup", telling.folder / "db")
    telling.start()
    run = world.sync()
    assert run.note == "read in full: the server can't tell what changed since the last run"
    assert run.counts == {"disable": 1, "change": 1}
    assert world.sync().mode == "incremental"


def test_a_server_that_is_lost_before_it_has_told_changes_nothing(telling: Slapd, sqlite: Engine, monkeypatch):
    world = World(sqlite, ldap_source(telling.server(), BASE))
    alice = telling.person("alice")
    telling.person("bob")
    world.sync()
    telling.delete(alice)
    telling.set(f"uid=bob,{PEOPLE}", displayName="Robert")
    changes = Directory.changes

    def lost(self: Directory, *asked: object):
        telling.process.kill()
        return changes(self, *asked)

    monkeypatch.setattr(Directory, "changes", lost)
    run = world.service.start("ldap", full=False, approved=True, actor="test")
    with pytest.raises(UnavailableError):
        world.work.read(run.id)
    monkeypatch.undo()
    assert world.person("alice").enabled
    telling.start()
    world.work.read(run.id)
    assert world.work.run(run.id).counts == {"disable": 1, "change": 1}


def test_a_server_with_less_than_is_asked_of_it_is_listed(
    tmp_path: Path, loopback: Loopback, processes: Processes, sqlite: Engine, listings: list[object]
):
    """The limit of what one search gives counts for changes, too, and pages are not to be had of them."""
    slapd = Slapd(
        tmp_path / "slapd", loopback(), processes,
        limit="size.soft=20 size.hard=20 size.prtotal=unlimited", overlay=TELLING_WITH_LOG,
    ).start()  # fmt: skip
    world = World(sqlite, ldap_source(slapd.server(), BASE))
    world.sync()
    for n in range(30):
        slapd.person(f"u{n}")
    assert world.counts() == {"create": 30}
    assert len(listings) == 1
