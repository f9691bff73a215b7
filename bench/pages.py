"""The pages in a browser: how soon they can be used on a slow machine, and how smoothly a long list scrolls.

Debian's Chromium without a screen, at a real site. It shares the machine with the sites, so its frames are those of a
machine that has other things to do.
"""

from __future__ import annotations

import re
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, ElementHandle, Page, expect, sync_playwright
from tests.interop.browsers import PHONE, SLOW_MS, App, launched, sign_in
from tests.interop.conftest import DOMAIN, HOMES
from tests.interop.histories import written

from bench.lab import Lab, running
from bench.model import Aim, Figure, Scale

_CONSOLE = "https://premises.contoso.example:8443/console"
_SLOWER = 4  # times, as for a cheap phone
_USABLE_S = 1.5
_FRAMES = 50
_SCROLL_S = 4.0
_MONTH_S = 30 * 86400.0
_AT_ONCE = 20_000  # people in one import
_COUNT_FRAMES = """
([element, seconds]) => new Promise(done => {
  const times = []; const began = performance.now();
  const step = now => {
    times.push(now);
    element.scrollTop += 120;
    if (element.scrollTop + element.clientHeight >= element.scrollHeight) element.scrollTop = 0;
    if (performance.now() - began < seconds * 1000) requestAnimationFrame(step);
    else done((times.length - 1) * 1000 / (times.at(-1) - times[0]));
  };
  requestAnimationFrame(step);
})
"""
_PLAIN = """
() => {
  document.body.innerHTML =
    '<div id=plain style="height:600px;overflow:auto"><div style="height:4000000px"></div></div>';
}
"""


def measure(scale: Scale) -> list[Figure]:
    """The phone and the console at the CPU's quarter, each from an empty cache; then the list of people."""
    with (
        tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder,
        running() as lab,
        sync_playwright() as playwright,
    ):
        password = secrets.token_urlsafe(16)
        lab.sites.create_all({"wanda": "premises"})
        with lab.sites.api("premises") as api:
            api.post("/v1/accounts", {"name": "wanda", "person": f"wanda@{DOMAIN}", "password": password})
            made = api.post("/v1/accounts", {"name": "cora", "every_tenant": True, "roles": [{"role": "global"}]})
        hosts = {f"{name}.contoso.example": lab.sites.address(name) for name in HOMES}
        browser = launched(playwright, Path(folder) / "home", lab.sites.ca, hosts)
        try:
            phone = [_first(browser, PHONE.format("premises"), _asked) for _ in range(scale.rounds)]
            console = [_first(browser, _CONSOLE, _asked) for _ in range(scale.rounds)]
            inside = [_signed_in(browser, "wanda", password) for _ in range(scale.rounds)]
            _fill(lab, scale.listed)
            frames = _frames(browser, str(made["new_password"]), scale.listed)
            lab.sites.create_all({"walt": "premises"})
            written(lab.sites, "walt", "wanda", scale.said, time.time() - _MONTH_S, _MONTH_S)
            chat = _chat_frames(browser, password)
        finally:
            browser.close()
    slowed = f"at {_SLOWER} times slower CPU, nothing cached"
    return [
        Figure.of(
            f"pages.{name}", title, "s", pairs, "the site's bare page of sign-in", Aim("value", _USABLE_S), note=slowed
        )
        for name, title, pairs in (
            ("phone", "The phone's address until one can sign in", phone),
            ("console", "The console's address until one can sign in", console),
            ("usable", "Signed in, until the phone can be used", inside),
        )
    ] + [
        Figure.of(f"pages.{name}", title, "1/s", pairs, "an empty box", Aim("value", _FRAMES, least=True))
        for name, title, pairs in (
            ("frames", f"Frames a second while a list of {scale.listed:,} people scrolls", frames),
            ("chat", f"Frames a second while a conversation of {scale.said:,} messages scrolls", chat),
        )
    ]


def _asked(page: Page) -> None:
    expect(page.get_by_label("Password", exact=True)).to_be_visible(timeout=SLOW_MS)


