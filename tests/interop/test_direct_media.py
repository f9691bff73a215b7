"""`media.relay = "outside"`: phones that reach each other talk without a relay, within a site and across both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bench import ng
from isthmus.demo.provision import Demo
from isthmus.site.file import load
from tests.agents.raw import User
from tests.interop.conftest import HOMES, Sites, lay_out
from tests.support import Loopback, Processes, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_OUTSIDE = '\n[media]\nrelay = "outside"\ndirect_networks = ["{network}"]\n'


@pytest.fixture(scope="module")
def gateway(loopback: Loopback) -> str:
    """Where premises has a gateway that phones inside reach as well."""
    return loopback()


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback, gateway: str) -> Iterator[tuple[Sites, str]]:
    """Both sites set to direct media for one network, and a phone's address inside it."""
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    demo = lay_out(folder / "d", loopback)
    inside = loopback()
    for site in demo.sites:
        lines = [line for line in site.path.read_text().splitlines() if not line.startswith(("relay", "direct_"))]
        text = "\n".join(lines).replace("[[peer]]", "[[peer]]\ndirect_media = true")
        extra = _OUTSIDE.format(network=f"{inside}/32")
        site.path.write_text(text.replace("\n[media]\n", extra) if "\n[media]\n" in text else text + extra)
    with demo.sites[0].path.open("a") as file:
        file.write(f'\n[[trunk]]\nname = "gateway"\naddress = "{gateway}"\nask_every_s = 0\n')
        file.write(f'direct_networks = ["{inside}/32"]\n')
    files = tuple(load(site.path) for site in demo.sites)
    running = Sites(Demo(demo.plan, demo.directory, files, demo.accounts, demo.fresh_passwords), processes, loopback)
    try:
        for name in HOMES:
            running.start(name)
        for user, home in (("ann", "premises"), ("bea", "premises"), ("cid", "online")):
            running.create(user, home)
        running.wait_until_known(["ann", "bea", "cid"])
        yield running, inside
    finally:
        processes.close()


async def open_phone(sites: Sites, user: str, at: str, address: str, tone_hz: float) -> User:
    """A phone on an address of the test's choosing."""
    sites_loopback, sites.loopback = sites.loopback, lambda: address  # type: ignore[assignment]
    try:
        return await sites.phone(user, at, tone_hz=tone_hz)
    finally:
        sites.loopback = sites_loopback


@pytest.mark.parametrize(("callee", "at"), [("bea", "premises"), ("cid", "online")])
async def test_two_phones_inside_talk_without_a_relay(sites: tuple[Sites, str], callee: str, at: str) -> None:
    both, inside = sites
    async with (
        await open_phone(both, "ann", "premises", inside, 440) as ann,
        await open_phone(both, callee, at, inside, 620) as other,
    ):
        call = await ann.dial(f"sip:{callee}@contoso.example")
        answered = await other.called()
        await asyncio.gather(ann.hears(call, 620), other.hears(answered, 440))
        assert call.remote_audio is not None and answered.remote_audio is not None
        assert (call.remote_audio.address, answered.remote_audio.address) == (inside, inside)
        (invite,) = other.received_requests("INVITE")
        assert not any(name.lower().startswith("x-isthmus") for name, _ in invite.headers)
        await call.hang_up()
        await other.register(0)


@pytest.mark.parametrize(("callee", "at"), [("bea", "premises"), ("cid", "online")])
async def test_a_phone_outside_is_relayed_at_its_site(sites: tuple[Sites, str], callee: str, at: str) -> None:
    both, inside = sites
    async with (
        await open_phone(both, "ann", "premises", inside, 440) as ann,
        await both.phone(callee, at, tone_hz=620) as other,
    ):
        call = await ann.dial(f"sip:{callee}@contoso.example")
        answered = await other.called()
        await asyncio.gather(ann.hears(call, 620), other.hears(answered, 440))
        assert answered.remote_audio is not None
        assert answered.remote_audio.address == both.address(at)
        await call.hang_up()
        await other.register(0)


async def test_a_phone_at_the_other_site_and_a_gateway_talk_without_a_relay(
    sites: tuple[Sites, str], gateway: str
) -> None:
    """Its own site relays nothing and says so; the gateway's then lets them talk, if they reach each other."""
    both, inside = sites
    for site, way in (("online", "@premises"), ("premises", "gateway")):
        with both.api(site) as api:
            api.post("/v1/routes", {"name": "all", "patterns": ["+"], "ways": [way]})
            await asyncio.to_thread(wait_for, lambda api=api: api.get("/v1/snapshot")["current"], 60, "calls know it")
    async with await User.open(f"sip:gateway@{gateway}", gateway, port=5060, tone_hz=620) as answers:
        async with await open_phone(both, "cid", "online", inside, 440) as cid:
            call = await cid.dial("sip:+12065550123@contoso.example")
            other = answers.incoming[-1]
            await asyncio.gather(cid.hears(call, 620), answers.hears(other, 440))
            assert call.remote_audio is not None and other.remote_audio is not None
            assert (call.remote_audio.address, other.remote_audio.address) == (gateway, inside)
            assert [ng.sessions(ng.of(both.file(site))) for site in HOMES] == [[], []]
            assert not any(
                name.lower() == "x-isthmus-direct" for name, _ in answers.received_requests("INVITE")[0].headers
            )
            await call.hang_up()
            await cid.register(0)
        async with await both.phone("cid", "online", tone_hz=440) as cid:
            call = await cid.dial("sip:+12065550123@contoso.example")
            other = answers.incoming[-1]
            await asyncio.gather(cid.hears(call, 620), answers.hears(other, 440))
            assert other.remote_audio is not None
            assert other.remote_audio.address == both.address("premises")
            await call.hang_up()
            await cid.register(0)
