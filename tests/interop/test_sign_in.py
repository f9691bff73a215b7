"""Signing in as people do, and the pages behind that: in a real browser (Debian's Chromium), at a real site, with a
virtual authenticator."""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright
from sqlalchemy import update

from isthmus.activity import wire
from isthmus.activity.model import Event, Kind
from isthmus.database import open_database, writing
from isthmus.identity import totp
from isthmus.identity.tables import account_session
from isthmus.site import internal
from tests.interop.browsers import authenticator
from tests.interop.conftest import Sites

pytestmark = pytest.mark.e2e

CHROMIUM = "/usr/bin/chromium"
ACCOUNT = "https://premises.contoso.example:8443/account"


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright, two_sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium that trusts the sites' CA, and no other: passkeys work only where certificates are good."""
    home = tmp_path_factory.mktemp("home")
    database = f"sql:{home}/.pki/nssdb"
    (home / ".pki" / "nssdb").mkdir(parents=True)
    for argv in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "isthmus", "-i", two_sites.ca]):
        subprocess.run(["certutil", "-d", database, *argv], check=True, capture_output=True)
    launched = playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=[f"--host-resolver-rules=MAP premises.contoso.example {two_sites.address('premises')}"],
        env={**os.environ, "HOME": str(home)},
    )
    yield launched
    launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser of its own. Whatever it complains of (scripts, content policy) fails the test."""
    context = browser.new_context()
    made = context.new_page()
    complaints: list[str] = []
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield made
    context.close()
    assert not complaints


def account(sites: Sites, name: str) -> str:
    """Makes the account; its password."""
    with sites.api("premises") as api:
        made = api.post("/v1/accounts", {"name": name, "roles": [{"role": "helpdesk"}]})
    return str(made["new_password"])


def sign_in(page: Page, name: str, password: str) -> None:
    page.goto(ACCOUNT)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def keep_codes(page: Page) -> list[str]:
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    codes = page.locator("#codes li").all_inner_texts()
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    return codes


def test_a_passkey_is_registered_at_first_sign_in_and_then_needs_no_password(two_sites: Sites, page: Page):
    authenticator(page.context, page)
    sign_in(page, "sgn-anna", account(two_sites, "sgn-anna"))
    expect(page.get_by_role("heading", name="Set up your second factor")).to_be_visible()
    page.get_by_role("button", name="Register a passkey or hardware key").click()
    assert len(set(keep_codes(page))) == 10
    expect(page.locator("#factors li")).to_have_count(1)

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    expect(page.locator("#facts")).to_contain_text("sgn-anna")
    # The session is in no script's reach, and holds over a reload.
    assert page.evaluate("document.cookie") == ""
    page.reload()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()

    with two_sites.api("premises") as api:
        entries = api.get("/v1/audit", object="account:sgn-anna")
    registered = next(entry for entry in entries if entry["action"] == "account.passkey")
    assert registered["after"]["attestation"], "how the key's maker vouches for it is recorded"


def test_an_authenticator_that_does_not_verify_its_user_is_not_taken(two_sites: Sites, page: Page):
    authenticator(page.context, page, hasUserVerification=False, isUserVerified=False)
    sign_in(page, "sgn-ulla", account(two_sites, "sgn-ulla"))
    page.get_by_role("button", name="Register a passkey or hardware key").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("heading", name="Set up your second factor")).to_be_visible()


def test_an_authenticator_app_and_a_recovery_code(two_sites: Sites, page: Page):
    password = account(two_sites, "sgn-ben")
    sign_in(page, "sgn-ben", "not the password")
    expect(page.get_by_role("alert")).to_have_text("the name or the password is wrong")
    sign_in(page, "sgn-ben", password)
    page.get_by_role("button", name="Use an authenticator app").click()
    expect(page.locator("#secret")).not_to_be_empty()  # an empty one makes codes, too
    expect(page.locator("#qr")).to_have_js_property("complete", True)
    shown = page.locator("#secret").inner_text().replace(" ", "")
    secret = base64.b32decode(shown + "=" * (-len(shown) % 8))
    page.locator('[data-view="app"]').get_by_label("Code").fill(totp.code(secret, int(time.time()) // totp.STEP_S))
    page.get_by_role("button", name="Confirm").click()
    codes = keep_codes(page)

    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "sgn-ben", password)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    page.get_by_label("Code of your authenticator app").fill(codes[0])
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "sgn-ben", password)
    page.get_by_label("Code of your authenticator app").fill(codes[0])
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("used already")


def test_a_program_of_ours_sends_people_here_to_sign_in_and_gets_them_back(two_sites: Sites, page: Page):
    """From the web phone's request over password and second factor to its callback; then with nothing to type."""
    authenticator(page.context, page)
    callback = f"{ACCOUNT.removesuffix('/account')}/phone/callback"
    query = {
        "client_id": "phone",
        "redirect_uri": callback,
        "response_type": "code",
        "scope": "openid profile api",
        "state": "s1",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }
    address = f"{ACCOUNT.removesuffix('/account')}/oauth/authorize?{urlencode(query)}"
    back = re.compile(rf"^{re.escape(callback)}\?code=[^&]+&state=s1&iss=")
    password = account(two_sites, "sgn-dora")
    # The phone itself would use the code at once, and go on to another page.
    page.route(f"{callback}*", lambda route: route.fulfill(body="back at the program"))
    page.goto(address)
    page.get_by_label("Name", exact=True).fill("sgn-dora")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Register a passkey or hardware key").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    page.get_by_role("button", name="I have kept them").click()
    expect(page).to_have_url(back)
    page.goto(address)
    expect(page).to_have_url(back)
    page.goto(f"{address}&prompt=login")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(back)


