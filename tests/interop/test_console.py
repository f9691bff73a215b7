"""The administrator's console in a real browser (Debian's Chromium), at two real sites: each task from end to end."""

from __future__ import annotations

import asyncio
import concurrent.futures
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.interop.browsers import SLOW_MS, accessible, browser, pictured, playwright
from tests.interop.conftest import DOMAIN, HOMES, Sites
from tests.interop.consoles import CONSOLE, Console, opened
from tests.support import wait_for

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]  # two sites and a browser on two cores

PEOPLE = {"con-ann": "premises", "con-bea": "premises", "con-cleo": "online"}
ANN = f"/people/con-ann@{DOMAIN}"
PAGES = (
    "/", "/setup", "/people",  "/people/new", "/people/import", ANN, f"{ANN}?tab=devices", f"{ANN}?tab=policies",
    f"{ANN}?tab=signins", f"{ANN}?tab=audit", "/moves", "/moves/new", "/calls", "/calls/explain", "/numbers", "/trunks",
    "/routes", "/routes/new", "/locations", "/alerts", "/policies", "/sync", "/audit", "/certificates", "/tenants",
    "/tenants/contoso", "/roles", "/roles/global", "/no/such/page",
)  # fmt: skip


@pytest.fixture(scope="module")
def console(browser: Browser, two_sites: Sites) -> Iterator[Console]:
    """Cora may do everything."""
    two_sites.create_all(PEOPLE)
    # By name too: a list shows the rows that are in sight, and other tests' people live here as well.
    link = "/people?match=con-&home=online"
    with opened(browser, two_sites, "cora", link, "People") as console:
        assert console.page.url == f"{CONSOLE}{link}"
        expect(console.page.get_by_role("link", name="con-cleo", exact=True)).to_be_visible(timeout=SLOW_MS)
        yield console


def test_how_both_sites_are(console: Console):
    page = console.open("/")
    for site in HOMES:
        card = page.get_by_role("group", name=site, exact=True)
        expect(card).to_contain_text("All is well", timeout=SLOW_MS)
        for part in ("kamailio", "haproxy", "rtpengine", "carrier"):
            expect(card).to_contain_text(part)
    expect(page.get_by_role("group", name="Link between the sites")).to_contain_text("Up since")
    pictured(page, "console")


