"""Media bypass: phones and gateways that reach each other talk without the relay, and only these."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bench import ng
from isthmus.demo.carrier import BEEP_HZ, CALLER_HZ
from isthmus.site.file import load
from isthmus.useragent.call import Call
from isthmus.useragent.sdp import Audio
from tests.agents.raw import User
from tests.interop.conftest import DOMAIN, Sites, lay_out
from tests.interop.test_direct_media import open_phone
from tests.interop.test_move import move
from tests.support import Loopback, Processes, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SEATTLE = "+12065550123"
HANNA = "+14255550161"
PHONE_HZ, GATEWAY_HZ = 440, 620


@dataclass
class Trunked:
    """Both sites; premises with the demo's carrier and a gateway. inside: an address that both trunks reach."""

    sites: Sites
    gateway: str
    inside: str

    def route(self, way: str) -> None:
        """Let all calls go this way, and no other."""
        with self.sites.api("premises") as api:
            for each in api.get("/v1/routes"):
                api.delete(f"/v1/routes/{each['name']}")
            api.post("/v1/routes", {"name": "all", "patterns": ["+"], "ways": [way]})

    def sessions(self) -> list[str]:
        """What the relay of premises has."""
        return ng.sessions(ng.of(self.sites.file("premises")))

    def address(self) -> str:
        return self.sites.address("premises")

    async def recorded(self, call: Call) -> str:
        """Where the media of a call that is over went, by its record."""
        name = call.invite.call_id if call.invite is not None else ""

        def media() -> list[str]:
            with self.sites.api("premises") as api:
                return [str(each["media"]) for each in api.get("/v1/calls/records", call_id=name)]

        found: list[str] = await asyncio.to_thread(wait_for, media, 60, "the call has its record")
        assert len(found) == 1
        return found[0]

    @asynccontextmanager
    async def phone(self, address: str = "", transport: str = "udp") -> AsyncIterator[User]:
        """Hanna's, at premises; address: where it is, empty for anywhere."""
        opened = (
            open_phone(self.sites, "hanna", "premises", address, PHONE_HZ)
            if address
            else self.sites.phone("hanna", "premises", transport, tone_hz=PHONE_HZ)
        )
        async with await opened as phone:
            yield phone
            await phone.register(0)

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[User]:
        """The gateway, to which all calls go."""
        await asyncio.to_thread(self.route, "gateway")
        async with await User.open(
            f"sip:gateway@{self.gateway}", self.gateway, port=5060, tone_hz=GATEWAY_HZ
        ) as gateway:
            yield gateway


@pytest.fixture(scope="module")
def trunked(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Trunked]:
    folder = tmp_path_factory.mktemp("y")
    processes = Processes(folder)
    demo = lay_out(folder / "d", loopback)
    inside, gateway = loopback(), loopback()
    near = f'direct_networks = ["{inside}/32"]\n'
    path = demo.sites[0].path
    text = path.read_text()
    assert text.count('name = "carrier"\n') == 1
    more = f'\n[[trunk]]\nname = "gateway"\naddress = "{gateway}"\nask_every_s = 0\n{near}'
    path.write_text(text.replace('name = "carrier"\n', f'name = "carrier"\n{near}') + more)
    demo = replace(demo, sites=tuple(load(site.path) for site in demo.sites))
    sites = Sites(demo, processes, loopback)
    try:
        sites.start_carrier()
        for name in ("premises", "online"):
            sites.start(name)
        sites.create("hanna", "premises", HANNA)
        sites.wait_until_known(["hanna"])
        yield Trunked(sites, gateway, inside)
    finally:
        processes.close()


async def both_hear(phone: User, call: Call, gateway: User, other: Call) -> None:
    await asyncio.gather(phone.hears(call, GATEWAY_HZ), gateway.hears(other, PHONE_HZ))


def ends(call: Call, other: Call) -> tuple[str, str]:
    """Where each end of a call sends its media."""
    assert call.remote_audio is not None and other.remote_audio is not None
    return call.remote_audio.address, other.remote_audio.address