def test_a_session_is_ended_from_another_browser(two_sites: Sites, browser: Browser, page: Page):
    authenticator(page.context, page)
    password = account(two_sites, "sgn-carla")
    sign_in(page, "sgn-carla", password)
    page.get_by_role("button", name="Register a passkey or hardware key").click()
    codes = keep_codes(page)
    other = browser.new_context().new_page()
    sign_in(other, "sgn-carla", password)
    other.get_by_label("Code of your authenticator app").fill(codes[0])
    other.get_by_role("button", name="Go on").click()
    expect(other.locator("#sessions li")).to_have_count(2)
    other.locator("#sessions li").filter(has_not_text="this one").get_by_role("button").click()
    expect(other.locator("#sessions li")).to_have_count(1)
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    other.reload()
    expect(other.get_by_role("heading", name="Your account")).to_be_visible()
    other.context.close()


def test_the_page_can_be_used_by_keyboard_and_says_what_is_what(two_sites: Sites, page: Page, tmp_path: Path):
    page.goto(ACCOUNT)
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("nobody")
    page.keyboard.press("Tab")
    page.keyboard.type("whatever it was")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input')].filter(i => !i.labels.length && !i.ariaLabel).map(i => i.name)"
    )
    assert unnamed == []


# The pages behind the sign-in. What strangers can write (clients, labels) is shown as the text that it is.

HOSTILE = "<img src=x onerror=document.title='owned'>"
CALLERS = ("xena", "yuri")
SITE = ACCOUNT.removesuffix("/account")


