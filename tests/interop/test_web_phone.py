"""The web phone in real browsers (Debian's Chromium), at both sites: sign-in, calls with phones of every kind and the
PSTN, what is heard at both ends, what it weighs."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from isthmus.pages.application import BUILT
from isthmus.site import internal
from isthmus.useragent.call import Call
from isthmus.useragent.rtp import Media
from tests.agents.baresip import Baresip
from tests.agents.raw import User
from tests.faults.people import moved, start_move
from tests.interop.browsers import (
    MICROPHONE_HZ,
    PHONE,
    SLOW_MS,
    accessible,
    browser,
    phone,
    pictured,
    playwright,
    settings,
    sign_in,
)
from tests.interop.conftest import DOMAIN, PASSWORD, Sites
from tests.support import wait_for

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]  # two sites, two browsers and media on two cores

HOMES = {"wanda": "premises", "wilma": "online", "webster": "online", "wes": "premises"}
NUMBER = "+14255550141"  # wanda's
SLOW_S = SLOW_MS / 1000
MOST_BYTES = 300_000
T = TypeVar("T")
# Whether what the newest call of the page plays has this frequency as its strongest, and is loud; or is silent (0).
HEARD = """async (hz) => {
  const streams = [...document.querySelectorAll("audio")].map((each) => each.srcObject);
  const stream = streams.filter((each) => each?.getAudioTracks().some((track) => !track.muted)).at(-1);
  if (!stream) return hz === 0 ? "" : "nothing to hear";
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, {fftSize: 4096, smoothingTimeConstant: 0});
  context.createMediaStreamSource(stream).connect(analyser);
  const found = new Uint8Array(analyser.frequencyBinCount);
  const enough = hz === 0 ? 10 : 4;
  let told = "", fits = 0;
  for (let look = 0; look < 30 && fits < enough; look++) {
    await new Promise((then) => setTimeout(then, 100));
    analyser.getByteFrequencyData(found);
    const level = Math.max(...found), at = found.indexOf(level) * context.sampleRate / 4096;
    if (!told || level > 0) told = `${Math.round(at)} Hz at ${level} of 255`;
    if (hz === 0) fits = level < 60 ? fits + 1 : 0;
    else if (level > 100 && Math.abs(at - hz) < 30) fits++;
  }
  await context.close();
  return fits >= enough ? "" : told;
}"""
# From now on the page's own look at its media finds that nothing comes in.
PACKETS_STOP = """() => {
  window.iceRestarts = 0;
  const {createOffer, getStats} = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.createOffer = function (options) {
    if (options?.iceRestart) {
      window.iceRestarts++;
      RTCPeerConnection.prototype.getStats = getStats;
    }
    return createOffer.call(this, options);
  };
  RTCPeerConnection.prototype.getStats = async () => new Map([["in", {type: "inbound-rtp", packetsReceived: 1}]]);
}"""


class Agents:
    """An event loop in a thread of its own: our agents are asynchronous, and Playwright's pages here are not."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def __call__(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(3 * SLOW_S)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


class Keys(Media):
    """Audio that also notes the keys that were pressed at the other end (RFC 4733 section 2.5)."""

    def __init__(self) -> None:
        super().__init__()
        self.pressed: dict[int, str] = {}  # by the time stamp that all packets of one event share

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) >= 16 and data[1] & 0x7F == 101 and data[12] < 12:
            self.pressed[int.from_bytes(data[4:8], "big")] = "0123456789*#"[data[12]]
        super().datagram_received(data, addr)


@pytest.fixture(scope="module")
def agents() -> Iterator[Agents]:
    made = Agents()
    yield made
    made.close()


@pytest.fixture(scope="module")
def people(two_sites: Sites) -> dict[str, str]:
    """User to password of the accounts, one at each site."""
    two_sites.create("wanda", HOMES["wanda"], NUMBER)
    two_sites.create_all({user: home for user, home in HOMES.items() if user != "wanda"})
    two_sites.wait_until_known(list(HOMES))
    return two_sites.accounts(HOMES)


def card(page: Page, text: str) -> Locator:
    return page.get_by_role("group").filter(has_text=text)


