"""`media.relay = "outside"`: phones that reach each other talk without a relay, within a site and across both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from isthmus.demo.provision import Demo
from isthmus.site.file import load
from tests.agents.raw import User
from tests.interop.conftest import HOMES, Sites, lay_out
from tests.support import Loopback, Processes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_OUTSIDE = '\n[media]\nrelay = "outside"\ndirect_networks = ["{network}"]\n'


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[tuple[Sites, str]]:
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
