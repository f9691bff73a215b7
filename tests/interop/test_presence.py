"""Presence on two running sites: told across homes to SIP clients, do not disturb, who talks, a link that is cut."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from isthmus.errors import IsthmusError
from tests.faults.people import kill, pid, ready
from tests.interop.browsers import accessible, browser, phone, playwright
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.watchers import SLOW_S, Watcher
from tests.support import wait_for

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

HOMES = {
    "petra": "premises",
    "pauline": "premises",
    "paulina": "premises",
    "otto": "online",
    "olga": "online",
    "oscar": "online",
}
OPEN = (
    b'<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"'
    b' xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" xmlns:lt="urn:ietf:params:xml:ns:location-type"'
    b' entity="sip:otto@contoso.example"><tuple id="t">'
    b"<status><basic>open</basic></status><note>at the lab</note></tuple>"
    b'<dm:person id="p"><rpid:place-type><lt:industrial/></rpid:place-type></dm:person></presence>'
)


@pytest.fixture(scope="module")
def sites(two_sites: Sites) -> Sites:
    two_sites.create_all(HOMES)
    return two_sites


@asynccontextmanager
async def watcher(sites: Sites, user: str, at: str, transport: str = "udp") -> AsyncIterator[Watcher]:
    phone = await sites.phone(user, at, transport)
    try:
        yield Watcher(phone)
        await phone.register(0)
    finally:
        await phone.close()


def choose(sites: Sites, user: str, at: str = "premises", **changes: Any) -> dict[str, Any]:
    with sites.api(at) as api:
        told: dict[str, Any] = api.put(f"/v1/presence/{user}@{DOMAIN}", changes)
    return told


def shown(sites: Sites, user: str, at: str) -> dict[str, Any]:
    with sites.api(at) as api:
        told: dict[str, Any] = api.get(f"/v1/presence/{user}@{DOMAIN}")
    return told


def seen(sites: Sites, user: str, at: str) -> str:
    """The availability; empty while the control service does not answer."""
    with suppress(IsthmusError):
        return str(shown(sites, user, at)["availability"])
    return ""


async def until(condition: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(wait_for, condition, SLOW_S, what)


@pytest.mark.parametrize("transport", ["udp", "tls", "ws"])
async def test_a_change_at_one_home_is_told_to_a_sip_client_at_the_other(
    sites: Sites, transport: str, record_property: Callable[[str, object], None]
):
    async with watcher(sites, "otto", "online", transport) as otto:
        answer = await otto.subscribe("petra")
        assert (answer.code, answer.get("Expires")) == (200, "600")
        await otto.hears(b"<basic>closed</basic>")
        begun = time.monotonic()
        told = await asyncio.to_thread(
            choose, sites, "petra", "premises", availability="busy", note="in a review", location="Room 5 & 6"
        )
        assert told["availability"] == "busy"
        at = await otto.hears(b"<rpid:busy/>", b"in a review", b"<rpid:other>Room 5 &amp; 6</rpid:other>")
        record_property("change_to_notify_s", round(at - begun, 3))
        assert otto.state.startswith("active;expires=")
        await asyncio.to_thread(choose, sites, "petra", "online", availability="", note="", location="office")
        await otto.hears(b"<basic>closed</basic>", b"<rpid:place-type><lt:office/></rpid:place-type>")
        await asyncio.to_thread(choose, sites, "petra", "online", location="")
        assert (await otto.subscribe("nobody-at-all")).code == 404


async def test_what_a_client_publishes_at_the_wrong_site_is_seen_at_both(sites: Sites):
    headers = [("Event", "presence"), ("Content-Type", "application/pidf+xml"), ("Expires", "120")]
    async with watcher(sites, "otto", "premises") as otto:
        uri = f"sip:otto@{DOMAIN}"
        answer = await otto.phone.request("PUBLISH", uri, headers=headers, body=OPEN)
        assert answer.code == 200
        for site in ("premises", "online"):
            await until(lambda site=site: shown(sites, "otto", site)["note"] == "at the lab", f"it is seen at {site}")
            assert shown(sites, "otto", site)["location"] == "industrial"
        bomb = b'<!DOCTYPE p [<!ENTITY a "x">]>' + OPEN
        assert (await otto.phone.request("PUBLISH", uri, headers=headers, body=bomb)).code == 400
        assert (await otto.phone.request("PUBLISH", f"sip:petra@{DOMAIN}", headers=headers, body=OPEN)).code == 403
        ended = [("Event", "presence"), ("SIP-If-Match", answer.get("SIP-ETag")), ("Expires", "0")]
        assert (await otto.phone.request("PUBLISH", uri, headers=ended)).code == 200
        await until(lambda: not shown(sites, "otto", "online")["note"], "it is over")


async def test_phones_are_quiet_for_all_but_those_who_are_excepted_and_who_talks_is_busy(sites: Sites):
    exceptions = [f"olga@{DOMAIN}"]
    async with (
        watcher(sites, "petra", "premises") as petra,
        watcher(sites, "otto", "online") as otto,
        watcher(sites, "olga", "online") as olga,
    ):
        told = await asyncio.to_thread(
            choose, sites, "petra", "online", availability="do-not-disturb", exceptions=exceptions
        )
        assert told["availability"] == "do-not-disturb"
        assert await otto.phone.refused(f"sip:petra@{DOMAIN}", timeout_s=SLOW_S) == 480
        assert not petra.phone.incoming
        await otto.subscribe("petra")
        call = await olga.phone.dial(f"sip:petra@{DOMAIN}", timeout_s=SLOW_S)
        # Who talks and does not want to be disturbed shows both; the other end is busy, at both homes.
        await otto.hears(b"do-not-disturb", b"<rpid:on-the-phone/>")
        for site in ("premises", "online"):
            await until(lambda site=site: shown(sites, "olga", site)["in_call"], f"{site} sees that olga talks")
        assert shown(sites, "olga", "premises")["availability"] == "busy"
        await call.hang_up()
        await until(lambda: not shown(sites, "olga", "premises")["in_call"], "the call is over")
        await asyncio.to_thread(choose, sites, "petra", availability="", exceptions=[])
        rings = await otto.phone.dial(f"sip:petra@{DOMAIN}", timeout_s=SLOW_S)
        await rings.hang_up()


@pytest.mark.parametrize(
    ("user", "at", "transport"),
    [
        ("paulina", "premises", "udp"),
        ("paulina", "online", "tls"),
        ("oscar", "online", "tcp"),
        ("oscar", "premises", "udp"),
    ],
)
async def test_who_has_a_desk_phone_alone_is_available_while_it_is_registered(
    sites: Sites, user: str, at: str, transport: str
):
    """And in a call while in one; at both sites, wherever the phone is registered."""
    watching, away = ("olga", "online") if HOMES[user] == "premises" else ("petra", "premises")
    async with watcher(sites, watching, away) as other:
        await other.subscribe(user)
        await other.hears(b"<basic>closed</basic>")
        async with await sites.phone(user, at, transport) as phone:
            await other.hears(b"<basic>open</basic>")
            for site in ("premises", "online"):
                await until(lambda site=site: shown(sites, user, site)["availability"] == "available", f"at {site}")
            call = await phone.dial(f"sip:{watching}@{DOMAIN}", timeout_s=SLOW_S)
            await other.hears(b"<rpid:busy/>", b"<rpid:on-the-phone/>")
            await call.hang_up()
            await other.hears_not(b"<rpid:")
            told = len(other.told)
            for _ in range(3):
                await phone.registered()
            if transport != "tcp":  # there the closed connection says it
                await phone.register(0)
        await other.hears(b"<basic>closed</basic>")
        assert not any(b"closed" in request.body for _, request in other.told[told:-1])


async def test_a_phone_that_was_switched_off_is_offline_when_its_registration_is_over(sites: Sites):
    async with await sites.phone("oscar", "premises") as phone:
        assert (await phone.register(30)).code == 200  # the shortest that the registrar takes
        await until(lambda: shown(sites, "oscar", "premises")["availability"] == "available", "it is registered")
    await asyncio.to_thread(
        wait_for, lambda: shown(sites, "oscar", "online")["availability"] == "offline", 150, "it is over"
    )


async def test_a_phone_is_seen_by_a_control_service_that_was_started_anew(sites: Sites):
    async with (
        watcher(sites, "petra", "premises") as petra,
        await sites.phone("paulina", "online", "udp") as phone,
    ):
        await until(lambda: shown(sites, "paulina", "premises")["availability"] == "available", "it is registered")
        before = pid(sites, "premises", "control")
        kill(sites, "premises", "control")
        await until(lambda: pid(sites, "premises", "control") != before and ready(sites, "premises"), "a new control")
        await until(lambda: seen(sites, "paulina", "premises") == "available", "it is seen again")
        await petra.subscribe("paulina")
        await petra.hears(b"<basic>open</basic>")
        await until(lambda: shown(sites, "paulina", "online")["availability"] == "available", "online sees it")
        await phone.register(0)
        await petra.hears(b"<basic>closed</basic>")


async def test_a_phone_counts_at_the_new_home_of_who_moves(sites: Sites):
    sites.create_all({"moira": "premises"})
    async with watcher(sites, "petra", "premises") as petra, await sites.phone("moira", "premises") as phone:
        await petra.subscribe("moira")
        await petra.hears(b"<basic>open</basic>")
        await asyncio.to_thread(move, sites, "moira", "online")
        for site in ("premises", "online"):
            await until(lambda site=site: shown(sites, "moira", site)["home"] == "online", f"{site} knows of the move")
            await until(lambda site=site: shown(sites, "moira", site)["availability"] == "available", f"at {site}")
        await phone.registered()
        await phone.register(0)
        await petra.hears(b"<basic>closed</basic>")
        for site in ("premises", "online"):
            await until(lambda site=site: shown(sites, "moira", site)["availability"] == "offline", f"at {site}")


def move(sites: Sites, user: str, to: str) -> None:
    with sites.api("premises") as api:
        batch = api.post("/v1/moves", {"aors": [f"{user}@{DOMAIN}"], "to": to})
        wait_for(lambda: api.get(f"/v1/moves/{batch['id']}")["finished"], SLOW_S, "moved")
        assert api.get(f"/v1/people/{user}@{DOMAIN}")["home"] == to


def test_browsers_show_how_people_are_whatever_their_home(
    browser: Browser,
    sites: Sites,
    tmp_path: Path,
):
    """Both tabs are at premises; olga is at home at online."""
    with sites.api("premises") as api:
        accounts = {
            user: api.post("/v1/accounts", {"name": user, "person": f"{user}@{DOMAIN}"})["new_password"]
            for user in ("pauline", "olga")
        }
    with phone(browser, accounts, "pauline") as pauline:
        pauline.get_by_role("searchbox", name="Name, number or address").fill("olga")
        people = pauline.get_by_role("region", name="People")
        olga_row = people.get_by_role("listitem").filter(has_text=f"olga@{DOMAIN}")
        expect(olga_row).to_contain_text("Offline", timeout=SLOW_S * 1000)
        with phone(browser, accounts, "olga") as olga:
            expect(olga_row).to_contain_text("Available", timeout=SLOW_S * 1000)
            menu = olga.get_by_role("button", name=re.compile("Your presence"))
            menu.click()
            olga.get_by_role("menuitemradio", name="Do not disturb").click()
            expect(olga_row).to_contain_text("Do not disturb", timeout=SLOW_S * 1000)
            # By the keyboard alone.
            menu.focus()
            olga.keyboard.press("Enter")
            expect(olga.get_by_role("menuitemradio", name="Automatic")).to_be_focused(timeout=SLOW_S * 1000)
            olga.screenshot(path=str(tmp_path / "menu.png"), full_page=True)
            accessible(olga)
            for key in ("ArrowDown", "Enter"):
                olga.keyboard.press(key)
            expect(olga_row).to_contain_text("Busy", timeout=SLOW_S * 1000)
            menu.click()
            olga.get_by_role("menuitem", name="Note and more").click()
            olga.get_by_label("Note").fill("<img src=x onerror=alert(1)>")
            olga.screenshot(path=str(tmp_path / "dialog.png"), full_page=True)
            accessible(olga)
            olga.get_by_role("button", name="Save").click()
            expect(olga_row).to_contain_text("<img src=x", timeout=SLOW_S * 1000)
            # A picture for whoever looks into the folder of a run.
            pauline.screenshot(path=str(tmp_path / "presence.png"), full_page=True)
            olga_row.get_by_role("button", name="Keep olga in contacts").click()
            accessible(pauline)
            choose(sites, "olga", availability="", note="")
            contact = pauline.get_by_role("region", name="Contacts").get_by_role("listitem")
            expect(contact).to_contain_text("Available", timeout=SLOW_S * 1000)
        expect(contact).to_contain_text("Offline", timeout=SLOW_S * 1000)
