"""What the web phone tells while nobody looks at it, and what a page says of itself: notifications, no network, a newer
version, writing from right to left. In Debian's Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, Worker, expect

from tests.interop.browsers import PHONE, SLOW_MS, accessible, browser, phone, playwright
from tests.interop.conftest import Sites
from tests.interop.test_web_messages import write
from tests.interop.test_web_phone import (
    SLOW_S,
    Agents,
    agent,
    agents,
    called_by,
    dial,
    done_with,
    hears,
    idle,
    shows,
)
from tests.support import wait_for

__all__ = ["agents", "browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HOMES = {"nora": "premises", "niels": "online", "nils": "online"}
NOTICES = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
  .map(({title, body, actions}) => [title, body, actions.map(({action}) => action)])"""
# A browser without a screen says no by itself.
ASKABLE = """
  let state = "default";
  Object.defineProperty(Notification, "permission", {get: () => state});
  Notification.requestPermission = async () => state = "granted";
"""
# As if the site had been another version when the page was loaded, unless it is loaded anew.
OTHER_BUILD = """document.addEventListener("DOMContentLoaded", () => {
  const build = document.querySelector("meta[name=build]");
  if (build && !sessionStorage.getItem("newer")) build.content = "0123456789abcdef";
})"""
# As the browser does it when a button of a notification is clicked.
CLICK = """async (action) => {
  const [notification] = await self.registration.getNotifications();
  self.dispatchEvent(new NotificationEvent("notificationclick", {notification, action}));
}"""


@pytest.fixture(scope="module")
def people(two_sites: Sites) -> dict[str, str]:
    """User to password of the accounts."""
    two_sites.create_all(HOMES)
    return two_sites.accounts(HOMES)


def looked_at(page: Page, *, seen: bool) -> None:
    """Another tab is before it, or no more."""
    page.evaluate(
        """(seen) => {
          const state = seen ? "visible" : "hidden";
          Object.defineProperty(document, "visibilityState", {configurable: true, get: () => state});
          document.hasFocus = () => seen;
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        seen,
    )


def worker_of(page: Page) -> Worker:
    ready = "navigator.serviceWorker.ready.then(() => true)"
    wait_for(lambda: page.evaluate(ready) and page.context.service_workers, SLOW_S, "the page has its service worker")
    return page.context.service_workers[0]


def told(page: Page, *wanted: list[object]) -> None:
    found: list[object] = []

    def as_wanted() -> bool:
        found[:] = page.evaluate(NOTICES)
        return found == list(wanted)

    try:
        wait_for(as_wanted, SLOW_S, "what is told")
    except AssertionError as error:
        raise AssertionError(f"told is {found}, not {list(wanted)}") from error


def test_a_call_and_a_message_are_told_while_the_page_is_behind_others(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str]
):
    niels = agent(agents, two_sites, "niels", "online", 620)
    with phone(browser, people, "nora") as page:
        page.context.grant_permissions(["microphone", "camera", "notifications"], origin=PHONE.format("premises")[:-7])
        page.reload()
        expect(page.get_by_role("status")).to_have_text("Ready", timeout=SLOW_MS)
        worker = worker_of(page)
        looked_at(page, seen=False)
        ring = ["niels@contoso.example", "Is calling you", ["answer", "decline"]]

        call = called_by(agents, niels, "nora")
        told(page, ring)
        looked_at(page, seen=True)
        told(page, ring)  # stays until it is over
        worker.evaluate(CLICK, "answer")
        agents(call.answered(SLOW_S))
        told(page)
        hears(page, 620)
        agents(call.hang_up())
        idle(page)

        looked_at(page, seen=False)
        call = called_by(agents, niels, "nora")
        told(page, ring)
        worker.evaluate(CLICK, "decline")
        agents(call.over(SLOW_S))
        told(page)

        call = called_by(agents, niels, "nora")
        told(page, ring)
        call.cancel()  # whoever called gave up, or somebody answered elsewhere
        told(page)
    done_with(agents, niels)


def test_a_message_is_told_while_the_page_is_behind_others(browser: Browser, two_sites: Sites, people: dict[str, str]):
    with phone(browser, people, "nora") as page, phone(browser, people, "nils", "online") as other:
        page.context.grant_permissions(["microphone", "camera", "notifications"], origin=PHONE.format("premises")[:-7])
        worker_of(page)
        looked_at(page, seen=False)
        other.get_by_label("Whom to write to, or what was written").fill("nora")
        other.get_by_role("button", name="Write to nora").click()
        write(other, "Lunch?")
        # What was written comes to the page as well.
        expect(page.get_by_role("list", name="Chats")).to_contain_text("Lunch?", timeout=SLOW_MS)
        told(page, ["nils", "Lunch?", []])


def test_they_are_asked_for_by_a_click(browser: Browser, two_sites: Sites, people: dict[str, str]):
    with phone(browser, people, "nora") as page:
        page.add_init_script(ASKABLE)
        page.reload()
        asks = page.get_by_role("button", name="Notifications")
        expect(asks).to_have_attribute("title", "Be told of calls and messages while this page is behind others. "
                                       "The browser asks whether it may.")  # fmt: skip
        asks.click()
        expect(asks).to_be_hidden()


def test_without_a_network_the_page_says_so(browser: Browser, two_sites: Sites, people: dict[str, str]):
    with phone(browser, people, "nora") as page:
        worker_of(page)
        page.context.set_offline(True)
        page.goto(PHONE.format("premises"), wait_until="load")
        expect(page.get_by_role("heading", name="No connection")).to_be_visible()
        accessible(page)
        page.context.set_offline(False)
        page.get_by_role("link", name="Try again").click()
        expect(page.get_by_role("status")).to_have_text("Ready", timeout=SLOW_MS)


def test_a_newer_version_is_offered_but_not_during_a_call(browser: Browser, two_sites: Sites, people: dict[str, str]):
    with phone(browser, people, "nora") as page:
        expect(page.get_by_text("newer version")).to_have_count(0)
        page.add_init_script(OTHER_BUILD)
        page.reload()
        loads = page.get_by_role("button", name="Load it")
        expect(loads).to_be_enabled(timeout=SLOW_MS)
        expect(page.get_by_role("status")).to_have_text("Ready", timeout=SLOW_MS)
        dial(page, "+12065550123")
        shows(page, "Connected")
        expect(loads).to_be_disabled()
        accessible(page)
        page.get_by_role("button", name="Hang up").click()
        idle(page)
        page.evaluate("sessionStorage.setItem('newer', '1')")
        loads.click()
        expect(page.get_by_role("status")).to_have_text("Ready", timeout=SLOW_MS)
        expect(loads).to_have_count(0)


def test_a_language_that_is_written_from_the_right_mirrors_the_page(
    browser: Browser, two_sites: Sites, people: dict[str, str]
):
    def left(name: str) -> float:
        box = page.locator(name).bounding_box()
        assert box is not None
        return box["x"]

    with phone(browser, people, "nora") as page:
        assert left("h1") < left("[role=status]")
        assert left("#calls") < left("#chats")
        page.evaluate("localStorage.setItem('isthmus.language', 'ar-XB')")
        page.reload()
        expect(page.locator("html[dir=rtl][lang=ar-XB]")).to_be_attached()
        expect(page.get_by_role("status")).to_contain_text("Ready", timeout=SLOW_MS)
        assert left("h1") > left("[role=status]")
        assert left("#calls") > left("#chats")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        accessible(page)