def enrolled(page: Page, name: str, password: str, path: str) -> None:
    """Open a page that needs a sign-in, and sign in for the first time on the way to it."""
    authenticator(page.context, page)
    page.goto(SITE + path)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def happens(sites: Sites, *events: Event) -> None:
    """What Kamailio's workers of premises would tell."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as told:
        told.connect(str(internal.activity_socket(sites.file("premises"))))
        for event in events:
            told.send(wire.encode(event, 0))


def forget_second_factors(sites: Sites) -> None:
    """As if everybody had proved them long ago."""
    engine = open_database(sites.file("premises").database_url)
    with writing(engine) as connection:
        connection.execute(update(account_session).values(factor_ms=1))
    engine.dispose()


def test_alerts_are_looked_at_judged_and_acted_upon(two_sites: Sites, page: Page):
    two_sites.create_all(dict.fromkeys(CALLERS, "premises"))
    now = time.time()
    who = ("203.0.113.7", "", HOSTILE, "+19005550123", "+14255550177")
    happens(two_sites, *(Event(now, Kind.CALL, f"{user}@contoso.example", True, *who, user) for user in CALLERS))
    with two_sites.api("premises") as api:
        made = api.post("/v1/accounts", {"name": "sgn-vera", "roles": [{"role": "voice"}]})
    enrolled(page, "sgn-vera", made["new_password"], "/alerts")
    page.get_by_role("button", name="Register a passkey or hardware key").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    page.get_by_role("button", name="I have kept them").click()

    expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
    alert = page.locator("#alerts li").filter(has_text="xena@contoso.example")
    expect(alert).to_contain_text("calls +19005550123, a premium or satellite number of US")
    expect(alert).to_contain_text("nobody here calls such numbers")
    expect(alert).to_contain_text(HOSTILE)
    assert page.title() != "owned"
    assert page.locator("#alerts img").count() == 0

    # Blocking asks whether it is meant, and for the second factor anew.
    forget_second_factors(two_sites)
    alert.get_by_role("button", name="Block calls:premium").click()
    sure = page.get_by_role("dialog", name="Are you sure?")
    expect(sure).to_contain_text("xena@contoso.example can't call premium and satellite numbers")
    sure.get_by_role("button", name="Leave it").click()
    with two_sites.api("premises") as api:
        assert api.get("/v1/people/xena@contoso.example")["barred"] == []
    alert.get_by_role("button", name="Block calls:premium").click()
    sure.get_by_role("button", name="Yes").click()
    page.get_by_role("dialog", name="Is it still you?").get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("status")).to_contain_text("blocked")
    with two_sites.api("premises") as api:
        assert api.get("/v1/people/xena@contoso.example")["barred"] == ["calls:premium"]

    other = page.locator("#alerts li").filter(has_text="yuri@contoso.example")
    other.get_by_role("button", name="False alarm").click()
    expect(page.get_by_role("status")).to_contain_text("false alarm")
    expect(other).to_have_count(0)
    page.get_by_role("combobox").select_option("closed: false alarms")
    expect(other).to_contain_text("said by account:sgn-vera")
    expect(alert).to_have_count(0)


def test_a_person_looks_after_their_own_phones(two_sites: Sites, page: Page):
    two_sites.create("zoe", "premises")
    two_sites.create("walt", "premises")
    with two_sites.api("premises") as api:
        api.post("/v1/devices", {"aor": "zoe@contoso.example", "label": HOSTILE})
        api.post("/v1/devices", {"aor": "walt@contoso.example", "label": "somebody else's"})
        made = api.post("/v1/accounts", {"name": "zoe", "person": "zoe@contoso.example"})
    enrolled(page, "zoe", made["new_password"], "/devices")
    phones = page.get_by_role("list", name="Your phones").get_by_role("listitem")
    expect(phones).to_have_count(1)
    expect(phones).to_contain_text(HOSTILE)
    expect(phones).to_contain_text("not yet")
    assert page.title() != "owned"

    page.get_by_label("What you call it").fill("desk phone")
    page.get_by_role("button", name="Make its password").click()
    expect(page.get_by_role("heading", name="For the phone")).to_be_focused()
    expect(page.locator("#qr")).to_have_js_property("complete", True)
    told = page.locator("#credential dd").all_inner_texts()
    assert told[0] == "sip:zoe@contoso.example"
    assert len(told[2]) == 24
    page.get_by_role("button", name="The phone has it").click()
    expect(phones).to_have_count(2)
    assert told[2] not in page.content(), "the password is shown once"

    phones.filter(has_text="desk phone").get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()
    expect(page.get_by_role("status")).to_have_text("desk phone is revoked.")
    with two_sites.api("premises") as api:
        assert [each["label"] for each in api.get("/v1/devices", aor="zoe@contoso.example")] == [HOSTILE]
