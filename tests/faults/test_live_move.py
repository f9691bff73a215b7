"""Two hundred people are moved there and back while they call, are called, and write to one another."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from tests.agents.raw import ANSWER, NO_ANSWER, User
from tests.faults.load import Load
from tests.faults.people import bindings, move, other, phones
from tests.interop.conftest import DOMAIN, HOMES, Sites
from tests.support import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PEOPLE = 200


def registers(phone: User) -> int:
    """How many REGISTER requests a phone has sent."""
    return sum(record.direction == "sent" and record.start.startswith("REGISTER") for record in phone.record)


async def test_nobody_notices_that_two_hundred_people_move(sites: Sites) -> None:
    """A call up is heard on, one that rings is answered; no call lost or doubled; no phone touched."""
    movers = {f"mover{number:03}": "premises" for number in range(PEOPLE)}
    stay = {f"stays{number}": HOMES[number % 2] for number in range(8)}
    sites.create_all(movers | stay)
    async with AsyncExitStack() as stack:
        everybody = await phones(sites, stack, movers | stay)
        talking = [("mover000", "stays0"), ("mover009", "mover014"), ("stays5", "mover003")]
        ringing = [("stays1", "mover001"), ("mover010", "mover021")]
        busy = [user for pair in (*talking, *ringing) for user in pair]
        up = []
        for number, (caller, callee) in enumerate(talking):
            everybody[caller].tone_hz, everybody[callee].tone_hz = 440 + 60 * number, 800 + 90 * number
            call = await everybody[caller].dial(f"sip:{callee}@{DOMAIN}")
            up.append((call, await everybody[callee].called()))
        load = Load(everybody, busy=busy)
        registered = {user: registers(phone) for user, phone in everybody.items()}
        await asyncio.sleep(1)
        for to in ("online", "premises"):
            rings = []
            for caller, callee in ringing:
                everybody[callee].rule = NO_ANSWER
                count = len(everybody[callee].incoming)
                rings.append((await everybody[caller].ring(f"sip:{callee}@{DOMAIN}"), callee, count))
            started = time.monotonic()
            done = await move(sites, list(movers), to)
            took_s = time.monotonic() - started
            under = load.since(started)
            print(f"\n{PEOPLE} people to {to}: {took_s:.1f} s, {PEOPLE / took_s:.0f} a second, {len(under)} meanwhile")
            assert done["moved"] == PEOPLE, [person for person in done["people"] if person["state"] != "moved"][:3]
            for call, callee, count in rings:
                rung = everybody[callee].incoming[count:]
                assert len(rung) == 1, f"{callee} was rung {len(rung)} times"
                await rung[0].answer()
                await call.answered()
                assert (await call.hang_up()).code == 200
            for (call, heard), (caller, callee) in zip(up, talking, strict=True):
                await everybody[caller].hears(call, everybody[callee].tone_hz or 0)
                await everybody[callee].hears(heard, everybody[caller].tone_hz or 0)
        await load.stop()
        print(load.summary())
        assert not load.failures()
        # Messages come to phones once they are stored, not as the sender is answered.
        await asyncio.to_thread(wait_for, lambda: not load.not_delivered_once(), 60, "everything has come")
        assert not load.doubled()
        touched = {user for user, phone in everybody.items() if registers(phone) != registered[user]}
        assert not touched, "phones registered again"
        for call, heard in up:
            assert (await call.reinvite()).code == 200
            assert (await heard.reinvite()).code == 200
            assert (await call.hang_up()).code == 200
        for phone in everybody.values():
            phone.rule = ANSWER
        for user in list(movers)[::5]:
            assert len(bindings(sites, "premises", user)) == 1
            assert bindings(sites, other("premises"), user) == []
        for number, user in enumerate(movers):
            call = await everybody[f"stays{6 + number % 2}"].dial(f"sip:{user}@{DOMAIN}")
            await call.hang_up()
