"""Pictures in calls of browsers (Debian's Chromium): cameras and screens, across homes, with phones that have none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from isthmus.calls.leaving import BACK_WITHIN_S
from tests.agents.baresip import Baresip
from tests.interop.browsers import (
    MICROPHONE_HZ,
    SLOW_MS,
    accessible,
    browser,
    phone,
    pictured,
    playwright,
)
from tests.interop.conftest import DOMAIN, PASSWORD, Sites
from tests.interop.test_web_phone import (
    SLOW_S,
    Agents,
    agent,
    agents,
    card,
    dial,
    done_with,
    hears,
    hears_browser,
    idle,
    press,
    shows,
    whom,
)
from tests.support import wait_for

__all__ = ["agents", "browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HOMES = {"vera": "premises", "viktor": "online", "vince": "online", "vicky": "online"}
# What a picture of that label shows: frames so far, and how many of its colours are other ones than a moment ago; how
# bright the brightest is.
LOOKED_AT = """async (label) => {
  const video = document.querySelector(`video[aria-label^="${label}"]`);
  if (!video || video.readyState < 2) return null;
  const look = () => {
    const canvas = new OffscreenCanvas(64, 48), context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, 64, 48);
    return context.getImageData(0, 0, 64, 48).data;
  };
  const before = look();
  await new Promise((then) => setTimeout(then, 400));
  const after = look();
  let changed = 0, brightest = 0;
  for (let at = 0; at < after.length; at += 4) {
    const [red, green, blue] = after.subarray(at, at + 3);
    brightest = Math.max(brightest, red, green, blue);
    if (Math.abs(red - before[at]) + Math.abs(green - before[at + 1]) + Math.abs(blue - before[at + 2]) > 40) changed++;
  }
  const {width, height} = video.srcObject.getVideoTracks()[0].getSettings();
  return {changed, brightest, width, height, frames: video.getVideoPlaybackQuality().totalVideoFrames};
}"""

# Every track that the page gets from a camera from now on.
KEEP_CAMERAS = """() => {
  const devices = navigator.mediaDevices, get = devices.getUserMedia.bind(devices);
  window.cameras = [];
  devices.getUserMedia = async (...given) => {
    const stream = await get(...given);
    window.cameras.push(...stream.getVideoTracks());
    return stream;
  };
}"""
# From now on the page knows no codec for pictures but H.264: it offers none, and reads none in what is offered.
H264_ALONE = """() => {
  const {getCapabilities} = RTCRtpReceiver;
  RTCRtpReceiver.getCapabilities = (kind) => {
    const all = getCapabilities.call(RTCRtpReceiver, kind);
    return kind === "video" ? {...all, codecs: all.codecs.filter((each) => each.mimeType === "video/H264")} : all;
  };
  const h264 = (sdp) => sdp.split(/(?=^m=)/m).map((part) => {
    if (!part.startsWith("m=video ")) return part;
    const others = [...part.matchAll(/^a=rtpmap:(\\d+) (?!H264)/gm)].map(([, number]) => number);
    const kept = part.replace(/^(m=video \\d+ \\S+)(.*)$/m, (all, start, list) =>
      start + list.trim().split(" ").filter((each) => !others.includes(each)).map((each) => ` ${each}`).join(""));
    const about = (each) => new RegExp(`^a=(rtpmap|fmtp|rtcp-fb):${each} .*\\r?\\n`, "gm");
    return others.reduce((text, each) => text.replace(about(each), ""), kept);
  }).join("");
  const Real = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...given) { super(...given); window.connections.push(this); }
    setRemoteDescription(given) { return super.setRemoteDescription({type: given.type, sdp: h264(given.sdp)}); }
  };
}"""
# What pictures come and go by, in the newest connection, where any were.
CODECS = """async () => {
  const all = await window.connections.at(-1).getStats();
  return [...all.values()].filter((each) => each.kind === "video" && (each.framesDecoded > 0 || each.framesEncoded > 0))
    .map((each) => `${each.type} ${all.get(each.codecId)?.mimeType}`).sort();
}"""


@pytest.fixture(scope="module")
def people(two_sites: Sites) -> dict[str, str]:
    """User to password of the accounts."""
    two_sites.create_all(HOMES)
    return two_sites.accounts(HOMES)


def sees(page: Page, label: str, *, moving: bool = True) -> None:
    """A picture that goes on: the fake camera's pattern turns, the fake screen's too. Or one that is black."""

    def as_it_should_be() -> bool:
        seen = page.evaluate(LOOKED_AT, label)
        if seen is None:
            return False
        return (seen["changed"] > 5 and seen["brightest"] > 60) if moving else seen["brightest"] < 40

    wait_for(as_it_should_be, SLOW_S, f"{label} is {'seen' if moving else 'black'}")


def picture(page: Page, label: str) -> Locator:
    return page.locator(f'video[aria-label^="{label}"]')


def call_with_video(page: Page, user: str) -> None:
    whom(page).fill(f"{user}@{DOMAIN}")
    page.get_by_role("button", name="Call with video", exact=True).click()


def camera_goes_off(page: Page) -> None:
    off = "window.cameras.length > 0 && window.cameras.every((track) => track.readyState === 'ended')"
    wait_for(lambda: page.evaluate(off), SLOW_S, "its camera is off")


def sees_nobody(page: Page) -> None:
    expect(page.locator("video")).to_have_count(0, timeout=SLOW_MS)


def test_two_browsers_see_each_other_across_homes(browser: Browser, two_sites: Sites, people: dict[str, str]):
    """With a camera from the beginning; the other end takes the call without its own, and shows it later."""
    with phone(browser, people, "vera") as vera, phone(browser, people, "viktor", "online") as viktor:
        whom(vera).fill("vikto")
        vera.get_by_role("button", name="Call viktor with video", exact=True).click()
        expect(card(viktor, "Is calling you")).to_be_visible(timeout=SLOW_MS)
        press(viktor, "vera", "Answer")
        for page in (vera, viktor):
            shows(page, "Connected")
            hears(page, MICROPHONE_HZ)
        sees(viktor, "Picture of vera")
        shows(viktor, "Your own camera is off")
        expect(picture(vera, "Picture of viktor")).to_have_count(0)
        press(viktor, "vera", "Camera")
        sees(vera, "Picture of viktor")
        sees(viktor, "Your picture")
        accessible(vera)
        pictured(vera, "phone-video")

        press(vera, "viktor", "Pause picture")
        sees(viktor, "Picture of vera", moving=False)
        press(vera, "viktor", "Pause picture")
        sees(viktor, "Picture of vera")

        press(vera, "viktor", "Hold")
        shows(vera, "On hold")
        press(vera, "viktor", "Hold")
        shows(vera, "Connected")
        sees(viktor, "Picture of vera")
        sees(vera, "Picture of viktor")

        vera.reload()
        shows(vera, "Connected")
        sees(vera, "Picture of viktor")
        sees(viktor, "Picture of vera")
        hears(viktor, MICROPHONE_HZ)

        press(vera, "viktor", "Camera")
        expect(picture(viktor, "Picture of vera")).to_have_count(0, timeout=SLOW_MS)
        sees(vera, "Picture of viktor")
        press(viktor, "vera", "Camera")
        for page in (vera, viktor):
            sees_nobody(page)
            hears(page, MICROPHONE_HZ)
        press(viktor, "vera", "Hang up")
        for page in (vera, viktor):
            idle(page)


def test_a_camera_and_a_screen_are_shown_in_a_call_that_began_without(
    browser: Browser, two_sites: Sites, people: dict[str, str]
):
    with phone(browser, people, "vera") as vera, phone(browser, people, "viktor", "online") as viktor:
        dial(vera, f"viktor@{DOMAIN}")
        press(viktor, "vera", "Answer")
        shows(vera, "Connected")
        sees_nobody(vera)
        press(viktor, "vera", "Camera")
        sees(vera, "Picture of viktor")
        camera = vera.evaluate(LOOKED_AT, "Picture of viktor")
        press(viktor, "vera", "Share screen")
        wait_for(
            lambda: (seen := vera.evaluate(LOOKED_AT, "Picture of viktor")) and seen["width"] != camera["width"],
            SLOW_S,
            "the screen is seen rather than the camera",
        )
        # Its owner ends it by the browser's own bar: the camera is shown again.
        viktor.evaluate("document.querySelector('video[aria-label=\"Your picture\"]').srcObject.getTracks()[0]"
                        ".dispatchEvent(new Event('ended'))")  # fmt: skip
        expect(viktor.get_by_role("button", name="Share screen")).to_have_attribute(
            "aria-pressed", "false", timeout=SLOW_MS
        )
        sees(vera, "Picture of viktor")
        press(viktor, "vera", "Camera")
        sees_nobody(vera)
        press(vera, "viktor", "Hang up")
        idle(viktor)


def test_who_closes_the_page_has_hung_up_and_who_loads_it_anew_has_not(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str]
):
    vince = agent(agents, two_sites, "vince", "online", 620)
    with phone(browser, people, "vera") as page:
        dial(page, f"vince@{DOMAIN}")
        shows(page, "Connected")
        call = agents(vince.called())
        page.reload()
        shows(page, "Connected")
        hears(page, 620)
        went = time.monotonic()
        page.wait_for_timeout(1000 * (BACK_WITHIN_S + 3))  # nothing is to happen
        assert call.up, f"ended {time.monotonic() - went:.0f} s after the page was loaded anew"
        page.close()
        agents(call.over(SLOW_S))
    done_with(agents, vince)


def test_a_call_has_a_small_window_of_its_own(browser: Browser, two_sites: Sites, people: dict[str, str]):
    with phone(browser, people, "vera") as page:
        dial(page, "+12065550123")
        shows(page, "Connected")
        press(page, "Connected", "Small window")
        small = "documentPictureInPicture.window"
        wait_for(lambda: page.evaluate(f"{small}?.document.querySelector('main') !== null"), SLOW_S, "it is there")
        assert "+12065550123" in page.evaluate(f"{small}.document.body.innerText")
        mute, hang_up = (f"[...{small}.document.querySelectorAll('button')][{place}].click()" for place in (0, 1))
        page.evaluate(mute)
        expect(page.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
        page.evaluate(hang_up)
        idle(page)
        wait_for(lambda: page.evaluate(f"{small} === null"), SLOW_S, "it went with the call")


def test_phones_without_pictures_take_calls_with_them(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str], tmp_path: Path
):
    """Our agent, baresip and the PSTN: they refuse the stream, and the call goes on; also where it is offered later."""
    vince = agent(agents, two_sites, "vince", "online", 620)
    with phone(browser, people, "vera") as page:
        whom(page).fill(f"vince@{DOMAIN}")
        page.get_by_role("button", name="Call with video", exact=True).click()
        shows(page, "vince", "Connected", "a phone without pictures")
        sees_nobody(page)
        call = agents(vince.called())
        hears(page, 620)
        hears_browser(agents, vince, call)
        press(page, "vince", "Camera")  # once more
        shows(page, "vince", "a phone without pictures")
        press(page, "vince", "Hold")
        shows(page, "vince", "On hold")
        press(page, "vince", "Hold")
        shows(page, "vince", "Connected")
        page.reload()
        shows(page, "vince", "Connected")
        hears(page, 620)
        hears_browser(agents, vince, call)
        agents(call.hang_up())
        idle(page)

        whom(page).fill("+12065550123")
        page.get_by_role("button", name="Call with video", exact=True).click()
        shows(page, "Connected")
        hears(page, MICROPHONE_HZ)  # the carrier says back what it hears
        press(page, "Connected", "Hang up")
        idle(page)
    done_with(agents, vince)

    host, port = two_sites.proxy("online", "udp")
    desk = agents(
        Baresip.open(
            f"sip:vince@{DOMAIN}", two_sites.loopback(), tmp_path, proxy=f"{host}:{port}", password=PASSWORD,
            tone_hz=620, auto_answer=True,
        )
    )  # fmt: skip
    try:
        agents(desk.registered())
        with phone(browser, people, "vera") as page:
            dial(page, f"vince@{DOMAIN}")
            shows(page, "Connected")
            press(page, "vince", "Camera")
            shows(page, "vince", "a phone without pictures")
            hears(page, 620)
            agents(desk.hears(MICROPHONE_HZ))
            agents(desk.hang_up())
            idle(page)
    finally:
        agents(desk.close())


def test_a_call_with_pictures_that_is_transferred_goes_on_as_speech_until_somebody_shows_a_picture(
    browser: Browser, two_sites: Sites, people: dict[str, str]
):
    """Whoever comes in its place was not chosen to be shown to: nobody's camera stays on."""
    with (
        phone(browser, people, "vera") as vera,
        phone(browser, people, "viktor", "online") as viktor,
        phone(browser, people, "vicky", "online") as vicky,
    ):
        for page in (vera, viktor, vicky):
            page.evaluate(KEEP_CAMERAS)
        call_with_video(vera, "viktor")
        press(viktor, "vera", "Answer with video")
        sees(viktor, "Picture of vera")
        sees(vera, "Picture of viktor")
        press(viktor, "vera", "Transfer")
        viktor.get_by_label("Number or address to transfer to").fill(f"vicky@{DOMAIN}")
        viktor.get_by_role("button", name="Transfer", exact=True).last.click()
        press(vicky, "Is calling you", "Answer")
        idle(viktor)
        shows(vera, "vicky", "Connected")
        for page in (vera, vicky):
            sees_nobody(page)
            hears(page, MICROPHONE_HZ)
        for page in (vera, viktor):
            camera_goes_off(page)
        press(vera, "vicky", "Camera")
        sees(vicky, "Picture of vera")
        press(vicky, "vera", "Camera")
        sees(vera, "Picture of vicky")

        # Connected with another one whom she talks to, and sees, as well.
        call_with_video(vicky, "viktor")
        press(viktor, "vicky", "Answer with video")
        sees(vicky, "Picture of viktor")
        sees(viktor, "Picture of vicky")
        press(vicky, "vera", "Transfer")
        vicky.get_by_role("button", name="Connect with viktor").click()
        idle(vicky)
        shows(vera, "viktor", "Connected")
        shows(viktor, "vera", "Connected")
        for page in (vera, viktor):
            sees_nobody(page)
            hears(page, MICROPHONE_HZ)
            camera_goes_off(page)
        press(viktor, "vera", "Camera")
        sees(vera, "Picture of viktor")
        press(vera, "viktor", "Hang up")
        idle(viktor)


@pytest.mark.parametrize("calls", ["who has it alone", "the other one"])
def test_pictures_are_h264_where_one_end_has_nothing_else(
    browser: Browser, two_sites: Sites, people: dict[str, str], calls: str
):
    with phone(browser, people, "vera") as vera, phone(browser, people, "viktor", "online") as viktor:
        vera.evaluate(H264_ALONE)
        first, second = (vera, viktor) if calls == "who has it alone" else (viktor, vera)
        call_with_video(first, "viktor" if first is vera else "vera")
        press(second, "Is calling you", "Answer with video")
        sees(vera, "Picture of viktor")
        sees(viktor, "Picture of vera")
        wait_for(
            lambda: vera.evaluate(CODECS) == ["inbound-rtp video/H264", "outbound-rtp video/H264"], SLOW_S, "H.264"
        )
        press(vera, "viktor", "Hang up")
        idle(viktor)
