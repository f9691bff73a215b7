"""A calling plan on real engines: a number bought at a carrier, calls out and in by it, minutes and credit that end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isthmus.demo.plan import PEOPLE, SERVICE_CARRIER, Plan, PlannedSite
from isthmus.demo.provision import Demo, provision
from isthmus.routing import explain
from isthmus.routing.model import Request, Source
from isthmus.routing.snapshot import LmdbSnapshot
from isthmus.site import status
from isthmus.site.file import load
from isthmus.useragent.call import Call
from tests.agents.raw import User
from tests.agents.tones import decode_ulaw, keys
from tests.interop.conftest import DOMAIN, HOMES, Sites
from tests.support import Loopback, Processes, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

OUTSIDE, UK, READ_BACK = "+12065550123", "+442079460123", "+14255550997"
# A call to the US costs a tenth a second: credit is used up while one looks.
RATES = "prefix,name,price_per_minute,currency,minimum_s,increment_s\n+1,North America,6.00,USD,0,1\n"


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Sites]:
    """Both sites, and the service's carrier; carla, chris and pat live online and have no numbers."""
    folder = tmp_path_factory.mktemp("c")
    processes = Processes(folder)
    places = (
        PlannedSite("premises", loopback(), loopback(), authority=True),
        PlannedSite("online", loopback(), loopback()),
    )
    demo = provision(Plan(places, PEOPLE, loopback(), loopback()), folder / "d")
    demo = Demo(demo.plan, demo.directory, tuple(load(s.path) for s in demo.sites), demo.accounts, demo.fresh_passwords)
    sites = Sites(demo, processes, loopback)
    try:
        sites.start_carrier()
        for name in HOMES:
            sites.start(name)
        for user in ("carla", "chris", "pat"):
            sites.create(user, "online")
        sites.wait_until_known(["carla", "chris", "pat"])
        with sites.api("online") as api:
            api.post("/v1/rates/import", {"csv": RATES})
            api.post("/v1/policies", {"kind": "dial-plan", "name": "usa", "settings": {"country": "US"}})
            api.post("/v1/policies/grant", {"kind": "dial-plan", "policy": "usa", "level": "tenant"})
        yield sites
    finally:
        processes.close()


def bought(sites: Sites, user: str, area: str = "425") -> str:
    """Find a number at the carrier, buy it, and give it to somebody; calls know it then."""
    owner = f"{user}@{DOMAIN}"
    with sites.api("premises") as api:
        number = api.get("/v1/numbers/offers", country="US", area=area)[0]["number"]
        made = api.post("/v1/numbers/purchases", {"number": number, "owner": owner})
        path = f"/v1/numbers/purchases/{made['id']}"
        wait_for(lambda: not api.get(path)["live"], 60, f"{number} is bought")
        assert api.get(path)["state"] == "done"
        listed = api.get(f"/v1/numbers/{number}")
        assert (listed["owner"]["name"], listed["source"], listed["carrier"]) == (
            owner,
            "calling-plan",
            SERVICE_CARRIER,
        )
    for name in HOMES:
        with sites.api(name) as api:
            wait_for(lambda api=api: api.get(f"/v1/people/{owner}")["number"] == number, 60, f"{name} knows it")
            wait_for(lambda api=api: api.get("/v1/snapshot")["current"], 60, f"calls at {name} know it")
    return str(number)


def give(sites: Sites, user: str, plan: str, **said: Any) -> None:
    """A plan of their own; calls follow it then."""
    with sites.api("online") as api:
        api.put(f"/v1/plans/{plan}", {"home": ["US"], "increment_s": 1, **said})
        api.post(f"/v1/plans/{plan}/assign", {"people": [f"{user}@{DOMAIN}"]})


def explained(sites: Sites, user: str, target: str) -> str:
    """What `call explain` says of a call."""
    snapshot = LmdbSnapshot.open(sites.file("online").snapshot_dir)
    try:
        request = Request("INVITE", target, Source.PHONE, f"{user}@{DOMAIN}")
        path = explain.call(request, "online", lambda name: snapshot.view() if name == "online" else None)
    finally:
        snapshot.close()
    return " | ".join([*(f"{step.rule}: {step.text}" for step in path.hops[0].outcome.trace), path.ends])


