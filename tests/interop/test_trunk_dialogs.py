"""What gateways do in the midst of a call set-up: reliable early media, late offers, session timers, redirection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from isthmus.useragent.call import Call
from isthmus.useragent.message import Request, Response
from tests.agents.baresip import Baresip
from tests.agents.raw import User
from tests.agents.sipp import Sipp
from tests.interop.conftest import DOMAIN
from tests.interop.trunks import Trunked, with_trunks
from tests.support import Loopback

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SEATTLE, TACOMA = "+12065550123", "+12535550123"
PREMIUM = "+19002345678"
NUMBERS = {"anna": "+14255550171", "otto": "+14255550172"}
TRUNKS = {"gw1": "", "gw2": "", "enc": 'media = "srtp"\ncodecs = ["PCMA"]\ntranscode = true\n'}
SCENARIOS = Path(__file__).parent / "scenarios"


@pytest.fixture(scope="module")
def trunked(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Trunked]:
    trunks = {name: f"answer_s = 2\nask_every_s = 0\n{more}" for name, more in TRUNKS.items()}
    people = {"anna": ("premises", NUMBERS["anna"]), "otto": ("online", NUMBERS["otto"])}
    with with_trunks(tmp_path_factory.mktemp("g"), loopback, trunks, people) as trunked:
        yield trunked


@asynccontextmanager
async def sipp(trunked: Trunked, scenario: str, name: str) -> AsyncIterator[None]:
    """A scenario of this folder where that trunk leads, for one call; what it hears it sends back."""
    gateway = Sipp.start(trunked.sites.processes, str(SCENARIOS / scenario), trunked.hosts[name], echo=True)
    try:
        await asyncio.sleep(0.2)
        yield
        await asyncio.to_thread(gateway.finish)
    finally:
        gateway.stop()


@pytest.fixture
def anna(trunked: Trunked) -> AbstractAsyncContextManager[User]:
    return trunked.phone("anna")


@pytest.fixture
def otto(trunked: Trunked) -> AbstractAsyncContextManager[User]:
    return trunked.phone("otto")


async def test_the_other_sites_people_and_an_encrypted_trunk_with_another_codec(
    trunked: Trunked, otto: Any, tmp_path: Path
):
    trunked.routes(("+", ["enc"]))
    trunked.routes(("+", ["@premises"]), at="online")
    host = trunked.hosts["enc"]
    gateway = await Baresip.open(
        f"sip:{SEATTLE}@{host}", host, tmp_path, encryption="srtp-mand", codecs="PCMA", tone_hz=620
    )
    try:
        async with otto as phone:
            since = len(gateway.events)
            call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", sound=phone._sound)
            await gateway.answer(since)
            await phone.hears(call, 620)
            await gateway.hears(440)
            assert (await call.hang_up()).code == 200
            await gateway.dial(f"sip:{NUMBERS['otto']}@{trunked.sites.address('premises')}")
            await phone.hears(phone.incoming[-1], 620)
            await gateway.hears(440)
            assert (await phone.incoming[-1].hang_up()).code == 200
    finally:
        await gateway.close()


# Redirection (RFC 3261 section 21.3)


def redirects(gateway: User, number: str, times: list[int]) -> None:
    """Let a gateway send every call to this number."""

    async def away(call: Call) -> None:
        times.append(1)
        call.reject(302, "Moved Temporarily", headers=[("Contact", f"<sip:{number}@{gateway.wire.local.host}>")])

    gateway.on_call = away


async def test_a_redirected_call_is_routed_as_if_the_caller_had_dialled_the_new_number(trunked: Trunked, anna: Any):
    trunked.routes(("+1206", ["gw1"]), ("+1253", ["gw2"]))
    async with anna as phone, await trunked.gateway("gw1", 600) as first, await trunked.gateway("gw2", 800) as second:
        redirects(first, TACOMA, times := [])
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        await phone.hears(call, 800)
        await second.hears(second.incoming[0], 440)
        assert second.incoming[0].invite.uri.startswith(f"sip:{TACOMA}@")
        assert len(times) == 1
        assert all(response.code < 300 for response in call.responses if response.code != 407)
        await call.hang_up()


async def test_nobody_is_led_to_what_they_may_not_call(trunked: Trunked, anna: Any):
    trunked.routes(("+", ["gw1"]))
    async with anna as phone, await trunked.gateway("gw1", 600) as first:
        redirects(first, PREMIUM, times := [])
        assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 403
        assert len(times) == 1


@pytest.mark.parametrize("number", [SEATTLE, "operator", ""])
async def test_a_redirection_to_nowhere_ends_the_call(trunked: Trunked, anna: Any, number: str):
    trunked.routes(("+", ["gw1"]))
    async with anna as phone, await trunked.gateway("gw1", 600) as first:
        redirects(first, number, times := [])
        assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 480
        assert len(times) == 1


async def test_gateways_that_send_a_call_round_in_circles_are_left(trunked: Trunked, anna: Any):
    trunked.routes(("+1206", ["gw1"]), ("+1253", ["gw2"]))
    async with anna as phone, await trunked.gateway("gw1", 600) as first, await trunked.gateway("gw2", 800) as second:
        redirects(first, TACOMA, there := [])
        redirects(second, SEATTLE, back := [])
        assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 480
        assert len(there) + len(back) == 4


async def test_a_call_is_redirected_to_one_of_our_own(trunked: Trunked, anna: Any, otto: Any):
    trunked.routes(("+", ["gw1"]))
    async with anna as phone, otto as called, await trunked.gateway("gw1", 600) as first:
        called.tone_hz = 700
        redirects(first, NUMBERS["otto"], [])
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        await phone.hears(call, 700)
        await called.hears(called.incoming[0], 440)
        await call.hang_up()


async def test_a_call_from_the_other_site_is_led_on_by_that_site(trunked: Trunked, otto: Any):
    trunked.routes(("+1206", ["gw1"]), ("+1253", ["gw2"]))
    trunked.routes(("+", ["@premises"]), at="online")
    async with otto as phone, await trunked.gateway("gw1", 600) as first, await trunked.gateway("gw2", 800):
        redirects(first, TACOMA, times := [])
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        await phone.hears(call, 800)
        await call.hang_up()
        redirects(first, PREMIUM, times)
        assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 403


# Proxies of the carrier that stay in the dialog


@pytest.mark.parametrize("home", ["premises", "online"])
async def test_a_carriers_own_proxies_stay_in_the_dialog(trunked: Trunked, home: str, anna: Any, otto: Any):
    trunked.routes(("+", ["gw1"]))
    trunked.routes(("+", ["@premises"]), at="online")
    number = NUMBERS["anna" if home == "premises" else "otto"]
    async with anna if home == "premises" else otto as phone, await trunked.gateway("gw1", 600) as gateway:
        route = f"<sip:{trunked.hosts['gw1']}:5060;lr;proxy=theirs>"
        respond = gateway.respond

        def recorded(request: Request, response: Response) -> None:
            headers = [*response.headers]
            if request.method == "INVITE" and response.code < 300 and not request.to_tag:
                headers.insert(0, ("Record-Route", route))
            respond(request, replace(response, headers=tuple(headers)))

        gateway.respond = recorded  # type: ignore[method-assign]
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        await phone.hears(call, 600)
        assert (await call.hold()).code == 200
        assert (await call.hang_up()).code == 200
        out = gateway.incoming[0]
        assert await out.over() == "BYE"
        assert out.acknowledged
        assert [each.get("Route") for each in out.requests] == [route, route]
        gateway.respond = respond  # type: ignore[method-assign]
        site = trunked.sites.address("premises")
        call = await gateway.call(f"sip:{number}@{site}", headers=[("Record-Route", route)], sound=gateway._sound)
        await call.answered()
        await gateway.hears(call, 440)
        assert (await phone.incoming[-1].hang_up()).code == 200
        assert await call.over() == "BYE"
        assert call.requests[-1].get("Route") == route


# Late offers (RFC 3261 section 13.2.1)


async def test_a_phone_that_offers_nothing_hears_and_is_heard(trunked: Trunked, anna: Any):
    trunked.routes(("+", ["gw1"]))
    async with anna as phone, await trunked.gateway("gw1", 600) as gateway:
        call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", body=b"", sound=phone._sound)
        await call.answered()
        await phone.hears(call, 600)
        await gateway.hears(gateway.incoming[0], 440)
        assert call.remote_audio.address == trunked.sites.address("premises")
        await call.hang_up()


@pytest.mark.parametrize("home", ["premises", "online"])
async def test_a_gateway_that_offers_nothing_hears_and_is_heard(trunked: Trunked, home: str, anna: Any, otto: Any):
    number = NUMBERS["anna" if home == "premises" else "otto"]
    async with anna if home == "premises" else otto as phone, await trunked.gateway("gw1", 600) as gateway:
        call = await gateway.call(f"sip:{number}@{trunked.sites.address('premises')}", body=b"", sound=gateway._sound)
        await call.answered()
        await gateway.hears(call, 440)
        await phone.hears(phone.incoming[-1], 600)
        await call.hang_up()


@pytest.mark.parametrize("home", ["premises", "online"])
async def test_a_late_offer_in_the_midst_of_a_call(trunked: Trunked, home: str, anna: Any, otto: Any):
    trunked.routes(("+", ["gw1"]))
    trunked.routes(("+", ["@premises"]), at="online")
    async with anna if home == "premises" else otto as phone, await trunked.gateway("gw1", 600) as gateway:
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        out = gateway.incoming[0]
        for side in (out, call):
            assert (await side.reinvite(body=b"")).code == 200
            await phone.hears(call, 600)
            await gateway.hears(out, 440)
        await call.hang_up()


async def test_a_body_that_is_named_and_not_there_is_no_offer(trunked: Trunked, anna: Any):
    trunked.routes(("+", ["gw1"]))
    async with anna as phone, await trunked.gateway("gw1", 600) as gateway:
        named = [("Content-Type", "application/sdp")]
        call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", body=b"", headers=named, sound=phone._sound)
        await call.answered()
        await phone.hears(call, 600)
        await gateway.hears(gateway.incoming[0], 440)
        await call.hang_up()


async def test_a_gateway_that_makes_the_offer_in_its_answer(trunked: Trunked, anna: Any):
    trunked.routes(("+", ["gw1"]))
    async with anna as phone, sipp(trunked, "gateway_late_offer", "gw1"):
        call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", body=b"", sound=phone._sound)
        await call.answered()
        await phone.hears(call, 440)
        await call.hang_up()


# Reliable provisional answers (RFC 3262)


async def prack(call: Call, answer: bytes = b"") -> None:
    """Acknowledge the reliable answer that has come."""
    await call.until(lambda: any(r.code == 183 for r in call.responses), "early media")
    response = next(r for r in call.responses if r.code == 183)
    assert response.get("Require") == "100rel"
    headers = [("RAck", f"{response.get('RSeq')} {response.get('CSeq')}")]
    if answer:
        headers.append(("Content-Type", "application/sdp"))
    assert (await call._in_dialog(call.early[response.to_tag], "PRACK", headers, answer)).code == 200


@pytest.mark.parametrize("late", [False, True], ids=["early offer", "late offer"])
@pytest.mark.parametrize("home", ["premises", "online"])
async def test_early_media_that_has_to_be_acknowledged(trunked: Trunked, home: str, late: bool, anna: Any, otto: Any):
    trunked.routes(("+", ["gw1"]))
    trunked.routes(("+", ["@premises"]), at="online")
    async with anna if home == "premises" else otto as phone, sipp(trunked, "gateway_prack", "gw1"):
        call = await phone.call(
            f"sip:{SEATTLE}@{DOMAIN}",
            body=b"" if late else None,
            headers=[("Supported", "100rel")],
            sound=phone._sound,
        )
        await call.until(lambda: call.early or call.ended, "early media")
        assert not call.ended, call.ended
        await prack(call, bytes(await call._own_answer()) if late else b"")
        await phone.hears(call, 440)
        assert not call.up
        await call.answered(15)
        await phone.hears(call, 440)
        await call.hang_up()


# Session timers (RFC 4028)


async def test_the_interval_is_agreed_on_end_to_end_and_refreshed_by_either(trunked: Trunked, anna: Any):
    trunked.routes(("+", ["gw1"]))
    async with anna as phone, await trunked.gateway("gw1", 600) as gateway:

        async def with_timer(call: Call) -> None:
            gateway.incoming.append(call)
            call.sound = gateway._sound
            await call.answer()

        gateway.on_call = with_timer
        timer = [("Session-Expires", "600"), ("Supported", "timer")]
        call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", headers=timer, sound=phone._sound)
        await call.answered()
        invite = gateway.incoming[0].invite
        assert invite.get("Session-Expires") == "600"
        assert "timer" in ",".join(invite.all("Supported"))
        assert call.final.get("Session-Expires").startswith("600")
        for side in (call, gateway.incoming[0]):
            answer = await side._in_dialog(side.dialog, "UPDATE", timer)
            assert answer.code == 200
        assert gateway.incoming[0].requests[-1].get("Session-Expires") == "600"
        assert call.requests[-1].get("Session-Expires") == "600"
        await phone.hears(call, 600)
        await call.hang_up()


async def test_an_interval_that_is_too_short_for_the_gateway_comes_back_as_422(trunked: Trunked, anna: Any):
    trunked.routes(("+", ["gw1"]))
    async with anna as phone, await trunked.gateway("gw1", 600) as gateway:

        async def too_short(call: Call) -> None:
            call.reject(422, "Session Interval Too Small", headers=[("Min-SE", "900")])

        gateway.on_call = too_short
        timer = [("Session-Expires", "600"), ("Supported", "timer")]
        call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", headers=timer)
        await call.over()
        assert (call.final.code, call.final.get("Min-SE")) == (422, "900")


# Gateways as SIPp plays them


async def test_503_then_silence_then_a_redirection_then_an_answer(trunked: Trunked, anna: Any):
    trunked.routes(("+1206", ["gw1", "gw2"]), ("+1253", ["gw2"]))
    async with anna as phone:
        async with sipp(trunked, "gateway_503", "gw1"), await trunked.gateway("gw2", 800):
            await (await heard(phone, 800)).hang_up()
        # gw1 has asked for a minute: the silent one is tried first, and then gw1 all the same.
        async with sipp(trunked, "gateway_silence", "gw2"), await trunked.gateway("gw1", 600):
            await (await heard(phone, 600)).hang_up()
        trunked.routes(("+1206", ["gw1"]), ("+1253", ["gw2"]))
        async with sipp(trunked, "gateway_302", "gw1"), await trunked.gateway("gw2", 800) as second:
            call = await heard(phone, 800)
            assert second.incoming[0].invite.uri.startswith(f"sip:{TACOMA}@")
            await call.hang_up()


async def heard(phone: User, tone_hz: float) -> Call:
    """A call that is answered by who plays this tone."""
    call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
    await phone.hears(call, tone_hz)
    return call
