"""The web phone in real browsers (Debian's Chromium), at both sites: sign-in, calls, what is heard, what it weighs."""

from __future__ import annotations

import gzip
import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from isthmus.pages.application import BUILT
from tests.interop.conftest import DOMAIN, Sites

pytestmark = pytest.mark.e2e

CHROMIUM = "/usr/bin/chromium"
PHONE = "https://{}.contoso.example:8443/phone/"
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
HOMES = {"wanda": "premises", "wilma": "online"}
# Two cores run two sites, two browsers and media: nothing here is about how fast it goes.
SLOW_MS = 60_000
MOST_BYTES = 300_000
# The strongest frequency of what an <audio> element of the page plays, in Hz, and its level (0 to 255).
HEARD = """async () => {
  const element = document.querySelector("audio");
  if (!element || !element.srcObject) return [0, 0];
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, {fftSize: 4096});
  context.createMediaStreamSource(element.srcObject).connect(analyser);
  const found = new Uint8Array(analyser.frequencyBinCount);
  let best = [0, 0];
  for (let look = 0; look < 30; look++) {
    await new Promise((then) => setTimeout(then, 100));
    analyser.getByteFrequencyData(found);
    const loudest = found.indexOf(Math.max(...found));
    if (found[loudest] > best[1]) best = [loudest * context.sampleRate / 4096, found[loudest]];
  }
  await context.close();
  return best;
}"""


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright, two_sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium that trusts the sites' CA, with a microphone that beeps."""
    if not (BUILT / "index.html").exists():
        pytest.skip("the web application is not built here: deploy/bootstrap says why")
    home = tmp_path_factory.mktemp("home")
    database = f"sql:{home}/.pki/nssdb"
    (home / ".pki" / "nssdb").mkdir(parents=True)
    for argv in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "isthmus", "-i", two_sites.ca]):
        subprocess.run(["certutil", "-d", database, *argv], check=True, capture_output=True)
    names = ", ".join(f"MAP {name}.contoso.example {two_sites.address(name)}" for name in ("premises", "online"))
    launched = playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=[
            f"--host-resolver-rules={names}",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            "--autoplay-policy=no-user-gesture-required",
            # The sites of these tests are on loopback.
            "--allow-loopback-in-peer-connection",
        ],
        env={**os.environ, "HOME": str(home)},
    )
    yield launched
    launched.close()


@pytest.fixture(scope="module")
def people(two_sites: Sites) -> dict[str, str]:
    """User to password of the accounts, one at each site."""
    two_sites.create_all(HOMES)
    passwords = {user: secrets.token_urlsafe(16) for user in HOMES}
    for site in ("premises", "online"):
        with two_sites.api(site) as api:
            for user, password in passwords.items():
                api.post("/v1/accounts", {"name": user, "person": f"{user}@{DOMAIN}", "password": password})
    return passwords


@contextmanager
def phone(
    browser: Browser, people: dict[str, str], user: str, at: str = "premises", locale: str = "en-US"
) -> Iterator[Page]:
    """A browser of its own, signed in at a site and registered. What it complains of fails the test."""
    context = browser.new_context(locale=locale, permissions=["microphone"])
    context.set_default_timeout(SLOW_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    page.goto(PHONE.format(at))
    page.get_by_label("Name", exact=True).fill(user)
    page.get_by_label("Password", exact=True).fill(people[user])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Bereit" if locale == "de-DE" else "Ready", timeout=SLOW_MS)
    try:
        yield page
    finally:
        context.close()
    assert not complaints


def card(page: Page, text: str) -> Any:
    return page.get_by_role("group").filter(has_text=text)


def hears_something(page: Page) -> None:
    """Chromium's microphone beeps once a second."""
    level = 0
    for _ in range(10):
        level = max(level, page.evaluate(HEARD)[1])
        if level > 100:
            return
    raise AssertionError(f"nothing was heard; the loudest was {level} of 255")


@pytest.mark.timeout(600)  # two sites, two browsers and media on two cores
def test_browsers_call_one_another_across_homes_and_hear_each_other(
    browser: Browser, two_sites: Sites, people: dict[str, str]
):
    with phone(browser, people, "wanda") as wanda, phone(browser, people, "wilma", "online") as wilma:
        wanda.get_by_role("searchbox").fill("wilm")
        wanda.get_by_role("button", name="Call wilma", exact=True).click()
        expect(card(wilma, "Is calling you")).to_contain_text("wanda", timeout=SLOW_MS)
        wilma.get_by_role("button", name="Answer").click()
        for page in (wanda, wilma):
            expect(card(page, "Connected")).to_be_visible(timeout=SLOW_MS)
        for page in (wanda, wilma):
            hears_something(page)

        wanda.get_by_role("button", name="Mute").click()
        expect(wanda.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true", timeout=SLOW_MS)
        wanda.get_by_role("button", name="Hold").click()
        expect(card(wanda, "On hold")).to_be_visible(timeout=SLOW_MS)
        accessible(wanda)
        wilma.get_by_role("button", name="Hang up").click()
        for page in (wanda, wilma):
            expect(page.get_by_text("No call at the moment")).to_be_visible(timeout=SLOW_MS)


def test_what_the_first_load_weighs():
    """All that the page names, packed as it is served. Nothing else is loaded before the phone is there."""
    if not (BUILT / "index.html").exists():
        pytest.skip("the web application is not built here: deploy/bootstrap says why")
    page = (BUILT / "index.html").read_text(encoding="utf-8")
    names = re.findall(r"/phone/assets/([\w.-]+)", page)
    assert any(name.endswith(".js") for name in names)
    files = sum((BUILT / "assets" / f"{name}.gz").stat().st_size for name in names)
    assert len(gzip.compress(page.encode())) + files < MOST_BYTES


def accessible(page: Page) -> None:
    """axe-core finds nothing. It is put in by the debugger: the page's own policy would not load it."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])")
    assert found == []