def record_of(sites: Sites, call: Call) -> dict[str, Any]:
    assert call.invite is not None
    call_id = call.invite.call_id
    with sites.api("online") as api:

        def found() -> list[dict[str, Any]]:
            return [each for each in api.get("/v1/calls/records", call_id=call_id) if each["site"] == "online"]

        wait_for(lambda: bool(found()), 60, "the call has its record")
        return found()[0]


async def phone_of(sites: Sites, user: str) -> User:
    return await sites.phone(user, "online", tone_hz=440)


async def test_a_number_bought_is_called_and_calls(planned: Sites) -> None:
    number = bought(planned, "carla")
    give(planned, "carla", "team", domestic=None, international=None)
    wait_for(
        lambda: SERVICE_CARRIER in explained(planned, "carla", OUTSIDE), 60, "carla's calls go by the plan's trunk"
    )
    async with await phone_of(planned, "carla") as phone:
        call = await phone.dial(f"sip:{OUTSIDE}@{DOMAIN}")
        await phone.hears(call, 1000)
        await phone.hears(call, 440)
        assert (await call.hang_up()).code == 200
        assert record_of(planned, call)["way"] == SERVICE_CARRIER
        echoed = await phone.dial(f"sip:{READ_BACK}@{DOMAIN}")
        await asyncio.sleep(3.5)
        assert echoed.media is not None
        heard = keys(decode_ulaw(b"".join(frame.payload for frame in echoed.media.heard)))
        assert heard.startswith(number[1:])
        await echoed.hang_up()

        file = str(planned.demo.carrier_file)
        order = subprocess.Popen(
            [sys.executable, "-m", "isthmus.demo.carrier", file, "call", OUTSIDE, number],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        call = await phone.called(timeout_s=10)
        assert OUTSIDE in call.invite.get("From") + call.invite.get("P-Asserted-Identity")
        await phone.hears(call, 800)
        assert (await call.hang_up()).code == 200
        output, _ = order.communicate(timeout=10)
        assert output.splitlines()[-1].endswith(" BYE")
        incoming = record_of(planned, call)
        assert (incoming["source"], incoming["via"]) == ("trunk", SERVICE_CARRIER)
        await phone.register(0)


async def test_who_has_no_plan_calls_by_the_sites_other_trunks(planned: Sites) -> None:
    assert f"through trunk {SERVICE_CARRIER}" not in explained(planned, "pat", OUTSIDE)
    async with await phone_of(planned, "pat") as phone:
        call = await phone.dial(f"sip:{OUTSIDE}@{DOMAIN}")
        await phone.hears(call, 1000)
        await call.hang_up()
        assert record_of(planned, call)["way"] == "carrier"
        await phone.register(0)


async def test_minutes_end_and_the_call_says_why_and_an_emergency_call_goes_out(planned: Sites) -> None:
    bought(planned, "chris")
    give(planned, "chris", "short", domestic=1, increment_s=60, international=0)
    wait_for(lambda: SERVICE_CARRIER in explained(planned, "chris", OUTSIDE), 60, "chris's calls go by the trunk")
    async with await phone_of(planned, "chris") as phone:
        refused = await phone.call(f"sip:{UK}@{DOMAIN}")
        assert await refused.over() == "403 Not In The Calling Plan"
        call = await phone.dial(f"sip:{OUTSIDE}@{DOMAIN}")
        await phone.hears(call, 1000)
        ended = time.monotonic()
        await call.hang_up()
        wait_for(lambda: "refused" in explained(planned, "chris", OUTSIDE), 60, "the minute is used up")
        print(f"refused {time.monotonic() - ended:.1f} s after the call")
        assert "plan short: the 1 domestic minutes of this month are used up" in explained(planned, "chris", OUTSIDE)
        refused = await phone.call(f"sip:{OUTSIDE}@{DOMAIN}")
        assert await refused.over() == "403 Calling Plan Minutes Used Up"
        help_ = await phone.dial(f"sip:911@{DOMAIN}")
        await phone.hears(help_, 1000)
        await help_.hang_up()
        with planned.api("online") as api:
            (use,) = (
                each for each in api.get("/v1/credit/usage")["uses"] if each["plan"] == "short" and each["used_minutes"]
            )
            assert (use["whose"], use["used_minutes"], use["limit_minutes"]) == (f"chris@{DOMAIN}", 1, 1)
            # More minutes, and it goes at once.
            api.put("/v1/plans/short", {"home": ["US"], "domestic": 10})
        wait_for(lambda: "refused" not in explained(planned, "chris", OUTSIDE), 60, "there are minutes again")
        await phone.register(0)


def test_who_joins_a_group_calls_by_its_plan_until_they_leave(planned: Sites) -> None:
    """The authority says who is in a group, and the service follows."""
    member = {"people": [f"pat@{DOMAIN}"]}
    with planned.api("premises") as authority, planned.api("online") as service:
        authority.post("/v1/groups", {"name": "sales"})
        service.put("/v1/plans/shared", {"home": ["US"], "domestic": None, "pooled": True})
        wait_for(lambda: "sales" in str(service.get("/v1/groups")), 60, "the service knows the group")
        service.post("/v1/plans/shared/assign", {"groups": ["sales"]})
        assert SERVICE_CARRIER not in explained(planned, "pat", OUTSIDE)
        authority.patch("/v1/groups/sales", {"add": member})
        wait_for(
            lambda: SERVICE_CARRIER in explained(planned, "pat", OUTSIDE), 60, "pat's calls go by the plan's trunk"
        )
        assert service.get(f"/v1/plans/of/pat@{DOMAIN}")["group"] == "sales"
        wait_for(lambda: "shared has no international" in explained(planned, "pat", UK), 60, "and are refused by it")
        authority.patch("/v1/groups/sales", {"remove": member})
        wait_for(lambda: SERVICE_CARRIER not in explained(planned, "pat", OUTSIDE), 60, "and no more")
        authority.delete("/v1/groups/sales")


async def test_a_call_ends_when_its_credit_is_used_up(planned: Sites) -> None:
    give(planned, "carla", "prepaid", when_spent="credit", international=None)
    with planned.api("online") as api:
        api.patch("/v1/credit/settings", {"end_calls": True})
        api.post("/v1/credit", {"amount": "0.30", "currency": "USD"})  # three seconds
    wait_for(lambda: "refused" not in explained(planned, "carla", OUTSIDE), 60, "carla has credit")
    async with await phone_of(planned, "carla") as phone:
        call = await phone.dial(f"sip:{OUTSIDE}@{DOMAIN}")
        await phone.hears(call, 1000)
        await call.over(30)
        wait_for(lambda: "refused" in explained(planned, "carla", OUTSIDE), 60, "there is no credit")
        refused = await phone.call(f"sip:{OUTSIDE}@{DOMAIN}")
        assert await refused.over() == "403 Calling Credit Used Up"
        with planned.api("online") as api:
            credit = api.get("/v1/credit")
            assert float(credit["balance"]) <= 0
            (charge, *_) = api.get("/v1/credit/charges")
            assert charge["caller"] == f"carla@{DOMAIN}"
            assert float(charge["credit"]) > 0
        await phone.register(0)
    assert json.loads(Path(planned.demo.carrier_file.parent / "shop.json").read_text())["owners"]


def test_killed_again_and_again_while_it_buys_nothing_is_bought_twice(planned: Sites) -> None:
    site = planned.file("premises")

    def control() -> int:
        now = status.read(site)
        found = now.processes["control"] if now else None
        return found.pid or 0 if found and found.state == "up" else 0

    numbers = [f"+12065550{last}" for last in range(310, 316)]
    for at, number in enumerate(numbers):
        pid = wait_for(control, 60, "the control service is up")
        with planned.api("premises") as api:
            wait_for(lambda api=api: api.get("/v1/health"), 60, "it answers")
            api.post("/v1/numbers/purchases", {"number": number, "owner": f"service:killed-{at}"})
        time.sleep(0.012 * at)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: control() not in (0, pid), 60, "it is started anew")
    with planned.api("premises") as api:
        wait_for(lambda: api.get("/v1/health"), 60, "it answers")

        def over() -> bool:
            mine = [each for each in api.get("/v1/numbers/purchases") if each["number"] in numbers]
            return len(mine) == len(numbers) and all(each["state"] == "done" for each in mine)

        wait_for(over, 60, "all of it is bought")
        for at, number in enumerate(numbers):
            assert api.get(f"/v1/numbers/{number}")["owner"]["name"] == f"killed-{at}"
    sold = json.loads(Path(planned.demo.carrier_file.parent / "shop.json").read_text())
    ordered = [each["number"] for each in sold["accounts"]["online"]["orders"].values()]
    assert sorted(each for each in ordered if each in numbers) == numbers
