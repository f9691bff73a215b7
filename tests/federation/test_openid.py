"""Sign-in by OpenID Connect: against a real provider, and against one that lies in every way it can."""

from __future__ import annotations

import base64
import hmac
import json
import ssl
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from isthmus.access.model import Scope
from isthmus.federation import rules
from tests.api.callers import BASE, OPERATOR, PASSWORD, Browser, Site
from tests.federation.conftest import known_as
from tests.federation.provider import PORT, Forger, served
from tests.support import Loopback

BEGIN, BACK = "/v1/session/outside/idp", "/v1/session/outside/idp/callback"
_PROVIDER = """
[[identity_provider]]
name = "idp"
kind = "oidc"
title = "Contoso"
issuer = "{issuer}"
client_id = "isthmus"
ca_file = "{ca_file}"
"""
_PEOPLE = 'source = "people"\nentry_claim = "oid"\n'
_ANYONE = 'accounts = "anyone"\n'


@dataclass
class Away:
    """A site, and the provider its people come from."""

    site: Site
    forger: Forger

    def arrive(self, browser: Browser, **changed: str | None) -> Any:
        """All the way round. changed: of what the browser brings back; None: left out."""
        begun = browser.post(BEGIN, json={})
        assert begun.status_code == 200, begun.text
        brought = {**self.forger.sees(begun.json()["address"]), **changed}
        return browser.get(BACK, params={k: v for k, v in brought.items() if v is not None}, follow_redirects=False)

    def refused(self, **changed: str | None) -> str:
        """A stranger is not let in; why, by the audit log."""
        browser = self.site.browser()
        answer = self.arrive(browser, **changed)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account?outside=refused")
        assert browser.get("/v1/session").status_code == 401
        return last_refusal(self.site)


def last_refusal(site: Site) -> str:
    entries = site.services.directory.audit(limit=1000)
    return str(json.loads(next(each for each in entries if each["action"] == "session.refused")["after"])["wrong"])


@pytest.fixture
def forger(tmp_path: Path, loopback: Loopback) -> Iterator[tuple[Forger, Path]]:
    address = loopback()
    made = Forger(f"https://{address}:{PORT}")
    with served(made, tmp_path / "idp", address) as ca_file:
        yield made, ca_file


@pytest.fixture
def away(forger: tuple[Forger, Path], site_with: Callable[[str], Site]) -> Away:
    made, ca_file = forger
    return Away(site_with(_PROVIDER.format(issuer=made.issuer, ca_file=ca_file) + _ANYONE), made)


def signed_in(browser: Browser) -> dict[str, Any]:
    told = browser.get("/v1/session")
    assert told.status_code == 200, told.text
    browser.client.headers["X-CSRF-Token"] = told.json()["csrf"]
    return dict(told.json())


# A real provider


def test_a_person_comes_in_by_a_real_provider_and_is_known_by_the_object_id(
    tmp_path: Path, loopback: Loopback, site_with: Callable[[str], Site]
):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import oidc_provider_mock
        from oidc_provider_mock import User

    address = loopback()
    issuer = f"https://{address}:{PORT}"
    users = [User(sub="alice-there", claims={"oid": "object-1", "name": "Alice", "email": "bob@contoso.example"})]
    app = oidc_provider_mock.app(require_nonce=True, user_claims=users)
    with served(app, tmp_path / "idp", address) as ca_file:
        secret = tmp_path / "secret"
        secret.write_text("what the provider knows this site by")
        secret.chmod(0o600)
        text = _PROVIDER.format(issuer=issuer, ca_file=ca_file) + _PEOPLE + f'client_secret_file = "{secret}"\n'
        site = site_with(text)
        site.person("alice@contoso.example")
        site.person("bob@contoso.example")
        known_as(site, "alice@contoso.example", "object-1")
        names, trusted = [], ssl.create_default_context(cafile=str(ca_file))
        for _ in range(2):
            browser = site.browser()
            begun = browser.post(BEGIN, json={}).json()["address"]
            given = httpx.post(begun, data={"sub": "alice-there"}, verify=trusted, follow_redirects=False)
            back = urlsplit(given.headers["location"])
            assert f"{back.scheme}://{back.netloc}{back.path}" == BASE + BACK
            arrived = browser.get(f"{back.path}?{back.query}", follow_redirects=False)
            assert (arrived.status_code, arrived.headers["location"]) == (303, "/account")
            told = signed_in(browser)
            assert (told["person"], told["stage"]) == ("alice@contoso.example", "full")
            names.append(told["account"])
        # The second time the same account, and the mail in the token made nobody Bob.
        assert names == ["alice@contoso.example"] * 2
        links = browser.get("/v1/session/links").json()
        assert [(each["authority"], each["subject"]) for each in links] == [(issuer, "alice-there")]


