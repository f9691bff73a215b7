"""No page is wider than a small phone's screen; what is typed is written the right way from right to left, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.interop.browsers import SLOW_MS, browser, phone, playwright, settings, still
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.consoles import Console, opened

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SMALL = {"width": 375, "height": 812}
# Addresses have no place where a line could be broken.
WIDE_NAME = "wido-whose-address-is-longer-than-what-a-screen-in-a-pocket-has"
WIDO = f"/people/{WIDE_NAME}@{DOMAIN}"
NUMBER = "+14255557611"
PAGES = (
    "/", "/setup", "/people", "/people?match=wido", "/people/edit?match=wido", "/people/new", "/people/import", WIDO,
    *(f"{WIDO}?tab={tab}" for tab in ("devices", "policies", "calls", "signins", "audit")),
    "/moves", "/moves/new", "/calls", "/calls/explain", f"/calls/explain?from={WIDE_NAME}@{DOMAIN}&to={NUMBER}",
    f"/calls/reaching?to={WIDE_NAME}@{DOMAIN}", "/numbers", f"/numbers/{NUMBER}", "/trunks", "/certificates", "/routes",
    "/routes/new", "/locations", "/alerts", "/policies", "/tenants", "/tenants/contoso", "/roles", "/roles/global",
    "/sync", "/audit", "/no/such/page",
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
        report = api.post("/v1/people/import", {"rows": [wido, {"aor": f"wanja@{DOMAIN}", "home": "premises"}]})
        assert not report["errors"], report["errors"]
        made = api.post("/v1/accounts", {"name": "wanja", "person": f"wanja@{DOMAIN}"})
    two_sites.wait_until_known([WIDE_NAME, "wanja"])
    return {"wanja": str(made["new_password"])}


@pytest.fixture(scope="module")
def console(browser: Browser, two_sites: Sites, people: dict[str, str]) -> Iterator[Console]:
    with opened(browser, two_sites, "wendy", "/people?match=wido", "People") as console:
        yield console


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
def test_the_pages_of_the_console_fit_a_small_screen(console: Console, language: str, tmp_path: Path):
    page = console.page
    page.set_viewport_size(SMALL)
    in_language(page, language)
    past: list[str] = []
    astray: list[str] = []
    for path in PAGES:
        past += fits(console.open(path), tmp_path, path)
        if language == "ar-XB":
            astray += page.evaluate(ASTRAY)
    assert past == []
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
