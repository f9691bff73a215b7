"""A new administrator is led through setting up: what is missing turns good by what is really there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.interop.browsers import SLOW_MS, accessible, browser, pictured, playwright
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.consoles import Console, opened

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PLACE = "set-hall"


@pytest.fixture(scope="module")
def console(browser: Browser, two_sites: Sites) -> Iterator[Console]:
    two_sites.create_all({"set-ann": "premises", "set-bea": "premises"})
    with opened(browser, two_sites, "set-sue", "/", "Overview") as console:
        yield console


def test_the_overview_leads_to_what_is_missing_until_it_is_there_or_nobody_wants_to_know(
    console: Console, two_sites: Sites
):
    page = console.page
    with two_sites.api("premises") as api:
        there = len(api.get("/v1/locations/places"))  # of other tests
    reminder = page.get_by_role("region", name="Setting up this site")
    with two_sites.api("premises") as api:
        done = api.get("/v1/setup")["done"]
    if not done:
        expect(reminder).to_contain_text("steps are done", timeout=SLOW_MS)
        reminder.get_by_role("link", name="Show all steps").click()
    else:
        console.open("/setup")
    step = page.get_by_role("group", name="An emergency place", exact=True)
    expect(step).to_contain_text(f"There: {there}" if there else "Missing", timeout=SLOW_MS)
    expect(page.get_by_role("group", name="The other site", exact=True)).to_contain_text("Done", timeout=SLOW_MS)
    expect(page.get_by_role("group", name="The first people", exact=True)).to_contain_text("Done")
    accessible(page)
    pictured(page, "setup")

    step.get_by_role("link", name="Add a place").click()
    page.get_by_label("Name of the place").fill(PLACE)
    page.get_by_label("Country").fill("DE")
    page.get_by_label("Street", exact=True).fill("Hauptstrasse")
    page.get_by_label("House number").fill("1")
    page.get_by_label("Town").fill("Berlin")
    page.get_by_label("Postal code").fill("10827")
    console.press("Add the place")
    console.prove_if_asked(page.get_by_role("cell", name=PLACE, exact=True))
    page.get_by_role("link", name="Setting up", exact=True).click()
    expect(step).to_contain_text(f"There: {there + 1}", timeout=SLOW_MS)
    expect(step).to_contain_text("Done")

    console.open("/")
    if reminder.is_visible():
        reminder.get_by_role("button", name="Don't show it any more").click()
        expect(reminder).to_have_count(0)
    with two_sites.api("premises") as api:
        api.delete(f"/v1/locations/places/{PLACE}")


def _tab_to(page: Page, control: Locator) -> None:
    """Press Tab until the control has the keyboard."""
    expect(control).to_be_visible(timeout=SLOW_MS)
    for _ in range(120):
        if control.evaluate("each => each === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the keyboard does not get there")


def test_a_form_and_a_move_by_keyboard_alone(console: Console):
    page = console.open(f"/people/set-ann@{DOMAIN}")
    _tab_to(page, page.get_by_label("Name", exact=True))
    page.keyboard.press("Control+a")
    page.keyboard.type("Ann of the keyboard")
    _tab_to(page, page.get_by_role("button", name="Save", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ann of the keyboard")).to_be_visible(timeout=SLOW_MS)

    page = console.open("/moves/new?group=")
    expect(page.get_by_role("heading", name="New move")).to_be_visible(timeout=SLOW_MS)
    _tab_to(page, page.get_by_label("Addresses"))
    page.keyboard.press("Control+a")
    page.keyboard.type(f"set-bea@{DOMAIN}")
    _tab_to(page, page.get_by_label("New home"))
    page.keyboard.type("online")
    _tab_to(page, page.get_by_role("button", name="Check", exact=True))
    page.keyboard.press("Enter")
    code = page.get_by_label("Code of your authenticator app, or a recovery code")
    checked = page.get_by_text("1 can be moved, 0 can't.")
    expect(code.or_(checked).first).to_be_visible(timeout=SLOW_MS)
    if code.is_visible():
        _tab_to(page, code)
        page.keyboard.type(console.app.code())
        page.keyboard.press("Enter")
    expect(checked).to_be_visible(timeout=SLOW_MS)
    _tab_to(page, page.get_by_role("button", name="Move them", exact=True))
    page.keyboard.press("Enter")
    _tab_to(page, page.get_by_role("dialog").get_by_role("button", name="Move them", exact=True))
    page.keyboard.press("Enter")
    console.prove_if_asked(page.get_by_text("Over: 1 moved, 0 not moved."))