# What is believed


def test_the_question_carries_state_nonce_and_a_pkce_challenge_that_the_verifier_fits(away: Away):
    browser = away.site.browser()
    address = browser.post(BEGIN, json={}).json()["address"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == BASE + BACK
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 43 and len(asked["nonce"]) >= 43 and asked["state"] != asked["nonce"]
    browser.get(BACK, params=away.forger.sees(address), follow_redirects=False)
    assert signed_in(browser)["account"] == "s-1"
    assert rules.challenge(away.forger.asked["code_verifier"]) == asked["code_challenge"]
    assert away.forger.asked["redirect_uri"] == asked["redirect_uri"]


def test_tokens_that_are_not_for_this_sign_in_let_nobody_in(away: Away):
    for claims, reason in (
        ({"aud": "another"}, "another audience"),
        ({"iss": "https://idp.example"}, "another issuer"),
        ({"nonce": "another"}, "another nonce"),
        ({"exp": int(time.time()) - 3600}, "expired"),
    ):
        away.forger.claims = claims
        assert reason in away.refused()


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unsigned(forger: Forger, claims: dict[str, Any]) -> str:
    return f"{_segment({'alg': 'none'})}.{_segment(claims)}."


def _signature_cut(forger: Forger, claims: dict[str, Any]) -> str:
    return forger.signed(claims).rpartition(".")[0] + "."


def _public_key_as_secret(forger: Forger, claims: dict[str, Any]) -> str:
    head = f"{_segment({'alg': 'HS256', 'kid': 'one'})}.{_segment(claims)}"
    mac = hmac.new(forger.keys[0].as_pem(private=False), head.encode(), "sha256").digest()
    return f"{head}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _by_a_stranger(forger: Forger, claims: dict[str, Any]) -> str:
    key = RSAKey.generate_key(2048)
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)


def _key_in_the_header(forger: Forger, claims: dict[str, Any]) -> str:
    key = RSAKey.generate_key(2048)
    return jwt.encode({"alg": "RS256", "kid": "one", "jwk": key.as_dict(private=False)}, claims, key)


def _other_claims_behind_the_signature(forger: Forger, claims: dict[str, Any]) -> str:
    head, _, signature = forger.signed(claims).split(".")
    return f"{head}.{_segment({**claims, 'sub': 'somebody else'})}.{signature}"


def _no_token(forger: Forger, claims: dict[str, Any]) -> str:
    return "x"


FORGED = [
    _unsigned,
    _signature_cut,
    _public_key_as_secret,
    _by_a_stranger,
    _key_in_the_header,
    _other_claims_behind_the_signature,
    _no_token,
]


def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(away: Away):
    for forge in FORGED:
        away.forger.sign = lambda claims, forge=forge: forge(away.forger, claims)
        assert "token" in away.refused(), forge
    away.forger.sign = away.forger.signed
    away.arrive(browser := away.site.browser())
    assert signed_in(browser)["stage"] == "full"


def test_a_new_key_of_the_provider_is_fetched_but_not_at_every_strangers_word(away: Away):
    away.arrive(away.site.browser())
    assert away.forger.key_requests == 1
    provider: Any = away.site.services.federation._providers["idp"].redirecting.made()
    provider._clock = lambda: time.time() + 30
    away.forger.keys.append(RSAKey.generate_key(2048, {"kid": "two", "use": "sig"}))
    away.arrive(browser := away.site.browser())
    assert signed_in(browser)["account"] == "s-1"
    assert away.forger.key_requests == 2
    away.forger.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "nobody's"}, claims, away.forger.keys[0])
    for _ in range(3):
        away.refused()
    assert away.forger.key_requests == 2


# The way there and back


