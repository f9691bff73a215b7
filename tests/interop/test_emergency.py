"""Emergency calls of real phones at real sites: they go out, and the desk is told where from."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.emergency.mapfile import MapFile
from isthmus.routing.snapshot import LmdbSnapshot
from tests.interop.conftest import DOMAIN, Sites
from tests.support import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

NUMBER = "+14255550161"
USER = "emergency-caller"
ADDRESS = {"country": "US", "elements": {"A1": "WA", "A3": "Redmond", "RD": "Main", "PC": "98052"}}


@pytest.fixture(scope="module")
def placed(two_sites: Sites) -> Sites:
    """Somebody who dials as in the US, the whole of loopback at one place, and an access point at another."""
    aor = two_sites.create(USER, "premises", NUMBER)
    two_sites.wait_until_known([USER])
    with two_sites.api("premises") as api:
        api.post("/v1/policies", {"kind": "dial-plan", "name": "caller-usa", "settings": {"country": "US"}})
        api.post("/v1/policies/grant", {"kind": "dial-plan", "policy": "caller-usa", "level": "person", "target": aor})
        for name, floor in (("building", ""), ("floor-3", "3")):
            address = {**ADDRESS, "elements": {**ADDRESS["elements"], "FLR": floor}}
            api.post("/v1/locations/places", {"name": name, "address": address})
        api.post("/v1/locations/networks", {"kind": "subnet", "id": "127.0.0.0/8", "place": "building"})
        api.post("/v1/locations/networks", {"kind": "bssid", "id": "00:1a:2b:3c:4d:*", "place": "floor-3"})
    snapshot = LmdbSnapshot.open(two_sites.file("premises").snapshot_dir)
    wait_for(lambda: country_of(snapshot, aor.removeprefix("sip:")) == "US", 60, "calls follow the plan")
    return two_sites


def country_of(snapshot: LmdbSnapshot, aor: str) -> str:
    """As in which country somebody dials."""
    with snapshot.view() as view:
        person = view.person(aor)
        return "" if person is None else view.config.class_of(person).dialling.country


def alerts(sites: Sites) -> list[dict[str, Any]]:
    with sites.api("premises") as api:
        found = api.get("/v1/activity/alerts")
    # Other tests call for help as well.
    return [each for each in found if each["rule"] == "emergency-call" and NUMBER in each["summary"]]


async def test_the_desk_is_told_where_from(placed: Sites):
    async with await placed.phone(USER, "premises", tone_hz=440) as phone:
        uri = f"sip:911@{DOMAIN}"
        for count, headers in enumerate(
            ([], [("P-Access-Network-Info", "IEEE-802.11; i-wlan-node-id=001a2b3c4d5e")]), 1
        ):
            call = await phone.call(uri, headers=headers)
            await call.answered(10)
            await call.hang_up()
            wait_for(lambda count=count: len(alerts(placed)) == count, 60, f"alert {count}")
        await phone.register(0)
    by_air, by_wire = alerts(placed)
    assert "called 911 from building: Main, Redmond, WA 98052, US; call back +14255550161" in by_wire["summary"]
    assert "from floor-3: Main, Redmond, WA 98052, US, floor 3" in by_air["summary"]
    known = MapFile(placed.file("premises").snapshot_dir).map()
    assert {"building", "floor-3"} <= {each.name for each in known.of(known.domains[DOMAIN]).places}
    assert by_air["evidence"]["found by"] == ["1. access point 00:1a:2b:3c:4d:5e: floor-3 (by 00:1a:2b:3c:4d:*)"]
