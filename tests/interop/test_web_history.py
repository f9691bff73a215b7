"""A long conversation in the browser: it is scrolled through, looked things up in, and only drawn where one looks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.interop.browsers import SLOW_MS, accessible, browser, phone, playwright
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.histories import written
from tests.interop.tabs import Tab
from tests.support import wait_for

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HOMES = {"hedy": "premises", "hugo": "premises"}
COUNT = 3000
DAY_S = 86400.0


@pytest.fixture(scope="module")
def people(two_sites: Sites) -> dict[str, str]:
    """User to password of the account. They have written to one another for a month, up to yesterday."""
    two_sites.create_all(HOMES)
    written(two_sites, "hugo", "hedy", COUNT, time.time() - 31 * DAY_S, 30 * DAY_S)
    with two_sites.api("premises") as api:
        return {"hedy": api.post("/v1/accounts", {"name": "hedy", "person": f"hedy@{DOMAIN}"})["new_password"]}


@pytest.fixture(scope="module")
def hugo(two_sites: Sites, people: dict[str, str]) -> Iterator[Tab]:
    tab = Tab(two_sites, "premises", "hugo")
    yield tab
    tab.close()


def top(log: Locator, shown: Locator) -> float:
    """How far below the upper edge of the conversation something stands, in pixels."""
    inner, outer = shown.bounding_box(), log.bounding_box()
    assert inner is not None and outer is not None
    return inner["y"] - outer["y"]


def said(number: int) -> re.Pattern[str]:
    return re.compile(rf"^number {number} of them")


def opened(page: Page) -> Locator:
    page.get_by_role("list", name="Chats").get_by_role("button").click(timeout=SLOW_MS)
    log = page.get_by_role("log", name="Messages")
    expect(log.get_by_text(said(COUNT - 1))).to_be_in_viewport(timeout=SLOW_MS)
    return log


def test_one_scrolls_back_to_the_beginning_and_keeps_the_place(
    browser: Browser, people: dict[str, str], tmp_path: Path
):
    with phone(browser, people, "hedy") as hedy:
        log = opened(hedy)
        assert log.locator("[data-index]").count() < 40
        loaded = 50
        for _ in range(3):
            log.evaluate("log => { log.scrollTop = 0; }")
            first = log.get_by_text(said(COUNT - loaded))
            loaded += 50
            hedy.wait_for_function("log => log.scrollTop > 1000", arg=log.element_handle())  # fifty more are above it
            expect(first).to_be_in_viewport()
        before = top(log, first)
        hedy.mouse.move(*middle(log))
        hedy.mouse.wheel(0, -40)
        wait_for(lambda: abs(top(log, first) - before - 40) < 3, 30, "it moves as far as the wheel did, and no further")
        hedy.screenshot(path=str(tmp_path / "amid.png"))

        beginning = log.get_by_text(said(0))

        def begun() -> bool:
            log.evaluate("log => { log.scrollTop = 0; }")
            return beginning.count() > 0 and beginning.is_visible()

        wait_for(begun, 120, "the first message of all")
        expect(log.get_by_text(re.compile(r"^\w+day, \w+ \d+, 2\d{3}$")).first).to_be_visible()
        assert log.locator("[data-index]").count() < 40
        hedy.get_by_role("button", name="To the newest").click()
        expect(log.get_by_text(said(COUNT - 1))).to_be_in_viewport()
        expect(hedy.get_by_role("button", name="To the newest")).to_have_count(0)
        accessible(hedy)


def middle(log: Locator) -> tuple[float, float]:
    box = log.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_what_was_searched_is_jumped_to_and_what_comes_moves_nothing_there(
    browser: Browser, people: dict[str, str], hugo: Tab, tmp_path: Path
):
    with phone(browser, people, "hedy") as hedy:
        hedy.get_by_label("Whom to write to, or what was written").fill("needle")
        hedy.get_by_role("list", name="Messages found").get_by_role("button").click(timeout=SLOW_MS)
        log = hedy.get_by_role("log", name="Messages")
        found = log.get_by_text("the needle", exact=True)
        expect(found).to_be_in_viewport(timeout=SLOW_MS)
        assert log.locator("[data-index]").count() < 40
        settled: list[float] = []

        def still() -> bool:
            settled.append(top(log, found))
            return len(settled) > 3 and len(set(settled[-3:])) == 1

        wait_for(still, 30, "the place is found")
        assert 50 < settled[-1] < 350  # about the middle
        hedy.screenshot(path=str(tmp_path / "found.png"))
        chat = hugo.ask("chat.open", aor=f"hedy@{DOMAIN}")["id"]
        hugo.ask("chat.send", chat=chat, message=SAID[0], text="something new")
        chats = hedy.get_by_role("list", name="Chats")
        expect(chats).to_contain_text("something new", timeout=SLOW_MS)
        assert top(log, found) == settled[-1]
        hedy.get_by_role("button", name="To the newest").click()
        expect(log.get_by_text("something new", exact=True)).to_be_in_viewport()
        # There one stays.
        hugo.ask("chat.send", chat=chat, message=SAID[1], text="and more\n" * 12)
        expect(log.get_by_text("and more").first).to_be_visible(timeout=SLOW_MS)
        hedy.wait_for_function(
            "log => log.scrollHeight - log.scrollTop - log.clientHeight < 2", arg=log.element_handle()
        )


SAID = ("7f0f8f3c-2f52-4a3c-8a58-0a54a4f7d1b1", "7f0f8f3c-2f52-4a3c-8a58-0a54a4f7d1b2")
