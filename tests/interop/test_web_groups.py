"""A group in the browser: its owner hands it over and removes somebody."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.interop.browsers import accessible, browser, phone, playwright
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.tabs import RefusalError, Tab
from tests.support import wait_for

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

HOMES = {"gail": "premises", "greg": "online", "gus": "premises"}
SLOW_MS = 60_000


def test_the_owner_hands_a_group_over_and_removes_somebody(browser: Browser, two_sites: Sites, tmp_path: Path):
    two_sites.create_all(HOMES)
    with two_sites.api("premises") as api:
        password = api.post("/v1/accounts", {"name": "gail", "person": f"gail@{DOMAIN}"})["new_password"]
    greg = Tab(two_sites, "online", "greg")
    try:
        people = [f"{user}@{DOMAIN}" for user in ("gail", "gus")]
        chat = greg.ask("chat.group", chat=str(uuid.uuid4()), title="Garden", aors=people)
        greg.ask("chat.send", chat=chat["id"], message=str(uuid.uuid4()), text="hello all")
        gail_id = next(each["id"] for each in chat["members"] if each["aor"] == f"gail@{DOMAIN}")
        with phone(browser, {"gail": password}, "gail") as gail:
            gail.get_by_role("button", name="Garden").click(timeout=SLOW_MS)
            gail.get_by_role("button", name="3 people").click()
            gail.get_by_role("menuitem", name="Members").click()
            dialog = gail.get_by_role("dialog")
            expect(dialog.get_by_role("listitem").filter(has_text="greg")).to_contain_text("(owner)")
            expect(dialog.get_by_role("button", name="Remove")).to_have_count(0)
            greg.ask("chat.owner", chat=chat["id"], person=gail_id)
            remove = dialog.get_by_role("button", name="Remove gus from the group")
            expect(remove).to_be_visible(timeout=SLOW_MS)
            accessible(gail)
            gail.screenshot(path=str(tmp_path / "members.png"), full_page=True)
            remove.click()
            expect(dialog.get_by_role("listitem")).to_have_count(2, timeout=SLOW_MS)
        wait_for(lambda: len(greg.ask("chat.info", chat=chat["id"])["members"]) == 2, 60, "greg's home knows")
        with pytest.raises(RefusalError, match="only the owner"):
            greg.ask("chat.remove", chat=chat["id"], person=gail_id)
    finally:
        greg.close()
