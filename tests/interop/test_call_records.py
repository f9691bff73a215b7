"""The records of real calls: what real engines tell, at both sites, merged."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from isthmus.site import status
from tests.agents.raw import BUSY, NO_ANSWER
from tests.interop.conftest import DOMAIN, HOMES, Sites
from tests.interop.test_phones import pjsua
from tests.support import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

RATES = "prefix,name,price_per_minute,currency,minimum_s,increment_s\n+1,North America,0.60,USD,0,1\n"
PREMISES, ONLINE = "sip:rec-premises@contoso.example", "sip:rec-online@contoso.example"


@pytest.fixture(scope="module")
def recorded(two_sites: Sites) -> Sites:
    """One person at each home; calls to the PSTN cost a cent a second."""
    two_sites.create("rec-premises", "premises", "+14255550131")
    two_sites.create("rec-online", "online", "+14255550132")
    two_sites.wait_until_known(["rec-premises", "rec-online"])
    for site in HOMES:
        with two_sites.api(site) as api:
            assert api.post("/v1/rates/import", {"csv": RATES})["added"] == ["+1"]
    return two_sites


def of_call(sites: Sites, call_id: str, legs: int, timeout_s: float = 60) -> list[dict[str, Any]]:
    """The records of a call, when both sites have so many and agree about them; by site and side."""

    def agreed() -> list[dict[str, Any]] | None:
        told = []
        for site in HOMES:
            with sites.api(site) as api:
                told.append(api.get("/v1/calls/records", call_id=call_id))
        return told[0] if told[0] == told[1] and len(told[0]) == legs else None

    wait_for(lambda: agreed() is not None, timeout_s, f"both sites have {legs} records of the call")
    found = agreed()
    assert found is not None
    return sorted(found, key=lambda each: (each["site"], each["side"]))


async def test_an_answered_call_across_both_sites(recorded: Sites):
    """One record at each site: who hung up, how long, by which rule, and how it sounded."""
    async with await recorded.phone("rec-premises", "premises") as a, await recorded.phone("rec-online", "online") as b:
        call = await a.dial(ONLINE)
        ringing = await b.called()
        await b.hears(ringing, 440, seconds=1.0)
        await ringing.hang_up()
        online, premises = of_call(recorded, call.invite.call_id, 2)
        assert (premises["site"], premises["side"], premises["route"], premises["way"]) == (
            "premises", "edge", "relay", "online",
        )  # fmt: skip
        assert (online["site"], online["side"], online["route"], online["source"], online["via"]) == (
            "online", "link", "local", "peer", "premises",
        )  # fmt: skip
        for record in (online, premises):
            assert (record["caller"], record["callee"]) == (f"rec-premises@{DOMAIN}", f"rec-online@{DOMAIN}")
            assert (record["code"], record["by"]) == (200, "callee")
            assert record["answered"] is not None
            assert 0.9 < record["seconds"] < 20
            assert record["rule"]
            assert record["cost"] is None
            assert record["caller_tenant"] == record["callee_tenant"] == "contoso"
        await a.register(0)
        await b.register(0)


async def test_a_busy_phone(recorded: Sites):
    async with await recorded.phone("rec-premises", "premises") as a, await recorded.phone("rec-online", "online") as b:
        b.rule = BUSY
        call = await a.call(ONLINE)
        assert await call.over() == "486 Busy Here"
        for record in of_call(recorded, call.invite.call_id, 2):
            assert (record["code"], record["reason"], record["by"]) == (486, "Busy Here", "callee")
            assert record["answered"] is None and record["seconds"] == 0
        await a.register(0)
        await b.register(0)


async def test_a_cancelled_call(recorded: Sites):
    async with await recorded.phone("rec-premises", "premises") as a, await recorded.phone("rec-online", "online") as b:
        b.rule = NO_ANSWER
        call = await a.ring(ONLINE)
        call.cancel()
        assert await call.over() == "487 Request Terminated"
        for record in of_call(recorded, call.invite.call_id, 2):
            assert (record["code"], record["by"], record["answered"]) == (487, "caller", None)
        await a.register(0)
        await b.register(0)


async def test_a_refused_call_and_one_without_phones(recorded: Sites):
    async with await recorded.phone("rec-premises", "premises") as a:
        call = await a.call("sip:nobody-at-all@contoso.example")
        assert (await call.over()).startswith("404")
        (refused,) = of_call(recorded, call.invite.call_id, 1)
        assert (refused["route"], refused["code"], refused["by"]) == ("refuse", 404, "network")
        call = await a.call(ONLINE)
        assert (await call.over()).startswith("480")
        online, premises = of_call(recorded, call.invite.call_id, 2)
        assert (online["code"], online["by"]) == (480, "network")
        assert premises["code"] == 480
        await a.register(0)


async def test_a_call_out_costs_by_the_rate_table(recorded: Sites):
    async with await recorded.phone("rec-online", "online") as b:
        call = await b.dial(f"sip:+12065550123@{DOMAIN}")
        await b.hears(call, 1000)
        await asyncio.sleep(1.5)
        await call.hang_up()
        (record,) = of_call(recorded, call.invite.call_id, 1)
        assert (record["site"], record["route"], record["way"]) == ("online", "dial", "carrier")
        assert (record["callee"], record["by"], record["rule"]) == ("+12065550123", "caller", "pstn")
        assert record["seconds"] > 1.4
        assert record["cost"] == f"{math.ceil(record['seconds']) * 0.01:.2f}"
        assert (record["currency"], record["rate"]) == ("USD", "+1")
        await b.register(0)


async def test_a_restart_of_the_control_service_in_mid_call_loses_nothing(recorded: Sites):
    """Kamailio's workers keep what they have to tell; what is known of the call is in the database."""
    state = status.read(recorded.file("premises"))
    assert state is not None
    pid = state.processes["control"].pid
    assert pid is not None
    async with await recorded.phone("rec-premises", "premises") as a, await recorded.phone("rec-online", "online") as b:
        call = await a.dial(ONLINE)
        await b.called()
        await asyncio.sleep(1.5)  # what was told before the service is killed is written twice a second
        os.kill(pid, signal.SIGKILL)
        busy = await a.call("sip:nobody-at-all@contoso.example")
        assert (await busy.over()).startswith("404")
        await call.hang_up()
        online, premises = of_call(recorded, call.invite.call_id, 2, timeout_s=60)
        assert (premises["by"], premises["code"]) == (online["by"], online["code"]) == ("caller", 200)
        assert premises["answered"] is not None
        (refused,) = of_call(recorded, busy.invite.call_id, 1, timeout_s=60)
        assert refused["code"] == 404
        await a.register(0)
        await b.register(0)


