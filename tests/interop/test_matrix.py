"""Everybody calls everybody: all pairs of homes, at all pairs of sites, over every transport, heard by content.

The phones are our own agents, which follow the route set strictly. People are set up once; each test loops.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import product

import pytest

from tests.agents.raw import ANSWER, BUSY, DECLINE, NO_ANSWER, TRANSPORTS, User
from tests.interop.conftest import DOMAIN, HOMES, Sites

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

CALLER_HZ, CALLEE_HZ, THIRD_HZ = 440.0, 620.0, 1000.0
_AT_ONCE = 4


@dataclass(frozen=True)
class Seat:
    """Where a person lives, and where and how their phone is registered."""

    home: str
    site: str
    transport: str

    def user(self, part: str) -> str:
        """The person who sits here in this part."""
        return f"{part}-{self.home}-{self.site}-{self.transport}"


SEATS = [Seat(*seat) for seat in product(HOMES, HOMES, TRANSPORTS)]


@pytest.fixture(scope="session")
def people(two_sites: Sites) -> Sites:
    """A caller and a callee for every seat, known at both sites."""
    two_sites.create_all({seat.user(part): seat.home for part, seat in product(("caller", "callee"), SEATS)})
    return two_sites


@asynccontextmanager
async def phones(sites: Sites, part: str, seats: Iterable[Seat], tone_hz: float) -> AsyncIterator[dict[Seat, User]]:
    """A registered phone for each seat; their registrations end with them, for the next test's sake."""
    async with AsyncExitStack() as stack:
        found = {}
        for seat in seats:
            phone = await sites.phone(seat.user(part), seat.site, seat.transport, tone_hz=tone_hz)
            found[seat] = await stack.enter_async_context(phone)
            stack.push_async_callback(phone.register, 0)
        yield found


async def each(jobs: dict[str, Callable[[], Awaitable[None]]]) -> None:
    """Run all jobs, a few at a time; the error names each that failed and why."""
    gate, failures = asyncio.Semaphore(_AT_ONCE), {}

    async def run(name: str, job: Callable[[], Awaitable[None]]) -> None:
        async with gate:
            try:
                await job()
            except Exception as error:
                failures[name] = f"{type(error).__name__}: {error}"

    await asyncio.gather(*(run(name, job) for name, job in jobs.items()))
    assert not failures, f"{len(failures)} of {len(jobs)} failed:\n" + "\n".join(
        f"  {name}: {why}" for name, why in sorted(failures.items())
    )


def uri(user: User) -> str:
    """Whom to call."""
    return user.account.uri


async def talk(caller: User, callee: User, *, callee_hangs_up: bool, hold: bool) -> None:
    """One call from ring to BYE, both hearing the other."""
    before = len(callee.incoming)
    call = await caller.dial(uri(callee))
    answered = await callee.called(before + 1)
    await asyncio.gather(caller.hears(call, CALLEE_HZ), callee.hears(answered, CALLER_HZ))
    if hold:
        assert (await call.hold()).code == 200, "hold"
        assert answered.remote_audio is not None and answered.remote_audio.direction == "sendonly", "hold arrived"
        assert (await call.resume()).code == 200, "resume"
        assert (await answered.reinvite()).code == 200, "re-INVITE from the called"
        await asyncio.gather(caller.hears(call, CALLEE_HZ), callee.hears(answered, CALLER_HZ))
    first, second = (answered, call) if callee_hangs_up else (call, answered)
    assert (await first.hang_up()).code == 200, "BYE"
    assert await second.over() == "BYE"
    assert len(callee.incoming) == before + 1, "the call arrived twice"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_every_home_at_every_site_calls_every_other(people: Sites, transport: str):
    seats = [seat for seat in SEATS if seat.transport == transport]
    async with (
        phones(people, "caller", seats, CALLER_HZ) as callers,
        phones(people, "callee", seats, CALLEE_HZ) as callees,
    ):
        for shift in range(len(seats)):
            # Each round pairs every caller with another callee.
            pairs = [(one, seats[(index + shift) % len(seats)]) for index, one in enumerate(seats)]
            await each(
                {
                    f"{one} to {two}": lambda one=one, two=two, shift=shift: talk(
                        callers[one], callees[two], callee_hangs_up=bool(shift % 2), hold=True
                    )
                    for one, two in pairs
                }
            )


