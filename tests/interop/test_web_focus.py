"""By the keyboard alone: whatever is opened and closed again, one goes on where one was."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.interop.browsers import SLOW_MS, browser, phone, playwright
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.consoles import opened

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def comes_back(page: Page, button: str, dialog: str, *, item: str = "") -> None:
    """Open a dialog by a button, or by an item of its menu; leave it by Escape; the button has the focus."""
    opener = page.get_by_role("button", name=button)
    opener.focus()
    page.keyboard.press("Enter")
    if item:
        page.get_by_role("menuitem", name=item, exact=True).focus()
        page.keyboard.press("Enter")
    shown = page.get_by_role("dialog", name=dialog)
    expect(shown).to_be_visible(timeout=SLOW_MS)
    expect(shown.locator("*:focus")).to_have_count(1, timeout=SLOW_MS)
    page.keyboard.press("Escape")
    expect(shown).to_have_count(0, timeout=SLOW_MS)
    expect(opener).to_be_focused(timeout=SLOW_MS)


def test_the_phone_gives_the_focus_back(browser: Browser, two_sites: Sites):
    two_sites.create_all({"foc-fay": "online"})
    with two_sites.api("premises") as api:
        password = api.post("/v1/accounts", {"name": "foc-fay", "person": f"foc-fay@{DOMAIN}"})["new_password"]
    with phone(browser, {"foc-fay": password}, "foc-fay") as page:
        for part in ("Sound", "Camera", "Self-test", "Keyboard"):
            comes_back(page, "Settings", part, item=part)
        comes_back(page, "Your presence", "Your presence", item="Note and more …")
        comes_back(page, "New group", "New group")
        page.get_by_role("button", name="New group").focus()
        page.keyboard.press("Alt+k")
        expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible(timeout=SLOW_MS)
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="New group")).to_be_focused(timeout=SLOW_MS)


def test_the_console_gives_the_focus_back(browser: Browser, two_sites: Sites):
    with opened(browser, two_sites, "foc-cora", "/people?match=foc-", "People") as console:
        comes_back(console.page, "Views", "Keep this view …", item="Keep this view …")
