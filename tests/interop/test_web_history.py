"""A long conversation in the browser: it is scrolled through, looked things up in, and only drawn where one looks."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.interop.browsers import SLOW_MS, accessible, browser, phone, playwright
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.histories import NEEDLE_AT, written
from tests.interop.tabs import Tab
from tests.support import wait_for

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HOMES = {"hedy": "premises", "hugo": "premises", "holly": "premises", "hank": "premises"}
COUNT = 3000
MANY = 10_000
UP, DOWN = "0", "log.scrollHeight"
DAY_S = 86400.0


@pytest.fixture(scope="module")
def people(two_sites: Sites) -> dict[str, str]:
    """User to password of the account. They have written to one another for a month, up to yesterday."""
    two_sites.create_all(HOMES)
    written(two_sites, "hugo", "hedy", COUNT, time.time() - 31 * DAY_S, 30 * DAY_S)
    written(two_sites, "hank", "holly", MANY, time.time() - 31 * DAY_S, 30 * DAY_S)

    def account(user: str) -> str:
        with two_sites.api("premises") as api:
            return str(api.post("/v1/accounts", {"name": user, "person": f"{user}@{DOMAIN}"})["new_password"])

    return {user: account(user) for user in ("hedy", "holly")}


@pytest.fixture(scope="module")
def hugo(two_sites: Sites, people: dict[str, str]) -> Iterator[Tab]:
    tab = Tab(two_sites, "premises", "hugo")
    yield tab
    tab.close()


@pytest.fixture(scope="module")
def hank(two_sites: Sites, people: dict[str, str]) -> Iterator[Tab]:
    tab = Tab(two_sites, "premises", "hank")
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
        wait_for(lambda: abs(top(log, first) - before - 40) < 3, 60, "it moves as far as the wheel did, and no further")
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
        place = settled(log, found)
        assert 50 < place < 350  # about the middle
        hedy.screenshot(path=str(tmp_path / "found.png"))
        chat = hugo.ask("chat.open", aor=f"hedy@{DOMAIN}")["id"]
        hugo.ask("chat.send", chat=chat, message=SAID[0], text="something new")
        chats = hedy.get_by_role("list", name="Chats")
        expect(chats).to_contain_text("something new", timeout=SLOW_MS)
        assert top(log, found) == place
        hedy.get_by_role("button", name="To the newest").click()
        expect(log.get_by_text("something new", exact=True)).to_be_in_viewport()
        # There one stays.
        hugo.ask("chat.send", chat=chat, message=SAID[1], text="and more\n" * 12)
        expect(log.get_by_text("and more").first).to_be_visible(timeout=SLOW_MS)
        hedy.wait_for_function(
            "log => log.scrollHeight - log.scrollTop - log.clientHeight < 2", arg=log.element_handle()
        )


def settled(log: Locator, shown: Locator) -> float:
    """Where something stands in the conversation, once it stands still."""
    seen: list[float] = []

    def still() -> bool:
        seen.append(top(log, shown))
        return len(seen) > 3 and len(set(seen[-3:])) == 1

    wait_for(still, 60, "the place is found")
    return seen[-1]


def told_to(page: Page) -> set[str]:
    """Ids of the messages that the page is given from now on, once it is loaded anew."""
    ids: set[str] = set()

    def taken(value: object) -> None:
        if isinstance(value, dict):
            if "stamp" in value and "text" in value:
                ids.add(value["id"])
            for each in value.values():
                taken(each)
        elif isinstance(value, list):
            for each in value:
                taken(each)

    page.on("websocket", lambda opened: opened.on("framereceived", lambda frame: taken(parsed(frame))))
    page.reload()
    expect(page.get_by_role("status")).to_have_text("Ready", timeout=SLOW_MS)
    return ids


def parsed(frame: str | bytes) -> object:
    """What the site tells on its own WebSocket; nothing of SIP."""
    try:
        return json.loads(frame)
    except ValueError:
        return None


def numbers(log: Locator) -> list[int]:
    """Which of the numbered messages are drawn, from above."""
    texts = log.evaluate(
        "log => [...log.querySelectorAll('[data-index]')]"
        ".sort((a, b) => a.dataset.index - b.dataset.index).map(each => each.innerText)"
    )
    found = [re.search(r"number (\d+) of them|the needle", each) for each in texts]
    return [int(each[1] or MANY * NEEDLE_AT) for each in found if each]


def scrolled(log: Locator, number: int, where: str) -> None:
    """Scroll to an end of what is there until a message was passed; all that are drawn meanwhile are without a gap."""
    seen: list[list[int]] = []

    def passed() -> bool:
        log.evaluate(f"log => {{ log.scrollTop = {where}; }}")
        seen.append(numbers(log))
        return seen[-1][-1] >= number if where == DOWN else seen[-1][0] <= number

    wait_for(passed, 120, f"message {number} was passed")
    for drawn in seen:
        assert drawn == list(range(drawn[0], drawn[-1] + 1))


def test_a_jump_loads_what_is_around_and_one_goes_on_from_there_either_way(
    browser: Browser, people: dict[str, str], hank: Tab, tmp_path: Path
):
    needle = int(MANY * NEEDLE_AT)
    with phone(browser, people, "holly") as holly:
        loaded = told_to(holly)
        holly.get_by_label("Whom to write to, or what was written").fill("needle")
        holly.get_by_role("list", name="Messages found").get_by_role("button").click(timeout=SLOW_MS)
        log = holly.get_by_role("log", name="Messages")
        found = log.get_by_text("the needle", exact=True)
        expect(found).to_be_in_viewport(timeout=SLOW_MS)
        place = settled(log, found)
        assert 50 < place < 350
        assert 90 < len(loaded) < 110  # a page each way, the one that was found, the last in the list

        newest = holly.get_by_role("button", name="To the newest")
        chat = hank.ask("chat.open", aor=f"holly@{DOMAIN}")["id"]
        for number in range(2):
            hank.ask("chat.send", chat=chat, message=str(uuid.uuid4()), text=f"meanwhile {number}")
        expect(newest).to_have_text("To the newest (2 new)", timeout=SLOW_MS)
        assert top(log, found) == place
        accessible(holly)
        holly.screenshot(path=str(tmp_path / "around.png"))

        scrolled(log, needle + 120, DOWN)
        scrolled(log, needle - 120, UP)
        scrolled(log, needle + 120, DOWN)
        assert log.get_by_text("meanwhile").count() == 0
        assert len(loaded) < 600

        newest.click()
        expect(log.get_by_text("meanwhile 1", exact=True)).to_be_in_viewport(timeout=SLOW_MS)
        expect(newest).to_have_count(0)
        for number in range(2):
            expect(log.get_by_text(f"meanwhile {number}", exact=True)).to_have_count(1)
        expect(log).to_be_focused()
        hank.ask("chat.send", chat=chat, message=str(uuid.uuid4()), text="and after that")
        expect(log.get_by_text("and after that", exact=True)).to_be_in_viewport(timeout=SLOW_MS)
        scrolled(log, MANY - 120, UP)
        assert len(loaded) < 900


def test_who_writes_amid_old_messages_is_at_the_newest(browser: Browser, people: dict[str, str]):
    with phone(browser, people, "holly") as holly:
        holly.get_by_label("Whom to write to, or what was written").fill("needle")
        holly.get_by_role("list", name="Messages found").get_by_role("button").click(timeout=SLOW_MS)
        log = holly.get_by_role("log", name="Messages")
        expect(log.get_by_text("the needle", exact=True)).to_be_in_viewport(timeout=SLOW_MS)
        field = holly.get_by_label("Message", exact=True)
        field.fill("I found it")
        field.press("Enter")
        expect(log.get_by_text("I found it", exact=True)).to_be_in_viewport(timeout=SLOW_MS)
        expect(log.get_by_text("I found it", exact=True)).to_have_count(1)
        expect(log.get_by_text(said(MANY - 1))).to_have_count(1)
        expect(field).to_be_focused()


SAID = ("7f0f8f3c-2f52-4a3c-8a58-0a54a4f7d1b1", "7f0f8f3c-2f52-4a3c-8a58-0a54a4f7d1b2")
