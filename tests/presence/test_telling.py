"""What browser tabs ask and are told, with the hub and two homes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from isthmus.addressing import Aor
from isthmus.errors import TooManyError, UsageError
from isthmus.live.hub import Hub, Member, Session
from isthmus.presence.owning import Owning
from isthmus.presence.telling import Telling
from tests.presence.world import DOMAIN, World, aor


class Office:
    """The tabs at premises."""

    def __init__(self, folder: Path, most_watched: int = 1000) -> None:
        self.world = World(folder)
        for user, home in (("alice", "premises"), ("bob", "online"), ("boss", "premises")):
            self.world.create(user, home)
        self.world.exchange()
        site = self.world.premises
        self.hub = Hub()
        self.owning = Owning(site.presence, {"online": _Ask(self.world)})
        self.telling = Telling(self.hub, site.presence, site.here, self.owning, most_watched=most_watched)

    def tab(self, user: str, tenant: str = "contoso") -> Session:
        person = self.world.premises.id(user)
        return self.hub.join(Member(tenant, person, Aor(user, DOMAIN), f"account:{user}"))

    async def watch(self, tab: Session, *users: str) -> dict[str, dict[str, Any]]:
        told = await self.hub.ask(tab, "presence.watch", {"people": [aor(user) for user in users]})
        return {each["aor"].partition("@")[0]: each for each in told["people"]}

    def set_bob(self, **changes: object) -> None:
        online = self.world.online
        online.presence.choose(online.id("bob"), changes)
        self.world.exchange()


class _Ask:
    """The link of premises to online, for what is asked there."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ask(self, path: str, body: Mapping[str, Any], *, timeout_s: float = 3.0) -> Any:
        owning = Owning(self._world.online.presence, {})
        return msgspec.to_builtins(owning.answer(body["person"], body["changes"]))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def told(tab: Session, event: str = "presence") -> list[dict[str, Any]]:
    """Those events of a name that are on their way."""
    async with asyncio.timeout(5):
        return [dict(each) for each in await tab.take(0) if each["event"] == event]


async def test_who_watches_is_told_the_newest_alone(office: Office):
    tab = office.tab("alice")
    assert (await office.watch(tab, "bob"))["bob"]["availability"] == "offline"
    office.set_bob(availability="busy")
    office.set_bob(availability="away", note="<b>out</b>")
    (event,) = await told(tab)
    assert (event["aor"], event["availability"], event["note"]) == (aor("bob"), "away", "<b>out</b>")


async def test_nobody_is_told_of_whom_they_do_not_watch_any_more(office: Office):
    tab, other = office.tab("alice"), office.tab("alice")
    for each in (tab, other):
        await office.watch(each, "bob")
    await office.hub.ask(tab, "presence.unwatch", {"people": [aor("bob")]})
    office.set_bob(availability="busy")
    assert len(await told(other)) == 1
    assert tab._waiting == {}
    office.hub.leave(other)
    assert office.telling.watched == 0


async def test_levels_hold_and_change_at_once(office: Office):
    alice, boss = office.tab("alice"), office.tab("boss")
    office.set_bob(availability="busy", note="secret", shows="availability", trusted=[aor("boss")])
    assert (await office.watch(alice, "bob"))["bob"]["note"] == ""
    assert (await office.watch(boss, "bob"))["bob"]["note"] == "secret"
    office.set_bob(note="more secret")
    assert [each["note"] for each in await told(alice)] == [""]
    assert [each["note"] for each in await told(boss)] == ["more secret"]
    office.set_bob(shows="nothing", trusted=[])
    for tab in (alice, boss):
        assert [(each["availability"], each["note"]) for each in await told(tab)] == [("unknown", "")]
    office.set_bob(note="whatever they ask, nobody is told")
    for tab in (alice, boss):
        assert [each["note"] for each in await told(tab)] == [""]
    office.set_bob(shows="everything")
    assert [each["note"] for each in await told(alice)] == ["whatever they ask, nobody is told"]


async def test_people_of_other_tenants_are_nobody(office: Office):
    assert await office.watch(office.tab("alice", "fabrikam"), "bob", "boss", "nobody") == {}


async def test_a_home_that_can_not_be_heard_is_told_once_for_all(office: Office):
    tab = office.tab("alice")
    await office.watch(tab, "bob", "boss")
    office.world.cut()
    office.world.exchange()
    (event,) = await told(tab, "presence.homes")
    assert event["homes"] == {"premises": True, "online": False}


async def test_one_sets_ones_own_wherever_the_home_is(office: Office):
    tab = office.tab("bob")
    mine = await office.hub.ask(tab, "presence.set", {"availability": "away"})
    assert (mine["state"]["availability"], mine["chosen"]["availability"]) == ("away", "away")
    assert office.world.online.state("bob") == "away"
    with pytest.raises(UsageError):
        await office.hub.ask(tab, "presence.set", {"availability": "gone"})
    with pytest.raises(UsageError):
        await office.hub.ask(tab, "presence.set", {"person": office.world.premises.id("boss")})


async def test_a_tab_is_a_device_once_it_says_so(office: Office):
    tab = office.tab("alice")
    assert office.world.premises.state("alice") == "offline"
    await office.hub.ask(tab, "presence.device", {"active": True})
    assert office.world.premises.state("alice") == "available"
    office.hub.leave(tab)
    office.world.wait(4)
    assert office.world.premises.state("alice") == "offline"


@pytest.mark.parametrize("people", [None, "bob", [5], [aor("bob")] * 1001])
async def test_lists_that_are_none_are_refused(office: Office, people: object):
    with pytest.raises(UsageError):
        await office.hub.ask(office.tab("alice"), "presence.watch", {"people": people})


async def test_a_site_bounds_what_all_tabs_follow(tmp_path: Path):
    office = Office(tmp_path, most_watched=2)
    await office.watch(office.tab("alice"), "bob", "boss")
    with pytest.raises(TooManyError):
        await office.watch(office.tab("boss"), "bob")
