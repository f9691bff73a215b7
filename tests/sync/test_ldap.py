"""People from a real slapd."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.sync.slapd import BASE, Slapd
from tests.sync.world import World, ldap_source

pytestmark = pytest.mark.engine


@pytest.fixture
def world(slapd: Slapd, sqlite: Engine) -> World:
    return World(sqlite, ldap_source(slapd.server(), BASE))


def test_people_come_change_move_and_go(world: World, slapd: Slapd):
    alice = slapd.person("alice", "+1 (425) 555-0101")
    bob = slapd.person("bob", "425 555 0102")
    assert world.counts() == {"create": 2}
    assert world.person("alice").number == "+14255550101"
    assert world.person("bob").number == "+14255550102"
    assert world.last_audit("alice") == ("sync:ldap", "person.create")
    assert world.sync().mode == "incremental"
    assert world.counts() == {}

    slapd.set(alice, displayName="Alice A.")
    carol = slapd.person("carol")
    assert world.counts() == {"create": 1, "change": 1}
    assert world.person("alice").display_name == "Alice A."

    slapd.move(alice, "uid=alice", f"ou=sales,ou=people,{BASE}")
    assert world.counts() == {}
    slapd.move(carol, "uid=caroline", None)
    slapd.set(f"uid=caroline,ou=people,{BASE}", mail="caroline@contoso.example")
    before = world.person("carol")
    assert world.counts() == {"rename": 1}
    after = world.person("caroline")
    assert "carol" not in world.people()
    assert (after.home, after.home_epoch, after.number) == (before.home, before.home_epoch, before.number)

    slapd.delete(bob)
    assert world.counts() == {"disable": 1}
    assert world.person("bob").enabled is False
    assert world.last_audit("bob") == ("sync:ldap", "person.disable")