def whom(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Name, number or address")


def dial(page: Page, called: str) -> None:
    whom(page).fill(called)
    page.get_by_role("button", name="Call", exact=True).click()


def press(page: Page, call: str, button: str) -> None:
    card(page, call).get_by_role("button", name=button, exact=True).click()


def shows(page: Page, *texts: str) -> None:
    """A call of which all this is told."""
    found = page.get_by_role("group")
    for text in texts:
        found = found.filter(has_text=text)
    expect(found).to_be_visible(timeout=SLOW_MS)


def idle(page: Page) -> None:
    expect(page.get_by_text("No call at the moment")).to_be_visible(timeout=SLOW_MS)


def hears(page: Page, frequency_hz: float) -> None:
    """The newest call of the page that plays anything plays this tone; 0: nothing. What plays is looked for anew."""
    end = time.monotonic() + SLOW_S
    while told := page.evaluate(HEARD, frequency_hz):
        assert time.monotonic() < end, f"not {frequency_hz} Hz was heard, but {told}"


def hears_nothing(page: Page) -> None:
    hears(page, 0)


async def open_media(address: str) -> Media:
    return await Keys.open(address)


def agent(agents: Agents, sites: Sites, user: str, at: str, tone_hz: float) -> User:
    async def opened() -> User:
        made = await sites.phone(user, at, tone_hz=tone_hz)
        made.open_media = open_media
        return made

    return agents(opened())


def desk_phones(agents: Agents, sites: Sites, wes_at: str = "online") -> tuple[User, User]:
    """Webster's, at home there, and wes', who may be at the wrong site. They sound different."""
    return agent(agents, sites, "webster", "online", 620), agent(agents, sites, "wes", wes_at, 750)


def done_with(agents: Agents, *users: User) -> None:
    for user in users:
        agents(user.register(0))
        agents(user.close())


def called_by(agents: Agents, user: User, whom: str) -> Call:
    """A call that rings."""
    return agents(user.ring(f"sip:{whom}@{DOMAIN}", timeout_s=SLOW_S))


def hears_browser(agents: Agents, user: User, call: Call) -> None:
    agents(user.hears(call, MICROPHONE_HZ, timeout_s=SLOW_S))


def test_browsers_call_one_another_across_homes_and_hear_each_other(
    browser: Browser, two_sites: Sites, people: dict[str, str]
):
    with phone(browser, people, "wanda") as wanda, phone(browser, people, "wilma", "online") as wilma:
        whom(wanda).fill("wilm")
        wanda.get_by_role("button", name="Call wilma", exact=True).click()
        expect(card(wilma, "Is calling you")).to_contain_text("wanda", timeout=SLOW_MS)
        wilma.get_by_role("button", name="Answer").click()
        for page in (wanda, wilma):
            shows(page, "Connected")
        for page in (wanda, wilma):
            hears(page, MICROPHONE_HZ)
        pictured(wanda, "phone")

        wanda.get_by_role("button", name="Mute").click()
        expect(wanda.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true", timeout=SLOW_MS)
        hears_nothing(wilma)
        wanda.get_by_role("button", name="Hold").click()
        expect(card(wanda, "On hold")).to_be_visible(timeout=SLOW_MS)
        accessible(wanda)
        wilma.get_by_role("button", name="Hang up").click()
        for page in (wanda, wilma):
            idle(page)


def test_a_phone_on_a_desk_and_a_browser_do_all_that_calls_can(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str]
):
    """Heard at both ends, keys, mute, hold, two calls at once, and a transfer to the PSTN."""
    webster, wes = desk_phones(agents, two_sites)
    with phone(browser, people, "wanda") as page:
        first = called_by(agents, webster, "wanda")
        press(page, "webster", "Answer")
        agents(first.answered(SLOW_S))
        hears(page, 620)
        hears_browser(agents, webster, first)

        press(page, "webster", "Keypad")
        for key in "159#":
            page.get_by_role("button", name=f"Key {key}", exact=True).click()
        page.keyboard.press("Escape")
        assert isinstance(first.media, Keys)
        wait_for(lambda: "".join(first.media.pressed.values()) == "159#", SLOW_S, "the keys came")

        press(page, "webster", "Mute")
        expect(page.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
        agents(webster.hears_nothing(first, seconds=1.5))
        press(page, "webster", "Mute")
        hears_browser(agents, webster, first)

        press(page, "webster", "Hold")
        shows(page, "webster", "On hold")
        hears_nothing(page)
        agents(webster.hears_nothing(first, seconds=1.5))
        press(page, "webster", "Hold")
        shows(page, "webster", "Connected")
        hears(page, 620)
        hears_browser(agents, webster, first)

        second = called_by(agents, wes, "wanda")
        press(page, "wes", "Answer")
        agents(second.answered(SLOW_S))
        shows(page, "webster", "On hold")
        hears(page, 750)
        hears_browser(agents, wes, second)
        agents(webster.hears_nothing(first, seconds=1.0))
        press(page, "webster", "Hold")  # and so the other one is held
        shows(page, "wes", "On hold")
        hears_browser(agents, webster, first)

        press(page, "webster", "Transfer")
        page.get_by_label("Number or address to transfer to").fill("+12065550123")
        page.get_by_role("button", name="Transfer", exact=True).last.click()
        agents(first.over(SLOW_S))
        transferred = first.transferred
        assert transferred is not None
        agents(transferred.answered(SLOW_S))
        agents(webster.hears(transferred, 1000, timeout_s=SLOW_S))
        agents(transferred.hang_up())
        agents(second.hang_up())
        idle(page)
    done_with(agents, webster, wes)


def test_a_page_that_is_loaded_anew_in_mid_call_finds_its_calls_again(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str]
):
    """One call that came and is held, one that went out and is muted; both sites lie between."""
    webster, wes = desk_phones(agents, two_sites)
    with phone(browser, people, "wanda") as page:
        came = called_by(agents, webster, "wanda")
        press(page, "webster", "Answer")
        agents(came.answered(SLOW_S))
        dial(page, f"wes@{DOMAIN}")
        shows(page, "wes", "Connected")
        went = agents(wes.called())
        press(page, "wes", "Mute")
        device = page.evaluate("sessionStorage.getItem('isthmus.device')")
        for _ in range(2):
            page.reload()
            shows(page, "webster", "On hold")
            shows(page, "wes", "Connected")
            expect(card(page, "wes").get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
            hears(page, 750)
            agents(wes.hears_nothing(went, seconds=1.0))
        assert page.evaluate("sessionStorage.getItem('isthmus.device')") == device
        press(page, "wes", "Mute")
        hears_browser(agents, wes, went)
        press(page, "webster", "Hold")
        shows(page, "wes", "On hold")
        hears(page, 620)
        hears_browser(agents, webster, came)
        agents(came.hang_up())
        press(page, "wes", "Hang up")
        idle(page)
        agents(went.over(SLOW_S))
    done_with(agents, webster, wes)


def test_who_moves_in_mid_call_notices_nothing(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str]
):
    """The call goes on, there and back; those before and after a move find the page where it is."""
    webster = agent(agents, two_sites, "webster", "online", 620)
    with phone(browser, people, "wanda") as page:
        for to in ("online", "premises"):
            call = called_by(agents, webster, "wanda")
            press(page, "webster", "Answer")
            agents(call.answered(SLOW_S))
            hears(page, 620)
            done = moved(two_sites, start_move(two_sites, ["wanda"], to), SLOW_S)
            assert done["moved"] == 1, done["people"]
            hears(page, 620)
            hears_browser(agents, webster, call)
            agents(call.hang_up())
            idle(page)
            expect(page.get_by_role("status")).to_have_text("Ready")
    done_with(agents, webster)


def test_a_lost_connection_is_made_anew_in_mid_call(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str]
):
    """First the site ends the WebSocket; then no packets seem to come, as when the network is another one."""
    webster = agent(agents, two_sites, "webster", "online", 620)
    with phone(browser, people, "wanda", "online") as page:  # whose home is the other site
        call = called_by(agents, webster, "wanda")
        press(page, "webster", "Answer")
        agents(call.answered(SLOW_S))
        hears(page, 620)
        asked = len(call.requests)
        end_web_sockets(two_sites, "online")
        expect(page.get_by_role("status")).to_have_text("Connecting …", timeout=SLOW_MS)
        expect(page.get_by_role("status")).to_have_text("Ready", timeout=SLOW_MS)
        wait_for(lambda: len(call.requests) > asked, SLOW_S, "the far end was told where the browser is")
        agents(call.reinvite())  # and reaches it
        hears_browser(agents, webster, call)

        page.evaluate(PACKETS_STOP)
        wait_for(lambda: page.evaluate("window.iceRestarts") > 0, SLOW_S, "ICE began anew")
        hears(page, 620)
        hears_browser(agents, webster, call)
        agents(call.hang_up())
        idle(page)
    done_with(agents, webster)


