"""Calling plans in the console: which there are and what is used, who has them and by what, given and taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from isthmus.errors import IsthmusError
from isthmus.policy.licences import FEATURES
from tests.interop.browsers import SLOW_MS, accessible, browser, pictured, playwright
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.consoles import Console, opened
from tests.support import wait_for

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ANN, BEA, CID = (f"pln-{each}@{DOMAIN}" for each in ("ann", "bea", "cid"))
TEAM, WIDE, NEW = "pln-team", "pln-wide", "pln-new"
GROUP, LICENCE = "pln-sales", "pln-lines"
# People of a pool share its minutes.
PLAN = {"home": ["US"], "domestic": 3000, "international": 60, "pooled": True, "most": 20}


@pytest.fixture(scope="module")
def console(browser: Browser, two_sites: Sites) -> Iterator[Console]:
    two_sites.create_all({each.partition("@")[0]: "premises" for each in (ANN, BEA, CID)})
    with two_sites.api("premises") as api:
        api.put(f"/v1/plans/{TEAM}", PLAN)
        api.put(f"/v1/plans/{WIDE}", {"home": ["US"], "domestic": None})
        api.post("/v1/groups", {"name": GROUP})
        api.patch(f"/v1/groups/{GROUP}", {"add": {"people": [BEA]}})
        api.post(f"/v1/plans/{TEAM}/assign", {"people": [ANN]})
    with opened(browser, two_sites, "pln-lea", "/plans", "Calling plans") as console:
        yield console


def plan_of(sites: Sites, aor: str) -> Any:
    """Somebody's plan, and by which group or licence they have it."""
    with sites.api("premises") as api:
        found = api.get(f"/v1/plans/of/{aor}")
    return found["plan"], found["group"] or found["licence"]


def plan(sites: Sites, name: str) -> Any:
    with sites.api("premises") as api:
        return next((each for each in api.get("/v1/plans") if each["name"] == name), None)


def at(console: Console, path: str, heading: str) -> Page:
    """A page, once it is that one."""
    page = console.open(path)
    expect(page.get_by_role("heading", name=heading, level=1, exact=True)).to_be_visible(timeout=SLOW_MS)
    return page


def row(page: Page | Locator, table: str, text: str) -> Locator:
    return page.get_by_role("table", name=table, exact=True).get_by_role("row").filter(has_text=text)


def saved(console: Console) -> Locator:
    """Wait until the last change can be taken back."""
    button = console.page.get_by_role("button", name="Undo", exact=True)
    expect(button).to_have_count(1, timeout=SLOW_MS)
    return button


def undo(console: Console) -> None:
    saved(console).click()
    expect(console.page.get_by_text("It is as it was before").first).to_be_visible(timeout=SLOW_MS)
    dismiss = console.page.get_by_role("button", name="Dismiss", exact=True)
    while dismiss.count():
        dismiss.first.click(timeout=SLOW_MS)


def test_the_list_says_what_is_used_of_which_plan(console: Console):
    page = at(console, "/plans", "Calling plans")
    team = row(page, "Calling plans", TEAM)
    expect(team.get_by_role("progressbar", name="Domestic: 0 of 3,000 minutes")).to_be_visible(timeout=SLOW_MS)
    expect(team).to_contain_text("Shared by all who have it")
    expect(team).to_contain_text("1 of 20")
    wide = row(page, "Calling plans", WIDE)
    expect(wide).to_contain_text("Domestic: without limit")
    expect(wide).to_contain_text("International: not in the plan")
    accessible(page)
    pictured(page, "plans")
    month = page.get_by_label("Month")
    before = str(month.locator("option").nth(1).get_attribute("value"))
    month.select_option(before)
    expect(page).to_have_url(re.compile(rf"/console/plans\?month={before}$"), timeout=SLOW_MS)
    expect(page.get_by_role("main")).to_contain_text(f"isthmus plan usage --together --month {before}")
    team.get_by_role("link", name=TEAM, exact=True).click()
    expect(page.get_by_role("heading", name=TEAM, level=1, exact=True)).to_be_visible(timeout=SLOW_MS)


