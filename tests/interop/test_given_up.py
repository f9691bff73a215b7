"""Gateways by UDP that a call has left for the next, and that were ringing all the same: nobody is left ringing there.

What such a gateway says is lost on the way, or late. Once it is heard it is cancelled (RFC 3261 section 9.1), and where
somebody has answered, hung up on; the call at the next gateway goes on as if nothing had been heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import pytest

from isthmus.useragent.call import Call
from isthmus.useragent.message import Request
from tests.agents.raw import BUSY, NO_ANSWER, Rule, User
from tests.interop.conftest import DOMAIN
from tests.interop.trunks import Trunked, with_trunks
from tests.support import Loopback, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

Phone = AbstractAsyncContextManager[User]
SEATTLE = "+12065550123"
FIRST_HZ, SECOND_HZ, CALLER_HZ = 600, 800, 440
NOTHING = Rule(0, ring=False)
NOTICED_S = 20.0
FORGOTTEN_S = 7.0
"""After which the engine knows no more of the INVITE of a call that was answered, which it does for five seconds."""
# The Request-URI of "gw1" says nothing of where the gateway is.
TRUNKS = {
    "gw1": 'ask_every_s = 0\n[trunk.shape]\nrequest_uri = "tel"\n',
    "gw2": "ask_every_s = 0\n",
    "asked": "ask_every_s = 1\nalert_after_s = 1\n",
}


@pytest.fixture(scope="module")
def trunked(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Trunked]:
    trunks = {name: f"answer_s = 1.0\n{more}" for name, more in TRUNKS.items()}
    with with_trunks(tmp_path_factory.mktemp("t"), loopback, trunks, {"anna": ("premises", "+14255550171")}) as trunked:
        yield trunked


@pytest.fixture
def anna(trunked: Trunked) -> Phone:
    return trunked.phone("anna")


@contextmanager
def unheard(gateway: User) -> Iterator[None]:
    """What it sends is lost on the way."""
    send = gateway.wire.send
    gateway.wire.send = lambda data, flow: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        gateway.wire.send = send  # type: ignore[method-assign]


@asynccontextmanager
async def gateways(trunked: Trunked, phone: User, name: str = "gw1") -> AsyncIterator[tuple[User, User]]:
    """The first one, which does nothing by itself, and the next, which rings."""
    async with await trunked.gateway(name, FIRST_HZ) as first, await trunked.gateway("gw2", SECOND_HZ) as second:
        # It answers: nothing that was before is held against it.
        trunked.route(name)
        first.rule = BUSY
        assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 486
        first.incoming.clear()
        trunked.route(name, "gw2")
        first.rule, second.rule = NOTHING, NO_ANSWER
        yield first, second


async def left(phone: User, first: User, second: User) -> tuple[Call, Call, Call]:
    """A call that the first gateway got, unheard, and that rings at the second: the caller's, and theirs."""
    with unheard(first):
        call = await phone.ring(f"sip:{SEATTLE}@{DOMAIN}")
    return call, first.incoming[0], second.incoming[0]


async def is_cancelled(gateway: User, call: Call) -> None:
    """The gateway is cancelled by what it can tell the call by, and its answer to the INVITE acknowledged."""
    await call.until(lambda: call.ended == "CANCEL", "it is cancelled", NOTICED_S)
    acks = lambda: [each for each in gateway.received_requests("ACK") if _is_for(each, call)]  # noqa: E731
    await call.until(acks, "its 487 is acknowledged", NOTICED_S)
    assert call.invite is not None
    cancel = next(each for each in gateway.received_requests("CANCEL") if _is_for(each, call))
    for each in (cancel, acks()[0]):
        assert each.uri == call.invite.uri
        assert each.branch == call.invite.branch
        assert (each.cseq[0], each.call_id, each.from_tag) == (
            call.invite.cseq[0],
            call.invite.call_id,
            call.invite.from_tag,
        )
    assert cancel.get("To") == call.invite.get("To")


def _is_for(request: Request, call: Call) -> bool:
    return call.invite is not None and request.branch == call.invite.branch


async def is_hung_up(gateway: User, call: Call) -> None:
    """It has answered: that is acknowledged, and ended."""
    await call.until(lambda: call.acknowledged, "its 200 is acknowledged", NOTICED_S)
    assert await call.over(NOTICED_S) == "BYE"
    assert len(gateway.received_requests("BYE")) == 1


async def talk(phone: User, second: User, call: Call, there: Call) -> None:
    """Both hear each other, and hang up in order."""
    await phone.hears(call, SECOND_HZ)
    await second.hears(there, CALLER_HZ)
    assert call.up
    assert there.up
    assert (await call.hang_up()).code == 200
    await there.over(NOTICED_S)
    # The caller has heard of nobody else.
    assert {each.to_tag for each in call.responses if each.code == 200} == {there.local_tag}


