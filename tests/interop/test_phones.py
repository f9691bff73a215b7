"""Phones of others across both sites: pjsua2, baresip and SIPp, heard by content."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from tests.agents.baresip import Baresip
from tests.agents.pjsua import Pjsua
from tests.agents.sipp import Sipp
from tests.agents.sipp import User as SippUser
from tests.interop.conftest import DOMAIN, PASSWORD, Sites
from tests.support import Processes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_numbers = itertools.count(1)


def person(sites: Sites, home: str) -> str:
    """A new person, known at both sites; gives the URI."""
    user = f"p{next(_numbers)}-{home}"
    sites.create(user, home)
    sites.wait_until_known([user])
    return f"sip:{user}@{DOMAIN}"


async def pjsua(sites: Sites, folder: Path, uri: str, at: str, transport: str, tone_hz: float) -> Pjsua:
    """A registered pjsua2."""
    host, port = sites.proxy(at, transport)
    phone = await Pjsua.open(
        uri,
        sites.loopback(),
        folder,
        transport=transport,
        proxy=f"{host}:{port}",
        password=PASSWORD,
        ca=sites.ca,
        tone_hz=tone_hz,
    )
    await phone.registered()
    return phone


async def baresip(sites: Sites, folder: Path, uri: str, at: str, transport: str, tone_hz: float) -> Baresip:
    """A registered baresip."""
    host, port = sites.proxy(at, transport)
    phone = await Baresip.open(
        uri,
        sites.loopback(),
        folder,
        transport=transport,
        proxy=f"{host}:{port}",
        password=PASSWORD,
        ca=sites.ca,
        tone_hz=tone_hz,
    )
    await phone.registered()
    return phone


@pytest.mark.parametrize(("one", "two"), [("udp", "tcp"), ("tcp", "tls"), ("tls", "udp")])
async def test_pjsua_calls_pjsua_at_the_wrong_sites(two_sites: Sites, tmp_path: Path, one: str, two: str):
    a, b = person(two_sites, "premises"), person(two_sites, "online")
    alice = await pjsua(two_sites, tmp_path, a, "online", one, 440)
    bob = await pjsua(two_sites, tmp_path, b, "premises", two, 620)
    async with alice, bob:
        call = await alice.dial(b)
        called = await bob.called()
        await asyncio.gather(alice.hears(call, 620), bob.hears(called, 440))
        asked = len(alice.events)
        alice.do("hold", call=call)
        await bob.until(lambda e: e["event"] == "media" and e["direction"] == 2, "the hold")
        # Bob has it before Alice has his answer, and until then she may send no other (RFC 3261 section 14.1).
        await alice.until(lambda e: e["event"] == "media", "the answer to the hold", since=asked)
        since = len(bob.events)
        alice.do("reinvite", call=call)
        await bob.until(lambda e: e["event"] == "media" and e["direction"] == 3, "the resumption", since=since)
        await asyncio.gather(alice.hears(call, 620), bob.hears(called, 440))
        bob.do("hangup", call=called)
        assert await alice.over(call) == 200
        alice.do("message", uri=b, text="hello")
        event = await bob.until(lambda e: e["event"] == "message", "the message")
        assert event["text"] == "hello"


async def test_pjsua_transfers_across_sites(two_sites: Sites, tmp_path: Path):
    a, b = person(two_sites, "premises"), person(two_sites, "online")
    user = person(two_sites, "online").partition(":")[2].partition("@")[0]
    alice = await pjsua(two_sites, tmp_path, a, "premises", "udp", 440)
    bob = await pjsua(two_sites, tmp_path, b, "online", "tcp", 620)
    async with alice, bob, await two_sites.phone(user, "premises", "tls", tone_hz=1000) as carol:
        call = await alice.dial(b)
        consult = await alice.dial(carol.account.uri)
        alice.do("transfer-to", call=call, other=consult)
        transferred = await bob.until(lambda e: e["event"] == "transferred", "the transfer")
        await bob.state(transferred["new"], "CONFIRMED")
        arrived = await carol.called(2)
        await asyncio.gather(bob.hears(transferred["new"], 1000), carol.hears(arrived, 620))
        await carol.incoming[0].over()
        assert await alice.over(consult) == 200


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_baresip_and_pjsua_call_one_another(two_sites: Sites, tmp_path: Path, transport: str):
    a, b = person(two_sites, "premises"), person(two_sites, "online")
    alice = await baresip(two_sites, tmp_path, a, "online", transport, 440)
    bob = await pjsua(two_sites, tmp_path, b, "online", transport, 620)
    async with alice, bob:
        await alice.dial(b)
        called = await bob.called()
        await asyncio.gather(alice.hears(620), bob.hears(called, 440))
        await alice.hang_up()
        assert await bob.over(called) == 200
        since = len(alice.events)
        call = bob.call(a)
        await alice.answer(since)
        await bob.state(call, "CONFIRMED")
        await asyncio.sleep(1)  # its recordings are named by the second
        await bob.hears(call, 440)
        bob.do("hangup", call=call)
        await alice.event("CALL_CLOSED", since)


@pytest.mark.parametrize("hangs_up", ["uas", "uas_bye"])
def test_sipp_follows_the_routes_across_sites(two_sites: Sites, processes: Processes, hangs_up: str):
    a, b = (person(two_sites, home).partition(":")[2].partition("@")[0] for home in ("premises", "online"))
    one, two = two_sites.loopback(), two_sites.loopback()
    caller = SippUser(a, DOMAIN, PASSWORD, f"{b}@{DOMAIN}")
    callee = SippUser(b, DOMAIN, PASSWORD)
    to_premises, to_online = f"{two_sites.address('premises')}:5060", f"{two_sites.address('online')}:5060"
    assert Sipp.start(processes, "register", two, to=to_premises, users=[callee]).finish().successful == 1
    if hangs_up == "uas":
        server = Sipp.start(processes, "uas", two, calls=20)
        client = Sipp.start(processes, "uac_auth", one, to=to_online, users=[caller], calls=20, rate=20)
    else:
        server = Sipp.start(processes, "uas_bye", two, calls=5)
        client = Sipp.start(processes, "uac_auth_bye", one, to=to_online, users=[caller], calls=5)
    assert client.finish().failed == 0
    assert server.finish().failed == 0