def test_people_of_a_plan_are_looked_for_and_taken_from_it(console: Console, two_sites: Sites):
    page = at(console, f"/plans/{TEAM}?match=pln-ann", TEAM)
    expect(page.get_by_label("Name, address or number")).to_have_value("pln-ann", timeout=SLOW_MS)
    ann = row(page, "People with this plan", ANN)
    expect(ann).to_contain_text("By name", timeout=SLOW_MS)
    accessible(page)
    pictured(page, "plan")
    page.get_by_label("Name, address or number").fill("nonesuch")
    expect(page.get_by_text("Nobody with this plan was found")).to_be_visible(timeout=SLOW_MS)
    page.get_by_label("Name, address or number").fill("PLN-")
    expect(ann).to_be_visible(timeout=SLOW_MS)

    ann.get_by_role("button", name="Take it").click()
    dialog = page.get_by_role("dialog", name=f"Take the plan {TEAM} from {ANN}?")
    would = row(dialog, "Before → after", ANN)
    expect(would).to_contain_text(f"{TEAM}, By name", timeout=SLOW_MS)
    expect(would).to_contain_text("none")
    expect(dialog).to_contain_text(f"isthmus plan unassign {TEAM} {ANN}")
    accessible(page)
    console.press("Take it", dialog)
    saved(console)  # while the dialog is there nothing behind it has a role
    expect(ann).to_have_count(0, timeout=SLOW_MS)
    assert plan_of(two_sites, ANN) == (None, None)
    undo(console)
    expect(ann).to_be_visible(timeout=SLOW_MS)
    assert plan_of(two_sites, ANN) == (TEAM, None)


