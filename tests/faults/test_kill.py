"""kill -9 of every process of either site, while calls and a move go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import product

import pytest

from tests.agents.raw import User
from tests.faults.load import Load
from tests.faults.people import (
    bindings,
    everybody_is_reached,
    kill,
    moved,
    other,
    phones,
    pid,
    reopen,
    same_homes,
    start_move,
    until_ready,
    watched,
)
from tests.interop.conftest import DOMAIN, HOMES, Sites

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PROCESSES = ("haproxy", "kamailio", "rtpengine", "control")
# A move is given this long to end: what fails before commit is tried again for 20 s.
_MOVE_S = 60.0


@asynccontextmanager
async def world(sites: Sites, mark: str, count: int = 16) -> AsyncIterator[dict[str, User]]:
    """`count` people with phones of all transports at both sites; half of them live at premises."""
    users = {f"{mark}{number:02}": HOMES[number % 2] for number in range(count)}
    sites.create_all(users)
    async with AsyncExitStack() as stack:
        yield await phones(sites, stack, users)


@pytest.mark.parametrize(("site", "process"), list(product(HOMES, PROCESSES)))
async def test_a_process_is_killed_under_load_in_a_move(sites: Sites, site: str, process: str) -> None:
    """The move ends by itself and says how; the site is whole within seconds; bindings and calls survive.

    haproxy: phones on TCP, TLS and WebSocket are cut off and reopen; nothing else happens. Kamailio: the same, and
    bindings are read back. rtpengine: calls that are up are silent until a re-INVITE. control: nobody notices.
    """
    async with world(sites, f"k{site[0]}{process[0]}") as people:
        caller, callee = [user for user, phone in people.items() if phone.wire.transport == "udp"][::2]
        people[caller].tone_hz, people[callee].tone_hz = 440, 620
        call = await people[caller].dial(f"sip:{callee}@{DOMAIN}")
        heard = await people[callee].called()
        await asyncio.sleep(1.2)  # bindings are on disk within a second
        load = Load(people, rate=10, busy=[caller, callee])
        before = pid(sites, site, process)
        batch = await asyncio.to_thread(
            start_move, sites, [user for user in people if int(user[-2:]) % 2 == 0], "online"
        )
        killed_at = time.monotonic()
        kill(sites, site, process)
        back_s = await until_ready(sites, site, before, process)
        done = await asyncio.to_thread(moved, sites, batch, _MOVE_S)
        ended_s = time.monotonic() - killed_at
        await asyncio.sleep(max(0.0, 6 - ended_s))
        await load.stop()
        print(f"\n{site} {process}: whole after {back_s:.1f} s, move over after {ended_s:.1f} s {done['counts']}")
        print(load.summary())
        assert {person["state"] for person in done["people"]} <= {"moved", "not_moved"}
        assert all(person["reasons"] for person in done["people"] if person["state"] == "not_moved")
        if process == "control":
            assert not load.failures("call")
        assert not load.doubled()
        live = await asyncio.to_thread(same_homes, sites, list(people))
        assert all(live[p["aor"].partition("@")[0]] == "online" for p in done["people"] if p["state"] == "moved")
        if process == "rtpengine":
            assert (await call.reinvite()).code == 200
        await people[callee].hears(heard, 440)
        await people[caller].hears(call, 620)
        assert (await heard.reinvite()).code == 200
        assert (await call.hang_up()).code == 200
        udp = {user: phone for user, phone in people.items() if phone.wire.transport == "udp"}
        for user in udp:
            assert len(bindings(sites, live[user], user)) == 1, f"{user} lost the binding"
        await everybody_is_reached(udp)
        if process in ("haproxy", "kamailio"):
            await reopen(people)
        await everybody_is_reached(people)


@pytest.mark.parametrize("site", HOMES)
async def test_the_supervisor_is_killed(sites: Sites, site: str) -> None:
    """Its processes end with it; started again, the site is as it was, with bindings and the move."""
    async with world(sites, f"ks{site[0]}", 8) as people:
        await asyncio.sleep(1.2)
        batch = await asyncio.to_thread(start_move, sites, [u for u in people if int(u[-2:]) % 2 == 0], "online")
        sites.running[site].kill()
        await asyncio.to_thread(sites.start, site)
        done = await asyncio.to_thread(moved, sites, batch, _MOVE_S)
        print(f"\nsupervisor of {site}: {done['counts']}")
        live = await asyncio.to_thread(same_homes, sites, list(people))
        for person in done["people"]:
            assert person["state"] in ("moved", "not_moved")
            assert live[person["aor"].partition("@")[0]] == ("online" if person["state"] == "moved" else "premises")
        await reopen(people)
        await everybody_is_reached(people)


STEPS = ("check", "undo", "import", "feed", "verify")


@pytest.mark.parametrize(
    ("step", "site", "process"),
    [
        ("check", "online", "control"),
        ("undo", "online", "kamailio"),
        ("import", "online", "control"),
        ("import", "online", "kamailio"),
        ("import", "premises", "control"),
        ("feed", "premises", "control"),
        ("feed", "online", "control"),
        ("verify", "online", "kamailio"),
        ("verify", "premises", "kamailio"),
        ("verify", "premises", "haproxy"),
    ],
)
async def test_a_process_is_killed_at_a_step_of_the_move(sites: Sites, step: str, site: str, process: str) -> None:
    """At the very request of that step. The move ends by itself, all people are at one home and can be called."""
    mark = f"st{step[0]}{site[0]}{process[0]}"
    async with AsyncExitStack() as stack:
        users = {f"{mark}{number}": "premises" for number in range(4)}
        await asyncio.to_thread(sites.create_all, users)
        people = await phones(sites, stack, users)
        await asyncio.sleep(1.2)
        async with watched(sites) as watch:
            before = pid(sites, site, process)
            watch.arm(step, lambda: kill(sites, site, process))
            batch = ""
            with suppress(Exception):  # the answer may be lost with the process
                batch = await asyncio.to_thread(start_move, sites, list(users), "online")
            assert await asyncio.to_thread(watch.fired.wait, 10), f"no {step} passed"
        await until_ready(sites, site, before, process)
        if batch:
            done = await asyncio.to_thread(moved, sites, batch, _MOVE_S)
            print(f"\n{step}, {process} of {site} killed: {done['counts']} {done['people'][0]['reasons']}")
        live = await asyncio.to_thread(same_homes, sites, list(users))
        assert len(set(live.values())) == 1
        for user, home in live.items():
            if people[user].wire.transport == "udp":
                assert len(bindings(sites, home, user)) == 1
                assert bindings(sites, other(home), user) == []
        if process in ("kamailio", "haproxy"):
            await reopen(people)
        await everybody_is_reached(people)
