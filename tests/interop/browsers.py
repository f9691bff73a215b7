"""Debian's Chromium for the pages of two sites: how it is started, watched, and asked whether a page is accessible."""

from __future__ import annotations

import base64
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

from isthmus.identity import totp

CHROMIUM = "/usr/bin/chromium"
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
# Two cores run two sites, two browsers and media: nothing here is about how fast it goes.
SLOW_MS = 60_000


def launched(playwright: Playwright, home: Path, ca: str, hosts: Mapping[str, str]) -> Browser:
    """Chromium that trusts the sites' CA, with a microphone that beeps.

    hosts: name to address. home: an empty folder.
    """
    database = f"sql:{home}/.pki/nssdb"
    (home / ".pki" / "nssdb").mkdir(parents=True)
    for argv in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "isthmus", "-i", ca]):
        subprocess.run(["certutil", "-d", database, *argv], check=True, capture_output=True)
    names = ", ".join(f"MAP {name} {address}" for name, address in hosts.items())
    return playwright.chromium.launch(
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


def accessible(page: Page) -> None:
    """axe-core finds nothing. It is put in by the debugger: the page's own policy would not load it.

    Left out: the invisible elements by which Fluent's Tabster hands the keyboard on; no reader ever stays on one.
    """
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "async () => (await axe.run({exclude: ['[data-tabster-dummy]']}))"
        ".violations.map(v => [v.id, v.nodes.map(n => n.html)])"
    )
    assert found == [], page.url


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
