"""What was changed in the console is taken back, unless somebody changed it meanwhile; where people come from."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from isthmus.errors import NotFoundError
from tests.interop.browsers import SLOW_MS, accessible, browser, pictured, playwright
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.consoles import Console, opened
from tests.support import wait_for

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

RANGE = "+14255559800-+14255559809"
GIVEN = "+142555598"  # and two digits: numbers that are given, from 10 on
POLICY, ROLE, ROUTE, PLACE, LOBBY = "und-quiet", "und-desk", "und-far", "und-hall", "und-lobby"
SHARED = "und-shared"  # one of each kind, which somebody else changes while it is shown
SHARED_RANGE = "+14255559850-+14255559859"

HALL = {"RD": "Main Street", "HNO": "1", "A3": "Redmond", "A1": "WA", "PC": "98052"}


@pytest.fixture(scope="module")
def console(browser: Browser, two_sites: Sites) -> Iterator[Console]:
    two_sites.create_all({"und-ann": "premises", "und-bea": "premises", "und-cid": "premises"})
    with two_sites.api("premises") as api:
        for name in ("und-loud", POLICY):
            api.post("/v1/policies", {"kind": "calling", "name": name, "settings": {"most_calls": 4}})
        api.post("/v1/routes", {"name": ROUTE, "patterns": ["+1907"], "ways": ["carrier"], "priority": 7})
        api.post("/v1/locations/places", {"name": PLACE, "address": {"country": "US", "elements": HALL}})
        api.post("/v1/numbers/ranges", {"range": RANGE, "carrier": "Northwind", "note": "third floor"})
        api.post("/v1/numbers/ranges", {"range": f"{GIVEN}10-{GIVEN}29"})
    with opened(browser, two_sites, "und-lea", "/policies", "Policies") as console:
        yield console
    with two_sites.api("premises") as api:  # nobody else's calls go by it
        api.delete(f"/v1/routes/{ROUTE}")


def told(sites: Sites, path: str) -> Any:
    """What the site says of something; None where there is none."""
    with suppress(NotFoundError), sites.api("premises") as api:
        return api.get(path)
    return None


def undo(console: Console, again: Callable[[], Any], before: Any) -> None:
    """Take the last change back, and wait until all is as it was."""
    button = console.page.get_by_role("button", name="Undo", exact=True)
    expect(button).to_have_count(1, timeout=SLOW_MS)
    assert again() != before
    button.click()
    console.prove_if_asked(console.page.get_by_text("It is as it was before").first)
    wait_for(lambda: again() == before, 60, f"it is {before} again")
    console.dismiss_all()


def delete(console: Console, name: str = "Delete", page: Page | None = None) -> None:
    console.press(name) if page is None else page.get_by_role("button", name=name, exact=True).first.click()
    console.press(name, console.page.get_by_role("dialog"))
    console.prove_if_asked(console.page.get_by_role("button", name="Undo", exact=True))


def test_policies_and_to_whom_they_are_granted(console: Console, two_sites: Sites):
    at = f"/v1/policies/calling/{POLICY}"

    def policy() -> Any:
        return told(two_sites, at)

    before = policy()
    page = console.open(f"/policies/calling/{POLICY}")
    page.get_by_label("Settings").fill("most_calls = 2\nforwarding = false")
    console.press("Save")
    undo(console, policy, before)

    with two_sites.api("premises") as api:
        grant = {"kind": "calling", "policy": "und-loud", "level": "person", "target": f"und-ann@{DOMAIN}"}
        api.post("/v1/policies/grant", grant)

    def granted() -> list[Any]:
        with two_sites.api("premises") as api:
            found = api.get("/v1/policies", kind="calling")
        return [grant for each in found for grant in each["grants"] if grant["target"] == f"und-ann@{DOMAIN}"]

    before = granted()
    page.get_by_label("Address, group or home").fill(f"und-ann@{DOMAIN}")
    console.press("Grant")
    undo(console, granted, before)  # what it took the place of is there again

    before = policy()
    console.open(f"/policies/calling/{POLICY}")
    delete(console)
    expect(page.get_by_role("heading", name="Policies", level=1)).to_be_visible(timeout=SLOW_MS)
    undo(console, policy, before)


def test_what_somebody_changed_meanwhile_stays(console: Console, two_sites: Sites):
    page = console.open(f"/policies/calling/{POLICY}")
    page.get_by_label("Description").fill("Few at a time")
    console.press("Save")
    expect(page.get_by_role("button", name="Undo", exact=True)).to_have_count(1, timeout=SLOW_MS)
    with two_sites.api("premises") as api:
        api.patch(f"/v1/policies/calling/{POLICY}", {"description": "Somebody else's"})
    console.press("Undo")
    expect(page.get_by_text("It was changed since").first).to_be_visible(timeout=SLOW_MS)
    assert told(two_sites, f"/v1/policies/calling/{POLICY}")["description"] == "Somebody else's"
    expect(page.get_by_label("Description")).to_have_value("Somebody else's", timeout=SLOW_MS)  # the page shows it too


@dataclass(frozen=True)
class Kind:
    """What a page shows and changes. label: of one field there; body, read: its value as the API takes and says it."""

    page: str
    at: str
    label: str
    body: Callable[[str], dict[str, Any]]
    read: Callable[[Any], Any]
    save: str = "Save"

    def write(self, sites: Sites, value: str) -> None:
        """As somebody else than who looks at the page."""
        with sites.api("premises") as api:
            put = self.at.startswith(("/v1/roles/", "/v1/plans/"))
            (api.put if put else api.patch)(self.at, self.body(value))

    def written(self, sites: Sites) -> str | None:
        """What stands there; None where it is gone."""
        found = told(sites, self.at)
        return None if found is None else str(self.read(found))


def described(more: dict[str, Any] | None = None) -> tuple[Callable[[str], dict[str, Any]], Callable[[Any], Any]]:
    return lambda value: {**(more or {}), "description": value}, itemgetter("description")


KINDS = {
    "policy": Kind(f"/policies/calling/{SHARED}", f"/v1/policies/calling/{SHARED}", "Description", *described()),
    "route": Kind(f"/routes/{SHARED}", f"/v1/routes/{SHARED}", "Description", *described()),
    "role": Kind(
        f"/roles/{SHARED}",
        f"/v1/roles/{SHARED}",
        "Description",
        *described({"permissions": ["call.read"]}),
        save="Save the role",
    ),
    "place": Kind(
        f"/locations/{SHARED}",
        f"/v1/locations/places/{SHARED}",
        "House number",
        lambda value: {"address": {"country": "US", "elements": {**HALL, "HNO": value}}},
        lambda found: found["address"]["elements"]["HNO"],
    ),
    "range": Kind(
        f"/numbers/ranges/{SHARED_RANGE}",
        f"/v1/numbers/ranges/{SHARED_RANGE}",
        "Note",
        lambda value: {"note": value},
        itemgetter("note"),
    ),
    "plan": Kind(
        f"/plans/{SHARED}",
        f"/v1/plans/{SHARED}",
        "Domestic minutes",
        lambda value: {"home": ["US"], "domestic": int(value)},
        itemgetter("domestic"),
    ),
}


@pytest.fixture
def shared(two_sites: Sites) -> Iterator[None]:
    """One of each kind, which two people look at."""
    with two_sites.api("premises") as api:
        api.post("/v1/policies", {"kind": "calling", "name": SHARED, "settings": {"most_calls": 4}})
        api.post("/v1/routes", {"name": SHARED, "patterns": ["+1908"], "ways": ["carrier"]})
        api.post("/v1/locations/places", {"name": SHARED, "address": {"country": "US", "elements": HALL}})
        api.post("/v1/numbers/ranges", {"range": SHARED_RANGE})
        for name in ("role", "plan"):
            api.put(KINDS[name].at, KINDS[name].body("10"))
    yield
    for kind in KINDS.values():
        with suppress(NotFoundError), two_sites.api("premises") as api:
            api.delete(kind.at)


def test_what_somebody_changed_since_it_was_shown_is_not_overwritten(console: Console, two_sites: Sites, shared: None):
    page = console.page
    saved = page.get_by_role("button", name="Undo", exact=True)
    refused = page.get_by_role("alert").filter(has_text="Somebody else has changed or deleted it")
    anew = page.get_by_role("button", name="Show how it is now", exact=True)
    for name, kind in KINDS.items():
        console.open(kind.page)
        field = page.get_by_role("main").get_by_label(kind.label, exact=True)
        field.fill("11")
        kind.write(two_sites, "22")
        console.press(kind.save)
        expect(refused, name).to_be_visible(timeout=SLOW_MS)
        expect(field, name).to_have_value("11")  # what was typed is still there to be read
        assert kind.written(two_sites) == "22", name
        accessible(page)
        anew.click()
        expect(field, name).to_have_value("22", timeout=SLOW_MS)
        expect(refused, name).to_have_count(0)

        field.fill("33")
        console.press(kind.save)
        console.prove_if_asked(saved)
        assert kind.written(two_sites) == "33", name
        undo(console, partial(kind.written, two_sites), "22")

        console.open(kind.page)
        expect(field, name).to_have_value("22", timeout=SLOW_MS)
        kind.write(two_sites, "44")
        console.press("Delete")
        dialog = page.get_by_role("dialog")
        console.press("Delete", dialog)
        expect(refused, name).to_be_visible(timeout=SLOW_MS)
        assert kind.written(two_sites) == "44", name
        anew.click()
        expect(dialog, name).to_have_count(0)
        expect(field, name).to_have_value("44", timeout=SLOW_MS)
        delete(console)
        assert kind.written(two_sites) is None, name
        console.dismiss_all()


def test_what_somebody_changed_since_it_was_listed_is_not_deleted(console: Console, two_sites: Sites, shared: None):
    page = console.page
    for name, path, row in (("place", "/locations", SHARED), ("range", "/numbers", SHARED_RANGE)):
        kind = KINDS[name]
        console.open(path)
        button = page.get_by_role("row").filter(has_text=row).get_by_role("button", name="Delete")
        expect(button).to_be_visible(timeout=SLOW_MS)
        kind.write(two_sites, "22")
        button.click()
        dialog = page.get_by_role("dialog")
        console.press("Delete", dialog)
        expect(dialog.get_by_role("alert")).to_contain_text("Somebody else has changed", timeout=SLOW_MS)
        assert kind.written(two_sites) == "22", name
        console.press("Show how it is now", dialog)
        expect(dialog).to_have_count(0)
        button.click()
        console.press("Delete", dialog)
        console.prove_if_asked(page.get_by_role("button", name="Undo", exact=True))
        with two_sites.api("premises") as api:  # there is another one of this name, before it is taken back
            if name == "place":
                api.post("/v1/locations/places", {"name": SHARED, **kind.body("33")})
            else:
                api.post("/v1/numbers/ranges", {"range": SHARED_RANGE, **kind.body("33")})
        console.press("Undo")
        expect(page.get_by_text("It was changed since").first).to_be_visible(timeout=SLOW_MS)
        assert kind.written(two_sites) == "33", name
        console.dismiss_all()


def test_roles_ranges_places_and_routes(console: Console, two_sites: Sites):
    page = console.open("/roles")
    page.get_by_label("Name of the role").fill(ROLE)
    page.get_by_label("call.read").check()
    console.press("Create the role")
    made = page.get_by_role("button", name="Undo", exact=True)
    console.prove_if_asked(made)
    undo(console, lambda: told(two_sites, f"/v1/roles/{ROLE}"), None)
    expect(page.get_by_role("heading", name="Roles", level=1)).to_be_visible(timeout=SLOW_MS)  # it has no page any more

    with two_sites.api("premises") as api:
        api.put(f"/v1/roles/{ROLE}", {"permissions": ["call.read"], "description": "Looks", "tenant": None})
    before = told(two_sites, f"/v1/roles/{ROLE}")
    console.open(f"/roles/{ROLE}")
    page.get_by_label("call.end").check()
    console.press("Save the role")
    console.prove_if_asked(made)
    undo(console, lambda: told(two_sites, f"/v1/roles/{ROLE}"), before)
    delete(console)
    undo(console, lambda: told(two_sites, f"/v1/roles/{ROLE}"), before)

    def ranges() -> Any:
        found = (each for each in told(two_sites, "/v1/numbers/ranges") if each["range"] == RANGE)
        return [{**each, "added": 0} for each in found]

    before_ranges = ranges()
    console.open("/numbers")
    row = page.get_by_role("row").filter(has_text="+14255559800")
    row.get_by_role("button", name="Delete").click()
    console.press("Delete", page.get_by_role("dialog"))
    console.prove_if_asked(made)
    undo(console, ranges, before_ranges)

    place = told(two_sites, f"/v1/locations/places/{PLACE}")
    console.open("/locations")
    page.get_by_role("row").filter(has_text=PLACE).get_by_role("button", name="Delete").click()
    console.press("Delete", page.get_by_role("dialog"))
    console.prove_if_asked(made)
    undo(console, lambda: told(two_sites, f"/v1/locations/places/{PLACE}"), place)

    route = told(two_sites, f"/v1/routes/{ROUTE}")
    console.open(f"/routes/{ROUTE}")
    page.get_by_label("Priority").fill("9")
    console.press("Save")
    console.prove_if_asked(made)
    undo(console, lambda: told(two_sites, f"/v1/routes/{ROUTE}"), route)
    console.open(f"/routes/{ROUTE}")
    delete(console)
    undo(console, lambda: told(two_sites, f"/v1/routes/{ROUTE}"), route)


def whose(sites: Sites, *numbers: str) -> list[Any]:
    """State and owner of each."""
    with sites.api("premises") as api:
        found = [api.get(f"/v1/numbers/{number}") for number in numbers]
    return [(each["state"], each["owner"] and each["owner"]["name"]) for each in found]


def number_page(console: Console, number: str, state: str) -> Page:
    page = console.open(f"/numbers/{number}")
    expect(page.get_by_role("heading", name=number, level=1)).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_role("main").get_by_text(state, exact=True)).to_be_visible(timeout=SLOW_MS)
    return page


def give(sites: Sites, number: str, owner: str) -> None:
    with sites.api("premises") as api:
        api.post(f"/v1/numbers/{number}/assign", {"owner": owner})


def test_a_number_that_is_reserved_or_released(console: Console, two_sites: Sites):
    number = f"{GIVEN}10"
    dialog = number_page(console, number, "Free").get_by_role("dialog")
    console.press("Reserve")
    console.press("Reserve", dialog)
    undo(console, lambda: whose(two_sites, number), [("free", None)])

    number = f"{GIVEN}11"
    give(two_sites, number, f"und-bea@{DOMAIN}")
    before = whose(two_sites, number)
    number_page(console, number, "Assigned")
    console.press("Release")
    console.press("Release", dialog)
    undo(console, lambda: whose(two_sites, number), before)

    number = f"{GIVEN}12"
    with two_sites.api("premises") as api:  # as somebody else than who looks at it
        api.post(f"/v1/numbers/{number}/reserve")
    page = number_page(console, number, "Reserved")
    console.press("Release")
    expect(dialog).to_contain_text("you can't reserve it for them again", timeout=SLOW_MS)
    console.press("Release", dialog)
    expect(page.get_by_text("Saved", exact=True)).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_role("button", name="Undo", exact=True)).to_have_count(0)
    assert whose(two_sites, number) == [("free", None)]
    console.dismiss_all()


def test_a_number_that_is_given_and_passed_on(console: Console, two_sites: Sites):
    first, second, third, fourth = (f"{GIVEN}{each}" for each in (13, 14, 15, 16))
    page = number_page(console, first, "Free")
    page.get_by_label("Owner").fill("service:und-desk")
    console.press("Assign")
    undo(console, lambda: whose(two_sites, first), [("free", None)])

    give(two_sites, second, f"und-ann@{DOMAIN}")
    page = number_page(console, third, "Free")
    before = whose(two_sites, second, third)
    page.get_by_label("Owner").fill(f"und-ann@{DOMAIN}")
    console.press("Assign")
    expect(page.get_by_role("main").get_by_text(second)).to_be_visible(timeout=SLOW_MS)  # she has another one
    page.get_by_label("In place of the number that they have").check()
    console.press("Assign")
    undo(console, lambda: whose(two_sites, second, third), before)  # she has her first one again

    give(two_sites, fourth, f"und-cid@{DOMAIN}")
    page = number_page(console, fourth, "Assigned")
    before = whose(two_sites, fourth, second)
    page.get_by_label("Owner").fill(f"und-ann@{DOMAIN}")
    page.get_by_label("In place of the number that they have").check()
    console.press("Transfer")
    undo(console, lambda: whose(two_sites, fourth, second), before)

    page.get_by_label("Owner").fill("service:und-desk")
    console.press("Transfer")
    undone = page.get_by_role("button", name="Undo", exact=True)
    expect(undone).to_have_count(1, timeout=SLOW_MS)
    with two_sites.api("premises") as api:
        api.post(f"/v1/numbers/{fourth}/transfer", {"owner": "service:und-other"})
    undone.click()
    expect(page.get_by_text("It was changed since").first).to_be_visible(timeout=SLOW_MS)
    assert whose(two_sites, fourth) == [("assigned", "und-other")]
    console.dismiss_all()


def test_a_place_and_a_range_are_changed(console: Console, two_sites: Sites):
    def places() -> Any:
        return told(two_sites, "/v1/locations/places")

    was_default = next((each["name"] for each in places() if each["default"]), None)
    with two_sites.api("premises") as api:
        address = {"country": "US", "elements": {**HALL, "STS": "St"}}
        api.post("/v1/locations/places", {"name": LOBBY, "address": address, "default": True})
    before = places()
    page = console.open("/locations")
    page.get_by_role("link", name=PLACE, exact=True).click()
    expect(page.get_by_role("heading", name=PLACE, level=1)).to_be_visible(timeout=SLOW_MS)
    save = page.get_by_role("button", name="Save", exact=True)
    expect(save).to_be_disabled()  # nothing is different
    page.get_by_label("Coordinates").fill("91,0")
    save.click()
    expect(page.get_by_text("is no point").first).to_be_visible(timeout=SLOW_MS)
    assert places() == before
    page.get_by_label("Coordinates").fill("47.64,-122.13")
    page.get_by_label("House number").fill("12")
    page.get_by_label("More of the address").fill("STS=Ave")
    page.get_by_label("Devices are here that nothing else tells of").check()
    accessible(page)
    line = page.get_by_role("group", name="The same by command line").filter(
        has_text=f"isthmus location place set {PLACE} --country US"
    )
    expect(line).to_contain_text("--set STS=Ave --point 47.64,-122.13 --default")
    save.click()
    expect(page.get_by_role("main").get_by_text("47.64, -122.13", exact=True)).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("heading", name=PLACE, level=1).scroll_into_view_if_needed()
    pictured(page, "place")
    (hall,) = (each for each in places() if each["name"] == PLACE)
    assert hall["address"]["elements"] == {**HALL, "HNO": "12", "STS": "Ave"}
    undo(console, places, before)  # and the one before stands for the whole site again
    with two_sites.api("premises") as api:
        if was_default is not None:
            api.patch(f"/v1/locations/places/{was_default}", {"default": True})
        api.delete(f"/v1/locations/places/{LOBBY}")

    def ranges() -> Any:
        found = (each for each in told(two_sites, "/v1/numbers/ranges") if each["range"] == RANGE)
        return [{**each, "added": 0} for each in found]

    before = ranges()
    page = console.open("/numbers")
    page.get_by_role("link", name=RANGE, exact=True).click()
    expect(page.get_by_role("heading", name=RANGE, level=1)).to_be_visible(timeout=SLOW_MS)
    page.get_by_label("For", exact=True).select_option("service")
    page.get_by_label("Carrier", exact=True).fill("")
    expect(page.get_by_role("main")).to_contain_text(f"isthmus number set {RANGE} --use service --carrier ''")
    accessible(page)
    save.click()
    expect(page.get_by_role("main").get_by_role("definition").filter(has_text="Services")).to_be_visible(
        timeout=SLOW_MS
    )
    assert (ranges()[0]["use"], ranges()[0]["carrier"]) == ("service", None)
    undo(console, ranges, before)


def test_what_is_told_neither_takes_nor_keeps_the_keyboard(console: Console):
    console.dismiss_all()
    page = console.open(f"/people/und-bea@{DOMAIN}")
    name = page.get_by_label("Name", exact=True)
    name.fill("Beatrix")
    name.press("Enter")
    button = page.get_by_role("button", name="Undo", exact=True)
    expect(button).to_be_visible(timeout=SLOW_MS)
    focus = "all => all.some(each => each.contains(document.activeElement))"
    bars = page.get_by_role("complementary", name="What was done")
    assert not bars.evaluate_all(focus), "it took the keyboard"
    accessible(page)
    pictured(page, "undo")

    stops = 0
    while not bars.evaluate_all(focus):
        page.keyboard.press("Tab")
        stops += 1
        assert stops < 150, "the keyboard does not get there"
    for _ in range(2):  # Undo, Dismiss
        assert bars.evaluate_all(focus)
        page.keyboard.press("Tab")
    assert not bars.evaluate_all(focus), "it keeps the keyboard"
    for _ in range(5):  # from the end of the page the keyboard may have left it
        page.keyboard.press("Shift+Tab")
        if bars.evaluate_all(focus):
            break
    page.keyboard.press("Escape")
    expect(button).to_have_count(0)


def test_where_people_come_from_and_what_a_run_would_do(console: Console, two_sites: Sites):
    page = console.open("/sync")
    (source,) = told(two_sites, "/v1/directory/sources")
    section = page.get_by_role("region", name=f"Source {source['name']}")
    expect(section).to_contain_text("site.toml", timeout=SLOW_MS)
    settings = section.get_by_role("table", name="Settings")
    expect(settings.get_by_role("row").filter(has_text="file")).to_contain_text("people.csv")
    section.get_by_role("button", name="Dry run: what would change?").click()
    console.prove_if_asked(section.get_by_role("status").filter(has_text="Nothing has changed yet."))
    pictured(page, "sync")
    section.get_by_role("button", name="Test the connection").click()
    console.prove_if_asked(section.get_by_role("status").filter(has_text="The source answers"))
    accessible(page)


def test_a_call_at_the_other_site_is_ended(console: Console, two_sites: Sites):
    two_sites.create_all({"und-cleo": "online", "und-dan": "online"})
    two_sites.wait_until_known(["und-cleo", "und-dan"])
    up = threading.Event()

    async def talk() -> tuple[str, str]:
        async with (
            await two_sites.phone("und-cleo", "online") as cleo,
            await two_sites.phone("und-dan", "online") as dan,
        ):
            call = await cleo.dial(f"sip:und-dan@{DOMAIN}")
            answered = await dan.called()
            up.set()
            ends = await call.over(), await answered.over()
            await cleo.register(0)
            await dan.register(0)
            return ends

    with concurrent.futures.ThreadPoolExecutor(1) as apart:  # this thread's loop is the browser's
        talking = apart.submit(lambda: asyncio.run(talk()))
        assert up.wait(120)
        page = console.open("/calls")
        row = page.get_by_role("row").filter(has_text=f"und-cleo@{DOMAIN}").filter(has_text="online")
        expect(row.first).to_contain_text("Up", timeout=SLOW_MS)
        row.first.get_by_role("button", name="End").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("It is up at online")
        pictured(page, "end-elsewhere")
        console.press("End", dialog)
        console.prove_if_asked(page.get_by_text("The call is ended").first)
        assert talking.result(60) == ("BYE", "BYE")
