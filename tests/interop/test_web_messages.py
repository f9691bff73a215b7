"""Conversations in the web phone, in real browsers: written, read, found, changed, and shown as text alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.interop.browsers import SLOW_MS, accessible, browser, phone, pictured, playwright
from tests.interop.conftest import DOMAIN, Sites

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HOMES = {"mara": "premises", "milo": "online"}
HOSTILE = "<img src=x onerror=document.title='broken'> \u202egpj.exe https://example.org/offer"


@pytest.fixture(scope="module")
def people(two_sites: Sites) -> dict[str, str]:
    """User to password of the account."""
    two_sites.create_all(HOMES)
    with two_sites.api("premises") as api:
        return {u: api.post("/v1/accounts", {"name": u, "person": f"{u}@{DOMAIN}"})["new_password"] for u in HOMES}


def write(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_label("Message", exact=True).press("Enter")


def test_two_people_of_both_homes_write_to_one_another(browser: Browser, people: dict[str, str], tmp_path: Path):
    with phone(browser, people, "mara") as mara, phone(browser, people, "milo") as milo:
        mara.get_by_label("Whom to write to, or what was written").fill("mil")
        mara.get_by_role("button", name="Write to milo").click()
        write(mara, HOSTILE)
        log = mara.get_by_role("log", name="Messages")
        expect(log.get_by_text("Sent", exact=True).or_(log.get_by_text("Delivered"))).to_be_visible(timeout=SLOW_MS)

        # Milo is at home at online, and has his page open at premises.
        expect(milo).to_have_title("(1) Phone", timeout=SLOW_MS)
        milo.get_by_role("list", name="Chats").get_by_role("button").click()
        heard = milo.get_by_role("log", name="Messages")
        expect(heard).to_contain_text("<img src=x onerror=document.title='broken'>", timeout=SLOW_MS)
        link = heard.get_by_role("link")
        assert link.get_attribute("href") == "https://example.org/offer"
        assert "noopener" in (link.get_attribute("rel") or "")
        expect(milo).to_have_title("Phone", timeout=SLOW_MS)
        expect(log.get_by_text("Read", exact=True)).to_be_visible(timeout=SLOW_MS)

        write(milo, "Thank you!")
        expect(log).to_contain_text("Thank you!", timeout=SLOW_MS)
        milo.get_by_label("Message", exact=True).press_sequentially("one more", delay=50)
        expect(mara.get_by_text("milo is typing …")).to_be_visible(timeout=SLOW_MS)

        mara.get_by_role("button", name="What to do with this message").click()
        mara.get_by_role("menuitem", name="Change").click()
        mara.get_by_label("Change the message").fill("the offer, at noon")
        mara.get_by_label("Change the message").press("Enter")
        expect(heard).to_contain_text("the offer, at noon", timeout=SLOW_MS)

        with mara.expect_file_chooser() as choosing:
            mara.get_by_role("button", name="Send a file").click()
        choosing.value.set_files({"name": "plan.txt", "mimeType": "text/plain", "buffer": b"the plan"})
        save = heard.get_by_role("button", name="plan.txt")
        expect(save).to_be_visible(timeout=SLOW_MS)
        with milo.expect_download() as loading:
            save.click()
        loading.value.save_as(tmp_path / "got")
        assert (tmp_path / "got").read_bytes() == b"the plan"

        mara.get_by_label("Whom to write to, or what was written").fill("noon")
        expect(mara.get_by_role("list", name="Messages found")).to_contain_text("the offer", timeout=SLOW_MS)
        for page in (mara, milo):
            accessible(page)
        mara.get_by_role("log", name="Messages").scroll_into_view_if_needed()
        pictured(mara, "messages")


def test_an_emoji_is_found_by_its_name_and_put_in_by_keyboard_alone(
    browser: Browser, people: dict[str, str], tmp_path: Path
):
    asked: list[str] = []
    with phone(browser, people, "mara") as mara:
        mara.on("request", lambda request: asked.append(request.url))
        mara.get_by_label("Whom to write to, or what was written").fill("mil")
        mara.get_by_role("button", name="Write to milo").click()
        field = mara.get_by_label("Message", exact=True)
        field.fill("see you")
        for _ in " you":
            field.press("ArrowLeft")
        field.press("Tab")
        expect(mara.get_by_role("button", name="Emojis")).to_be_focused()
        mara.keyboard.press("Enter")
        picker = mara.get_by_role("dialog", name="Emojis")
        search = picker.get_by_label("Find an emoji")
        expect(search).to_be_focused()
        expect(picker.get_by_role("gridcell", name="Grinning face", exact=True)).to_be_visible(timeout=SLOW_MS)
        accessible(mara)
        picker.screenshot(path=str(tmp_path / "all.png"))
        mara.keyboard.type("nothing like that")
        expect(picker).to_contain_text("There is no such emoji.")
        search.fill("waving")
        mara.keyboard.press("Tab")
        expect(picker.get_by_role("button", name="Skin tone")).to_be_focused()
        mara.keyboard.press("Enter")
        mara.keyboard.press("Shift+Tab")
        hand = picker.get_by_role("gridcell", name="Waving hand")
        expect(hand).to_have_text("👋🏻")
        mara.keyboard.press("ArrowDown")
        expect(picker).to_contain_text("👋🏻 Waving hand")
        mara.screenshot(path=str(tmp_path / "found.png"))
        mara.keyboard.press("Enter")
        expect(picker).to_have_count(0)
        expect(field).to_be_focused()
        expect(field).to_have_value("see👋🏻 you")
        mara.keyboard.type("!")
        mara.keyboard.press("Enter")
        expect(mara.get_by_role("log", name="Messages")).to_contain_text("see👋🏻! you", timeout=SLOW_MS)

        # In another language, and with the skin tone of before.
        mara.evaluate("localStorage.setItem('isthmus.language', 'de')")
        mara.reload()
        mara.get_by_role("list", name="Chats").get_by_role("button").first.click()
        mara.get_by_role("button", name="Emojis").click()
        mara.get_by_label("Emoji suchen").fill("winken")
        expect(mara.get_by_role("gridcell", name="Winkende Hand")).to_have_text("👋🏻")
        mara.keyboard.press("Escape")
        expect(mara.get_by_role("dialog", name="Emojis")).to_have_count(0)
        expect(mara.get_by_role("button", name="Emojis")).to_be_focused()
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {"premises.contoso.example:8443"}
