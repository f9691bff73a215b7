"""People move between two whole sites while their phones stay as they are and calls go on."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from itertools import product
from typing import Any

import pytest

from tests.agents.raw import TRANSPORTS
from tests.interop.conftest import DOMAIN, HOMES, Sites
from tests.support import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def move(sites: Sites, users: list[str], to: str) -> dict[str, Any]:
    """Move people and wait for the end of their batch."""
    with sites.api("premises") as api:
        batch = api.post("/v1/moves", {"aors": [f"{user}@{DOMAIN}" for user in users], "to": to})
        return wait_for(
            lambda: (found := api.get(f"/v1/moves/{batch['id']}", people="all"))["finished"] and found, 60, "moved"
        )


def bindings(sites: Sites, site: str, user: str) -> list[dict[str, Any]]:
    with sites.api(site) as api:
        found: list[dict[str, Any]] = api.get("/v1/registrations", aor=f"{user}@{DOMAIN}")[0]["bindings"]
        return found


@pytest.mark.parametrize(("home", "site"), list(product(HOMES, HOMES)))
async def test_a_phone_rings_after_the_move_without_being_touched(two_sites: Sites, home: str, site: str) -> None:
    """There and back, over every transport; called from phones at both sites each time."""
    there = HOMES[1 - HOMES.index(home)]
    callees = [f"moving-{home}-{site}-{transport}" for transport in TRANSPORTS]
    callers = {at: f"asking-{home}-{site}-{at}" for at in HOMES}
    for user in callees:
        two_sites.create(user, home)
    for at, user in callers.items():
        two_sites.create(user, at)
    two_sites.wait_until_known([*callees, *callers.values()])
    async with AsyncExitStack() as stack:
        phones = {
            transport: await stack.enter_async_context(await two_sites.phone(user, site, transport))
            for transport, user in zip(TRANSPORTS, callees, strict=True)
        }
        asking = {
            at: await stack.enter_async_context(await two_sites.phone(user, at)) for at, user in callers.items()
        }
        for round_, (to, old) in enumerate(((there, home), (home, there))):
            done = await asyncio.to_thread(move, two_sites, callees, to)
            assert done["moved"] == len(callees), done
            for user in callees:
                assert len(bindings(two_sites, to, user)) == 1
                assert bindings(two_sites, old, user) == []
            for (transport, user), (number, at) in product(
                zip(TRANSPORTS, callees, strict=True), enumerate(HOMES, 1)
            ):
                call = await asking[at].dial(f"sip:{user}@{DOMAIN}")
                heard = await phones[transport].called(2 * round_ + number)
                await asking[at].hears(call, 440)
                await phones[transport].hears(heard, 440)
                await call.hang_up()