async def test_a_phone_and_the_carrier_talk_without_a_relay(trunked: Trunked):
    """Out, with early media, and in: heard by what is said, and the relay knows of no call."""
    await asyncio.to_thread(trunked.route, "carrier")
    async with trunked.phone(trunked.inside) as phone:
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        await phone.hears(call, BEEP_HZ)
        await phone.hears(call, PHONE_HZ)  # its own voice, which the carrier echoes
        assert trunked.sessions() == []
        assert call.remote_audio is not None
        assert call.remote_audio.address == trunked.sites.demo.plan.carrier_address
        assert (await call.hang_up()).code == 200
        early = await phone.call(f"sip:+14255550992@{DOMAIN}")
        await early.until(lambda: early.media is not None and early.media.heard, "early media", 20)
        assert trunked.sessions() == []
        early.cancel()
        await early.over()
        file = str(trunked.sites.demo.carrier_file)
        order = subprocess.Popen([sys.executable, "-m", "isthmus.demo.carrier", file, "call", SEATTLE, HANNA])
        incoming = await phone.called(timeout_s=30)
        await phone.hears(incoming, CALLER_HZ)
        assert trunked.sessions() == []
        assert (await incoming.hang_up()).code == 200
        assert await asyncio.to_thread(order.wait, 30) == 0


async def test_a_phone_and_a_gateway_hold_and_resume_as_ever(trunked: Trunked):
    async with trunked.answering() as gateway, trunked.phone(trunked.inside) as phone:
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        other = gateway.incoming[-1]
        await both_hear(phone, call, gateway, other)
        assert ends(call, other) == (trunked.gateway, trunked.inside)
        assert (await call.hold()).code == 200
        await phone.hears_nothing(call)
        assert (await call.resume()).code == 200
        assert (await other.reinvite()).code == 200
        await both_hear(phone, call, gateway, other)
        assert trunked.sessions() == []
        assert (await other.hang_up()).code == 200
        assert await call.over() == "BYE"
        assert await trunked.recorded(call) == "past"


@pytest.mark.parametrize("transport", ["udp", "tls"])
async def test_a_phone_elsewhere_is_relayed_both_ways(trunked: Trunked, transport: str):
    async with trunked.answering() as gateway, trunked.phone(transport=transport) as phone:
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        other = gateway.incoming[-1]
        await both_hear(phone, call, gateway, other)
        assert ends(call, other) == (trunked.address(), trunked.address())
        assert len(trunked.sessions()) == 1
        assert (await call.hang_up()).code == 200
        incoming = await gateway.dial(f"sip:{HANNA}@{trunked.address()}")
        await both_hear(phone, phone.incoming[-1], gateway, incoming)
        assert len(trunked.sessions()) == 1
        assert (await incoming.hang_up()).code == 200
        await phone.incoming[-1].over()
        assert trunked.sessions() == []
        assert await trunked.recorded(call) == await trunked.recorded(incoming) == "relayed"


async def test_of_two_phones_that_ring_the_one_elsewhere_is_relayed(trunked: Trunked):
    async with trunked.answering() as gateway, trunked.phone(trunked.inside) as near, trunked.phone() as far:
        far.rule = replace(far.rule, after_s=3600)
        incoming = await gateway.dial(f"sip:{HANNA}@{trunked.address()}")
        await both_hear(near, near.incoming[-1], gateway, incoming)
        assert ends(near.incoming[-1], incoming) == (trunked.gateway, trunked.inside)
        assert trunked.sessions() == []  # nor does the one that rang in vain leave anything behind
        assert (await incoming.hang_up()).code == 200
        near.rule, far.rule = far.rule, near.rule
        incoming = await gateway.dial(f"sip:{HANNA}@{trunked.address()}")
        await both_hear(far, far.incoming[-1], gateway, incoming)
        assert ends(far.incoming[-1], incoming) == (trunked.address(), trunked.address())
        assert (await incoming.hang_up()).code == 200


async def test_an_offer_that_the_gateway_could_not_bear_is_relayed(trunked: Trunked):
    """Without keys as events, without any offer, and with one that is no text."""
    async with trunked.answering() as gateway, trunked.phone(trunked.inside) as phone:
        silent = f"v=0\r\no=- 1 1 IN IP4 {trunked.inside}\r\ns=-\r\nc=IN IP4 {trunked.inside}\r\nt=0 0\r\n"
        latin = bytes(Audio(trunked.inside, 40000)).replace(b"s=-", b"s=M\xfcller")
        for body in (f"{silent}m=audio 40000 RTP/AVP 0\r\n".encode(), b"", latin):
            call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", body=body, sound=phone._sound)
            await call.answered(20)
            other = gateway.incoming[-1]
            await other.until(lambda other=other: other.remote_audio, "the relay's address")
            assert ends(call, other) == (trunked.address(), trunked.address())
            assert (await call.hang_up()).code == 200
            await other.over()


