"""The device that a browser tab is: what tabs leave behind keeps nobody from opening the phone once more."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import update

from isthmus.database import open_database, writing
from isthmus.directory.tables import device
from tests.interop.browsers import PHONE, SLOW_MS, browser, phone, playwright, sign_in, watched
from tests.interop.conftest import DOMAIN, Sites

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

AOR = f"tabitha@{DOMAIN}"
MOST = 32
TWO_HOURS_MS = 2 * 3600 * 1000


def test_tabs_that_were_closed_make_room_where_there_is_none(two_sites: Sites, browser: Browser):
    two_sites.create("tabitha", "premises")
    with two_sites.api("premises") as api:
        password = api.post("/v1/accounts", {"name": "tabitha", "person": AOR})["new_password"]
        desk = api.post("/v1/devices", {"aor": AOR, "label": "desk phone"})["name"]
        for number in range(MOST - 1):
            api.post("/v1/devices", {"aor": AOR, "label": f"Browser {number:06}"})
    with watched(browser, locale="en-US") as page:
        page.goto(PHONE.format("premises"))
        sign_in(page, "tabitha", password)
        expect(page.get_by_text(f"has {MOST} devices, the most there may be")).to_be_visible(timeout=SLOW_MS)
    engine = open_database(two_sites.file("premises").database_url)
    with writing(engine) as connection:
        older = device.c.created_ms - TWO_HOURS_MS
        connection.execute(update(device).where(device.c.aor == AOR).values(created_ms=older))
    engine.dispose()
    with phone(browser, {"tabitha": password}, "tabitha"), two_sites.api("premises") as api:
        left = {each["name"]: each["label"] for each in api.get("/v1/devices", aor=AOR)}
        assert desk in left, "what is no tab's is nobody's to take away"
        assert len(left) == 2
