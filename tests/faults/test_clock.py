"""The wall clock of a whole site jumps by an hour or a day, ahead and back, under calls, registrations and moves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from isthmus.pki import rules
from isthmus.site import status
from isthmus.useragent.call import Call
from tests.faults.clock import Clock, can_set
from tests.faults.people import (
    bindings,
    everybody_is_reached,
    frozen,
    grown,
    link_up,
    log_lines,
    move,
    moved,
    other,
    phones,
    pid,
    ready,
    register,
    same_homes,
    start_move,
)
from tests.interop.conftest import DOMAIN, HOMES, Sites, lay_out
from tests.support import Loopback, Processes, wait_for

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not can_set(), reason="a clock of a site's own takes Debian's package libfaketime"),
]

_HOUR, _DAY = 3600, 86_400
_EXPIRES_S = 300  # what the phones ask for


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Clock]:
    """A clock for each site."""
    folder = tmp_path_factory.mktemp("c")
    return {name: Clock(folder / name) for name in HOMES}


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback, clocks: dict[str, Clock]) -> Iterator[Sites]:
    """Both sites, running, each by its own clock."""
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    with pytest.MonkeyPatch.context() as patch:
        # Certificates that are some days old, as most are: a clock set back a day still finds them valid.
        patch.setattr(rules, "CLOCK_SKEW", timedelta(days=3))
        pair = Sites(lay_out(folder / "d", loopback), processes, loopback)
        # A site that is behind would count as silent for us, who go by the machine's clock.
        patch.setattr(status, "STALE_S", 10.0 * _DAY)
        try:
            for name in HOMES:
                pair.start(name, clocks[name].env)
            yield pair
        finally:
            processes.close()


@pytest.fixture(autouse=True)
def right_again(sites: Sites, clocks: dict[str, Clock]) -> Iterator[None]:
    """The next test begins with clocks that are right."""
    yield
    for name in HOMES:
        jump(sites, clocks, name, 0)


def jump(sites: Sites, clocks: dict[str, Clock], site: str, offset_s: int) -> None:
    """Set a site's clock, and wait until its supervisor goes by it."""
    clocks[site].set(offset_s)

    def seen() -> bool:
        now = status.read(sites.file(site))
        return now is not None and abs(now.updated - time.time() - offset_s) < 60

    wait_for(seen, 60, f"{site} goes by the new time")


@pytest.mark.parametrize(
    ("site", "offset_s"),
    [("premises", _HOUR), ("premises", -_HOUR), ("premises", -_DAY), ("online", _DAY), ("online", -_HOUR)],
)
async def test_a_clock_jumps(sites: Sites, clocks: dict[str, Clock], site: str, offset_s: int) -> None:
    """Calls go on, phones register on, people move between clocks that differ, and nothing restarts.

    A clock set ahead by more than its `--timeout` makes rtpengine end what it has not heard of since: whether it looks
    before the next packet comes is chance (docs/engines.md). So what is talked then is begun after the jump.
    """
    mark = f"j{site[0]}{'b' if offset_s < 0 else 'a'}{abs(offset_s) // _HOUR}x"
    users = {f"{mark}{number}": HOMES[number // 2 % 2] for number in range(8)}
    await asyncio.to_thread(sites.create_all, users)
    logs = log_lines(sites)
    lives = {(name, process): pid(sites, name, process) for name in HOMES for process in ("control", "kamailio")}
    async with AsyncExitStack() as stack:
        people = await phones(sites, stack, users)
        caller, callee = list(people)[::4]  # both on UDP, one at each site
        people[caller].tone_hz, people[callee].tone_hz = 440, 620

        async def talk() -> tuple[Call, Call]:
            return await people[caller].dial(f"sip:{callee}@{DOMAIN}"), await people[callee].called()

        before = await talk() if offset_s < 0 else None
        await asyncio.to_thread(jump, sites, clocks, site, offset_s)
        if before is not None:
            await people[callee].hears(before[1], 440)
            await people[caller].hears(before[0], 620)
            # Ahead, what is registered for less has expired: phones are back with their next REGISTER.
            await everybody_is_reached(people)
        for phone in people.values():
            await phone.registered(_EXPIRES_S)
        call, heard = before or await talk()
        await people[callee].hears(heard, 440)
        await people[caller].hears(call, 620)
        await everybody_is_reached(people)
        assert (await call.reinvite()).code == 200
        assert (await heard.reinvite()).code == 200
        await asyncio.to_thread(link_up, sites)
        for to in HOMES[::-1]:
            movers = [
                user for user, home in (await asyncio.to_thread(same_homes, sites, list(users))).items() if home != to
            ]
            done = await move(sites, movers, to)
            assert done["counts"] == {"moved": len(movers)}, done["people"]
            for user in movers:
                (binding,) = bindings(sites, to, user)
                assert 0 < binding["expires_s"] <= _EXPIRES_S + 5, binding
                assert bindings(sites, other(to), user) == []
            await everybody_is_reached(people)
        batch = await asyncio.to_thread(start_move, sites, list(users)[:4], "online")
        await asyncio.to_thread(jump, sites, clocks, site, 0)  # in the middle of a move
        done = await asyncio.to_thread(moved, sites, batch)
        assert done["counts"] == {"moved": 4}, done["people"]
        for phone in people.values():
            await register(phone)
        await everybody_is_reached(people)
        await people[callee].hears(heard, 440)
        await people[caller].hears(call, 620)
        assert (await call.hang_up()).code == 200
    assert all(ready(sites, name) for name in HOMES)
    assert lives == {(name, process): pid(sites, name, process) for name, process in lives}
    lines = grown(logs, log_lines(sites))
    print(f"\n{site} {offset_s:+d} s: log lines {lines}")
    assert all(count < 60 for count in lines.values()), lines


async def test_a_silent_peer_is_asked_again_after_the_clock_was_set_back(
    sites: Sites, clocks: dict[str, Clock]
) -> None:
    """A peer is left in peace for five seconds after it did not answer; not for an hour and five seconds."""
    users = {"silent1": "premises", "silent2": "online"}
    await asyncio.to_thread(sites.create_all, users)
    async with AsyncExitStack() as stack:
        near, _ = [await stack.enter_async_context(await sites.phone(user, home)) for user, home in users.items()]
        with frozen(sites, "online"):
            assert await near.refused("sip:silent2@contoso.example") in (480, 503, 504)
            await asyncio.to_thread(jump, sites, clocks, "premises", -_HOUR)
        since = time.monotonic()
        while True:
            try:
                await (await near.dial("sip:silent2@contoso.example")).hang_up()
                break
            except ConnectionError:
                assert time.monotonic() - since < 30, "the peer is not asked again"
                await asyncio.sleep(0.3)
        print(f"\ncalls flow again {time.monotonic() - since:.1f} s after the peer answers")
