"""Passkeys: both ceremonies, and everything that must not pass for one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.callers import Browser, Site, site
from tests.identity.authenticator import Authenticator

__all__ = ["site"]


def registered(site: Site, key: Authenticator, name: str = "anna") -> Browser:
    browser = site.browser()
    browser.sign_in(name)
    done = register(browser, key)
    assert done.status_code == 201, done.text
    browser.codes = done.json()["new_recovery_codes"]
    return browser


def register(browser: Browser, key: Authenticator, options: dict[str, Any] | None = None) -> Any:
    wanted = options or browser.post("/v1/session/passkeys/options").json()
    return browser.post("/v1/session/passkeys", json={"credential": key.create(wanted), "name": "desk key"})


def sign_in(browser: Browser, key: Authenticator) -> Any:
    begun = browser.post("/v1/session/passkey/options").json()
    return browser.post("/v1/session/passkey", json={**_ceremony(begun), "credential": key.get(begun["options"])})


def _ceremony(begun: dict[str, Any]) -> dict[str, Any]:
    return {"ceremony": begun["ceremony"]}


def test_a_passkey_is_registered_at_first_sign_in_and_is_both_factors_then(site: Site):
    site.account("anna", "global")
    key = Authenticator()
    browser = registered(site, key)
    assert browser.get("/v1/people").status_code == 200
    assert len(browser.codes) == 10
    (shown,) = browser.get("/v1/session/passkeys").json()
    assert (shown["name"], shown["attestation"]) == ("desk key", "packed")
    assert shown["aaguid"] == "00010203-0405-0607-0809-0a0b0c0d0e0f"
    fresh = site.browser()
    done = sign_in(fresh, key)
    assert (done.status_code, done.json()["stage"]) == (200, "full")
    assert fresh.get("/v1/people").status_code == 200


def test_a_passkey_steps_up_and_ends_a_sign_in_by_password(site: Site):
    site.account("anna", "global")
    key = Authenticator()
    registered(site, key)
    browser = site.browser()
    assert browser.sign_in("anna").json()["stage"] == "second_factor"
    before = browser.client.cookies["__Host-isthmus"]
    assert sign_in(browser, key).json()["stage"] == "full"
    assert browser.client.cookies["__Host-isthmus"] != before
    (session,) = [each for each in browser.get("/v1/sessions").json() if each["second_factor_at"]][:1]
    assert session["stage"] == "full"


@pytest.mark.parametrize(
    "key",
    [
        Authenticator(verifies=False),
        Authenticator(origin="https://evil.example"),
        Authenticator(origin="https://premises.contoso.example.evil.example:8443"),
    ],
    ids=["nobody verified", "another origin", "a longer origin"],
)
def test_what_is_registered_must_be_verified_and_of_this_origin(site: Site, key: Authenticator):
    site.account("anna", "global")
    browser = site.browser()
    browser.sign_in("anna")
    assert register(browser, key).status_code == 401
    assert browser.get("/v1/people").status_code == 403


def test_a_challenge_counts_once_and_for_one_session(site: Site):
    site.account("anna", "global")
    site.account("ben", "global")
    anna, ben = site.browser(), site.browser()
    anna.sign_in("anna")
    ben.sign_in("ben")
    options = anna.post("/v1/session/passkeys/options").json()
    assert register(ben, Authenticator(), options).status_code == 401
    assert register(anna, Authenticator(), options).status_code == 201
    assert register(anna, Authenticator(), options).status_code == 401


def test_an_answer_is_not_to_be_replayed(site: Site):
    site.account("anna", "global")
    key = Authenticator()
    registered(site, key)
    browser = site.browser()
    begun = browser.post("/v1/session/passkey/options").json()
    body = {**_ceremony(begun), "credential": key.get(begun["options"])}
    assert browser.post("/v1/session/passkey", json=body).status_code == 200
    thief = site.browser()
    assert thief.post("/v1/session/passkey", json=body).status_code == 401
    other = thief.post("/v1/session/passkey/options").json()
    assert thief.post("/v1/session/passkey", json={**body, **_ceremony(other)}).status_code == 401


def test_a_copied_key_is_noticed_by_its_counter(site: Site):
    site.account("anna", "global")
    key = Authenticator()
    registered(site, key)
    copy = Authenticator(key=key.key, credential_id=key.credential_id, count=key.count)
    assert sign_in(site.browser(), key).status_code == 200
    assert sign_in(site.browser(), key).status_code == 200
    assert sign_in(site.browser(), copy).status_code == 401


@pytest.mark.parametrize("which", ["unverified", "wrong key", "unknown", "origin", "nonsense"])
def test_who_has_not_the_key_learns_nothing(site: Site, which: str):
    site.account("anna", "global")
    key = Authenticator()
    registered(site, key)
    wrong = {
        "unverified": Authenticator(key=key.key, credential_id=key.credential_id, verifies=False, count=9),
        "wrong key": Authenticator(credential_id=key.credential_id, count=9),
        "unknown": Authenticator(),
        "origin": Authenticator(key=key.key, credential_id=key.credential_id, origin="https://evil.example", count=9),
    }
    browser = site.browser()
    if which == "nonsense":
        begun = browser.post("/v1/session/passkey/options").json()
        body = {**_ceremony(begun), "credential": {"id": "x", "response": {"clientDataJSON": 3}}}
        answer = browser.post("/v1/session/passkey", json=body)
    else:
        answer = sign_in(browser, wrong[which])
    assert answer.status_code == 401
    assert answer.json()["what"] == "the passkey was not accepted"
    assert browser.get("/v1/session").status_code == 401


def test_the_last_passkey_of_an_administrator_stays(site: Site):
    site.account("anna", "global")
    first, second = Authenticator(), Authenticator()
    browser = registered(site, first)
    (shown,) = browser.get("/v1/session/passkeys").json()
    assert browser.delete(f"/v1/session/passkeys/{shown['id']}").status_code == 409
    assert register(browser, second).status_code == 201
    assert browser.delete(f"/v1/session/passkeys/{shown['id']}").status_code == 204
    assert sign_in(site.browser(), first).status_code == 401
    assert sign_in(site.browser(), second).status_code == 200
