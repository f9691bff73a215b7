"""People move between two whole sites while their phones stay as they are and calls go on."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from itertools import product
from typing import Any

import pytest

from isthmus.addressing import Aor
from isthmus.engines.kamailio.registrar import KamailioRegistrar
from isthmus.engines.kamailio.rpc import KamailioRpc
from isthmus.registration.model import Binding
from isthmus.site import internal
from tests.agents.raw import TRANSPORTS
from tests.interop.conftest import DOMAIN, HOMES, PASSWORD, Sites
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
        asking = {at: await stack.enter_async_context(await two_sites.phone(user, at)) for at, user in callers.items()}
        for round_, (to, old) in enumerate(((there, home), (home, there))):
            done = await asyncio.to_thread(move, two_sites, callees, to)
            assert done["moved"] == len(callees), done
            for user in callees:
                assert len(bindings(two_sites, to, user)) == 1
                assert bindings(two_sites, old, user) == []
            for (transport, user), (number, at) in product(zip(TRANSPORTS, callees, strict=True), enumerate(HOMES, 1)):
                call = await asking[at].dial(f"sip:{user}@{DOMAIN}")
                heard = await phones[transport].called(2 * round_ + number)
                await asking[at].hears(call, 440)
                await phones[transport].hears(heard, 440)
                await call.hang_up()


@pytest.fixture(scope="module")
def thousand(two_sites: Sites) -> list[str]:
    """A thousand people at premises, each with a registered phone."""
    users = [f"many{number:04}" for number in range(1000)]
    with two_sites.api("premises") as api:
        rows = [
            {"line": number, "aor": f"{user}@{DOMAIN}", "home": "premises", "password": PASSWORD, "groups": "many"}
            for number, user in enumerate(users)
        ]
        api.post("/v1/people/import", {"rows": rows, "update": False, "dry_run": False})
    two_sites.wait_until_known(users[-1:])
    file = two_sites.file("premises")
    registrar = KamailioRegistrar(
        KamailioRpc(internal.kamailio_rpc_socket(file)),
        (file.site.internal_address, internal.KAMAILIO_CONTROL_UDP),
        lambda: internal.control_secret(file).read_text().strip(),
    )
    expires = int(time.time()) + 3600
    refused = registrar.save(
        [
            (
                Aor(user, DOMAIN),
                Binding(
                    f"sip:{user}@127.200.1.1:5060",
                    f"call-{user}",
                    1,
                    expires,
                    path=f"<sip:{file.site.fqdn}:5062;transport=tls;lr;received=sip:127.200.1.1:5060%3Bedge%3Dudp>",
                    instance=f"<urn:uuid:{user}>",
                    reg_id=1,
                ),
            )
            for user in users
        ]
    )
    assert refused == {}
    return users


def test_a_thousand_people_move_there_and_back(two_sites: Sites, thousand: list[str]) -> None:
    for to in ("online", "premises"):
        started = time.monotonic()
        with two_sites.api("premises") as api:
            batch = api.post("/v1/moves", {"group": "many", "to": to})
            path = f"/v1/moves/{batch['id']}"
            done = wait_for(lambda path=path: (found := api.get(path))["finished"] and found, 120, "moved")
        print(f"1,000 people to {to}: {time.monotonic() - started:.1f} s")
        assert done["moved"] == len(thousand), done["people"][:3]
        assert len(bindings(two_sites, to, thousand[-1])) == 1