async def test_a_phone_at_the_wrong_site_has_a_leg_for_each_passage(recorded: Sites):
    """A phone of premises that is connected to online: the call passes online, premises, and online's edge again."""
    async with (
        await recorded.phone("rec-premises", "online") as a,
        await recorded.phone("rec-online", "online") as b,
    ):
        call = await b.dial(PREMISES)
        await (await a.called()).hang_up()
        records = of_call(recorded, call.invite.call_id, 3)
        assert [(each["site"], each["side"], each["route"]) for each in records] == [
            ("online", "edge", "relay"),
            ("online", "link", "phone"),
            ("premises", "link", "local"),
        ]
        assert {(each["code"], each["by"]) for each in records} == {(200, "callee")}
        await a.register(0)
        await b.register(0)


async def test_how_it_sounded_is_told_by_phones_that_report(recorded: Sites, tmp_path: Path):
    """pjsua2 sends RTCP every few seconds, of which rtpengine makes its figures; they come with the BYE."""
    alice = await pjsua(recorded, tmp_path, PREMISES, "premises", "udp", 440)
    bob = await pjsua(recorded, tmp_path, ONLINE, "online", "tcp", 620)
    async with alice, bob:
        began = time.time()
        call = await alice.dial(ONLINE)
        called = await bob.called()
        await asyncio.gather(alice.hears(call, 620), bob.hears(called, 440))
        await asyncio.sleep(13)
        alice.do("hangup", call=call)
        await bob.over(called)
    since = datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    with recorded.api("premises") as api:

        def legs() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = api.get("/v1/calls/records", who=f"rec-premises@{DOMAIN}", since=since)
            return found

        wait_for(lambda: len(legs()) == 2, 60, "both sites have their record")
        for record in legs():
            assert 4 < record["mos"] <= 5
            assert record["loss_percent"] == 0
            assert record["jitter_ms"] is not None
