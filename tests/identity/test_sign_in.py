"""Signing in over the web port: what lets in, what keeps out, and what strangers can't do."""

from __future__ import annotations

import statistics
import time
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text
from starlette.testclient import TestClient

from isthmus.access.model import Scope
from isthmus.database import reading
from isthmus.identity import totp
from tests.api.callers import BASE, PASSWORD, Browser, Site, site

__all__ = ["site"]

COOKIE = "__Host-isthmus"


def signed_in(site: Site, name: str = "anna", **more: Any) -> Browser:
    """An administrator's browser, second factor proved."""
    browser = site.browser(**more)
    assert browser.sign_in(name).json()["stage"] == "enrol"
    return browser.enrol()


def audit(site: Site, action: str) -> list[dict[str, Any]]:
    return [each for each in site.services.directory.audit(limit=1000) if each["action"] == action]


def test_an_administrator_registers_a_second_factor_before_anything_else(site: Site):
    site.account("anna", "global")
    browser = site.browser()
    assert browser.sign_in("anna").json()["stage"] == "enrol"
    assert browser.get("/v1/people").status_code == 403
    assert browser.post("/v1/tokens", json={"name": "x", "permissions": ["person.read"]}).status_code == 403
    browser.enrol()
    assert browser.get("/v1/people").status_code == 200
    assert len(browser.codes) == 10
    told = browser.get("/v1/session").json()
    assert (told["stage"], told["factors"]) == ("full", ["totp"])
    again = site.browser()
    assert again.sign_in("anna").json()["stage"] == "second_factor"
    assert again.get("/v1/people").status_code == 403
    assert again.post("/v1/session/totp").status_code == 403  # who has the password alone registers nothing
    again.secret, again._step = browser.secret, browser._step
    assert again.prove().json()["stage"] == "full"
    assert again.get("/v1/people").status_code == 200


def test_a_person_without_roles_is_in_by_password_and_sees_themselves_alone(site: Site):
    site.person("alice@contoso.example")
    site.person("bob@contoso.example")
    site.account("alice@contoso.example", person="alice@contoso.example")
    browser = site.browser()
    assert browser.sign_in("alice@contoso.example").json()["stage"] == "full"
    assert [each["aor"] for each in browser.get("/v1/people").json()] == ["alice@contoso.example"]
    assert browser.get("/v1/people/bob@contoso.example").status_code == 404
    assert browser.delete("/v1/people/alice@contoso.example").status_code == 403


def test_an_address_that_is_given_to_another_person_gives_no_account_away(site: Site):
    site.person("alice@contoso.example")
    site.account("alice", person="alice@contoso.example")
    browser = site.browser()
    browser.sign_in("alice")
    directory = site.services.directory
    directory.delete(next(iter(directory.people())).aor, actor="test")
    site.person("alice@contoso.example")
    assert browser.get("/v1/people").status_code == 401
    assert site.browser().sign_in("alice").status_code == 401


def test_the_cookie_is_for_this_site_this_browser_and_no_script(site: Site):
    site.account("anna", "global")
    browser = site.browser()
    set_cookie = browser.sign_in("anna").headers["set-cookie"]
    assert set_cookie.startswith(f"{COOKIE}=")
    for part in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
        assert part.lower() in set_cookie.lower()
    assert "domain" not in set_cookie.lower()
    browser.enrol()
    stolen = TestClient(site.app, base_url=BASE, cookies={COOKIE: browser.client.cookies[COOKIE]})
    stolen.headers["User-Agent"] = "another browser"
    assert stolen.get("/v1/people").status_code == 401
    assert browser.get("/v1/people").status_code == 200