def _usable(page: Page) -> None:
    expect(page.get_by_role("searchbox", name="Name, number or address")).to_be_enabled(timeout=SLOW_MS)


def _first(browser: Browser, address: str, done: Callable[[Page], None]) -> tuple[float, float]:
    """Seconds until the page asks who one is, and until the bare page that asks it is there."""
    with browser.new_context(locale="en-US") as context:
        page = context.new_page()
        taken = _seconds(page, address, done)
        bare = page.url
    with browser.new_context(locale="en-US") as context:
        return taken, _seconds(context.new_page(), bare, _asked)


def _signed_in(browser: Browser, user: str, password: str) -> tuple[float, float]:
    """Seconds until the phone of somebody who is signed in can be used, its programs anew from the site."""
    address = PHONE.format("premises")
    with browser.new_context(locale="en-US", permissions=["microphone"]) as context:
        page = context.new_page()
        page.goto(address)
        _asked(page)
        bare = page.url
        sign_in(page, user, password)
        _usable(page)
        page.close()
        page = context.new_page()
        context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
        taken = _seconds(page, address, _usable)
    with browser.new_context(locale="en-US") as context:
        return taken, _seconds(context.new_page(), bare, _asked)


def _seconds(page: Page, address: str, done: Callable[[Page], None]) -> float:
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER})
    began = time.perf_counter()
    page.goto(address)
    done(page)
    return time.perf_counter() - began


def _fill(lab: Lab, count: int) -> None:
    with lab.sites.api("premises") as api:
        for first in range(0, count, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, count))
            rows = [{"aor": f"l{n:06}@{DOMAIN}", "home": "premises", "display_name": f"Person {n}"} for n in numbers]
            report = api.post("/v1/people/import", {"rows": rows})
            if report["errors"]:
                raise RuntimeError(str(report["errors"][0]))


def _frames(browser: Browser, password: str, count: int) -> list[tuple[float, float]]:
    """Frames a second of the list while it scrolls, and of an empty box of its height, in turn."""
    with browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(f"{_CONSOLE}/people")
        sign_in(page, "cora", password)
        page.get_by_role("button", name=re.compile("authenticator app")).click()
        secret = page.locator("#secret")
        expect(secret).to_be_visible(timeout=SLOW_MS)
        app = App((secret.text_content() or "").replace(" ", ""))
        page.get_by_label("Code").locator("visible=true").fill(app.code())
        page.keyboard.press("Enter")
        page.get_by_role("button", name="I have kept them").click()
        expect(page.get_by_role("link", name="Person 0", exact=True)).to_be_visible(timeout=SLOW_MS)
        scroller = page.get_by_role("group", name="People", exact=True).element_handle()
        return _scrolled(page, scroller)


def _chat_frames(browser: Browser, password: str) -> list[tuple[float, float]]:
    """The same of a conversation in which something old was looked for, so that most of it is there."""
    with browser.new_context(locale="en-US", permissions=["microphone"]) as context:
        page = context.new_page()
        page.goto(PHONE.format("premises"))
        sign_in(page, "wanda", password)
        _usable(page)
        page.get_by_label("Whom to write to, or what was written").fill("needle")
        page.get_by_role("list", name="Messages found").get_by_role("button").click(timeout=SLOW_MS)
        log = page.get_by_role("log", name="Messages")
        expect(log.get_by_text("the needle", exact=True)).to_be_in_viewport(timeout=SLOW_MS)
        return _scrolled(page, log.element_handle())


def _scrolled(page: Page, scroller: ElementHandle) -> list[tuple[float, float]]:
    rows = [float(page.evaluate(_COUNT_FRAMES, [scroller, _SCROLL_S])) for _ in range(3)]
    page.evaluate(_PLAIN)
    box = page.locator("#plain").element_handle()
    plain = statistics.median(float(page.evaluate(_COUNT_FRAMES, [box, _SCROLL_S])) for _ in range(3))
    return [(each, plain) for each in rows]
