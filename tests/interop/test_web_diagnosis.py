"""What the web phone finds out about its calls, what it tells its person, and what the administrator sees of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from isthmus.calls.leaving import BACK_WITHIN_S
from isthmus.useragent.rtp import SILENCE
from tests.interop.browsers import SLOW_MS, accessible, browser, phone, pictured, playwright, settings
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.connectors import PROGRAM
from tests.interop.consoles import Console, opened
from tests.interop.test_web_phone import SLOW_S, Agents, agent, agents, card, dial, done_with, hears, idle, press, shows
from tests.support import wait_for

__all__ = ["agents", "browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

HOMES = {"dina": "premises", "dora": "online"}
# All connections are kept, so that their microphone can be taken away.
KEEP = """() => {
  const Real = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...given) { super(...given); window.connections.push(this); }
  };
}"""
SENDER = "window.connections.at(-1).getSenders().find((each) => each.track?.kind === 'audio')"
SILENT_MICROPHONE = f"""async () => {{
  const context = window.silence = new AudioContext();
  const nothing = new ConstantSourceNode(context, {{offset: 0}});
  const out = context.createMediaStreamDestination();
  nothing.connect(out);
  nothing.start();
  await context.resume();
  const [track] = out.stream.getAudioTracks();
  await {SENDER}.replaceTrack(track);
}}"""

STEPS = (
    "Microphone",
    "Speaker",
    "Connection to the site",
    "Relay (TURN) by UDP",
    "Relay (TURN) by TCP",
    "Relay (TURN) by TLS",
    "Sound to the site and back",
)
# Nobody listens at the port that the other ways lead to then.
ONLY_TLS = """() => {
  const Real = RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(given) {
      const elsewhere = (url) => url.startsWith("turns:") ? url : url.replace(":3478", ":3479");
      super({...given, iceServers: given.iceServers.map((each) => ({...each, urls: each.urls.map(elsewhere)}))});
    }
  };
}"""


@pytest.fixture(scope="module")
def people(two_sites: Sites) -> dict[str, str]:
    """User to password of the accounts, one at each site."""
    two_sites.create_all(HOMES)
    return two_sites.accounts(HOMES)


@pytest.fixture(scope="module")
def console(browser: Browser, two_sites: Sites) -> Iterator[Console]:
    """Della may do everything."""
    with opened(browser, two_sites, "della", "/calls", "Calls") as console:
        yield console


def says(page: Page, text: str) -> None:
    """The card of the call tells it, without being asked."""
    expect(card(page, "dora").get_by_text(text)).to_be_visible(timeout=SLOW_MS)


def reports(sites: Sites, at: str, call_id: str) -> list[dict[str, Any]]:
    with sites.api(at) as api:
        found: list[dict[str, Any]] = api.get("/v1/calls/reports", call_id=call_id)
        return found


def told_by_command(sites: Sites, *options: str) -> list[dict[str, Any]]:
    """What `isthmus call reports` tells."""
    run = subprocess.run(
        [PROGRAM, "call", "reports", "--site", "premises", "--json", *options],
        env={**os.environ, "ISTHMUS_SITES": str(sites.demo.directory)},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found


def ended(sites: Sites, at: str, call_id: str) -> bool:
    """Whether the browser has reported how the call sounded at its end."""
    return any(each["report"]["kind"] == "end" for each in reports(sites, at, call_id))


def test_how_a_call_sounds_is_shown_and_reported_to_the_administrator(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str], console: Console
):
    dora = agent(agents, two_sites, "dora", "online", 620)
    with phone(browser, people, "dina") as page:
        dial(page, f"dora@{DOMAIN}")
        call = agents(dora.called())
        shows(page, "dora", "Connected")
        hears(page, 620)
        press(page, "dora", "Quality")
        shown = page.get_by_role("group", name="How it sounds").or_(page.get_by_role("dialog", name="How it sounds"))
        expect(shown).to_contain_text("PCM", timeout=SLOW_MS)
        expect(shown).to_contain_text("direct", timeout=SLOW_MS)
        expect(shown).to_contain_text("%", timeout=SLOW_MS)  # loss, once it was looked at twice
        accessible(page)
        pictured(page, "phone-quality")
        shown.get_by_label("What is wrong?").fill("it hissed")
        shown.get_by_role("button", name="Report a problem").click()
        expect(shown).to_contain_text("Your administrator can see it now", timeout=SLOW_MS)
        page.keyboard.press("Escape")
        press(page, "dora", "Hang up")
        idle(page)
        call_id = call.id.call_id
        wait_for(lambda: ended(two_sites, "premises", call_id), SLOW_S, "both reports came")
    # Asked from the other site, which gives them once it has the call's record.
    problem, end = wait_for(lambda: reports(two_sites, "online", call_id), SLOW_S, "the other site has the record")
    assert (problem["report"]["kind"], problem["report"]["text"]) == ("problem", "it hissed")
    assert (end["report"]["kind"], end["who"], end["site"]) == ("end", f"dina@{DOMAIN}", "premises")
    assert end["report"]["mos"] > 3
    assert end["report"]["sent"]["packets"] > 50
    assert end["report"]["received"]["level"] > 0.01

    def recorded() -> bool:
        with two_sites.api("premises") as api:
            return len(api.get("/v1/calls/records", call_id=call_id)) == 2

    wait_for(recorded, SLOW_S, "the call has its records")
    seen = console.open(f"/calls/{call_id}")
    expect(seen.get_by_text("it hissed")).to_be_visible(timeout=SLOW_MS)
    expect(seen.get_by_role("heading", name=f"As the browser of dina@{DOMAIN} had it")).to_be_visible(timeout=SLOW_MS)
    accessible(seen)
    seen.get_by_role("heading", name="Problem reported by").evaluate("each => each.scrollIntoView()")
    pictured(seen, "console-call-report")
    done_with(agents, dora)


def test_a_page_that_is_closed_in_mid_call_has_reported_and_one_that_is_loaded_anew_has_not(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str]
):
    dora = agent(agents, two_sites, "dora", "online", 620)
    with phone(browser, people, "dina") as page:
        dial(page, f"dora@{DOMAIN}")
        call = agents(dora.called())
        shows(page, "dora", "Connected")
        hears(page, 620)
        call_id = call.id.call_id
        press(page, "dora", "Quality")
        shown = page.get_by_role("group", name="How it sounds").or_(page.get_by_role("dialog", name="How it sounds"))
        expect(shown).to_contain_text("%", timeout=SLOW_MS)
        page.reload()
        shows(page, "dora", "Connected")
        hears(page, 620)
        page.wait_for_timeout(1000 * (BACK_WITHIN_S + 3))  # nothing is to happen
        assert call.up
        assert not ended(two_sites, "premises", call_id)
        press(page, "dora", "Quality")
        expect(shown).to_contain_text("%", timeout=SLOW_MS)
        page.close()
        agents(call.over(SLOW_S))
    # Given once the call has its record.
    wait_for(lambda: ended(two_sites, "premises", call_id), SLOW_S, "the report came")
    (end,) = reports(two_sites, "premises", call_id)
    assert (end["report"]["kind"], end["who"], end["site"]) == ("end", f"dina@{DOMAIN}", "premises")
    assert end["report"]["mos"] > 3
    assert end["report"]["seconds"] > BACK_WITHIN_S
    assert end["report"]["received"]["packets"] > 50
    done_with(agents, dora)


def test_what_a_browser_last_said_of_a_call_stays_when_it_crashes(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str]
):
    dora = agent(agents, two_sites, "dora", "online", 620)
    with phone(browser, people, "dina") as page:
        crashed: list[Page] = []
        page.on("crash", lambda gone: crashed.append(gone))
        dial(page, f"dora@{DOMAIN}")
        call = agents(dora.called())
        shows(page, "dora", "Connected")
        hears(page, 620)
        call_id = call.id.call_id

        def so_far() -> list[dict[str, Any]]:
            found = told_by_command(two_sites, "--kind", "unfinished", "--who", f"dina@{DOMAIN}")
            return [each for each in found if each["report"]["call_id"] == call_id]

        wait_for(so_far, SLOW_S, "the browser says how it has sounded so far")
        with suppress(Error):  # there is no page left that could answer
            page.goto("chrome://crash")
        wait_for(lambda: crashed or page.wait_for_timeout(100), SLOW_S, "the page has crashed")
        agents(call.hang_up())
    wait_for(lambda: reports(two_sites, "premises", call_id), SLOW_S, "the call has its record")
    (told,) = told_by_command(two_sites, "--call", call_id)
    assert (told["report"]["kind"], told["who"], told["site"]) == ("unfinished", f"dina@{DOMAIN}", "premises")
    assert told["report"]["mos"] > 3
    assert told["report"]["received"]["packets"] > 50
    done_with(agents, dora)


def test_whose_end_is_silent_is_told_in_words(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str]
):
    dora = agent(agents, two_sites, "dora", "online", 620)
    with phone(browser, people, "dina") as page:
        page.evaluate(KEEP)
        dial(page, f"dora@{DOMAIN}")
        call = agents(dora.called())
        shows(page, "dora", "Connected")
        hears(page, 620)
        page.evaluate(SILENT_MICROPHONE)
        says(page, "Your microphone hears nothing")
        page.evaluate(f"() => {SENDER}.track.stop()")
        says(page, "Your microphone is gone")
        call.media.sound = SILENCE
        says(page, "The other end sends silence")
        call.media.sound = None
        says(page, "Nothing comes from the other end")
        call_id = call.id.call_id
        press(page, "dora", "Hang up")
        idle(page)
        wait_for(lambda: ended(two_sites, "premises", call_id), SLOW_S, "the report came")
    (end,) = reports(two_sites, "premises", call_id)
    assert {"microphoneSilent", "microphoneEnded", "remoteSilent", "nothingReceived"} <= set(end["report"]["findings"])
    done_with(agents, dora)


def test_the_self_test_looks_at_each_way_and_hears_what_it_sends(browser: Browser, people: dict[str, str]):
    with phone(browser, people, "dina", "online") as page:
        asked = settings(page, "Self-test")
        asked.get_by_role("button", name="Begin").click()
        steps = asked.get_by_role("listitem")
        for index, step in enumerate(STEPS):
            expect(steps.nth(index)).to_contain_text(step)
            expect(steps.nth(index)).to_contain_text("Well", timeout=SLOW_MS)
        echo = steps.nth(len(STEPS) - 1)
        expect(echo).to_contain_text("by the site's relay (TURN), UDP")
        expect(echo).to_contain_text("opus")
        accessible(page)
        pictured(page, "phone-self-test")


def test_the_self_test_says_which_way_is_blocked(browser: Browser, people: dict[str, str]):
    """As where a firewall lets out TLS alone: the others lead nowhere."""
    with phone(browser, people, "dina") as page:
        page.evaluate(ONLY_TLS)
        asked = settings(page, "Self-test")
        asked.get_by_role("button", name="Begin").click()
        steps = asked.get_by_role("listitem")
        for index, wanted in enumerate(("Well", "Well", "Well", "Does not work", "Does not work", "Well", "Well")):
            expect(steps.nth(index)).to_contain_text(wanted, timeout=SLOW_MS)
        expect(steps.nth(3)).to_contain_text("Your network lets no UDP to the site's relay")
        expect(steps.last).to_contain_text("by the site's relay (TURN), TLS")