def test_each_step_gives_a_new_cookie_and_the_old_one_is_worth_nothing(site: Site):
    site.account("anna", "global")
    browser = site.browser()
    planted = "x" * 43
    browser.client.cookies.set(COOKIE, planted, domain="premises.contoso.example")
    seen = [planted]
    browser.sign_in("anna")
    seen.append(browser.client.cookies.get(COOKIE, domain="premises.contoso.example"))
    browser.enrol()
    seen.append(browser.client.cookies.get(COOKIE, domain="premises.contoso.example"))
    browser.prove()
    seen.append(browser.client.cookies.get(COOKIE, domain="premises.contoso.example"))
    assert len(set(seen)) == 4
    for old in seen[:-1]:
        thief = TestClient(site.app, base_url=BASE, cookies={COOKIE: old}, headers={"User-Agent": "test browser"})
        assert thief.get("/v1/session").status_code == 401


def test_signing_in_again_ends_the_session_the_browser_had(site: Site):
    site.account("anna", "global")
    browser = signed_in(site)
    old = browser.client.cookies[COOKIE]
    browser.sign_in("anna")
    thief = TestClient(site.app, base_url=BASE, cookies={COOKIE: old}, headers={"User-Agent": "test browser"})
    assert thief.get("/v1/session").status_code == 401


def test_signing_out_ends_the_session_at_the_site(site: Site):
    site.account("anna", "global")
    browser = signed_in(site)
    cookie = browser.client.cookies[COOKIE]
    assert browser.delete("/v1/session").status_code == 204
    kept = TestClient(site.app, base_url=BASE, cookies={COOKIE: cookie}, headers={"User-Agent": "test browser"})
    assert kept.get("/v1/session").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 64},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://premises.contoso.example"},  # another port is another origin
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_no_other_page_can_make_the_browser_act(site: Site, headers: dict[str, str]):
    site.account("anna", "global")
    site.person("alice@contoso.example")
    browser = signed_in(site)
    assert browser.delete("/v1/people/alice@contoso.example", headers=headers).status_code == 403
    assert browser.get("/v1/people/count").json() == {"count": 1}
    own = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
    assert browser.delete("/v1/people/alice@contoso.example", headers=own).status_code == 204


def test_no_other_page_can_sign_the_browser_in(site: Site):
    site.account("anna", "global")
    browser = site.browser()
    body = {"name": "anna", "password": PASSWORD}
    assert browser.client.post("/v1/session", json=body, headers={"Origin": "https://evil.example"}).status_code == 403
    form = browser.client.post("/v1/session", content='{"name":"anna"}', headers={"Content-Type": "text/plain"})
    assert form.status_code == 422


def test_a_code_counts_once_even_in_another_session(site: Site):
    site.account("anna", "global")
    browser = signed_in(site)
    code = browser.code()
    assert browser.post("/v1/session/second-factor", json={"code": code}).status_code == 200
    assert browser.post("/v1/session/second-factor", json={"code": code}).status_code == 401
    other = site.browser()
    other.sign_in("anna")
    assert other.post("/v1/session/second-factor", json={"code": code}).status_code == 401


def test_a_recovery_code_counts_once(site: Site):
    site.account("anna", "global")
    code = signed_in(site).codes[0]
    for expected in (200, 401):
        browser = site.browser()
        browser.sign_in("anna")
        typed = code.lower().replace("-", " ")
        assert browser.post("/v1/session/second-factor", json={"code": typed}).status_code == expected
    assert site.services.identity.accounts.get(_operator(), "anna")[0].recovery_codes == 9


def test_dangerous_acts_ask_for_the_second_factor_anew(site: Site):
    site.account("anna", "global")
    site.person("alice@contoso.example")
    browser = signed_in(site)
    _set_sessions(site, factor_ms=int((site.now() - 601) * 1000))
    refused = browser.delete("/v1/people/alice@contoso.example")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:isthmus:problem:step-up")
    assert browser.get("/v1/people/alice@contoso.example").status_code == 200
    assert browser.patch("/v1/people/alice@contoso.example", json={"display_name": "A"}).status_code == 200
    assert browser.prove().status_code == 200
    assert browser.delete("/v1/people/alice@contoso.example").status_code == 204


