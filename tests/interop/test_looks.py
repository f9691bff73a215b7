"""How the pages look, held against pictures (tests/pictures): light, dark, from right to left, on a narrow screen.

What is shown is this file's own and the same at every run; what is of the moment is covered.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.interop.browsers import PHONE, SLOW_MS, browser, playwright, sign_in, watched
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.consoles import Console, opened
from tests.interop.picturing import hold, looks_as_kept

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PEOPLE = {"look-ada": "Ada Lovelace", "look-grace": "Grace Hopper", "look-alan": "Alan Turing"}
VARIANTS = ("light", "dark", "rtl", "narrow")
# Where each is, and what it shows once it has all that it asks the site for.
CONSOLE_PAGES = {
    "people": ("/people?match=look-", ("option:text-is('premises')", "a:text-is('Grace Hopper')")),
    "person": (f"/people/look-ada@{DOMAIN}", ("input[value='Ada Lovelace']",)),
    "new-person": ("/people/new", ("option:text-is('premises')",)),
    "explain": ("/calls/explain", ("option:text-is('premises')",)),
    "new-move": ("/moves/new", ("option:text-is('premises')",)),
}


@pytest.fixture(scope="module")
def password(two_sites: Sites) -> str:
    """Of Ada's account."""
    with two_sites.api("premises") as api:
        rows = [
            {"aor": f"{user}@{DOMAIN}", "home": "premises", "display_name": name, "number": f"+1425555{7300 + at}"}
            for at, (user, name) in enumerate(PEOPLE.items())
        ]
        report = api.post("/v1/people/import", {"rows": rows})
        assert not report["errors"], report["errors"]
        return str(api.post("/v1/accounts", {"name": "look-ada", "person": f"look-ada@{DOMAIN}"})["new_password"])


@pytest.fixture(scope="module")
def ada(browser: Browser, password: str) -> Iterator[Page]:
    """Her phone, at rest."""
    with watched(browser, locale="en-US", bypass_csp=True, viewport=WIDE) as page:
        page.goto(PHONE.format("premises"))
        sign_in(page, "look-ada", password)
        expect(page.get_by_role("status")).to_have_text("Ready", timeout=SLOW_MS)
        yield page


@pytest.fixture(scope="module")
def console(browser: Browser, two_sites: Sites, password: str) -> Iterator[Console]:
    with opened(browser, two_sites, "look-cora", "/people?match=look-", "People", bypass_csp=True) as console:
        yield console


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_phone(ada: Page, variant: str, tmp_path: Path):
    dressed(ada, variant)
    _looks_for_people(ada)
    looks_as_kept(ada, f"phone-{variant}", tmp_path)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", CONSOLE_PAGES)
def test_the_console(console: Console, variant: str, name: str, tmp_path: Path):
    dressed(console.page, variant)
    path, shown = CONSOLE_PAGES[name]
    page = console.open(path)
    for each in shown:
        expect(page.locator(each).first).to_be_attached(timeout=SLOW_MS)
    looks_as_kept(page, f"console-{name}-{variant}", tmp_path)


@pytest.mark.parametrize(
    "change",
    [".fui-Button { background: #c50f1f !important }", "#chats ~ div .fui-Button { visibility: hidden !important }"],
)
def test_a_page_that_was_altered_is_noticed(ada: Page, change: str, tmp_path: Path):
    dressed(ada, "light")
    _looks_for_people(ada)
    altered = ada.add_style_tag(content=change)
    with pytest.raises(AssertionError, match="looks otherwise"):
        hold(ada, "phone-light", tmp_path)
    assert (tmp_path / "phone-light.difference.png").exists()
    altered.evaluate("element => element.remove()")
    hold(ada, "phone-light", tmp_path)


def dressed(page: Page, variant: str) -> None:
    """Show the page so. Its language is chosen in the browser, and read when it is loaded."""
    page.set_viewport_size(NARROW if variant == "narrow" else WIDE)
    page.emulate_media(color_scheme="dark" if variant == "dark" else "light", reduced_motion="reduce")
    wanted = "ar-XB" if variant == "rtl" else "en"
    if page.evaluate("document.documentElement.lang") != wanted:
        page.evaluate("language => localStorage.setItem('isthmus.language', language)", wanted)
        page.reload()
        expect(page.locator(f"html[lang={wanted}]")).to_be_attached(timeout=SLOW_MS)
        expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=SLOW_MS)


def _looks_for_people(page: Page) -> None:
    page.get_by_role("searchbox").first.fill("look-")
    expect(page.get_by_role("region").get_by_role("listitem")).to_have_count(len(PEOPLE) - 1, timeout=SLOW_MS)
    expect(page.locator(".fui-Badge").first).to_be_visible(timeout=SLOW_MS)