def test_an_answer_is_used_once_and_by_the_browser_that_asked(away: Away):
    victim, thief = away.site.browser(), away.site.browser()
    brought = away.forger.sees(victim.post(BEGIN, json={}).json()["address"])
    # Somebody else's answer signs nobody in: login CSRF.
    thief.post(BEGIN, json={})
    assert thief.get(BACK, params=brought, follow_redirects=False).headers["location"] == "/account?outside=refused"
    assert thief.get("/v1/session").status_code == 401
    away.forger.sees(victim.post(BEGIN, json={}).json()["address"])
    assert "no sign-in of this browser" in last_refusal(away.site)
    fresh = away.site.browser()
    brought = away.forger.sees(fresh.post(BEGIN, json={}).json()["address"])
    cookie = fresh.client.cookies["__Host-isthmus-outside"]
    assert fresh.get(BACK, params=brought, follow_redirects=False).headers["location"] == "/account"
    again = TestClient(away.site.app, base_url=BASE, cookies={"__Host-isthmus-outside": cookie})
    replayed = again.get(BACK, params=brought, follow_redirects=False)
    assert replayed.headers["location"] == "/account?outside=refused"
    assert "set-cookie" not in replayed.headers or "__Host-isthmus=" not in replayed.headers["set-cookie"]


def test_an_answer_that_is_not_the_one_asked_for_lets_nobody_in(away: Away):
    for changed in ({"state": "x"}, {"state": None}, {"code": None}, {"error": "access_denied"}):
        away.refused(**changed)


def test_an_answer_of_another_provider_is_not_sent_on(away: Away):
    assert "another provider" in away.refused(iss="https://evil.example")
    assert away.forger.asked == {}
    away.forger.about = {"authorization_response_iss_parameter_supported": True}
    provider: Any = away.site.services.federation._providers["idp"].redirecting.made()
    provider._about = (float("-inf"), {})
    assert "another provider" in away.refused()
    away.arrive(browser := away.site.browser(), iss=away.forger.issuer)
    assert signed_in(browser)["account"] == "s-1"


def test_discovery_that_names_another_issuer_or_plain_http_is_not_used(away: Away):
    for wrong in ({"issuer": "https://evil.example"}, {"token_endpoint": "http://127.0.0.1/token"}):
        away.forger.about = wrong
        provider: Any = away.site.services.federation._providers["idp"].redirecting.made()
        provider._about = (float("-inf"), {})
        browser = away.site.browser()
        begun = browser.post(BEGIN, json={})
        if begun.status_code == 200:
            brought = away.forger.sees(begun.json()["address"])
            answer = browser.get(BACK, params=brought, follow_redirects=False)
            assert answer.headers["location"] == "/account?outside=unavailable"
        else:
            assert begun.status_code == 503
        assert browser.get("/v1/session").status_code == 401


def test_sign_in_leads_to_no_other_site(away: Away):
    browser = away.site.browser()
    for back in ("https://evil.example", "//evil.example", "/account?x\r\nSet-Cookie: a=b"):
        assert browser.post(BEGIN, json={"back": back}).status_code == 422


