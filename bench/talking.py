"""Phones that hold calls with media for long, and try new ones: user agents of our own, all on UDP.

A caller sends few frames, so that many calls cost little; the other side echoes them. Thus what a caller hears has
gone the whole way twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from tests.agents.raw import User
from tests.interop.conftest import DOMAIN, Sites

from isthmus.useragent.call import Call
from isthmus.useragent.rtp import FRAME_SAMPLES, tone

_FRAME = tone(440)[:FRAME_SAMPLES]
_EVERY_S = 0.2  # between two frames of a call
_ANSWER_S = 25.0


class Echoing(User):
    """A phone that answers at once and echoes; no call of it sends by itself."""

    async def _take(self, call: Call) -> None:
        call.ring()
        await call.answer()
        if call.media:
            call.media.echo = True


@dataclass
class Held:
    """A call that is up. through: whether its media goes through what will die."""

    caller: str
    callee: str
    call: Call
    through: bool = False

    def heard_since(self, at_s: float) -> bool:
        """Whether the caller heard anything since then (monotonic seconds)."""
        return bool(self.call.media and any(frame.at_s > at_s for frame in self.call.media.heard))


@dataclass(frozen=True, slots=True)
class Attempt:
    """A new call: when it began (monotonic seconds), how long until its answer, `ok` or why it was lost."""

    at_s: float
    took_s: float
    outcome: str


@dataclass
class Talks:
    """Phones, the calls that they hold, and the new ones that they try."""

    sites: Sites
    phones: dict[str, Echoing] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    async def open(self, user: str, at: str, password: str) -> None:
        """A phone for somebody, registered at their site."""
        files = self.sites.demo.sites
        phone = await Echoing.open(
            f"sip:{user}@{DOMAIN}",
            self.sites.loopback(),
            proxy=self.sites.proxy(at, "udp"),
            password=password,
            hosts={site.site.fqdn: site.site.address for site in files},
        )
        self.phones[user] = phone
        await phone.registered(3600)

    async def hold(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Bring calls up, one after the other, and leave them so. Every one has to be answered, and to be heard."""
        since = time.monotonic()
        for caller, callee in pairs:
            call = await self.phones[caller].call(f"sip:{callee}@{DOMAIN}")
            await call.answered(_ANSWER_S)
            self.held.append(Held(caller, callee, call))
        async with self.sending():
            end = time.monotonic() + _ANSWER_S
            while silent := [held for held in self.held if not held.heard_since(since)]:
                assert time.monotonic() < end, f"{len(silent)} of {len(self.held)} calls have no media"
                await asyncio.sleep(_EVERY_S)

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Callers send frames while this is open."""

        async def pump() -> None:
            while True:
                for held in self.held:
                    if held.call.media:
                        held.call.media.send(_FRAME)
                await asyncio.sleep(_EVERY_S)

        task = asyncio.create_task(pump())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def lost(self, within_s: float) -> list[Held]:
        """The calls that are over, or whose callers hear nothing for so long from now on."""
        since = time.monotonic()
        end = since + within_s
        while time.monotonic() < end and not all(held.heard_since(since) for held in self.held if not held.call.ended):
            await asyncio.sleep(_EVERY_S)
        return [held for held in self.held if held.call.ended or not held.heard_since(since)]

    async def new_call(self, caller: str, callee: str) -> None:
        """Call, note what became of it, and hang up."""
        at_s, phone = time.monotonic(), self.phones[caller]
        outcome = "no answer"
        call = None
        with contextlib.suppress(TimeoutError, OSError):
            call = await phone.call(f"sip:{callee}@{DOMAIN}")
            await call.until(lambda: call.up or call.ended, "an answer", _ANSWER_S)
            outcome = "ok" if call.up else call.ended
        self.attempts.append(Attempt(at_s, time.monotonic() - at_s, outcome))
        if call is not None and call.up:
            await quietly(call.hang_up())

    async def close(self) -> None:
        """Hang up what is left and close all phones."""
        await asyncio.gather(*(quietly(held.call.hang_up()) for held in self.held if held.call.up))
        self.held.clear()
        await asyncio.gather(*(quietly(phone.close()) for phone in self.phones.values()))


async def quietly(work: Awaitable[object], timeout_s: float = 5.0) -> None:
    """Do this if it can be done within this time."""
    with contextlib.suppress(TimeoutError, OSError, RuntimeError):
        async with asyncio.timeout(timeout_s):
            await work


async def new_calls(talks: Talks, pairs: Sequence[tuple[str, str]], every_s: float, go_on: Callable[[], bool]) -> None:
    """Try new calls between these in turn, one every so many seconds, until told to stop; waits for their ends."""
    tasks, number = [], 0
    due = time.monotonic()
    while go_on():
        tasks.append(asyncio.create_task(talks.new_call(*pairs[number % len(pairs)])))
        number += 1
        due += every_s
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    await asyncio.gather(*tasks)