def end_web_sockets(sites: Sites, name: str) -> None:
    """All at a site, as a network would that fails."""
    with socket.socket(socket.AF_UNIX) as haproxy:
        haproxy.connect(str(internal.haproxy_socket(sites.file(name))))
        haproxy.sendall(b"shutdown sessions server kamailio_ws/kamailio\n")
        assert haproxy.recv(1000).strip() == b""


def test_calls_are_transferred_by_the_browser_to_it_and_with_it(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str]
):
    webster, wes = (
        agent(agents, two_sites, user, at, hz)
        for user, at, hz in (("webster", "online", 620), ("wes", "premises", 750))
    )
    with phone(browser, people, "wanda") as page:
        # The browser lets two talk to each other whom it talked to.
        came = called_by(agents, webster, "wanda")
        press(page, "webster", "Answer")
        agents(came.answered(SLOW_S))
        dial(page, f"wes@{DOMAIN}")
        shows(page, "wes", "Connected")
        press(page, "webster", "Transfer")
        page.get_by_role("button", name="Connect with wes").click()
        agents(came.over(SLOW_S))
        joined = came.transferred
        assert joined is not None
        agents(joined.answered(SLOW_S))
        agents(webster.hears(joined, 750, timeout_s=SLOW_S))
        idle(page)

        # It is asked to call somebody else.
        agents(joined.hang_up())
        came = called_by(agents, webster, "wanda")
        press(page, "webster", "Answer")
        agents(came.answered(SLOW_S))
        agents(came.refer(f"sip:wes@{DOMAIN}"))
        shows(page, "wes", "Connected")
        hears(page, 750)
        wait_for(lambda: any(b" 200 " in each.body for each in came.notifies), SLOW_S, "it was told that it worked")

        # Who talks to it lets another one take the place, without a ring.
        agents(came.hang_up())
        press(page, "wes", "Hang up")
        idle(page)
        came = called_by(agents, webster, "wanda")
        press(page, "webster", "Answer")
        agents(came.answered(SLOW_S))
        asked = agents(webster.dial(f"sip:wes@{DOMAIN}", timeout_s=SLOW_S))
        agents(asked.refer(f"sip:wanda@{DOMAIN}", replaces=came))
        shows(page, "wes", "Connected")
        hears(page, 750)
        agents(came.over(SLOW_S))
        press(page, "wes", "Hang up")
        idle(page)

        # Nobody is there: the call stays, and it is said.
        came = called_by(agents, webster, "wanda")
        press(page, "webster", "Answer")
        agents(came.answered(SLOW_S))
        press(page, "webster", "Transfer")
        page.get_by_label("Number or address to transfer to").fill("nobody-at-all@contoso.example")
        page.get_by_role("button", name="Transfer", exact=True).last.click()
        shows(page, "webster", "The transfer did not work")
        hears(page, 620)
        agents(came.hang_up())
        idle(page)
    done_with(agents, webster, wes)