def test_a_page_of_another_origin_begins_nothing(away: Away):
    browser = away.site.browser()
    answer = browser.post(BEGIN, json={}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_the_session_is_a_new_one_and_a_planted_cookie_is_worth_nothing(away: Away):
    browser = away.site.browser()
    browser.client.cookies.set("__Host-isthmus", "x" * 43, domain="premises.contoso.example")
    away.arrive(browser)
    cookie = browser.client.cookies.get("__Host-isthmus", domain="premises.contoso.example")
    assert cookie and cookie != "x" * 43
    old = TestClient(away.site.app, base_url=BASE, cookies={"__Host-isthmus": "x" * 43})
    assert old.get("/v1/session").status_code == 401


# Whose account it is


def test_who_is_nobody_of_the_directory_gets_no_account(forger: tuple[Forger, Path], site_with: Callable[[str], Site]):
    made, ca_file = forger
    away = Away(site_with(_PROVIDER.format(issuer=made.issuer, ca_file=ca_file) + _PEOPLE), made)
    away.site.person("alice@contoso.example")
    known_as(away.site, "alice@contoso.example", "object-1")
    made.claims = {"email": "alice@contoso.example", "preferred_username": "alice@contoso.example"}
    assert "nobody of the directory" in away.refused()
    made.claims["oid"] = "object-2"
    assert "nobody of the directory" in away.refused()


def test_a_name_that_is_taken_gives_no_account_away(away: Away):
    away.site.account("anna", "global")
    away.forger.claims = {"preferred_username": "anna"}
    assert "taken" in away.refused()


def test_an_account_of_another_tenant_is_out_of_the_providers_reach(away: Away):
    away.arrive(browser := away.site.browser())
    assert signed_in(browser)["tenant"] == "main"
    federation = away.site.services.federation
    terms = federation._providers["idp"].terms
    object.__setattr__(terms, "tenant", "fabrikam")
    assert "another tenant" in away.refused()


def test_a_disabled_account_stays_out(away: Away):
    away.arrive(browser := away.site.browser())
    name = signed_in(browser)["account"]
    away.site.services.identity.accounts.set(OPERATOR, name, enabled=False)
    assert "disabled" in away.refused()


# The second factor


def test_an_administrator_proves_the_second_factor_here_unless_the_provider_is_trusted_for_it(
    forger: tuple[Forger, Path], site_with: Callable[[str], Site]
):
    made, ca_file = forger
    text = _PROVIDER.format(issuer=made.issuer, ca_file=ca_file) + _ANYONE + 'second_factor_amr = ["mfa"]\n'
    away = Away(site_with(text), made)
    away.arrive(browser := away.site.browser())
    name = signed_in(browser)["account"]
    away.site.services.identity.accounts.grant(OPERATOR, name, "global", Scope())
    now = int(time.time())
    for claims, stage in (
        ({"amr": ["pwd"]}, "enrol"),
        ({"amr": "mfa"}, "enrol"),
        ({"acr": "mfa"}, "enrol"),
        ({"amr": ["pwd", "mfa"], "auth_time": now}, "full"),
    ):
        made.claims = claims
        away.arrive(browser := away.site.browser())
        assert signed_in(browser)["stage"] == stage, claims
    assert browser.get("/v1/people").status_code == 200
    # Long ago at the provider: in, but not for what is dangerous, until it is proved anew there.
    made.claims = {"amr": ["mfa"], "auth_time": now - 4000}
    away.arrive(browser := away.site.browser())
    assert signed_in(browser)["stage"] == "full"
    assert browser.post("/v1/accounts", json={"name": "x1", "tenant": "main"}).status_code == 403
    old = browser.client.cookies["__Host-isthmus"]
    asked = parse_qs(urlsplit(browser.post(BEGIN, json={}).json()["address"]).query)
    assert (asked["max_age"], asked["prompt"]) == (["0"], ["login"])
    assert "old proof" in str(away.arrive(browser) and last_refusal(away.site))
    made.claims = {"amr": ["mfa"], "auth_time": int(time.time())}
    away.arrive(browser)
    signed_in(browser)
    assert browser.post("/v1/accounts", json={"name": "x1", "tenant": "main"}).status_code == 201
    thief = TestClient(away.site.app, base_url=BASE, cookies={"__Host-isthmus": old})
    thief.headers["User-Agent"] = "test browser"
    assert thief.get("/v1/session").status_code == 401


# Links


def test_who_is_signed_in_links_the_provider_to_their_own_account(away: Away):
    away.site.account("anna", "global")
    browser = away.site.browser()
    assert away.site.browser().post(BEGIN, json={"link": True}).status_code == 401
    browser.sign_in("anna")
    assert browser.post(BEGIN, json={"link": True}).status_code == 401  # the second factor is still to come
    browser.enrol()
    brought = away.forger.sees(browser.post(BEGIN, json={"link": True}).json()["address"])
    away.forger.claims = {"auth_time": int(time.time())}
    browser.get(BACK, params=brought, follow_redirects=False)
    (link,) = browser.get("/v1/session/links").json()
    assert link["subject"] == "s-1"
    other = away.site.browser()
    away.arrive(other)
    told = signed_in(other)
    assert (told["account"], told["stage"]) == ("anna", "second_factor")
    assert browser.delete(f"/v1/session/links/{link['id']}").status_code == 204
    away.arrive(stranger := away.site.browser())
    assert signed_in(stranger)["account"] == "s-1"


def test_no_secret_is_in_the_audit_log(away: Away):
    browser = away.site.browser()
    brought = away.forger.sees(browser.post(BEGIN, json={}).json()["address"])
    browser.get(BACK, params=brought, follow_redirects=False)
    text = json.dumps(away.site.services.directory.audit(limit=1000))
    for secret in (brought["state"], away.forger.nonce, away.forger.asked["code_verifier"], PASSWORD):
        assert secret not in text
