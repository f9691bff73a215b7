"""Contacts of the phone in a browser: one list for all of a person's tabs, whichever site serves them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.interop.browsers import accessible, browser, phone, playwright
from tests.interop.conftest import DOMAIN, Sites

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

# Both open their pages at premises; colin's list is at online.
HOMES = {"cleo": "premises", "colin": "online", "carl": "online"}
SLOW_MS = 60_000


@pytest.fixture(scope="module")
def accounts(two_sites: Sites) -> dict[str, str]:
    two_sites.create_all(HOMES)
    with two_sites.api("premises") as api:
        return {
            user: api.post("/v1/accounts", {"name": user, "person": f"{user}@{DOMAIN}"})["new_password"]
            for user in ("cleo", "colin")
        }


@pytest.mark.parametrize("user", ["cleo", "colin"])
def test_a_contact_is_in_all_tabs_at_once(browser: Browser, accounts: dict[str, str], user: str, tmp_path: Path):
    with phone(browser, accounts, user) as one, phone(browser, accounts, user) as other:
        mine = [page.get_by_role("region", name="Contacts").get_by_role("listitem") for page in (one, other)]
        one.get_by_role("searchbox", name="Name, number or address").fill("carl")
        star = one.get_by_role("region", name="People").get_by_role("button", name="Keep carl in contacts")
        star.click()
        for each in mine:
            expect(each).to_contain_text(f"carl@{DOMAIN}", timeout=SLOW_MS)
        accessible(other)
        other.screenshot(path=str(tmp_path / "contacts.png"), full_page=True)
        other.reload()
        expect(mine[1]).to_contain_text(f"carl@{DOMAIN}", timeout=SLOW_MS)
        mine[1].get_by_role("button", name="Keep carl in contacts").click()
        for each in mine:
            expect(each).to_have_count(0, timeout=SLOW_MS)


def test_what_a_browser_had_for_itself_is_taken_over_once(browser: Browser, accounts: dict[str, str]):
    own = f"isthmus.contacts.colin@{DOMAIN}"
    old = json.dumps([{"aor": f"cleo@{DOMAIN}", "name": "Cleo of old", "number": None}])
    with phone(browser, accounts, "colin") as page:
        page.evaluate("([key, text]) => localStorage.setItem(key, text)", [own, old])
        page.reload()
        mine = page.get_by_role("region", name="Contacts").get_by_role("listitem")
        expect(mine).to_contain_text("Cleo of old", timeout=SLOW_MS)
        assert page.evaluate("key => localStorage.getItem(key)", own) is None
    with phone(browser, accounts, "colin") as page:  # another browser
        mine = page.get_by_role("region", name="Contacts").get_by_role("listitem")
        expect(mine).to_contain_text("Cleo of old", timeout=SLOW_MS)


def test_contacts_are_added_grouped_changed_and_read_from_a_file(
    browser: Browser, accounts: dict[str, str], tmp_path: Path
):
    book = tmp_path / "book.csv"
    book.write_text(
        "First Name,Last Name,E-mail Address,Mobile Phone,Categories\n"
        f"Carl,<img src=x onerror=alert(1)>,carl@{DOMAIN},,Team\n"
        "Paula,Outside,paula@elsewhere.example,+49 30 1234567,\n"
        "Only,Mail,only@elsewhere.example,030 12345,\n",
        encoding="utf-8",
    )
    with phone(browser, accounts, "cleo") as page:
        region = page.get_by_role("region", name="Contacts")
        page.get_by_role("button", name="Import contacts").click()
        dialog = page.get_by_role("dialog", name="Import contacts")
        dialog.get_by_label("File of contacts").set_input_files(book)
        expect(dialog.get_by_role("status")).to_contain_text("2 contacts found; 0 of them", timeout=SLOW_MS)
        expect(dialog.get_by_role("listitem")).to_contain_text("3. Only Mail: no address here")
        accessible(page)
        dialog.get_by_role("button", name="Add 2").click()
        expect(dialog).to_be_hidden(timeout=SLOW_MS)
        expect(region.get_by_role("list", name="Team")).to_contain_text("Carl <img src=x onerror=alert(1)>")
        expect(region).to_contain_text("Paula Outside")

        page.get_by_role("button", name="Add a contact").click()
        dialog = page.get_by_role("dialog", name="Add a contact")
        dialog.get_by_label("Address or number").fill("no address")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_contain_text("is no address and no number", timeout=SLOW_MS)
        dialog.get_by_label("Address or number").fill(f"colin@{DOMAIN}")
        dialog.get_by_label("Groups").fill("Team, Friends")
        dialog.get_by_role("button", name="Save").click()
        expect(region.get_by_role("list", name="Friends")).to_contain_text(f"colin@{DOMAIN}", timeout=SLOW_MS)
        expect(region.get_by_role("list", name="Team").get_by_role("listitem")).to_have_count(2)

        region.get_by_role("list", name="Friends").get_by_role("button", name=f"Edit colin@{DOMAIN}").click()
        dialog = page.get_by_role("dialog", name=f"Edit colin@{DOMAIN}")
        dialog.get_by_label("Name", exact=True).fill("Colin")
        dialog.get_by_label("Groups").fill("")
        dialog.get_by_role("button", name="Save").click()
        expect(region.get_by_role("list", name="Friends")).to_have_count(0, timeout=SLOW_MS)
        expect(region).to_contain_text("Colin")
        accessible(page)
        for name in ("Carl <img src=x onerror=alert(1)>", "Paula Outside", "Colin"):
            region.get_by_role("button", name=f"Keep {name} in contacts", exact=True).click()
            expect(region).not_to_contain_text(name, timeout=SLOW_MS)