def test_sessions_end_when_unused_and_at_the_latest_then(site: Site):
    site.account("anna", "global")
    browser = signed_in(site)
    now_ms = int(site.now() * 1000)
    # Used a moment ago, yet begun long ago: the next use does not prolong it beyond the longest.
    _set_sessions(site, created_ms=now_ms - 12 * 3600_000 + 5000, seen_ms=now_ms - 120_000)
    assert browser.get("/v1/session").status_code == 200
    (session,) = site.services.identity.own.sessions(_operator())
    assert session[0].expires == pytest.approx(now_ms / 1000 + 5, abs=0.01)
    _set_sessions(site, expires_ms=now_ms - 1)
    assert browser.get("/v1/session").status_code == 401


def test_sessions_and_tokens_are_revoked_at_once(site: Site):
    site.account("anna", "global")
    site.account("ben", "global")
    anna, ben = signed_in(site), signed_in(site, "ben")
    program = site.by_token("ben", ["person.read"])
    (session,) = [each for each in anna.get("/v1/sessions").json() if each["account"] == "ben"]
    assert session["browser"] == "test browser"
    assert anna.delete(f"/v1/sessions/{session['id']}").status_code == 204
    assert ben.get("/v1/session").status_code == 401
    (token,) = anna.get("/v1/tokens").json()
    assert program.get("/v1/people").status_code == 200
    assert anna.delete(f"/v1/tokens/{token['id']}").status_code == 204
    assert program.get("/v1/people").status_code == 401


def test_a_disabled_account_is_out_at_once(site: Site):
    site.account("anna", "global")
    site.account("ben", "global")
    anna, ben = signed_in(site), signed_in(site, "ben")
    program = site.by_token("ben", ["person.read"])
    assert anna.patch("/v1/accounts/ben", json={"enabled": False}).status_code == 200
    assert ben.get("/v1/session").status_code == program.get("/v1/people").status_code == 401
    assert site.browser().sign_in("ben").status_code == 401


def test_a_token_expires(site: Site, monkeypatch: pytest.MonkeyPatch):
    site.account("anna", "global")
    program = site.by_token("anna", ["person.read"])
    assert program.get("/v1/people").status_code == 200
    ledger = site.services.identity.own._ledger
    now = site.now()
    monkeypatch.setattr(ledger, "clock", lambda: now + 3601)
    assert program.get("/v1/people").status_code == 401


def test_who_guesses_pauses_and_nobody_else(site: Site):
    site.account("anna", "global")
    known = signed_in(site, address="192.0.2.9")
    thief = site.browser(address="203.0.113.5")
    codes = [thief.sign_in("anna", "wrong").status_code for _ in range(8)]
    assert codes[:5] == [401] * 5
    assert codes[5] == 429
    refused = thief.sign_in("anna")  # even with the right password
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    # From another network, and from a browser that was here before on the thief's own network, she gets in.
    assert site.browser(address="198.51.100.7").sign_in("anna").status_code == 201
    known.client.headers["X-Forwarded-For"] = "203.0.113.5"
    assert known.sign_in("anna").status_code == 201


def test_codes_are_not_to_be_guessed(site: Site):
    site.account("anna", "global")
    signed_in(site)
    answers = []
    for number in range(8):
        browser = site.browser(address=f"203.0.113.{number}")
        browser.sign_in("anna")
        answers.append(browser.post("/v1/session/second-factor", json={"code": f"{number:06d}"}).status_code)
    assert answers[:5] == [401] * 5
    assert set(answers[5:]) == {429}


