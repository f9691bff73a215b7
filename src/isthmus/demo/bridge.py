"""Carries a call on to a site: two dialogs back to back, each one's SDP handed to the other as it is."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.useragent.agent import Agent
from isthmus.useragent.call import Call
from isthmus.useragent.message import Header

_RING_AT_MOST_S = 180.0


async def carry(
    agent: Agent, call: Call, targets: Sequence[str], headers: Sequence[Header], silence_s: float, caller: str = ""
) -> str:
    """Carry an incoming call to the first of `targets` (URIs) that takes it, and give how that went.

    caller: the URI for From: what the network vouches for, never the caller's own From.

    A target is passed over when it says nothing for `silence_s` or refuses with 408 or 5xx: the site is at
    fault then, not the person called.
    """
    offer = call.invite.body if call.invite else b""
    outcome = "no target"
    for target in targets:
        try:
            other = await agent.call(target, body=offer, headers=headers, caller=caller)
        except OSError as error:
            outcome = f"{target}: {error}"
            continue
        outcome = f"{target}: {await _ring_through(agent, call, other, silence_s)}"
        if other.up:
            await _talk(agent, call, other)
            return outcome
        if call.ended or (other.final is not None and other.final.code < 500 and other.final.code != 408):
            break
    code, phrase = (other.final.code, other.final.phrase) if other.final else (503, "Service Unavailable")
    call.reject(code, phrase)
    return outcome


async def _ring_through(agent: Agent, call: Call, other: Call, silence_s: float) -> str:
    """Pass provisional answers back until the other side decides, the caller gives up, or nothing is heard."""
    seen = 0

    def news() -> bool:
        return bool(len(other.responses) > seen or other.final or call.ended)

    while not other.final and not call.ended:
        try:
            await agent.changes.until(news, "an answer", _RING_AT_MOST_S if seen else silence_s)
        except TimeoutError:
            other.cancel()
            return "no answer"
        for response in other.responses[seen:]:
            if 100 < response.code < 200 and not call.ended:
                call.progress(response.code, response.phrase, response.body)
        seen = len(other.responses)
    if call.ended:
        if other.up:
            await other.hang_up()
        else:
            other.cancel()
        return call.ended
    return str(other.final.code) if other.final else other.ended


async def _talk(agent: Agent, call: Call, other: Call) -> None:
    """From the answer to the end: new offers cross over, the first to hang up ends both."""
    call.on_offer, other.on_offer = _hand_to(other), _hand_to(call)
    await call.answer(other.final.body if other.final else b"")
    while call.up and other.up:
        await agent.changes.until(lambda: not (call.up and other.up), "the end of the call", 24 * 3600.0)
    for leg in (call, other):
        if leg.up:
            await leg.hang_up()


class _hand_to:  # noqa: N801 - reads as a verb where it is used
    """Answers an offer with what the other leg answers."""

    def __init__(self, leg: Call) -> None:
        self._leg = leg

    async def __call__(self, _call: Call, offer: bytes) -> tuple[int, bytes]:
        if not self._leg.up:
            return 481, b""
        response = await self._leg.reinvite(body=offer)
        return response.code, response.body
