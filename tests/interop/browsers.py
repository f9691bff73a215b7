"""Debian's Chromium for the pages of two sites: how it is started, watched, and asked whether a page is accessible."""

from __future__ import annotations

import base64
import os
import subprocess
import time
import wave
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect, sync_playwright

from isthmus.identity import totp
from isthmus.pages.application import BUILT
from tests.interop.conftest import Sites

CHROMIUM = "/usr/bin/chromium"
PHONE = "https://{}.contoso.example:8443/phone/"
MICROPHONE_HZ = 520
_RATE_HZ = 48_000
_AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
# Two cores run two sites, two browsers and media: nothing here is about how fast it goes.
SLOW_MS = 60_000
expect.set_options(timeout=SLOW_MS)


def launched(
    playwright: Playwright, home: Path, ca: str, hosts: Mapping[str, str], *, program: str = CHROMIUM
) -> Browser:
    """Chromium that trusts the sites' CA, with a microphone that hears a tone.

    hosts: name to address. home: an empty folder. program: what starts it.
    """
    database = f"sql:{home}/.pki/nssdb"
    (home / ".pki" / "nssdb").mkdir(parents=True)
    for argv in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "isthmus", "-i", ca]):
        subprocess.run(["certutil", "-d", database, *argv], check=True, capture_output=True)
    names = ", ".join(f"MAP {name} {address}" for name, address in hosts.items())
    return playwright.chromium.launch(
        executable_path=program,
        args=[
            f"--host-resolver-rules={names}",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={_tone(home / 'microphone.wav')}",
            "--use-fake-ui-for-media-stream",
            "--auto-select-desktop-capture-source=Entire screen",
            "--autoplay-policy=no-user-gesture-required",
            # The sites of these tests are on loopback.
            "--allow-loopback-in-peer-connection",
        ],
        env={**os.environ, "HOME": str(home)},
    )


def _tone(path: Path) -> Path:
    """Half a second of a tone and a pause in turn: what goes on and on a browser takes for noise, and removes."""
    times = np.arange(_RATE_HZ // 2) / _RATE_HZ
    samples = (0.4 * 32767 * np.sin(2 * np.pi * MICROPHONE_HZ * times)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE_HZ)
        file.writeframes((samples.tobytes() + bytes(_RATE_HZ // 2)) * 20)
    return path


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright, two_sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium for the pages of both sites."""
    if not (BUILT / "index.html").exists():
        pytest.skip("the web application is not built here: deploy/bootstrap says why")
    hosts = {f"{name}.contoso.example": two_sites.address(name) for name in ("premises", "online")}
    started = launched(playwright, tmp_path_factory.mktemp("home"), two_sites.ca, hosts)
    yield started
    started.close()


@contextmanager
def watched(browser: Browser, **options: Any) -> Iterator[Page]:
    """A page in a browser of its own. What it complains of (scripts, content policy) fails the test."""
    context = browser.new_context(**options)
    context.set_default_timeout(SLOW_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    try:
        yield page
    finally:
        context.close()
    assert not complaints


@contextmanager
def phone(
    browser: Browser, people: Mapping[str, str], user: str, at: str = "premises", *, query: str = ""
) -> Iterator[Page]:
    """The phone in a browser of its own, signed in at a site and registered. people: user to password."""
    with watched(browser, locale="en-US", permissions=["microphone", "camera"]) as page:
        page.goto(PHONE.format(at) + query)
        sign_in(page, user, people[user])
        expect(page.get_by_role("status")).to_have_text("Ready", timeout=SLOW_MS)
        yield page


def sign_in(page: Page, user: str, password: str) -> None:
    """Fill in the site's own page of sign-in."""
    page.get_by_label("Name", exact=True).fill(user)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


_AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
}


def authenticator(context: BrowserContext, page: Page, **options: object) -> None:
    """Give the page a virtual authenticator, as of a machine that knows its user by a fingerprint."""
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {**_AUTHENTICATOR, **options}})


_STILL = """() => new Promise((done) => {
  let timer = 0;
  const observer = new MutationObserver(() => wait());
  const wait = () => { clearTimeout(timer); timer = setTimeout(end, 250); };
  const end = () => { observer.disconnect(); done(); };
  observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
  setTimeout(end, 10_000);
  wait();
})"""


def still(page: Page) -> None:
    """Wait until the page is not changed any more."""
    page.evaluate(_STILL)


def settings(page: Page, part: str) -> Locator:
    """Open a part of the phone's settings; gives its dialog."""
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("menuitem", name=part, exact=True).click()
    return page.get_by_role("dialog", name=part)


def accessible(page: Page) -> None:
    """axe-core finds nothing, once the page stands still. It is put in by the debugger: the page's own policy would not
    load it.

    Left out: the invisible elements by which Fluent's Tabster hands the keyboard on; no reader ever stays on one.
    """
    still(page)  # axe looks at one thing after another: what is drawn meanwhile it takes for broken
    page.evaluate(_AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "async () => (await axe.run({exclude: ['[data-tabster-dummy]']}))"
        ".violations.map(v => [v.id, v.nodes.map(n => n.html)])"
    )
    assert found == [], f"{page.url}: {found}"


def pictured(page: Page, name: str) -> None:
    """Keep a picture of the page for the documentation, where `make pictures` asks for it."""
    if folder := os.environ.get("ISTHMUS_PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", animations="disabled")


class App:
    """An authenticator app: codes of one secret, none twice."""

    def __init__(self, secret: str) -> None:
        self._secret = base64.b32decode(secret + "=" * (-len(secret) % 8))
        self._last = 0

    def code(self) -> str:
        """A code that was not used yet; waits for the next step where that is needed."""
        step = max(int(time.time()) // totp.STEP_S, self._last + 1)
        while step > int(time.time()) // totp.STEP_S + 1:
            time.sleep(0.2)
        self._last = step
        return totp.code(self._secret, step)
