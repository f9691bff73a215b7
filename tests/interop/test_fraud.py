"""Blocks, caps and location-based routing on running sites: what callers hear, and when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from isthmus.demo.provision import Demo
from isthmus.errors import IsthmusError
from isthmus.site.file import load
from isthmus.useragent.call import Call
from tests.agents.raw import Rule, User
from tests.interop.conftest import DOMAIN, PASSWORD, Sites, lay_out
from tests.support import Loopback, Processes, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

NUMBER = "+14255550181"
LONDON, PARIS = "+442079460123", "+33142685300"
CSV = "prefix,name,price_per_minute,currency\n+44,London,60,EUR\n+33,Paris,60,EUR\n"


@dataclass
class Guarded:
    """Two sites; premises has two trunks, one of them at the network site `delhi`, where one address is."""

    sites: Sites
    trunk: str
    bound: str
    delhi: str
    given: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Make a cap or block, which is taken back at the end of the test."""
        with self.sites.api("premises") as api:
            made = api.post(path, body)
        self.given.append(
            (f"{path}/remove", {name: body[name] for name in ("kind", "key", "direction", "what") if name in body})
        )
        return made

    def take_back(self) -> None:
        with self.sites.api("premises") as api:
            for path, body in self.given:
                with suppress(IsthmusError):
                    api.post(path, body)
        self.given.clear()

    def reached(self, key: str) -> str:
        with self.sites.api("premises") as api:
            return str(next(each for each in api.get("/v1/caps") if each["key"] == key)["reached"])

    async def gateway(self, host: str, tone_hz: float = 700) -> User:
        return await User.open(f"sip:+12065550123@{host}", host, port=5060, tone_hz=tone_hz)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("f")
    processes = Processes(folder)
    demo = lay_out(folder / "d", loopback)
    made = Guarded(Sites(demo, processes, loopback), loopback(), loopback(), loopback())
    with demo.sites[0].path.open("a") as file:
        file.write(f'\n[[network_site]]\nname = "delhi"\nsubnets = ["{made.delhi}/32"]\n')
        for name, host, more in (("plain", made.trunk, ""), ("bound", made.bound, 'network_site = "delhi"\n')):
            file.write(f'\n[[trunk]]\nname = "{name}"\naddress = "{host}"\nask_every_s = 0\n{more}')
    files = tuple(load(site.path) for site in demo.sites)
    made.sites.demo = Demo(demo.plan, demo.directory, files, demo.accounts, demo.fresh_passwords)
    try:
        for name in ("premises", "online"):
            made.sites.start(name)
        made.sites.create("paul", "premises", NUMBER)
        made.sites.wait_until_known(["paul"])
        with made.sites.api("premises") as api:
            api.post("/v1/rates/import", {"csv": CSV})
            api.post("/v1/routes", {"name": "all", "patterns": ["+", "emergency"], "ways": ["plain"]})
        yield made
    finally:
        processes.close()


@pytest.fixture
def site(running: Guarded) -> Iterator[Guarded]:
    yield running
    running.take_back()


@asynccontextmanager
async def paul(site: Guarded) -> AsyncIterator[User]:
    async with await site.sites.phone("paul", "premises") as phone:
        yield phone
        await phone.register(0)


async def from_outside(site: Guarded, host: str = "", shows: str = "+12065550123") -> tuple[User, str]:
    """A gateway at a trunk's address, which calls for this number, and what it dials."""
    host = host or site.trunk
    gateway = await User.open(f"sip:{shows}@{host}", host, port=5060, tone_hz=700)
    return gateway, f"sip:{NUMBER}@{site.sites.address('premises')}"


async def test_a_blocked_caller_hears_that_and_an_exception_gets_through(site: Guarded):
    async with paul(site) as phone:
        gateway, number = await from_outside(site)
        async with gateway:
            await (await gateway.dial(number)).hang_up()
            site.post("/v1/blocks", {"direction": "in", "what": "+1206"})
            assert await gateway.refused(number) == 603
            assert len(phone.incoming) == 1
            site.post("/v1/blocks", {"direction": "in", "what": "+12065550123", "exception": True})
            await (await gateway.dial(number)).hang_up()


async def test_callers_who_show_no_number_can_be_blocked(site: Guarded):
    async with paul(site):
        gateway, number = await from_outside(site, shows="anonymous")
        async with gateway:
            await (await gateway.dial(number)).hang_up()
            site.post("/v1/blocks", {"direction": "in", "what": "anonymous"})
            assert await gateway.refused(number) == 603