def test_who_does_not_exist_is_answered_as_who_gave_a_wrong_password(site: Site):
    site.account("anna", "global")
    site.account("ben", "global")
    site.services.identity.accounts.set(_operator(), "anna", enabled=False)
    names = (b"anna", b"ben", b"nobody", b"not a name!")
    answers = [
        site.browser().client.post(
            "/v1/session",
            content=b'{"name": "%s", "password": "wrong wrong wrong"}' % name,
            headers={"Content-Type": "application/json"},
        )
        for name in names
    ]
    for answer in answers[1:]:
        assert answer.status_code == 401
        assert answer.json() == answers[0].json()
        assert answer.headers == answers[0].headers


def test_nor_does_the_time_tell(site: Site):
    from isthmus.identity.model import Client
    from isthmus.identity.sealing import Passwords

    site.account("ben", "global")
    sign_in = site.services.identity.sign_in
    sign_in._passwords = Passwords(
        PasswordHasher(time_cost=2, memory_cost=16 * 1024, parallelism=1)
    )  # long enough to measure
    stored = sign_in._passwords.hash(PASSWORD)
    with site.services.engine.begin() as connection:
        connection.execute(text("UPDATE account SET password = :hash"), {"hash": stored})
    took: dict[str, list[float]] = {"ben": [], "nobody": []}
    for round_ in range(6):
        for name, times in took.items():
            began = time.process_time()
            with pytest.raises(Exception, match="is wrong"):
                sign_in.begin(name, "wrong", Client(f"192.0.2.{round_}"))
            times.append(time.process_time() - began)
    known, unknown = (statistics.median(times) for times in took.values())
    assert unknown == pytest.approx(known, rel=0.25)


def test_no_secret_stands_in_the_database_or_the_audit_log(site: Site, caplog: pytest.LogCaptureFixture):
    site.account("anna", "global")
    browser = signed_in(site)
    program = site.by_token("anna", ["person.read"])
    secrets = [
        PASSWORD,
        browser.secret,
        browser.codes[0],
        browser.codes[0].replace("-", ""),
        browser.client.cookies[COOKIE],
        program.headers["Authorization"].split()[1],
    ]
    site.browser().sign_in("my password by mistake in the name")
    dump = b"".join(path.read_bytes() for path in site.services.site_file.state_dir.glob("isthmus.db*"))
    for secret in (*secrets, "by mistake"):
        assert secret.encode() not in dump
        assert secret not in caplog.text
        assert secret not in str(site.services.directory.audit(limit=1000))
    with reading(site.services.engine) as connection:
        assert connection.execute(text("SELECT password FROM account")).scalar_one().startswith("$argon2id$v=19$")


def test_all_of_it_is_in_the_audit_log(site: Site):
    site.account("anna", "global")
    browser = signed_in(site)
    site.browser().sign_in("anna", "wrong")
    assert audit(site, "session.refused")[0]["object"] == "account:anna"
    assert "192.0.2.1" in audit(site, "session.create")[0]["after"]
    assert audit(site, "session.full")[0]["actor"] == "account:anna"
    assert audit(site, "account.factor")[0]["actor"] == "account:anna"
    browser.post("/v1/people", json={"aor": "zoe@contoso.example", "home": "premises"})
    assert audit(site, "person.create")[0]["actor"] == "account:anna"


def test_ones_own_password_is_changed_with_the_old_one(site: Site):
    site.account("anna", "global")
    browser, other = signed_in(site), site.browser()
    other.sign_in("anna")
    new = "another heron on another jetty"
    assert browser.post("/v1/session/password", json={"present": "x", "new": new}).status_code == 401
    assert browser.post("/v1/session/password", json={"present": PASSWORD, "new": "password1234"}).status_code == 422
    assert browser.post("/v1/session/password", json={"present": PASSWORD, "new": new}).status_code == 204
    assert browser.get("/v1/session").status_code == 200
    assert other.get("/v1/session").status_code == 401
    assert site.browser().sign_in("anna").status_code == 401
    assert site.browser().sign_in("anna", new).status_code == 201


