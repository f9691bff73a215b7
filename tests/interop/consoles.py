"""The administrator's console in a real browser, for the tests of its pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from playwright.sync_api import Browser, Locator, Page, expect

from tests.interop.browsers import SLOW_MS, App, watched
from tests.interop.conftest import Sites

CONSOLE = "https://premises.contoso.example:8443/console"


class Console:
    """The console as an administrator has it open, with the app that shows their codes."""

    def __init__(self, page: Page, app: App) -> None:
        self.page, self.app = page, app

    def open(self, path: str) -> Page:
        """A page of the console, without loading it anew: that would ask who one is, each time."""
        go = """path => {
            if (new URL(path, location.href).pathname !== location.pathname) document.title = '';
            history.pushState({}, '', path);
            dispatchEvent(new PopStateEvent('popstate'));
        }"""
        self.page.evaluate(go, f"/console{path}")
        # The page that is left has a heading, too: each page writes its title as it comes, but for one that has the
        # same title as the page before.
        with suppress(AssertionError):
            expect(self.page).to_have_title(re.compile("."), timeout=5_000)
        expect(self.page.get_by_role("heading", level=1)).to_be_visible(timeout=SLOW_MS)
        return self.page

    def press(self, name: str, inside: Locator | None = None) -> None:
        """A button; when the site wants the second factor again, it gets it."""
        (inside or self.page).get_by_role("button", name=name, exact=True).click()

    def dismiss_all(self) -> None:
        """What was told so far is gone."""
        buttons = self.page.get_by_role("button", name="Dismiss", exact=True)
        while buttons.count():
            buttons.first.click(timeout=SLOW_MS)

    def prove_if_asked(self, until: Locator) -> None:
        """Wait for something that may need the second factor first."""
        asked = self.page.get_by_label("Code of your authenticator app, or a recovery code")
        expect(asked.or_(until).first).to_be_visible(timeout=SLOW_MS)
        if asked.is_visible():
            asked.fill(self.app.code())
            self.press("Go on")
        expect(until).to_be_visible(timeout=SLOW_MS)


@contextmanager
def opened(
    browser: Browser, sites: Sites, name: str, path: str, heading: str, *, bypass_csp: bool = False
) -> Iterator[Console]:
    """The console of a new administrator who may do everything, and sets up their authenticator app.

    path: a deep link to which signing in leads. heading: of the page there. bypass_csp: let the test put styles in.
    """
    with sites.api("premises") as api:
        made = api.post("/v1/accounts", {"name": name, "every_tenant": True, "roles": [{"role": "global"}]})
    with watched(browser, locale="en-US", viewport={"width": 1280, "height": 900}, bypass_csp=bypass_csp) as page:
        page.goto(f"{CONSOLE}{path}")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Password", exact=True).fill(str(made["new_password"]))
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("button", name=re.compile("authenticator app")).click()
        secret = page.locator("#secret")
        expect(secret).to_be_visible(timeout=SLOW_MS)
        app = App((secret.text_content() or "").replace(" ", ""))
        page.get_by_label("Code").locator("visible=true").fill(app.code())
        page.keyboard.press("Enter")
        page.get_by_role("button", name="I have kept them").click()
        expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible(timeout=SLOW_MS)
        yield Console(page, app)
