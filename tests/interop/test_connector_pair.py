"""Two connectors of a site with a gateway: they share calls; one drains, is killed, falls silent, and is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from isthmus.demo.carrier import order
from isthmus.demo.carrier_file import load as load_carrier
from isthmus.useragent.call import Call
from tests.agents.raw import User
from tests.faults.link import Cut, can_drop_packets
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.connectors import Appliance, Both, at_one_gateway
from tests.support import Processes, start_carrier, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PAULA = "+14255550371"
_RANGES = {"+142555503711": 0, "+142555503712": 1}  # numbers that come in by the gateway of one and of the other
_BEEP_HZ, _CALLER_HZ, _OWN_HZ = 1000, 800, 440
_MOST = 40
"""Calls within which each of two has had one: that one of them has none is as likely as 40 tosses all heads."""


@dataclass
class Pair:
    """Both connectors, the gateway, and the sites."""

    both: tuple[Appliance, Appliance]
    sites: Sites
    carrier_file: Path

    def took(self, before: tuple[int, int]) -> int:
        """Which of the two has one call more than before."""
        now = tuple(each.dialogs() for each in self.both)
        return next(at for at in (0, 1) if now[at] > before[at])

    @property
    def calls(self) -> tuple[int, int]:
        """Calls that each has now."""
        return self.both[0].dialogs(), self.both[1].dialogs()

    def _give(self, number: str) -> None:
        """Let the number be hers."""
        path = f"/v1/people/paula@{DOMAIN}"
        with self.sites.api("premises") as api:
            api.patch(path, {"number": number})
        with self.sites.api("online") as api:
            wait_for(lambda: api.get(path)["number"] == number, 60, "online knows the number")
            wait_for(lambda: api.get("/v1/snapshot")["current"], 60, "calls know the number")

    async def comes_in(self, phone: User, at: int) -> None:
        """The gateway of one of them brings a call in for the phone, which hears the caller."""
        number = next(prefix for prefix, which in _RANGES.items() if which == at)
        await asyncio.to_thread(self._give, number)
        words = ["call", "+12065550199", number]
        loop = asyncio.get_running_loop()
        told = loop.run_in_executor(None, lambda: list(order(load_carrier(self.carrier_file), words)))
        call = await phone.called(len(phone.incoming) + 1, timeout_s=10)
        await call.until(lambda: call.up, "the call is up")
        await phone.hears(call, _CALLER_HZ)
        assert self.both[at].dialogs() > 0
        await call.hang_up()
        assert any(line.startswith("answered") for line in await told)


@pytest.fixture(scope="module")
def pair(two_sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("p")
    two_sites.create("paula", "online", PAULA)
    two_sites.wait_until_known(["paula"])
    gateway, processes = two_sites.loopback(), Processes(folder)
    carrier = folder / "carrier.toml"

    def carried(both: Both) -> None:
        sites = "".join(f'[[site]]\nname = "{each.name}"\naddress = "{each.address}"\n' for each in both)
        ranges = "".join(
            f'[[range]]\nprefix = "{prefix}"\nsites = ["{both[at].name}"]\n' for prefix, at in _RANGES.items()
        )
        carrier.write_text(f'address = "{gateway}"\n{sites}{ranges}')
        start_carrier(processes, carrier)

    with at_one_gateway(two_sites, processes, "paired", gateway=gateway, pattern="+1310", carried=carried) as both:
        yield Pair(both, two_sites, carrier)


def drain(appliance: Appliance) -> None:
    appliance.online("--site", "online", "connector", "drain", appliance.name)
    appliance.becomes(state="draining")


def resume(appliance: Appliance) -> None:
    appliance.online("--site", "online", "connector", "resume", appliance.name)
    appliance.becomes(state="healthy")


async def dials(phone: User, pair: Pair) -> tuple[Call, int]:
    """Calls out, hears the far end and its own echo; the call, and the connector that it goes by."""
    before = pair.calls
    call = await phone.dial(f"sip:+13105550123@{DOMAIN}", timeout_s=20)
    at = pair.took(before)
    await phone.hears(call, _BEEP_HZ)
    await phone.hears(call, _OWN_HZ)
    return call, at


@asynccontextmanager
async def calls_by_both(phone: User, pair: Pair) -> AsyncIterator[tuple[Call, Call]]:
    """A call by each of the two, as they are drawn; the others end at once."""
    kept: dict[int, Call] = {}
    for _ in range(_MOST):
        call, at = await dials(phone, pair)
        if at in kept:
            await ends(call, pair, at)
        kept.setdefault(at, call)
        if len(kept) == 2:
            break
    assert len(kept) == 2, "one of the two had no call at all"
    yield kept[0], kept[1]
    for call in kept.values():
        if call.up:
            await call.hang_up()


async def ends(call: Call, pair: Pair, at: int) -> None:
    before = pair.both[at].dialogs()
    assert (await call.hang_up()).code == 200
    await asyncio.to_thread(wait_for, lambda: pair.both[at].dialogs() < before, 60, "the call is over there")


async def go_by(phone: User, pair: Pair, at: int, count: int = 6) -> None:
    """So many calls all go by that one."""
    for _ in range(count):
        call, took = await dials(phone, pair)
        assert took == at
        await ends(call, pair, at)


async def goes_on(phone: User, call: Call) -> None:
    assert call.up
    await phone.hears(call, _OWN_HZ)


async def test_they_share_calls_and_one_drains_while_its_own_go_on(pair: Pair):
    other = pair.both[1]
    async with await pair.sites.phone("paula", "online", tone_hz=_OWN_HZ) as phone:
        async with calls_by_both(phone, pair) as (by_one, by_other):
            await asyncio.to_thread(drain, other)
            await go_by(phone, pair, 0)
            await pair.comes_in(phone, 1)
            await goes_on(phone, by_other)
            await goes_on(phone, by_one)
            assert other.shown()["state"] == "draining"
        await asyncio.to_thread(resume, other)
        async with calls_by_both(phone, pair):
            await pair.comes_in(phone, 0)
        await phone.register(0)


async def test_where_all_drain_calls_go_by_one_that_does(pair: Pair):
    async with await pair.sites.phone("paula", "online", tone_hz=_OWN_HZ) as phone:
        for each in pair.both:
            await asyncio.to_thread(drain, each)
        call, _ = await dials(phone, pair)
        await call.hang_up()
        for each in pair.both:
            await asyncio.to_thread(resume, each)
        await phone.register(0)


async def test_one_that_is_killed_costs_its_own_calls_and_no_others(pair: Pair):
    one, other = pair.both
    async with await pair.sites.phone("paula", "online", tone_hz=_OWN_HZ) as phone:
        async with calls_by_both(phone, pair) as (by_one, by_other):
            await asyncio.to_thread(other.kill)
            for _ in range(6):
                before = one.dialogs()
                call = await phone.dial(f"sip:+13105550123@{DOMAIN}", timeout_s=20)
                assert one.dialogs() > before
                await phone.hears(call, _BEEP_HZ)
                await call.hang_up()
            await goes_on(phone, by_one)
            # What is left of the lost one ends for its caller without a wait.
            assert (await by_other.hang_up()).code >= 400
        await asyncio.to_thread(other.comes_up)
        async with calls_by_both(phone, pair):
            pass
        await phone.register(0)


async def test_one_that_falls_silent_costs_a_moment(pair: Pair):
    """As when its line is pulled: nobody says that the connection is gone."""
    if not can_drop_packets():
        pytest.skip("dropping packets takes root and nft")
    other = pair.both[1]
    async with await pair.sites.phone("paula", "online", tone_hz=_OWN_HZ) as phone:
        async with calls_by_both(phone, pair) as (by_one, _):
            with Cut(other.site.site.address, pair.sites.address("online")) as line:
                line.drop()
                for _ in range(6):
                    call = await phone.dial(f"sip:+13105550123@{DOMAIN}", timeout_s=20)
                    await phone.hears(call, _BEEP_HZ)
                    await call.hang_up()
                await goes_on(phone, by_one)
        await asyncio.to_thread(other.becomes, state="healthy")
        await asyncio.to_thread(wait_for, other.reachable, 60, "it has opened its connection again")
        async with calls_by_both(phone, pair):
            pass
        await phone.register(0)