def test_the_last_factor_of_an_administrator_stays(site: Site):
    site.account("anna", "global")
    browser = signed_in(site)
    assert browser.delete("/v1/session/totp").status_code == 409
    site.person("alice@contoso.example")
    site.account("alice", person="alice@contoso.example")
    alice = site.browser()
    alice.sign_in("alice")
    alice.enrol()
    assert alice.delete("/v1/session/totp").status_code == 204


def test_everyone_can_be_made_to_have_a_second_factor(site: Site):
    from dataclasses import replace

    sign_in = site.services.identity.sign_in
    sign_in.settings = replace(sign_in.settings, second_factor="everyone")
    site.person("alice@contoso.example")
    site.account("alice", person="alice@contoso.example")
    assert site.browser().sign_in("alice").json()["stage"] == "enrol"


def test_a_reset_lets_register_anew_and_is_noted(site: Site):
    site.account("anna", "global")
    site.account("ben", "helpdesk")
    ben = signed_in(site, "ben")
    anna = signed_in(site)
    assert ben.post("/v1/accounts/anna/reset-mfa").status_code == 403  # she may do more than he may
    assert anna.post("/v1/accounts/ben/reset-mfa").json()["factors"] == []
    assert ben.get("/v1/session").status_code == 401
    assert site.browser().sign_in("ben").json()["stage"] == "enrol"
    (entry,) = audit(site, "account.reset-mfa")
    assert (entry["actor"], entry["object"]) == ("account:anna", "account:ben")


def test_a_token_does_what_it_was_given_within_what_its_account_may_now(site: Site):
    site.account("anna", ("helpdesk", Scope()))
    site.person("alice@contoso.example")
    program = site.by_token("anna", ["person.read"])
    assert program.get("/v1/people").status_code == 200
    assert program.get("/v1/registrations").status_code == 403
    held = site.services.identity.accounts.get(_operator(), "anna")[1][0]
    site.services.identity.accounts.revoke(_operator(), "anna", held.id)
    assert program.get("/v1/people").status_code == 403


def test_a_token_makes_no_tokens_and_changes_no_factors(site: Site):
    site.account("anna", "global")
    program = site.by_token("anna")
    body = {"name": "x", "permissions": ["person.read"]}
    assert program.post("/v1/tokens", json=body).status_code == 403
    for method, path in (("POST", "totp"), ("POST", "recovery-codes"), ("GET", "passkeys"), ("DELETE", "totp")):
        assert program.request(method, f"/v1/session/{path}").status_code == 403
    weak = site.by_token("anna", ["person.read"])
    assert weak.get("/v1/session").status_code == 200
    assert weak.get("/v1/tokens").json() == weak.get("/v1/sessions").json() == []
    assert weak.delete(f"/v1/tokens/{program.get('/v1/tokens').json()[0]['id']}").status_code == 404
    browser = signed_in(site)
    made = browser.post("/v1/tokens", json=body)
    assert made.status_code == 201
    assert made.json()["token"].startswith("isthmus_")
    assert "token" not in browser.get("/v1/tokens").json()[0]


def test_answers_carry_the_headers_that_protect_browsers(site: Site):
    for path in ("/", "/healthz", "/v1/people", "/v1/nonsense", "/v1/openapi.json"):
        headers = site.browser().get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


def test_a_code_of_another_time_is_no_code(site: Site):
    site.account("anna", "global")
    browser = site.browser()
    browser.sign_in("anna")
    browser.secret = browser.post("/v1/session/totp").json()["secret"]
    browser._step = int(site.now()) // totp.STEP_S + 10
    assert browser.post("/v1/session/totp/confirm", json={"code": browser.code()}).status_code == 401
    assert browser.get("/v1/people").status_code == 403


def _set_sessions(site: Site, **values: int) -> None:
    from isthmus.identity.tables import account_session

    with site.services.engine.begin() as connection:
        connection.execute(account_session.update().values(**values))


def _operator() -> Any:
    from tests.api.callers import OPERATOR

    return OPERATOR