def test_keys_sound_and_links(browser: Browser, two_sites: Sites, people: dict[str, str]):
    with phone(browser, people, "wanda", query="?call=tel:%2B1-206-555-0123;ext=7") as page:
        expect(whom(page)).to_have_value("+1-206-555-0123")
        idle(page)  # a link of somebody's calls nobody
        expect(page.get_by_role("button", name="Settings")).to_be_visible(timeout=SLOW_MS)  # it is drawn last
        page.keyboard.press("Alt+k")
        keys = page.get_by_role("dialog", name="Keyboard")
        expect(keys).to_contain_text("Alt+M")
        accessible(page)
        page.keyboard.press("Escape")
        expect(keys).to_be_hidden()

        sound = settings(page, "Sound")
        level = "Number(document.querySelector('[role=progressbar]').ariaValueNow)"
        wait_for(lambda: page.evaluate(level) > 0.3, SLOW_S, "the level shows the microphone's tone")
        named = sound.get_by_label("Microphone", exact=True).get_by_role("option").all_inner_texts()
        assert named[0] == "As the browser has it"
        assert len(named) > 1
        sound.get_by_label("Microphone", exact=True).select_option(named[-1])
        accessible(page)
        page.get_by_role("button", name="Close").click()

        page.keyboard.press("Alt+s")
        page.keyboard.press("Enter")
        shows(page, "Connected")
        hears(page, MICROPHONE_HZ)  # by the device that was chosen
        page.keyboard.press("Alt+m")
        expect(page.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true", timeout=SLOW_MS)
        page.keyboard.press("Alt+o")
        shows(page, "On hold")
        page.keyboard.press("Alt+x")
        idle(page)


def test_the_pstn_and_a_browser_call_each_other(browser: Browser, two_sites: Sites, people: dict[str, str]):
    with phone(browser, people, "wanda", "online") as page:  # whose home is the other site
        dial(page, "+12065550123")
        shows(page, "Connected")
        hears(page, MICROPHONE_HZ)  # the carrier says back what it hears, after a beep
        press(page, "Connected", "Hang up")
        idle(page)
        dial(page, "+14255550990")
        shows(page, "Busy")
        idle(page)
        words = [sys.executable, "-m", "isthmus.demo.carrier", str(two_sites.demo.carrier_file)]
        with subprocess.Popen([*words, "call", "+12065550177", NUMBER], stdout=subprocess.PIPE, text=True) as order:
            shows(page, "+12065550177", "Is calling you")
            press(page, "Is calling you", "Answer")
            hears(page, 800)
            press(page, "Connected", "Hang up")
            assert order.communicate(timeout=SLOW_S)[0].splitlines()[-1].endswith(" BYE")


def test_a_phone_of_others_hears_the_browser_and_is_heard(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str], tmp_path: Path
):
    host, port = two_sites.proxy("premises", "udp")
    uri = f"sip:wes@{DOMAIN}"
    desk = agents(
        Baresip.open(
            uri, two_sites.loopback(), tmp_path, proxy=f"{host}:{port}", password=PASSWORD, tone_hz=620,
            auto_answer=True,
        )
    )  # fmt: skip
    try:
        agents(desk.registered())
        with phone(browser, people, "wilma", "online") as page:
            dial(page, f"wes@{DOMAIN}")
            shows(page, "Connected")
            hears(page, 620)
            agents(desk.hears(MICROPHONE_HZ))
            agents(desk.hang_up())
            idle(page)
    finally:
        agents(desk.close())