def test_a_plan_is_given_to_a_group_after_what_would_change_by_keyboard_alone(console: Console, two_sites: Sites):
    page = at(console, f"/plans/{TEAM}", TEAM)
    to = page.get_by_label("To", exact=True)
    to.focus()
    page.keyboard.press("ArrowDown")
    expect(to).to_have_value("group", timeout=SLOW_MS)
    page.keyboard.press("Tab")
    name = page.get_by_label("Name of the group")
    expect(name).to_be_focused(timeout=SLOW_MS)
    page.keyboard.type("pln-nonesuch")
    page.keyboard.press("Enter")
    expect(name).to_have_attribute("aria-invalid", "true", timeout=SLOW_MS)
    expect(page.get_by_role("heading", name="Preview: nothing has changed yet")).to_have_count(0)
    name.fill(GROUP)
    page.keyboard.press("Tab")
    rank = page.get_by_label("Rank", exact=True)
    expect(rank).to_be_focused(timeout=SLOW_MS)
    rank.fill("7")
    page.keyboard.press("Enter")
    preview = page.get_by_role("region", name="Preview: nothing has changed yet")
    expect(preview).to_contain_text("People who would have another plan: 1", timeout=SLOW_MS)
    expect(row(preview, "Before → after", BEA)).to_contain_text(f"{TEAM}, By group {GROUP}")
    expect(page.get_by_role("main")).to_contain_text(f"isthmus plan assign {TEAM} --group {GROUP} --rank 7")
    assert plan_of(two_sites, BEA) == (None, None)
    accessible(page)
    pictured(page, "plan-preview")
    give = preview.get_by_role("button", name="Give it", exact=True)
    for _ in range(12):
        if give.evaluate("each => each === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(give).to_be_focused()
    page.keyboard.press("Enter")
    bea = row(page, "People with this plan", BEA)
    expect(bea).to_contain_text(f"By group {GROUP}", timeout=SLOW_MS)
    assert plan_of(two_sites, BEA) == (TEAM, GROUP)
    expect(bea.get_by_role("button", name="Take it")).to_have_count(0)  # it is the group's
    given = row(page, "Groups and licences that have it", f"By group {GROUP}")
    expect(given).to_contain_text("7")
    undo(console)
    expect(given).to_have_count(0, timeout=SLOW_MS)
    assert plan_of(two_sites, BEA) == (None, None)


def test_the_persons_page_says_by_what_they_have_it_and_gives_another(console: Console, two_sites: Sites):
    path = f"/people/{CID}?tab=plan"
    page = at(console, path, "pln-cid")
    expect(page.get_by_text("No calling plan: their calls go by voice routes alone")).to_be_visible(timeout=SLOW_MS)
    with two_sites.api("premises") as api:
        # With the first licence of a tenant all features are asked for: so all of them, and not for long.
        api.put(f"/v1/licences/{LICENCE}", {"count": 5, "features": sorted(FEATURES)})
        try:
            api.post(f"/v1/licences/{LICENCE}/assign", {"people": [CID]})
            api.post(f"/v1/plans/{TEAM}/assign", {"licences": [LICENCE], "rank": 3})
            wait_for(lambda: plan_of(two_sites, CID) == (TEAM, LICENCE), 60, "the licence gives the plan")
            page.reload()  # what was asked a moment ago is not asked again
            said = page.get_by_role("definition").filter(has_text=f"By licence {LICENCE}")
            expect(said).to_be_visible(timeout=SLOW_MS)
            expect(row(page, "What their groups and licences give them", TEAM)).to_contain_text("3")
            expect(page.get_by_role("button", name="Take it")).to_have_count(0)
            accessible(page)
            pictured(page, "plan-person")
            page.get_by_role("combobox", name="Calling plan", exact=True).select_option(WIDE)
            console.press("Preview")
            preview = page.get_by_role("region", name="Preview: nothing has changed yet")
            would = row(preview, "Before → after", CID)
            expect(would).to_contain_text(f"{TEAM}, By licence {LICENCE}", timeout=SLOW_MS)
            expect(would).to_contain_text(f"{WIDE}, By name")
            console.press("Give it")
            expect(page.get_by_role("button", name="Take it")).to_be_visible(timeout=SLOW_MS)
            assert plan_of(two_sites, CID) == (WIDE, None)
            undo(console)
            expect(said).to_be_visible(timeout=SLOW_MS)
            assert plan_of(two_sites, CID) == (TEAM, LICENCE)
        finally:
            for change in (
                lambda: api.post(f"/v1/plans/{TEAM}/unassign", {"licences": [LICENCE]}),
                lambda: api.post(f"/v1/licences/{LICENCE}/unassign", {"people": [CID]}),
                lambda: api.delete(f"/v1/licences/{LICENCE}"),
            ):
                with suppress(IsthmusError):
                    change()
        assert LICENCE not in {each["name"] for each in api.get("/v1/licences")}


def test_a_plan_is_made_changed_and_deleted_and_each_is_taken_back(console: Console, two_sites: Sites):
    page = at(console, "/plans", "Calling plans")
    page.get_by_label("Name of the plan").fill(NEW)
    page.get_by_label("Domestic countries").fill("Germany")
    console.press("Create")
    expect(page.get_by_text("GERMANY").first).to_be_visible(timeout=SLOW_MS)  # which is no country's code
    page.get_by_label("Domestic countries").fill("DE AT")
    page.get_by_label("Domestic minutes").fill("unlimited")
    page.get_by_label("Countries with minutes of their own").fill("near=FR,CH:500")
    line = f"isthmus plan set {NEW} --home DE --home AT --domestic unlimited --group near=FR,CH:500"
    expect(page.get_by_role("main")).to_contain_text(line)
    accessible(page)
    console.press("Create")
    expect(page.get_by_role("heading", name=NEW, level=1, exact=True)).to_be_visible(timeout=SLOW_MS)
    made = plan(two_sites, NEW)
    assert (made["home"], made["domestic"]) == (["DE", "AT"], None)
    undo(console)
    expect(page.get_by_role("heading", name="Calling plans", level=1, exact=True)).to_be_visible(timeout=SLOW_MS)
    assert plan(two_sites, NEW) is None

    before = plan(two_sites, WIDE)
    at(console, f"/plans/{WIDE}", WIDE)
    page.get_by_label("International minutes").fill("90")
    expect(page.get_by_role("main")).to_contain_text(f"isthmus plan set {WIDE} --international 90")
    console.press("Save")
    expect(page.get_by_role("main")).to_contain_text("International: 90 minutes", timeout=SLOW_MS)
    assert plan(two_sites, WIDE)["international"] == 90
    with two_sites.api("premises") as api:  # who has it is no change of the plan itself
        api.post(f"/v1/plans/{WIDE}/assign", {"people": [CID]})
        api.post(f"/v1/plans/{WIDE}/unassign", {"people": [CID]})
    undo(console)
    assert plan(two_sites, WIDE) == before

    page.get_by_label("International minutes").fill("80")
    console.press("Save")
    button = saved(console)
    with two_sites.api("premises") as api:
        api.put(f"/v1/plans/{WIDE}", {"home": ["US"], "domestic": 5})
    button.click()
    expect(page.get_by_text("It was changed since").first).to_be_visible(timeout=SLOW_MS)
    assert plan(two_sites, WIDE)["domestic"] == 5
    expect(page.get_by_role("main")).to_contain_text("Domestic: 5 minutes", timeout=SLOW_MS)  # the page shows it too

    before = plan(two_sites, WIDE)
    console.press("Delete")
    console.press("Delete", page.get_by_role("dialog", name=f"Delete calling plan {WIDE}?"))
    expect(page.get_by_role("heading", name="Calling plans", level=1, exact=True)).to_be_visible(timeout=SLOW_MS)
    expect(row(page, "Calling plans", WIDE)).to_have_count(0, timeout=SLOW_MS)
    undo(console)
    expect(row(page, "Calling plans", WIDE)).to_have_count(1, timeout=SLOW_MS)
    assert plan(two_sites, WIDE) == before