async def answered(call: Call, there: Call) -> None:
    await there.answer()
    await call.answered(NOTICED_S)


async def test_it_rings_late_while_the_next_one_rings(trunked: Trunked, anna: Phone):
    async with anna as phone, gateways(trunked, phone) as (first, second):
        call, ghost, there = await left(phone, first, second)
        ghost.ring()
        await is_cancelled(first, ghost)
        await answered(call, there)
        await talk(phone, second, call, there)


async def test_it_rings_late_when_the_next_one_has_long_answered(trunked: Trunked, anna: Phone):
    async with anna as phone, gateways(trunked, phone) as (first, second):
        call, ghost, there = await left(phone, first, second)
        await answered(call, there)
        await asyncio.sleep(FORGOTTEN_S)
        ghost.ring()
        await is_cancelled(first, ghost)
        await talk(phone, second, call, there)


async def test_it_has_said_trying_alone(trunked: Trunked, anna: Phone):
    async with anna as phone, gateways(trunked, phone) as (first, second):
        call = await phone.ring(f"sip:{SEATTLE}@{DOMAIN}")
        await is_cancelled(first, first.incoming[0])
        await answered(call, second.incoming[0])
        await talk(phone, second, call, second.incoming[0])


async def test_it_answers_late_while_the_next_one_rings(trunked: Trunked, anna: Phone):
    async with anna as phone, gateways(trunked, phone) as (first, second):
        call, ghost, there = await left(phone, first, second)
        await ghost.answer()
        await is_hung_up(first, ghost)
        await answered(call, there)
        await talk(phone, second, call, there)


@pytest.mark.parametrize("after_s", [0.5, FORGOTTEN_S], ids=["just", "long"])
async def test_it_answers_late_when_the_next_one_has_answered(trunked: Trunked, anna: Phone, after_s: float):
    async with anna as phone, gateways(trunked, phone) as (first, second):
        call, ghost, there = await left(phone, first, second)
        await answered(call, there)
        await asyncio.sleep(after_s)
        await ghost.answer()
        await is_hung_up(first, ghost)
        await talk(phone, second, call, there)


async def test_it_refuses_late(trunked: Trunked, anna: Phone):
    async with anna as phone, gateways(trunked, phone) as (first, second):
        call, ghost, there = await left(phone, first, second)
        ghost.reject(486, "Busy Here")
        await first.changes.until(
            lambda: [each for each in first.received_requests("ACK") if _is_for(each, ghost)], "the ACK", NOTICED_S
        )
        await answered(call, there)
        await talk(phone, second, call, there)


async def test_it_rings_late_when_the_caller_was_told_that_nobody_answers(trunked: Trunked, anna: Phone):
    async with anna as phone, await trunked.gateway("gw1", FIRST_HZ) as first:
        trunked.route("gw1")
        first.rule = NOTHING
        with unheard(first):
            assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 503
        await asyncio.sleep(FORGOTTEN_S)
        first.incoming[0].ring()
        await is_cancelled(first, first.incoming[0])


async def test_it_rings_late_when_the_caller_has_given_up(trunked: Trunked, anna: Phone):
    async with anna as phone, await trunked.gateway("gw2", SECOND_HZ) as gateway:
        trunked.route("gw2")
        gateway.rule = NOTHING
        with unheard(gateway):
            call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}")
            await gateway.called()
            call.cancel()
            await call.over(NOTICED_S)
        await asyncio.sleep(FORGOTTEN_S)
        gateway.incoming[0].ring()
        await is_cancelled(gateway, gateway.incoming[0])


async def test_it_rings_and_then_nothing_is_heard_of_it_any_more(trunked: Trunked, anna: Phone):
    async with anna as phone, gateways(trunked, phone, "asked") as (first, second):
        first.rule = NO_ANSWER
        # Nobody was there before: that this one answers OPTIONS is known by its coming back.
        await _is_asked(trunked, "up")
        call = await phone.ring(f"sip:{SEATTLE}@{DOMAIN}")
        ghost = first.incoming[0]
        with unheard(first):
            there = await second.called(timeout_s=90)
            await ghost.until(lambda: ghost.ended == "CANCEL", "it is cancelled", NOTICED_S)
        await is_cancelled(first, ghost)
        await answered(call, there)
        await talk(phone, second, call, there)


async def _is_asked(trunked: Trunked, state: str) -> None:
    def known() -> bool:
        with trunked.sites.api("premises") as api:
            return any(each["name"] == "asked" and each["state"] == state for each in api.get("/v1/trunks"))

    await asyncio.to_thread(wait_for, known, 60, f"the gateway is {state}")