def test_a_person_is_created_found_changed_and_deleted(console: Console):
    page = console.open("/people/new")
    page.get_by_label("Address").fill(f"con-ann@{DOMAIN}")
    page.get_by_label("Name", exact=True).fill("Dora <img src=x onerror=alert(1)>")
    console.press("Create")
    expect(page.get_by_text(f"con-ann@{DOMAIN} exists already")).to_be_visible(timeout=SLOW_MS)
    page.get_by_label("Address").fill(f"con-dora@{DOMAIN}")
    expect(page.get_by_text(re.compile("^isthmus user create con-dora@"))).to_contain_text("--home premises")
    console.press("Create")
    expect(page.get_by_role("heading", name="Dora <img", level=1)).to_be_visible(timeout=SLOW_MS)

    page.get_by_label("Name", exact=True).fill("Dora")
    console.press("Save")
    expect(page.get_by_role("heading", name="Dora", exact=True)).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("tab", name="Changes").click()
    expect(page.get_by_role("cell", name="person.set").first).to_be_visible(timeout=SLOW_MS)

    console.open("/people")
    page.get_by_label("Name, address or number").fill("con-dor")
    expect(page.get_by_role("status").filter(has_text="1 people")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("link", name="Dora", exact=True).click()
    console.press("Delete")
    dialog = page.get_by_role("dialog", name=re.compile("Delete con-dora"))
    expect(dialog).to_contain_text("can't be undone")
    console.press("Delete", dialog)
    console.prove_if_asked(page.get_by_role("heading", name="People", level=1))


def test_an_import_shows_its_errors_and_changes_nothing_before_it_is_right(console: Console):
    page = console.open("/people/import")
    rows = f"aor,home,display_name\ncon-eve@{DOMAIN},premises,Eve\ncon-fay@{DOMAIN},nowhere,Fay\n"
    page.get_by_label("Text", exact=True).fill(rows)
    console.press("Preview")
    console.prove_if_asked(page.get_by_role("cell", name=f"con-fay@{DOMAIN}"))
    expect(page.get_by_role("row").filter(has_text="con-fay")).to_contain_text("3")
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    page.get_by_label("Text", exact=True).fill(rows.replace("nowhere", "online"))
    console.press("Preview")
    expect(page.get_by_text("2 to create")).to_be_visible(timeout=SLOW_MS)
    console.press("Import")
    console.press("Import", page.get_by_role("dialog"))
    expect(page.get_by_role("heading", name="The import is done")).to_be_visible(timeout=SLOW_MS)


def test_people_are_moved_step_by_step_and_back(console: Console, two_sites: Sites, tmp_path: Path):
    page = console.open("/moves/new")
    page.get_by_label("Addresses").fill(f"con-ann@{DOMAIN}, con-bea@{DOMAIN}, con-nobody@{DOMAIN}")
    page.get_by_label("New home").select_option("online")
    console.press("Check")
    console.prove_if_asked(page.get_by_text("2 can be moved, 1 can't."))
    expect(page.get_by_role("row").filter(has_text="con-nobody")).to_contain_text("nobody with this address")
    console.press("Move them")
    dialog = page.get_by_role("dialog", name="Move 2 people to online?")
    console.press("Move them", dialog)
    console.prove_if_asked(page.get_by_text("Over: 2 moved, 1 not moved."))
    pictured(page, "move")
    with page.expect_download() as report:
        console.press("Download report")
    report.value.save_as(tmp_path / "report.csv")
    lines = (tmp_path / "report.csv").read_text().splitlines()
    assert lines[0] == "aor,state,from,to,reasons,note"
    assert [line.split(",")[:2] for line in lines[1:]] == [
        [f"con-ann@{DOMAIN}", "moved"], [f"con-bea@{DOMAIN}", "moved"], [f"con-nobody@{DOMAIN}", "not_moved"],
    ]  # fmt: skip

    console.press("Move back to premises")
    expect(page.get_by_label("Addresses")).to_have_value(f"con-ann@{DOMAIN}\ncon-bea@{DOMAIN}", timeout=SLOW_MS)
    console.press("Check")
    console.prove_if_asked(page.get_by_text("2 can be moved, 0 can't."))
    console.press("Move them")
    console.press("Move them", page.get_by_role("dialog"))
    console.prove_if_asked(page.get_by_text("Over: 2 moved, 0 not moved."))
    with two_sites.api("premises") as api:
        assert api.get(f"/v1/people/con-ann@{DOMAIN}")["home"] == "premises"


def test_a_move_is_scheduled_and_cancelled(console: Console):
    page = console.open("/moves/new?group=")
    page.get_by_label("Addresses").fill(f"con-bea@{DOMAIN}")
    page.get_by_label("New home").select_option("online")
    console.press("Check")
    console.prove_if_asked(page.get_by_text("1 can be moved, 0 can't."))
    page.get_by_label("Later").check()
    tomorrow = page.evaluate("new Date(Date.now() + 86400000).toISOString().slice(0, 16)")
    page.get_by_label("Begins").fill(tomorrow)
    console.press("Schedule")
    console.press("Schedule", page.get_by_role("dialog"))
    console.prove_if_asked(page.get_by_text("Scheduled", exact=True))
    console.press("Cancel")
    console.press("Cancel", page.get_by_role("dialog"))
    expect(page.get_by_text("Over: 0 moved, 1 not moved.")).to_be_visible(timeout=SLOW_MS)


async def _talk(sites: Sites) -> str:
    """Bea at premises talks with Cleo at online; the Call-ID."""
    async with await sites.phone("con-bea", "premises") as bea, await sites.phone("con-cleo", "online") as cleo:
        call = await bea.dial(f"sip:con-cleo@{DOMAIN}")
        ringing = await cleo.called()
        await cleo.hears(ringing, 440, seconds=1.0)
        await ringing.hang_up()
        await bea.register(0)
        await cleo.register(0)
        return call.invite.call_id


def test_why_a_call_went_there(console: Console, two_sites: Sites):
    with concurrent.futures.ThreadPoolExecutor(1) as apart:  # this thread's loop is the browser's
        call_id = apart.submit(asyncio.run, _talk(two_sites)).result()

    def recorded() -> bool:
        with two_sites.api("premises") as api:
            return len(api.get("/v1/calls/records", call_id=call_id)) == 2

    wait_for(recorded, 60, "premises has the records of both sites")
    page = console.open(f"/calls?who=con-bea@{DOMAIN}")
    page.get_by_role("row").filter(has_text="relay online").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="At online")).to_be_visible(timeout=SLOW_MS)
    console.press("Where would it go?")
    way = page.get_by_role("list", name="The way")
    # The other site's own word, over the link.
    expect(way).to_contain_text(f"Rings the phones of con-cleo@{DOMAIN}", timeout=SLOW_MS)
    expect(way).to_contain_text("Hands it over to online")
    assert "isthmus call explain" in page.inner_text("form")
    accessible(page)
    pictured(page, "explain")


def test_what_is_dialled_and_where_it_goes(console: Console, two_sites: Sites):
    with two_sites.api("premises") as api:
        api.post("/v1/policies", {"kind": "dial-plan", "name": "con-usa", "settings": {"country": "US"}})
        whose = {"level": "person", "target": f"con-ann@{DOMAIN}"}
        api.post("/v1/policies/grant", {"kind": "dial-plan", "policy": "con-usa", **whose})
    page = console.open("/routes")
    page.get_by_label("Who dials").fill(f"con-ann@{DOMAIN}")
    page.get_by_label("Dialled").fill("011442079460000")
    console.press("Test")
    expect(page.get_by_role("cell", name="+442079460000")).to_be_visible(timeout=SLOW_MS)


def test_the_audit_log_is_verified(console: Console):
    page = console.open("/audit")
    console.press("Verify now")
    expect(page.get_by_text(re.compile("The log is whole"))).to_be_visible(timeout=SLOW_MS)


def test_every_page_is_accessible_and_says_no_fault(console: Console):
    for path in PAGES:
        page = console.open(path)
        expect(page.get_by_role("progressbar")).to_have_count(0, timeout=SLOW_MS)
        expect(page.get_by_role("alert")).to_have_count(0)
        accessible(page)


def test_by_keyboard_alone_in_german_on_a_small_screen(console: Console):
    page = console.open("/")
    page.keyboard.press("Tab")
    page.set_viewport_size({"width": 400, "height": 800})
    menu = page.get_by_role("button", name="Menu")
    expect(menu).to_have_attribute("aria-expanded", "false", timeout=SLOW_MS)
    menu.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="People", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="People", level=1)).to_be_visible(timeout=SLOW_MS)
    expect(menu).to_be_focused(timeout=SLOW_MS)
    page.get_by_role("button", name="Language").focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitemradio", name="Deutsch").focus()
    page.keyboard.press("Enter")
    # The language is the browser's from now on; the site's own session signs in again by itself.
    expect(page.get_by_role("heading", name="Personen", level=1)).to_be_visible(timeout=SLOW_MS)
    accessible(page)