def test_who_signs_out_leaves_no_device_and_nobody_gets_in_by_a_wrong_password(
    browser: Browser, two_sites: Sites, people: dict[str, str]
):
    context = browser.new_context(locale="de-DE", permissions=["microphone"])
    context.set_default_timeout(SLOW_MS)
    page = context.new_page()
    page.goto(PHONE.format("online"))
    sign_in(page, "wilma", "not her password")
    expect(page.get_by_text("the name or the password is wrong")).to_be_visible()
    sign_in(page, "wilma", people["wilma"])
    expect(page.get_by_role("status")).to_have_text("Bereit", timeout=SLOW_MS)
    aor = f"wilma@{DOMAIN}"
    kept = page.evaluate("JSON.parse(sessionStorage.getItem('isthmus.device')).name")
    with two_sites.api("online") as online, two_sites.api("premises") as premises:
        assert [each["md5"] for each in premises.get("/v1/devices", aor=aor) if each["name"] == kept] == [False]
        page.get_by_role("button", name="Einstellungen").click()
        page.get_by_role("menuitem", name="Abmelden").click()
        for api in (online, premises):
            wait_for(
                lambda api=api: kept not in [each["name"] for each in api.get("/v1/devices", aor=aor)],
                SLOW_S,
                "the device is revoked",
            )
    context.close()


def test_what_the_first_load_weighs():
    """The way in, and all that the phone begins with, packed as it is served. What comes later is not in it."""
    if not (BUILT / "index.html").exists():
        pytest.skip("the web application is not built here: deploy/bootstrap says why")
    chunks = json.loads((BUILT / "manifest.json").read_text(encoding="utf-8"))
    wanted = ["index.html", "src/main.tsx", "src/calls/phone.ts"]
    for name in wanted:  # grows while it is walked
        wanted += [each for each in chunks[name].get("imports", ()) if each not in wanted]
    files = sum((BUILT / f"{chunks[name]['file']}.gz").stat().st_size for name in wanted)
    page = (BUILT / "index.html").read_text(encoding="utf-8")
    assert 200_000 < len(gzip.compress(page.encode())) + files < MOST_BYTES