async def test_transports_mix(people: Sites):
    callers = [Seat("premises", "online", transport) for transport in TRANSPORTS]
    callees = [Seat("online", "premises", transport) for transport in TRANSPORTS]
    async with (
        phones(people, "caller", callers, CALLER_HZ) as ones,
        phones(people, "callee", callees, CALLEE_HZ) as twos,
    ):
        for shift in range(1, len(TRANSPORTS)):
            pairs = [(one, callees[(index + shift) % len(callees)]) for index, one in enumerate(callers)]
            await each(
                {
                    f"{one} to {two}": lambda one=one, two=two: talk(
                        ones[one], twos[two], callee_hangs_up=True, hold=False
                    )
                    for one, two in pairs
                }
            )


# One seat for each pair of homes, phones at the wrong site where that is harder.
PAIRS = [
    (Seat("premises", "premises", "udp"), Seat("online", "online", "tcp")),
    (Seat("online", "premises", "tls"), Seat("premises", "online", "udp")),
    (Seat("premises", "online", "tcp"), Seat("premises", "online", "tls")),
    (Seat("online", "premises", "udp"), Seat("online", "premises", "tcp")),
]


@pytest.mark.parametrize(("one", "two"), PAIRS, ids=lambda seat: seat.user("at"))
async def test_cancel_busy_decline_and_messages(people: Sites, one: Seat, two: Seat):
    async with phones(people, "caller", [one], CALLER_HZ) as ones, phones(people, "callee", [two], CALLEE_HZ) as twos:
        caller, callee = ones[one], twos[two]
        callee.rule = BUSY
        assert await caller.refused(uri(callee)) == 486
        callee.rule = DECLINE
        assert await caller.refused(uri(callee)) == 603
        callee.rule = NO_ANSWER
        call = await caller.ring(uri(callee))
        call.cancel()
        assert await call.over() == "487 Request Terminated"
        assert await callee.incoming[-1].over() == "CANCEL"
        assert len(callee.incoming) == 3
        text = "Grüße, 你好"
        assert (await caller.message(uri(callee), text)).code == 202
        assert (await callee.message(uri(caller), text)).code == 202
        await callee.changes.until(lambda: callee.messages, "the message", 60)
        await caller.changes.until(lambda: caller.messages, "the answer", 60)
        assert [request.body.decode() for request in callee.messages + caller.messages] == [text, text]


@pytest.mark.parametrize("attended", [False, True], ids=["blind", "attended"])
async def test_transfer_across_sites(people: Sites, attended: bool):
    one, two = Seat("premises", "premises", "udp"), Seat("online", "online", "tcp")
    third = Seat("premises", "online", "tls")
    async with (
        phones(people, "caller", [one], CALLER_HZ) as ones,
        phones(people, "callee", [two], CALLEE_HZ) as twos,
        phones(people, "callee", [third], THIRD_HZ) as thirds,
    ):
        caller, callee, other = ones[one], twos[two], thirds[third]
        call = await caller.dial(uri(callee))
        consult = await caller.dial(uri(other)) if attended else None
        assert (await call.refer(uri(other), consult)).code == 202
        await call.until(lambda: any(b"200" in n.body for n in call.notifies), "the transfer's success", 10)
        transferred = callee.incoming[-1].transferred
        assert transferred is not None
        await asyncio.gather(callee.hears(transferred, THIRD_HZ), other.hears(other.incoming[-1], CALLEE_HZ))
        if consult:
            assert await consult.over() == "BYE"
        await call.hang_up()
        assert (await transferred.hang_up()).code == 200


async def test_nobody_is_found_by_a_name_that_does_not_exist(people: Sites):
    seat = Seat("premises", "online", "udp")
    async with phones(people, "caller", [seat], CALLER_HZ) as ones:
        assert await ones[seat].refused(f"sip:nobody@{DOMAIN}") in (404, 480)


async def test_a_phone_that_vanished_does_not_answer_for_the_others(people: Sites):
    """Its connection is gone, its binding is not: nobody hears 430 (RFC 5626 section 5.3)."""
    one, two = Seat("online", "online", "udp"), Seat("online", "premises", "tcp")
    vanished = await people.phone(two.user("callee"), two.site, two.transport)
    await vanished.close()
    async with phones(people, "caller", [one], CALLER_HZ) as ones:
        assert await ones[one].refused(uri(vanished)) == 480
        vanished = await people.phone(two.user("callee"), two.site, two.transport)
        await vanished.close()
        async with phones(people, "callee", [two], CALLEE_HZ) as twos:
            twos[two].rule = BUSY
            assert await ones[one].refused(uri(twos[two])) == 486
            twos[two].rule = ANSWER
            await talk(ones[one], twos[two], callee_hangs_up=False, hold=False)
