"""Calls that are being set up when what they go by dies: they go another way, or the caller hears it, within seconds.

A connector is killed while the gateway behind it rings, or plays early media; the line to it is cut; the link between
the sites is cut. What rings long without anything dying is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from isthmus.useragent.call import Call
from isthmus.useragent.rtp import tone
from tests.agents.raw import ANSWER, NO_ANSWER, User
from tests.faults.link import Cut, can_drop_packets
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.connectors import Appliance, at_one_gateway
from tests.support import Processes, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_SEATTLE = "+13235550123"
_GATEWAY_HZ, _CALLER_HZ, _EARLY_HZ = 800, 440, 1000
_NOTICED_S = 30.0
"""Within which something has become of a call. It takes 1 s, and 8 s where a line is silent; a busy machine longer."""

needs_cuts = pytest.mark.skipif(not can_drop_packets(), reason="dropping packets takes root and nft")


@dataclass
class Place:
    """Two connectors beside one gateway, and the sites."""

    both: tuple[Appliance, Appliance]
    sites: Sites
    gateway: str

    def carrying(self) -> Appliance:
        """The one that has a call."""
        found: list[Appliance] = wait_for(
            lambda: [each for each in self.both if each.dialogs()], 60, "one has the call"
        )
        assert len(found) == 1
        return found[0]


@pytest.fixture(scope="module")
def place(two_sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("w")
    two_sites.create("wait-ann", "online", "+14255550381")
    two_sites.wait_until_known(["wait-ann"])
    gateway, processes = two_sites.loopback(), Processes(folder)
    with at_one_gateway(two_sites, processes, "waiting", gateway=gateway, pattern="+1323", asked=False) as both:
        yield Place(both, two_sites, gateway)


@asynccontextmanager
async def gateway_of(place: Place) -> AsyncIterator[User]:
    """It rings, and does not answer before it is told to."""
    host = place.gateway
    async with await User.open(f"sip:gateway@{host}", host, port=5060, tone_hz=_GATEWAY_HZ) as gateway:
        gateway.rule = NO_ANSWER
        yield gateway


async def goes_through(phone: User, call: Call, gateway: User) -> None:
    """The call comes in by another way, and both hear each other."""
    again = await gateway.called(2, timeout_s=_NOTICED_S)
    await call.answered(_NOTICED_S)
    await phone.hears(call, _GATEWAY_HZ)
    await gateway.hears(again, _CALLER_HZ)
    assert (await call.hang_up()).code == 200


async def test_a_connector_is_killed_while_the_gateway_behind_it_rings(place: Place):
    async with gateway_of(place) as gateway, await place.sites.phone("wait-ann", "online") as phone:
        call = await phone.ring(f"sip:{_SEATTLE}@{DOMAIN}")
        killed = await asyncio.to_thread(place.carrying)
        gateway.rule = ANSWER
        await asyncio.to_thread(killed.kill)
        await goes_through(phone, call, gateway)
        await asyncio.to_thread(killed.comes_up, asked=False)
        await phone.register(0)


async def test_a_connector_is_killed_during_early_media(place: Place):
    async with gateway_of(place) as gateway, await place.sites.phone("wait-ann", "online") as phone:
        as_told = gateway.on_call

        async def early(call: Call) -> None:
            call.sound = tone(_EARLY_HZ)
            gateway.incoming.append(call)
            await call.early_media()
            gateway.changes.notify()

        gateway.on_call = early
        call = await phone.call(f"sip:{_SEATTLE}@{DOMAIN}", sound=tone(_CALLER_HZ))
        await phone.hears(call, _EARLY_HZ, timeout_s=20)
        gateway.on_call, gateway.rule = as_told, ANSWER
        killed = await asyncio.to_thread(place.carrying)
        await asyncio.to_thread(killed.kill)
        await goes_through(phone, call, gateway)
        await asyncio.to_thread(killed.comes_up, asked=False)
        await phone.register(0)


@needs_cuts
async def test_the_line_to_a_connector_is_cut_while_it_rings(place: Place):
    async with gateway_of(place) as gateway, await place.sites.phone("wait-ann", "online") as phone:
        call = await phone.ring(f"sip:{_SEATTLE}@{DOMAIN}")
        lost = await asyncio.to_thread(place.carrying)
        gateway.rule = ANSWER
        with Cut(lost.site.site.address, place.sites.address("online")) as line:
            line.drop()
            await goes_through(phone, call, gateway)
            first = gateway.incoming[0]
            await first.until(lambda: first.ended, "the connector cancels what it can't report any more", _NOTICED_S)
        await asyncio.to_thread(wait_for, lost.reachable, 60, "it has opened its connection again")
        await phone.register(0)


@needs_cuts
async def test_the_link_is_cut_while_a_phone_of_the_other_site_rings(two_sites: Sites):
    """There is no other way: the caller is told, and does not wait for ever."""
    sites = two_sites
    homes = {"wait-cid": "online", "wait-ben": "premises"}
    await asyncio.to_thread(sites.create_all, homes)
    await asyncio.to_thread(sites.wait_until_known, list(homes))
    async with await sites.phone("wait-cid", "online") as called, await sites.phone("wait-ben", "premises") as phone:
        called.rule = NO_ANSWER
        call = await phone.ring(f"sip:wait-cid@{DOMAIN}")
        with Cut(sites.address("premises"), sites.address("online")) as link:
            link.drop()
            await call.until(lambda: call.ended, "the caller is told", _NOTICED_S)
            assert call.final is not None
            assert call.final.code == 480
            ringing = called.incoming[0]
            await ringing.until(lambda: ringing.ended, "it rings no more", _NOTICED_S)
        await called.register(0)
        await phone.register(0)


async def test_what_rings_long_is_left_alone(place: Place):
    async with gateway_of(place) as gateway, await place.sites.phone("wait-ann", "online") as phone:
        gateway.rule = NO_ANSWER
        call = await phone.ring(f"sip:{_SEATTLE}@{DOMAIN}")
        await asyncio.sleep(20)  # longer than any silence is borne
        assert not call.ended
        assert len(gateway.incoming) == 1
        await gateway.incoming[0].answer()
        await call.answered()
        await phone.hears(call, _GATEWAY_HZ)
        await call.hang_up()
        await phone.register(0)