@pytest.mark.parametrize("what", ["+44", "country:GB", "trunk:plain", f"person:paul@{DOMAIN}"])
async def test_one_command_blocks_a_prefix_a_country_a_trunk_or_a_person(site: Guarded, what: str):
    async with paul(site) as phone, await site.gateway(site.trunk):
        await (await phone.dial(f"sip:{LONDON}@{DOMAIN}")).hang_up()
        began = time.monotonic()
        site.post("/v1/blocks", {"direction": "out", "what": what})
        while await refused_or_hung_up(phone, LONDON) != 403:
            assert time.monotonic() - began < 15.0, "it still gets through"


async def test_a_block_at_the_authority_holds_at_the_other_site(site: Guarded):
    site.post("/v1/blocks", {"direction": "out", "what": "country:CU"})
    site.post("/v1/blocks", {"direction": "out", "what": "+4420"})
    with site.sites.api("online") as online:
        wait_for(lambda: len(online.get("/v1/blocks")) == 2, 60, "online knows them")
        assert {each["site"] for each in online.get("/v1/blocks")} == {"premises"}
    site.sites.create("olaf", "online", "+14255550182")
    site.sites.wait_until_known(["olaf"])
    async with await site.sites.phone("olaf", "online") as phone:
        assert await phone.refused(f"sip:{LONDON}@{DOMAIN}") == 403
        assert await phone.refused(f"sip:+5352612345@{DOMAIN}") == 403
        await phone.register(0)


async def test_a_cap_that_is_reached_ends_the_call_and_refuses_the_next(site: Guarded):
    async with paul(site) as phone, await site.gateway(site.trunk):
        # One euro a second: what other tests called that day counts as well.
        with site.sites.api("premises") as api:
            site.post("/v1/caps", {"kind": "country", "key": "FR", "cost": "1000"})
            spent = float(next(each for each in api.get("/v1/caps") if each["key"] == "FR")["used_cost"])
        site.post("/v1/caps", {"kind": "country", "key": "FR", "cost": f"{spent + 3:.4f}", "ends": True})
        call = await phone.dial(f"sip:{PARIS}@{DOMAIN}")
        answered = time.monotonic()
        await over(call, 20.0)
        lasted = time.monotonic() - answered
        assert 1 < lasted < 15, lasted  # every second that was begun costs: the third one after two
        assert await phone.refused(f"sip:{PARIS}@{DOMAIN}") == 403
        await (await phone.dial(f"sip:{LONDON}@{DOMAIN}")).hang_up()  # that is another country
        assert site.reached("FR") == "cost"
        with site.sites.api("premises") as api:
            alert = next(each for each in api.get("/v1/activity/alerts") if each["rule"] == "cap-reached")
            assert alert["evidence"]["block"] == ["isthmus call block add country:FR"]
            # Once its record is written, it counts as it did: neither twice nor not at all.
            before = float(next(each for each in api.get("/v1/caps") if each["key"] == "FR")["used_cost"])
            wait_for(
                lambda: [r for r in api.get("/v1/calls/records", answered=True) if r["callee"] == PARIS],
                60,
                "its record",
            )
            await asyncio.sleep(1.5)
            after = float(next(each for each in api.get("/v1/caps") if each["key"] == "FR")["used_cost"])
            assert after == pytest.approx(before, abs=0.6)
        site.post("/v1/caps", {"kind": "country", "key": "FR", "cost": "0"})
        await asyncio.sleep(1.5)
        await (await phone.dial(f"sip:{PARIS}@{DOMAIN}")).hang_up()


async def test_as_many_calls_at_once_as_there_may_be_and_no_burst_gets_past(site: Guarded):
    async with paul(site) as phone, await site.gateway(site.trunk):
        site.post("/v1/caps", {"kind": "country", "key": "GB", "calls": 2})
        first, second = [await phone.dial(f"sip:{LONDON}@{DOMAIN}") for _ in range(2)]
        assert await phone.refused(f"sip:{LONDON}@{DOMAIN}") == 403
        await (await phone.dial(f"sip:{PARIS}@{DOMAIN}")).hang_up()
        await first.hang_up()
        third = await phone.dial(f"sip:{LONDON}@{DOMAIN}")
        await second.hang_up()
        await third.hang_up()


