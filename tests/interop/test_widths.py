"""No page is wider than a small phone's screen; what is typed is written the right way from right to left, too."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.interop.browsers import SLOW_MS, browser, phone, playwright, settings, still
from tests.interop.conftest import DOMAIN, PASSWORD, Sites
from tests.interop.consoles import Console, opened
from tests.support import wait_for

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SMALL = {"width": 375, "height": 812}
# Addresses have no place where a line could be broken.
WIDE_NAME = "wido-whose-address-is-longer-than-what-a-screen-in-a-pocket-has"
WIDO = f"/people/{WIDE_NAME}@{DOMAIN}"
NUMBER = "+14255557611"
LONG = "wido" + "w" * 28  # as long as may be
RANGE = "+14255557700-+14255557799"
HALL = {"RD": "Main Street", "HNO": "1", "A3": "Redmond", "A1": "WA", "PC": "98052"}
PAGES = (
    "/", "/setup", "/people", "/people?match=wido", "/people/edit?match=wido", "/people/new", "/people/import", WIDO,
    *(f"{WIDO}?tab={tab}" for tab in ("devices", "policies", "calls", "signins", "audit")),
    "/moves", "/moves/new", "/calls", "/calls/explain", f"/calls/explain?from={WIDE_NAME}@{DOMAIN}&to={NUMBER}",
    f"/calls/reaching?to={WIDE_NAME}@{DOMAIN}", "/numbers", f"/numbers/{NUMBER}", "/trunks", "/certificates", "/routes",
    "/routes/new", "/locations", "/alerts", "/policies", "/tenants", "/tenants/contoso", "/roles", "/roles/global",
    "/sync", "/audit", "/no/such/page", "/plans", f"/plans/{LONG}", f"/plans/{LONG}?match=wido", f"{WIDO}?tab=plan",
    f"/routes/{LONG}", f"/policies/calling/{LONG}", f"/locations/{LONG}", f"/numbers/ranges/{RANGE}",
)  # fmt: skip
# What stands past the edge where one can't scroll to it, or the whole page can be scrolled aside.
PAST = """() => {
  const {clientWidth, scrollWidth, dir} = document.documentElement;
  const clipped = (each) => {
    for (let up = each.parentElement; up && up !== document.body; up = up.parentElement) {
      if (getComputedStyle(up).overflowX !== "visible") return true;
    }
    return false;
  };
  const past = [...document.body.querySelectorAll("*")].filter((each) => {
    const {left, right, width} = each.getBoundingClientRect();
    return width > 0 && (dir === "rtl" ? left < -1 : right > clientWidth + 1) && !clipped(each);
  });
  const found = past.map((each) => `${each.tagName} ${each.className} ${each.textContent.slice(0, 60)}`);
  return scrollWidth > clientWidth ? [`the page: ${scrollWidth} of ${clientWidth}`, ...found] : found;
}"""
# Fields of text that say nothing of the way they are written, or begin elsewhere than lines do.
ASTRAY = """() => [...document.querySelectorAll("input, textarea")]
  .filter((each) => !["checkbox", "radio", "file", "hidden"].includes(each.type))
  .filter((each) => !["ltr", "auto"].includes(each.dir) || getComputedStyle(each).textAlign !== "right")
  .map((each) => each.outerHTML)"""


@pytest.fixture(scope="module")
def people(two_sites: Sites) -> dict[str, str]:
    """User to password of the accounts."""
    with two_sites.api("premises") as api:
        wido = {"aor": f"{WIDE_NAME}@{DOMAIN}", "home": "premises", "display_name": WIDE_NAME, "number": NUMBER}
        report = api.post(
            "/v1/people/import", {"rows": [wido, {"aor": f"wanja@{DOMAIN}", "home": "premises", "password": PASSWORD}]}
        )
        assert not report["errors"], report["errors"]
        made = api.post("/v1/accounts", {"name": "wanja", "person": f"wanja@{DOMAIN}"})
    two_sites.wait_until_known([WIDE_NAME, "wanja"])
    return {"wanja": str(made["new_password"])}


async def unanswered(sites: Sites) -> str:
    """Wanja calls somebody who has no phone; the Call-ID."""
    async with await sites.phone("wanja", "premises") as wanja:
        call = await wanja.call(f"sip:{WIDE_NAME}@{DOMAIN}")
        await call.over()
        await wanja.register(0)
        return call.invite.call_id


@pytest.fixture(scope="module")
def console(browser: Browser, two_sites: Sites, people: dict[str, str]) -> Iterator[Console]:
    with opened(browser, two_sites, "wendy", "/people?match=wido", "People") as console:
        yield console


@pytest.fixture(scope="module")
def pages(two_sites: Sites, people: dict[str, str]) -> Iterator[list[str]]:
    """All pages of the console, once there is one of each kind to look at."""
    with concurrent.futures.ThreadPoolExecutor(1) as apart:  # this thread's loop is the browser's
        call_id = apart.submit(asyncio.run, unanswered(two_sites)).result()
    aor = f"{WIDE_NAME}@{DOMAIN}"
    with two_sites.api("premises") as api:
        api.put(f"/v1/plans/{LONG}", {"home": ["US"], "domestic": 3000, "international": 60})
        api.post(f"/v1/plans/{LONG}/assign", {"people": [aor]})
        api.post("/v1/policies", {"kind": "calling", "name": LONG, "settings": {"most_calls": 4}})
        api.post("/v1/policies/grant", {"kind": "calling", "policy": LONG, "level": "person", "target": aor})
        api.post("/v1/routes", {"name": LONG, "patterns": ["+1999886"], "ways": ["carrier"]})
        api.post("/v1/locations/places", {"name": LONG, "address": {"country": "US", "elements": HALL}})
        api.post("/v1/numbers/ranges", {"range": RANGE, "carrier": "Northwind"})
        later = time.time() + 86_400
        move = api.post("/v1/moves", {"aors": [aor], "to": "online", "at": later})["id"]
        entry = api.get("/v1/audit", limit=1)[0]["id"]
        wait_for(lambda: api.get("/v1/calls/records", call_id=call_id), 60, "the call is recorded")
    yield [*PAGES, f"/moves/{move}", f"/calls/{call_id}", f"/audit/{entry}"]
    with two_sites.api("premises") as api:
        api.delete(f"/v1/routes/{LONG}")  # nobody else's calls go by it
        api.post(f"/v1/moves/{move}/cancel")


def fits(page: Page, folder: Path, name: str) -> list[str]:
    """What of a page does not fit, once all is there and stands still."""
    still(page)
    expect(page.locator(".fui-Spinner")).to_have_count(0, timeout=SLOW_MS)
    still(page)
    page.screenshot(path=str(folder / f"{name.strip('/').replace('/', '-').partition('?')[0] or 'home'}.png"))
    return [f"{name}: {each}" for each in page.evaluate(PAST)]


def in_language(page: Page, language: str) -> None:
    page.evaluate("language => localStorage.setItem('isthmus.language', language)", language)
    page.reload()
    expect(page.locator(f"html[lang={language}]")).to_be_attached(timeout=SLOW_MS)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=SLOW_MS)


@pytest.mark.parametrize("language", ["en", "de", "ar-XB"])
def test_the_pages_of_the_console_fit_a_small_screen(console: Console, pages: list[str], language: str, tmp_path: Path):
    page = console.page
    page.set_viewport_size(SMALL)
    in_language(page, language)
    past: list[str] = []
    astray: list[str] = []
    for path in pages:
        past += fits(console.open(path), tmp_path, path)
        if language == "ar-XB":
            astray += page.evaluate(ASTRAY)
    assert past == [], "\n".join(past)
    assert astray == []
    # A plus stands in front, whichever way the page goes.
    number = console.open(WIDO).get_by_role("link", name=NUMBER, exact=True)
    assert number.evaluate("each => getComputedStyle(each).direction") == "ltr"
    cell = console.open("/people?match=wido").get_by_role("cell").locator("bdi").filter(has_text=NUMBER)
    expect(cell).to_be_visible(timeout=SLOW_MS)
    assert cell.evaluate("each => getComputedStyle(each).direction") == "ltr"


@pytest.mark.parametrize("language", ["en", "de", "ar-XB"])
def test_the_phone_fits_a_small_screen(browser: Browser, people: dict[str, str], language: str, tmp_path: Path):
    with phone(browser, people, "wanja") as page:
        page.set_viewport_size(SMALL)
        in_language(page, language)
        fields = page.get_by_role("searchbox")
        fields.first.fill("wido")
        expect(page.get_by_role("region").get_by_role("listitem").first).to_be_visible(timeout=SLOW_MS)
        past = fits(page, tmp_path, "people")
        fields.last.fill("wido")
        page.get_by_role("region").last.get_by_role("listitem").get_by_role("button").first.click()
        expect(page.get_by_role("log")).to_be_visible(timeout=SLOW_MS)
        past += fits(page, tmp_path, "conversation")
        assert past == []
        if language == "ar-XB":
            assert page.evaluate(ASTRAY) == []
            fields.first.fill("+1 425-")
            assert fields.first.evaluate("each => getComputedStyle(each).direction") == "ltr"


def test_the_dialogs_of_the_phone_fit_a_small_screen(browser: Browser, people: dict[str, str], tmp_path: Path):
    with phone(browser, people, "wanja") as page:
        page.set_viewport_size(SMALL)
        past: list[str] = []
        for part in ("Sound", "Camera", "Keyboard", "Self-test"):
            expect(settings(page, part)).to_be_visible(timeout=SLOW_MS)
            past += fits(page, tmp_path, part)
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
        for button in ("Add a contact", "New group"):
            page.get_by_role("button", name=button).click()
            expect(page.get_by_role("dialog")).to_be_visible(timeout=SLOW_MS)
            past += fits(page, tmp_path, button)
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
        assert past == []
