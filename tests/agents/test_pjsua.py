"""pjsua2 against our own user agent and against another pjsua2."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.agents.pjsua import Pjsua
from tests.agents.raw import User
from tests.support import Loopback

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_pjsua_and_our_own_agent_talk(transport: str, loopback: Loopback, tmp_path: Path):
    one, two = loopback(), loopback()
    bob = await User.open("sip:bob@b.example", two, transport=transport, port=5060, listen=True, tone_hz=620)
    phone = await Pjsua.open("sip:alice@a.example", one, tmp_path, transport=transport, port=5060, tone_hz=440)
    async with bob, phone:
        call = await phone.dial(f"sip:bob@{two}:5060;transport={transport}")
        answered = await bob.called()
        await asyncio.gather(bob.hears(answered, 440), phone.hears(call, 620))
        phone.do("hold", call=call)
        await answered.until(lambda: answered.remote_audio.direction == "sendonly", "the hold")
        phone.do("reinvite", call=call)
        await answered.until(lambda: answered.remote_audio.direction == "sendrecv", "the resumption")
        await asyncio.gather(bob.hears(answered, 440), phone.hears(call, 620))
        await answered.hang_up()
        assert await phone.over(call) == 200
        if transport == "udp":  # over TCP its Contact is an address it does not listen on, without a proxy
            back = await bob.dial(f"sip:alice@{one}:5060")
            called = await phone.called()
            await asyncio.gather(bob.hears(back, 440), phone.hears(called, 620))
            await back.hang_up()
            await phone.over(called)
            assert (await bob.message(f"sip:alice@{one}:5060", "hello")).code == 200
            event = await phone.until(lambda e: e["event"] == "message", "a message")
            assert event["text"] == "hello"


async def test_two_pjsua_talk(loopback: Loopback, tmp_path: Path):
    one, two = loopback(), loopback()
    alice = await Pjsua.open("sip:alice@a.example", one, tmp_path, port=5060, tone_hz=440)
    bob = await Pjsua.open("sip:bob@b.example", two, tmp_path, port=5060, tone_hz=620)
    async with alice, bob:
        call = await alice.dial(f"sip:bob@{two}:5060")
        called = await bob.called()
        await asyncio.gather(alice.hears(call, 620), bob.hears(called, 440))
        bob.do("hangup", call=called)
        await alice.over(call)
