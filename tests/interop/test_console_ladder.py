"""What was signalled of a real call across both sites, as a ladder; who reaches somebody; calls of the other site."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.agents.raw import Rule
from tests.interop.browsers import SLOW_MS, accessible, browser, pictured, playwright
from tests.interop.conftest import DOMAIN, HOMES, Sites
from tests.interop.consoles import Console, opened
from tests.support import wait_for

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def console(browser: Browser, two_sites: Sites) -> Iterator[Console]:
    two_sites.create("lad-ann", "premises", "+14255550871")
    two_sites.create_all({"lad-cleo": "online", "lad-dan": "online"})
    with opened(browser, two_sites, "lad-lea", "/calls", "Calls") as console:
        yield console


async def _talk(sites: Sites, caller: str, home: str, up: threading.Event, seen: threading.Event) -> str:
    """They talk until it was seen; the Call-ID."""
    async with await sites.phone(caller, home) as ann, await sites.phone("lad-cleo", "online") as cleo:
        cleo.rule = Rule(
            after_s=0.5
        )  # nobody answers while it begins to ring: two workers would tell of that in any order
        call = await ann.dial(f"sip:lad-cleo@{DOMAIN}")
        ringing = await cleo.called()
        await cleo.hears(ringing, 440, seconds=1.0)
        up.set()
        await asyncio.to_thread(seen.wait, 120)
        await ringing.hang_up()
        await ann.register(0)
        await cleo.register(0)
        return call.invite.call_id


def of_call(sites: Sites, site: str, call_id: str) -> dict[str, Any]:
    with sites.api(site) as api:
        found: dict[str, Any] = api.get("/v1/calls/ladder", call_id=call_id)
    return found


def test_a_call_of_both_sites_is_drawn_as_it_was_signalled(console: Console, two_sites: Sites):
    up, seen = threading.Event(), threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as apart:  # this thread's loop is the browser's
        talking = apart.submit(asyncio.run, _talk(two_sites, "lad-ann", "premises", up, seen))
        assert up.wait(120)
        # Both sites have a part of it, and the console of one shows both.
        page = console.open("/calls")
        present = page.get_by_role("row").filter(has_text=f"lad-cleo@{DOMAIN}")
        for site in HOMES:
            expect(present.filter(has_text=site).first).to_be_visible(timeout=SLOW_MS)
        seen.set()
        call_id = talking.result()

    def recorded() -> bool:
        with two_sites.api("premises") as api:
            return len(api.get("/v1/calls/records", call_id=call_id)) == 2

    wait_for(recorded, 60, "premises has the records of both sites")
    told = of_call(two_sites, "premises", call_id)
    wait_for(lambda: of_call(two_sites, "online", call_id)["arrows"] == told["arrows"], 60, "the sites tell the same")
    said = [(each["sender"]["name"], each["receiver"]["name"], each["what"]) for each in told["arrows"]]
    ann, cleo = f"lad-ann@{DOMAIN}", f"lad-cleo@{DOMAIN}"
    assert [each for each in said if each[2] == "INVITE"] == [
        (ann, "premises", "INVITE"), ("premises", "online", "INVITE"), ("online", cleo, "INVITE"),
    ]  # fmt: skip
    assert {(s, r) for s, r, what in said if what == "200 OK"} == {
        (cleo, "online"), ("online", "premises"), ("premises", ann),
    }  # fmt: skip
    assert {what for _, _, what in said} >= {"INVITE", "180 Ringing", "200 OK", "ACK", "BYE"}
    assert next(each for each in said if each[2] == "BYE")[0] == cleo
    assert {(s, r) for s, r, what in said if what == "200 OK (BYE)"} == {
        (ann, "premises"), ("premises", "online"), ("online", cleo),
    }  # fmt: skip
    afters = [each["after_ms"] for each in told["arrows"]]
    assert afters == sorted(afters)

    page = console.open(f"/calls/{call_id}")
    drawing = page.get_by_role("img", name="Ladder of")
    expect(drawing).to_be_visible(timeout=SLOW_MS)
    expect(drawing.get_by_text("180 Ringing").first).to_be_visible()
    for site in HOMES:
        leg = page.get_by_role("region", name=f"At {site}")
        expect(leg.get_by_text("relayed by this site")).to_be_visible()
    table = page.get_by_role("table", name="What was signalled")
    expect(table.get_by_role("row").filter(has_text="BYE").first).to_contain_text(cleo)
    accessible(page)
    drawing.scroll_into_view_if_needed()
    pictured(page, "ladder")


def test_who_reaches_somebody(console: Console):
    page = console.open(f"/people/lad-ann@{DOMAIN}")
    page.get_by_role("link", name="Who reaches them, and how?").click()
    ways = page.get_by_role("table", name="Who reaches them, and how?")
    expect(ways.get_by_role("row").filter(has_text="a phone registered at premises").first).to_contain_text(
        "rings the phones of", timeout=SLOW_MS
    )
    # The other site's own word, over the link.
    expect(ways.get_by_role("row").filter(has_text="a phone registered at online").first).to_contain_text("premises")
    expect(ways.get_by_role("row").filter(has_text="the PSTN by trunk").first).to_contain_text("+14255550871")
    accessible(page)
    pictured(page, "reaching")
