"""SIPp's scenarios against one another and against our own user agent."""

from __future__ import annotations

import asyncio

import pytest

from isthmus.useragent.message import response_to
from tests.agents.raw import BUSY
from tests.agents.raw import User as RawUser
from tests.agents.sipp import Sipp, User
from tests.support import Loopback, Processes

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_sipp_calls_sipp(transport: str, loopback: Loopback, processes: Processes):
    one, two = loopback(), loopback()
    callee = Sipp.start(processes, "uas", two, transport=transport, calls=5)
    caller = Sipp.start(
        processes,
        "uac",
        one,
        to=f"{two}:5060",
        transport=transport,
        calls=5,
        users=[User("alice", "a.example", target=f"bob@{two}")],
    )
    assert caller.finish().successful == 5
    assert callee.finish().successful == 5


async def test_sipp_calls_our_own_agent_and_is_hung_up_on(loopback: Loopback, processes: Processes):
    one, two = loopback(), loopback()
    async with await RawUser.open("sip:bob@b.example", two, port=5060) as bob:
        users = [User("alice", "a.example", target=f"bob@{two}")]
        caller = Sipp.start(processes, "uac", one, to=f"{two}:5060", calls=3, users=users)
        assert (await asyncio.to_thread(caller.finish)).successful == 3
        assert len(bob.incoming) == 3
        assert all(call.ended == "BYE" and call.acknowledged for call in bob.incoming)
    async with await RawUser.open("sip:bob@b.example", two, port=5060, tone_hz=440) as bob:
        callee = Sipp.start(processes, "uas_bye", one, calls=1)
        await asyncio.sleep(0.3)
        call = await bob.dial(f"sip:alice@{one}:5060")
        assert await call.over() == "BYE"
        assert (await asyncio.to_thread(callee.finish)).successful == 1


async def test_sipp_registers_with_digest(loopback: Loopback, processes: Processes):
    """Our agent stands in for a registrar: it challenges, and sees credentials."""
    one, two = loopback(), loopback()
    async with await RawUser.open("sip:registrar@b.example", two, port=5060) as registrar:
        seen = []

        def outside(request, flow):
            if request.get("Authorization"):
                seen.append(request.get("Authorization"))
                answer = response_to(request, 200, "OK", to_tag="r")
            else:
                challenge = ("WWW-Authenticate", 'Digest realm="b.example", nonce="n", qop="auth", algorithm=MD5')
                answer = response_to(request, 401, "Unauthorized", to_tag="r", headers=[challenge])
            registrar.respond(request, answer)

        registrar._outside_dialog = outside
        users = [User("alice", "b.example", "secret")]
        run = Sipp.start(processes, "register", one, to=f"{two}:5060", users=users)
        assert (await asyncio.to_thread(run.finish)).successful == 1
        assert 'username="alice"' in seen[0]


async def test_a_failure_is_shown(loopback: Loopback, processes: Processes):
    one, two = loopback(), loopback()
    async with await RawUser.open("sip:bob@b.example", two, port=5060) as bob:
        bob.rule = BUSY
        users = [User("alice", "a.example", target=f"bob@{two}")]
        run = Sipp.start(processes, "uac", one, to=f"{two}:5060", users=users)
        with pytest.raises(AssertionError, match="486 Busy Here"):
            await asyncio.to_thread(run.finish)