async def test_a_call_that_goes_to_the_next_trunk_is_not_in_its_own_way(site: Guarded):
    """Neither for the caller's limit of calls at once, nor for that of the country."""
    one = {"kind": "calling", "level": "person", "target": f"paul@{DOMAIN}"}
    with site.sites.api("premises") as api:
        api.post("/v1/policies", {"kind": "calling", "name": "one", "settings": {"most_calls": 1}})
        api.post("/v1/policies/grant", {**one, "policy": "one"})
        api.patch("/v1/routes/all", {"ways": ["bound", "plain"]})
    try:
        site.post("/v1/caps", {"kind": "country", "key": "GB", "calls": 1})
        async with (
            paul(site) as phone,
            await site.gateway(site.bound) as first,
            await site.gateway(site.trunk) as plain,
        ):
            first.rule = Rule(503, "Service Unavailable", ring=False)
            call = await phone.dial(f"sip:{LONDON}@{DOMAIN}")
            assert (len(first.incoming), len(plain.incoming)) == (1, 1)
            assert await phone.refused(f"sip:{PARIS}@{DOMAIN}") == 403  # that would be a second one
            await call.hang_up()
    finally:
        with site.sites.api("premises") as api:
            api.patch("/v1/routes/all", {"ways": ["plain"]})
            api.post("/v1/policies/revoke", one)


async def test_caps_outlive_a_restart(site: Guarded):
    async with paul(site) as phone, await site.gateway(site.trunk):
        call = await phone.dial(f"sip:{LONDON}@{DOMAIN}")
        site.post("/v1/caps", {"kind": "tenant", "key": "", "cost": "0.5"})
        await asyncio.sleep(1.5)
        assert await phone.refused(f"sip:{LONDON}@{DOMAIN}") == 403
        await call.hang_up()


async def test_calls_by_a_trunk_with_a_network_site_ring_there_alone(site: Guarded):
    with site.sites.api("premises") as api:
        api.post("/v1/policies", {"kind": "voice-routing", "name": "bound", "settings": {"location_based": True}})
        api.post(
            "/v1/policies/grant",
            {"kind": "voice-routing", "policy": "bound", "level": "person", "target": f"paul@{DOMAIN}"},
        )
        api.patch("/v1/routes/all", {"ways": ["bound", "plain"]})
    try:
        async with await at(site, site.delhi) as delhi, await at(site, site.sites.loopback()) as elsewhere:
            await delhi.registered()
            await elsewhere.registered()
            gateway, number = await from_outside(site, site.bound)
            async with gateway, await site.gateway(site.trunk, 900) as plain:
                for latest in (elsewhere, delhi):  # whichever is looked up first
                    await latest.register(0)
                    await latest.registered()
                    call = await gateway.dial(number)
                    await call.hang_up()
                assert (len(delhi.incoming), len(elsewhere.incoming)) == (2, 0)
                await delhi.register(0)
                assert await gateway.refused(number) == 480
                assert elsewhere.incoming == []
                out = await elsewhere.dial(f"sip:{LONDON}@{DOMAIN}")
                assert (len(gateway.incoming), len(plain.incoming)) == (0, 1)
                await out.hang_up()
                out = await delhi.dial(f"sip:{LONDON}@{DOMAIN}")
                assert (len(gateway.incoming), len(plain.incoming)) == (1, 1)
                await out.hang_up()
            await elsewhere.register(0)
    finally:
        with site.sites.api("premises") as api:
            api.patch("/v1/routes/all", {"ways": ["plain"]})
            api.post("/v1/policies/revoke", {"kind": "voice-routing", "level": "person", "target": f"paul@{DOMAIN}"})


async def at(site: Guarded, address: str) -> User:
    """Paul's phone at this address."""
    proxy = site.sites.proxy("premises", "udp")
    return await User.open(f"sip:paul@{DOMAIN}", address, proxy=proxy, password=PASSWORD, tone_hz=440)


async def over(call: Call, timeout_s: float) -> None:
    await call.until(lambda: call.ended, "the end of the call", timeout_s)


async def refused_or_hung_up(phone: User, number: str) -> int:
    """The code that a call is refused with, 200 where it is answered."""
    call = await phone.call(f"sip:{number}@{DOMAIN}", sound=phone._sound)
    await call.until(lambda: call.up or call.ended, "a final answer", 20)
    if call.up:
        await call.hang_up()
        return 200
    assert call.final is not None
    return call.final.code
