"""Lists of contacts: what may be in them, where they are kept, who is told, and what a move does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isthmus.addressing import Aor
from isthmus.contacts import rules
from isthmus.contacts.model import MOST
from isthmus.contacts.service import Contacts, ContactsParticipant, asked
from isthmus.contacts.tables import metadata
from isthmus.errors import RefusedError, UsageError
from tests.messaging.conftest import SITES, World, aor, database_url, postgresql, refused

__all__ = ["database_url", "postgresql"]


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Both sites, with lists."""
    made = World({"premises": database_url, "online": f"sqlite:///{tmp_path / 'online.db'}"}, tmp_path / "files")
    for site in SITES:
        messages = made.sites[site]
        contacts = Contacts(made.engines[site])
        contacts.told = messages.telling.tell
        messages.asking.add(asked(contacts))
    yield made
    with made.engines["premises"].begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
    made.close()


def participant(world: World, site: str) -> ContactsParticipant:
    return ContactsParticipant(Contacts(world.engines[site]), world.sites[site].messaging.ids)


def contact(address: str, **more: Any) -> dict[str, Any]:
    return {"address": address, "name": "", "number": "", "groups": []} | more


def listed(world: World, user: str, at: str = "") -> list[str]:
    return [each["address"] for each in world.ask(user, "contacts", at=at)["contacts"]]


def test_a_list_is_kept_at_home_and_served_at_either_site(world: World):
    bob = contact(aor("bob"), name="Bob", groups=["Team"])
    told = world.ask("alice", "contacts.put", at="online", contacts=[bob, contact("+4930123456", name="Desk")])
    assert told["contacts"] == [contact("+4930123456", name="Desk"), bob]
    assert listed(world, "alice") == ["+4930123456", aor("bob")]
    assert listed(world, "anna") == []
    assert Contacts(world.engines["online"]).of(world.ids["alice"]) == []
    world.ask("alice", "contacts.remove", addresses=[aor("bob"), aor("ben")])
    assert listed(world, "alice", "online") == ["+4930123456"]


def test_all_pages_of_the_owner_are_told_and_nobody_else(world: World):
    world.tabs["premises"].here |= {world.ids["alice"], world.ids["anna"]}
    world.ask("alice", "contacts.put", contacts=[contact(aor("bob"))])
    world.ask("alice", "contacts.put", contacts=[contact(aor("bob"))])  # nothing new
    assert world.tabs["premises"].told == [(world.ids["alice"], {"event": "contacts.changed"})]


def test_what_a_browser_had_is_added_and_changes_nothing(world: World):
    world.ask("alice", "contacts.put", contacts=[contact(aor("bob"), name="Bobby")])
    old = [contact(aor("bob"), name="old"), contact(aor("ben"), name="Ben")]
    told = world.ask("alice", "contacts.put", contacts=old, newOnly=True)["contacts"]
    assert [each["name"] for each in told] == ["Ben", "Bobby"]


def test_a_list_has_an_end(world: World):
    world.ask("alice", "contacts.put", contacts=[contact(f"x{number}@there.example") for number in range(MOST)])
    error = refused(lambda: world.ask("alice", "contacts.put", contacts=[contact(aor("bob"))]))
    assert isinstance(error, RefusedError) and "1000 contacts at most" in str(error)
    world.ask("alice", "contacts.put", contacts=[contact("x1@there.example", name="changed")])


def test_a_list_moves_with_its_owner(world: World):
    who = Aor("alice", "contoso.example")
    world.ask("alice", "contacts.put", contacts=[contact(aor("bob")), contact(aor("ben"))])
    here, there = participant(world, "premises"), participant(world, "online")
    first = here.export([who])
    there.import_(first, None)
    there.import_(first, None)
    world.ask("alice", "contacts.remove", addresses=[aor("ben")])
    world.ask("alice", "contacts.put", contacts=[contact(aor("anna"))])
    now = here.export([who])
    assert here.changed(first[who], now[who])
    there.import_(now, first)
    assert [each.address for each in Contacts(world.engines["online"]).of(world.ids["alice"])] == [
        aor("anna"),
        aor("bob"),
    ]
    here.clean_up(now)
    assert Contacts(world.engines["premises"]).of(world.ids["alice"]) == []
    there.undo([who])
    assert Contacts(world.engines["online"]).of(world.ids["alice"]) == []


def test_addresses_have_one_form():
    assert rules.checked_address(" sip:Bob@Contoso.Example ") == rules.checked_address("bob@contoso.example")
    assert rules.checked_address("tel:+4930123456") == "+4930123456"


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {},
        [5],
        [{}],
        [{"address": "no address"}],
        [{"address": "x" * 400}],
        [{"address": "bob@contoso.example", "name": 5}],
        [{"address": "bob@contoso.example", "name": "x" * 101}],
        [{"address": "bob@contoso.example", "groups": ["x"] * 11}],
        [{"address": "bob@contoso.example", "groups": "x"}],
        [{"address": "bob@contoso.example"}] * 1001,
    ],
)
def test_what_is_no_list_of_contacts_is_refused(given: object):
    with pytest.raises(UsageError):
        rules.checked(given)


def test_names_are_one_line_that_reads_as_it_is():
    (found,) = rules.checked([{"address": "bob@contoso.example", "name": "a\n\u202eb\x00", "groups": ["", "T ", "T"]}])
    assert (found.name, found.groups) == ("a b", ("T",))
