"""Changing many people at once in the console, taking it back, and the forms that make what people are given."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.interop.browsers import SLOW_MS, accessible, browser, pictured, playwright
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.consoles import Console, opened
from tests.support import wait_for

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PEOPLE = {"blk-ann": "premises", "blk-bea": "premises", "blk-cleo": "online"}


@pytest.fixture(scope="module")
def console(browser: Browser, two_sites: Sites) -> Iterator[Console]:
    two_sites.create_all(PEOPLE)
    with opened(browser, two_sites, "blk-bob", "/people?match=blk-", "People") as console:
        yield console


def person(sites: Sites, user: str) -> dict[str, object]:
    with sites.api("premises") as api:
        found: dict[str, object] = api.get(f"/v1/people/{user}@{DOMAIN}")
    return found


def row(page: Page, user: str) -> object:
    return page.get_by_role("row").filter(has_text=f"{user}@")


def test_chosen_people_are_previewed_changed_and_put_back(console: Console, two_sites: Sites):
    page = console.open("/people?match=blk-")
    with two_sites.api("premises") as api:
        api.post("/v1/policies", {"kind": "calling", "name": "blk-night", "settings": {}})
    for user in ("blk-ann", "blk-cleo"):
        page.get_by_role("checkbox", name=f"Choose {user}@{DOMAIN}").check()
    console.press("Change the chosen (2)")
    expect(page.get_by_text("2 people", exact=True)).to_be_visible(timeout=SLOW_MS)
    page.get_by_label("Groups to add").fill("blk-night")
    page.get_by_label("State", exact=True).select_option("no")
    page.get_by_label("Kind of policy").select_option("calling")
    page.get_by_label("Policy to grant to each").select_option("blk-night")
    console.press("Preview")
    console.prove_if_asked(page.get_by_text("2 would be changed"))
    expect(row(page, "blk-ann")).to_contain_text("Groups: – → blk-night")
    expect(row(page, "blk-ann")).to_contain_text(re.compile("State: Enabled → Disabled"))
    expect(row(page, "blk-ann")).to_contain_text("Policy: – → blk-night")
    assert person(two_sites, "blk-ann")["enabled"]
    accessible(page)
    page.get_by_role("heading", name="Preview").scroll_into_view_if_needed()
    row(page, "blk-cleo").scroll_into_view_if_needed()
    pictured(page, "bulk")

    # Somebody else is quicker with one of them.
    with two_sites.api("premises") as api:
        api.patch(f"/v1/people/blk-cleo@{DOMAIN}", {"display_name": "Cleo"})
    console.press("Change them")
    console.press("Change them", page.get_by_role("dialog"))
    console.prove_if_asked(page.get_by_text("1 changed, 1 not changed."))
    expect(row(page, "blk-cleo")).to_contain_text("changed meanwhile")
    ann, cleo = person(two_sites, "blk-ann"), person(two_sites, "blk-cleo")
    assert (ann["enabled"], ann["groups"], cleo["enabled"]) == (False, ["blk-night"], True)

    console.press("Undo")
    console.prove_if_asked(page.get_by_role("status").filter(has_text="It is as it was before").first)
    ann = person(two_sites, "blk-ann")
    assert (ann["enabled"], ann["groups"]) == (True, [])
    with two_sites.api("premises") as api:
        assert api.get("/v1/policies/calling/blk-night")["grants"] == []


def test_all_who_fit_a_filter_are_changed(console: Console, two_sites: Sites):
    page = console.open("/people?match=blk-&home=premises")
    console.press("Change all that fit")
    expect(page.get_by_text("2 people", exact=True)).to_be_visible(timeout=SLOW_MS)
    page.get_by_label("Groups to add").fill("blk-all")
    console.press("Preview")
    console.prove_if_asked(page.get_by_text("2 would be changed"))
    console.press("Change them")
    console.press("Change them", page.get_by_role("dialog"))
    console.prove_if_asked(page.get_by_text("2 changed, 0 not changed."))
    assert person(two_sites, "blk-bea")["groups"] == ["blk-all"]


def undo(console: Console) -> None:
    """Take the last change back; what was told of the one before goes away."""
    expect(console.page.get_by_role("button", name="Undo", exact=True)).to_have_count(1, timeout=SLOW_MS)
    console.press("Undo")


def test_a_change_of_one_person_is_taken_back(console: Console, two_sites: Sites):
    page = console.open(f"/people/blk-bea@{DOMAIN}")
    page.get_by_label("Name", exact=True).fill("Beatrice")
    console.press("Save")
    expect(page.get_by_role("heading", name="Beatrice")).to_be_visible(timeout=SLOW_MS)
    undo(console)
    expect(page.get_by_role("heading", name="Beatrice")).to_have_count(0, timeout=SLOW_MS)
    wait_for(lambda: person(two_sites, "blk-bea")["display_name"] == "blk-bea", 60, "her name is as it was")


def test_undo_does_not_undo_what_somebody_else_did(console: Console, two_sites: Sites):
    page = console.open(f"/people/blk-ann@{DOMAIN}")
    page.get_by_label("Name", exact=True).fill("Anna")
    console.press("Save")
    expect(page.get_by_role("heading", name="Anna")).to_be_visible(timeout=SLOW_MS)
    with two_sites.api("premises") as api:
        api.patch(f"/v1/people/blk-ann@{DOMAIN}", {"display_name": "Annabel"})
    undo(console)
    expect(page.get_by_text("It was changed since")).to_be_visible(timeout=SLOW_MS)
    assert person(two_sites, "blk-ann")["display_name"] == "Annabel"


def test_a_range_is_added_and_taken_out(console: Console):
    page = console.open("/numbers")
    page.get_by_role("textbox", name="Range").fill("+14255558800-+14255558809")
    page.get_by_label("Carrier", exact=True).fill("Northwind")
    console.press("Add the range")
    there = page.get_by_role("row").filter(has_text="+14255558800")
    console.prove_if_asked(there.first)
    expect(there.first).to_contain_text("Northwind")
    there.first.get_by_role("button", name="Delete").click()
    console.press("Delete", page.get_by_role("dialog"))
    expect(page.get_by_role("row").filter(has_text="Northwind").filter(has_text="+14255558800")).to_have_count(
        0, timeout=SLOW_MS
    )


def test_a_custom_role_is_made_changed_and_deleted(console: Console, two_sites: Sites):
    page = console.open("/roles")
    page.get_by_label("Name of the role").fill("blk-reception")
    page.get_by_label("person.read", exact=True).check()
    console.press("Create the role")
    console.prove_if_asked(page.get_by_role("heading", name="blk-reception", level=1))
    page.get_by_label("call.read", exact=True).check()
    console.press("Save the role")
    with two_sites.api("premises") as api:
        wait_for(
            lambda: set(api.get("/v1/roles/blk-reception")["permissions"]) == {"person.read", "call.read"},
            60,
            "the role may do both",
        )
    console.press("Delete")
    console.press("Delete", page.get_by_role("dialog"))
    console.prove_if_asked(page.get_by_role("heading", name="Roles", level=1))
    with two_sites.api("premises") as api:
        assert "blk-reception" not in [role["name"] for role in api.get("/v1/roles")]


def test_a_policy_is_made_granted_and_deleted(console: Console, two_sites: Sites):
    page = console.open("/policies")
    expect(page.get_by_role("heading", name="Policies", level=1)).to_be_visible(timeout=SLOW_MS)
    page.get_by_label("Kind").last.select_option("calling")
    page.get_by_label(re.compile("^Name")).fill("blk-plain")
    console.press("Create")
    console.prove_if_asked(page.get_by_role("heading", name="calling blk-plain", level=1))
    page.get_by_label("Address, group or home").fill(f"blk-ann@{DOMAIN}")
    console.press("Grant")
    expect(page.get_by_role("cell", name=re.compile(f"blk-ann@{DOMAIN}"))).to_be_visible(timeout=SLOW_MS)
    with two_sites.api("premises") as api:
        assert [each["target"] for each in api.get("/v1/policies/calling/blk-plain")["grants"]] == [f"blk-ann@{DOMAIN}"]
    console.press("Take back")
    console.press("Take back", page.get_by_role("dialog"))
    expect(page.get_by_role("cell", name=re.compile(f"blk-ann@{DOMAIN}"))).to_have_count(0, timeout=SLOW_MS)
    console.press("Delete")
    console.press("Delete", page.get_by_role("dialog"))
    expect(page.get_by_role("heading", name="Policies", level=1)).to_be_visible(timeout=SLOW_MS)


def test_a_route_is_made_changed_taken_back_and_deleted(console: Console, two_sites: Sites):
    page = console.open("/routes/new")
    expect(page.get_by_role("heading", name="New route")).to_be_visible(
        timeout=SLOW_MS
    )  # the page before has a name, too
    page.get_by_label(re.compile("^Name")).fill("blk-route")
    page.get_by_label(re.compile("^Numbers")).fill("+1999888")
    page.get_by_label(re.compile("^Trunks")).fill("carrier")
    console.press("Create")
    console.prove_if_asked(page.get_by_role("link", name="blk-route", exact=True))
    page.get_by_role("link", name="blk-route", exact=True).click()
    console.press("Dismiss")  # that it was made could be taken back, too
    page.get_by_label("Description").fill("for tests")
    console.press("Save")
    undo(console)

    def described() -> str:
        with two_sites.api("premises") as api:
            return str(api.get("/v1/routes/blk-route")["description"])

    wait_for(lambda: described() == "", 60, "the route is as it was")
    console.open("/routes/blk-route")
    console.press("Delete")
    console.press("Delete", page.get_by_role("dialog"))
    expect(page.get_by_role("link", name="blk-route", exact=True)).to_have_count(0, timeout=SLOW_MS)


def test_who_went_on_before_the_site_answered_is_not_called_back(console: Console, two_sites: Sites):
    with two_sites.api("premises") as api:
        api.post("/v1/routes", {"name": "blk-slow", "patterns": ["+1999887"], "ways": ["carrier"]})
    page = console.open("/routes/blk-slow")
    expect(page.get_by_role("heading", name="blk-slow", level=1)).to_be_visible(timeout=SLOW_MS)
    console.dismiss_all()  # no other change is the last one
    held: list[Route] = []
    # It is looked at first: what is held is the deletion itself.
    deletes = lambda route: route.request.method == "DELETE"  # noqa: E731
    page.route("**/v1/routes/blk-slow", lambda route: held.append(route) if deletes(route) else route.continue_())
    console.press("Delete")
    console.press("Delete", page.get_by_role("dialog"))
    wait_for(lambda: page.wait_for_timeout(50) or held != [], 60, "the site is asked to delete it")
    console.open("/roles")
    expect(page.get_by_role("heading", name="Roles", level=1)).to_be_visible(timeout=SLOW_MS)
    for route in held:
        route.continue_()
    page.unroute("**/v1/routes/blk-slow")
    console.prove_if_asked(page.get_by_role("button", name="Undo", exact=True))
    undo(console)
    expect(page.get_by_text("It is as it was before")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_role("heading", name="Roles", level=1)).to_be_visible()
    with two_sites.api("premises") as api:
        api.delete("/v1/routes/blk-slow")


def test_a_tenant_is_made_suspended_and_let_in_again(console: Console, two_sites: Sites):
    page = console.open("/tenants")
    expect(page.get_by_role("heading", name="Tenants", level=1)).to_be_visible(timeout=SLOW_MS)
    page.get_by_label(re.compile("^Name")).fill("blk-tenant")
    page.get_by_label("Full name").fill("Northwind Ltd")
    console.press("Create")
    console.prove_if_asked(page.get_by_role("heading", name="Northwind Ltd", level=1))

    def suspended() -> bool:
        with two_sites.api("premises") as api:
            return bool(api.get("/v1/tenants/blk-tenant")["suspended"])

    console.press("Suspend")
    console.press("Suspend", page.get_by_role("dialog"))
    wait_for(suspended, 60, "the tenant is suspended")
    expect(page.get_by_role("dialog")).to_have_count(0, timeout=SLOW_MS)
    console.press("Let in again")
    console.press("Let in again", page.get_by_role("dialog"))
    wait_for(lambda: not suspended(), 60, "the tenant is let in again")
    expect(page.get_by_role("dialog")).to_have_count(0, timeout=SLOW_MS)
    with two_sites.api("premises") as api:
        api.delete("/v1/tenants/blk-tenant")
