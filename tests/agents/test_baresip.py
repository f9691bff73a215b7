"""baresip against our own user agent."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.agents.baresip import Baresip
from tests.agents.raw import User
from tests.support import Loopback

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_baresip_and_our_own_agent_talk(transport: str, loopback: Loopback, tmp_path: Path):
    one, two = loopback(), loopback()
    bob = await User.open("sip:bob@b.example", two, transport=transport, port=5060, listen=True, tone_hz=620)
    phone = await Baresip.open("sip:alice@a.example", one, tmp_path, transport=transport, tone_hz=440)
    async with bob, phone:
        await phone.dial(f"sip:bob@{two}:5060;transport={transport}")
        answered = await bob.called()
        await asyncio.gather(bob.hears(answered, 440), phone.hears(620))
        assert (await answered.reinvite()).code == 200
        await phone.hang_up()
        await answered.over()
        since = len(phone.events)
        call = await bob.ring(f"sip:alice@{one}:5060;transport={transport}")
        await phone.answer(since)
        await call.answered()
        await asyncio.gather(bob.hears(call, 440), phone.hears(620))
        await call.hang_up()
        await phone.event("CALL_CLOSED", since)