async def test_a_phone_that_wants_its_media_elsewhere_in_the_midst_of_a_call_is_relayed_from_then_on(trunked: Trunked):
    elsewhere = trunked.sites.loopback()
    async with trunked.answering() as gateway, trunked.phone(trunked.inside) as phone:
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        other = gateway.incoming[-1]
        await both_hear(phone, call, gateway, other)
        assert call.media is not None and call.audio is not None
        call.media.close()
        call.media = await phone.open_media(elsewhere)
        call.media.play(phone._sound)
        call.audio = replace(call.audio, address=elsewhere, port=call.media.local[1])
        assert (await call.reinvite()).code == 200
        await both_hear(phone, call, gateway, other)
        assert ends(call, other) == (trunked.address(), trunked.address())
        assert len(trunked.sessions()) == 1
        assert (await other.reinvite("sendonly")).code == 200  # what comes after it goes the same way
        assert (await other.reinvite()).code == 200
        await both_hear(phone, call, gateway, other)
        assert ends(call, other) == (trunked.address(), trunked.address())
        assert (await call.hang_up()).code == 200
        await other.over()
        assert trunked.sessions() == []
        assert await trunked.recorded(call) == "past-first"


async def test_a_transfer_to_a_phone_elsewhere_is_a_call_of_its_own_and_relayed(trunked: Trunked):
    """By REFER to the gateway, which then calls whom it was asked to."""
    trunked.sites.create("ida", "premises", "+14255550162")
    await asyncio.to_thread(trunked.sites.wait_until_known, ["ida"])
    async with (
        trunked.answering() as gateway,
        trunked.phone(trunked.inside) as phone,
        await trunked.sites.phone("ida", "premises", tone_hz=800) as ida,
    ):
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        await both_hear(phone, call, gateway, gateway.incoming[-1])
        assert (await call.refer(f"sip:+14255550162@{trunked.address()}")).code == 202
        answered = await ida.called(timeout_s=20)
        await ida.hears(answered, GATEWAY_HZ)
        assert answered.remote_audio is not None
        assert answered.remote_audio.address == trunked.address()
        assert len(trunked.sessions()) == 1
        await answered.hang_up()
        await call.hang_up()
        await ida.register(0)


async def test_a_call_goes_on_directly_while_its_person_moves(trunked: Trunked):
    async with trunked.answering() as gateway, trunked.phone(trunked.inside) as phone:
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        other = gateway.incoming[-1]
        try:
            await asyncio.to_thread(move, trunked.sites, ["hanna"], "online")
            await both_hear(phone, call, gateway, other)
            assert (await call.hold()).code == 200
            assert (await call.resume()).code == 200
            assert (await other.reinvite()).code == 200
            await both_hear(phone, call, gateway, other)
            assert ends(call, other) == (trunked.gateway, trunked.inside)
            assert (await other.hang_up()).code == 200
            assert await call.over() == "BYE"
        finally:
            await asyncio.to_thread(move, trunked.sites, ["hanna"], "premises")


async def test_it_is_told_beforehand(trunked: Trunked):
    await asyncio.to_thread(trunked.route, "gateway")
    await asyncio.to_thread(
        wait_for, lambda: "gateway" in json.dumps(explained(trunked, "")), 60, "calls know the route"
    )
    assert said(trunked, trunked.inside).startswith("media goes directly: the phone at")
    assert "which is not in direct_networks of trunk gateway" in said(trunked, "192.0.2.7")
    assert f"in {trunked.inside}/32 it would go directly" in said(trunked, "")


def said(trunked: Trunked, phone: str) -> str:
    return next(step["text"] for step in explained(trunked, phone)["hops"][-1]["steps"] if step["rule"] == "media")


def explained(trunked: Trunked, phone: str) -> dict[str, Any]:
    with trunked.sites.api("premises") as api:
        found: dict[str, Any] = api.get(
            "/v1/calls/explain", **{"from": f"hanna@{DOMAIN}", "to": SEATTLE, "phone": phone}
        )
        return found
