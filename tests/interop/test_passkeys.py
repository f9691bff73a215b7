"""Signing in by a passkey alone, from the page's address until it can be used: the phone and the console, in a real
browser with a virtual authenticator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.interop.browsers import PHONE, SLOW_MS, authenticator, browser, playwright, sign_in, watched
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.consoles import CONSOLE

__all__ = ["browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ACCOUNT = "https://premises.contoso.example:8443/account"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with watched(browser, locale="en-US", permissions=["microphone"]) as page:
        authenticator(page.context, page)
        yield page


def test_the_phone_is_signed_in_to_by_a_passkey_that_was_added_in_the_account(two_sites: Sites, page: Page):
    two_sites.create("pk-pia", "premises")
    with two_sites.api("premises") as api:
        made = api.post("/v1/accounts", {"name": "pk-pia", "person": f"pk-pia@{DOMAIN}"})
    page.goto(ACCOUNT)
    sign_in(page, "pk-pia", made["new_password"])
    expect(page.get_by_role("heading", name="Your account")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("button", name="Register a passkey").locator("visible=true").click()
    _keep_codes(page)
    expect(page.locator("#factors li").get_by_role("button")).to_have_count(1)
    _sign_out(page)

    page.goto(PHONE.format("premises"))
    _by_passkey(page)
    expect(page.get_by_role("status")).to_have_text("Ready", timeout=SLOW_MS)
    expect(page.get_by_role("banner")).to_contain_text(f"pk-pia@{DOMAIN}")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=SLOW_MS)


def test_the_console_is_signed_in_to_by_a_passkey_alone(two_sites: Sites, page: Page):
    with two_sites.api("premises") as api:
        made = api.post("/v1/accounts", {"name": "pk-cora", "every_tenant": True, "roles": [{"role": "global"}]})
    page.goto(ACCOUNT)
    sign_in(page, "pk-cora", made["new_password"])
    page.get_by_role("button", name="Register a passkey or hardware key").click()
    _keep_codes(page)
    _sign_out(page)

    page.goto(f"{CONSOLE}/people?home=online")
    _by_passkey(page)
    expect(page.get_by_role("heading", name="People", level=1)).to_be_visible(timeout=SLOW_MS)
    assert page.url == f"{CONSOLE}/people?home=online"
    # What only administrators with a second factor are told: the key was both.
    expect(page.get_by_role("status").filter(has_text="people")).to_be_visible(timeout=SLOW_MS)


def test_a_passkey_that_this_site_does_not_know_lets_nobody_in(two_sites: Sites, page: Page):
    page.goto(PHONE.format("premises"))
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def _by_passkey(page: Page) -> None:
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("button", name="Sign in with a passkey").click()


def _keep_codes(page: Page) -> None:
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible(timeout=SLOW_MS)


def _sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").locator("visible=true").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=SLOW_MS)
