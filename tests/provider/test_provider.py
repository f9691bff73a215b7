"""The site as an OpenID provider, asked by a published client library (Authlib), with a browser that signs in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.testclient import TestClient

from isthmus.api import web_app
from isthmus.identity import totp
from isthmus.provider.model import ONE_FACTOR, TWO_FACTORS
from tests.api.callers import BASE, OPERATOR, Browser, Site, open_site
from tests.api.test_routes import WITHOUT_LIMITS

CALLBACK = f"{BASE}/phone/callback"
INTRANET = "https://intranet.contoso.example/callback"
VERIFIER = "v" * 64
CLIENTS = f"""
[[openid_client]]
id = "intranet"
redirect_uris = ["{INTRANET}"]
logout_uris = ["https://intranet.contoso.example/bye"]
secret_file = "intranet.secret"
algorithm = "ES256"
"""


@dataclass
class World:
    """A site with accounts ben, fay (of another tenant) and administrators as needed; clients phone and intranet."""

    site: Site
    count: Iterator[int] = field(default_factory=itertools.count)

    def browser(self) -> Browser:
        """A new administrator's, signed in by two factors."""
        name = self.site.account(f"anna{next(self.count)}", "global")
        made = self.site.browser()
        assert made.sign_in(name).status_code == 201
        return made.enrol()

    def by_password(self, name: str) -> Browser:
        made = self.site.browser()
        assert made.sign_in(name).json()["stage"] == "full"
        return made

    def library(self, client: str = "phone", callback: str = CALLBACK, secret: str | None = None) -> OAuth2Client:
        return OAuth2Client(
            client_id=client,
            client_secret=secret,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            redirect_uri=callback,
            scope="openid profile api",
            code_challenge_method="S256",
            transport=TestClient(self.site.app, base_url=BASE)._transport,
        )

    def tokens(self, browser: Browser, **asked: str) -> dict[str, Any]:
        """The whole way, as the web phone goes it."""
        code = code_of(authorize(browser, **asked))
        return dict(redeem(self.library(), code))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("op")
    secret = folder / "intranet.secret"
    secret.write_text("a secret of the intranet")
    secret.chmod(0o600)
    services = open_site(folder, CLIENTS.replace("intranet.secret", str(secret)))
    site = Site(services, web_app(services, WITHOUT_LIMITS))
    site.account("ben", "helpdesk")
    site.account("fay", tenant="fabrikam")
    yield World(site)
    services.close()


def authorize(browser: Browser, **asked: str) -> Any:
    query = {
        "client_id": "phone",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid profile api",
        "state": "s1",
        "nonce": "n1",
        "code_challenge": create_s256_code_challenge(VERIFIER),
        "code_challenge_method": "S256",
        **asked,
    }
    return browser.get(f"/oauth/authorize?{urlencode(query)}", follow_redirects=False)


def told(answer: Any) -> dict[str, str]:
    assert answer.status_code == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def code_of(answer: Any) -> str:
    found = told(answer)
    assert found["iss"] == BASE and found["state"] == "s1", found
    return found["code"]


def redeem(library: OAuth2Client, code: str, **more: Any) -> Any:
    return library.fetch_token(f"{BASE}/oauth/token", code=code, code_verifier=VERIFIER, **more)


def refused(world: World, code: str, **more: str) -> str:
    """The protocol's word for why."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": VERIFIER,
        "redirect_uri": CALLBACK,
        "client_id": "phone",
        **more,
    }
    answer = TestClient(world.site.app, base_url=BASE).post("/oauth/token", data=form)
    assert answer.status_code in (400, 401), answer.text
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["error"])


def test_discovery_names_what_is_there(world: World):
    client = TestClient(world.site.app, base_url=BASE)
    found = client.get("/.well-known/openid-configuration").json()
    assert found["issuer"] == BASE
    keys = client.get(found["jwks_uri"].removeprefix(BASE)).json()["keys"]
    assert {key["alg"] for key in keys} == set(found["id_token_signing_alg_values_supported"])
    assert not any(set(key) & {"d", "p", "q"} for key in keys), "the private parts stay here"


def test_the_web_phone_signs_somebody_in(world: World):
    browser = world.browser()
    issued = world.tokens(browser)
    keys = KeySet.import_key_set(TestClient(world.site.app, base_url=BASE).get("/oauth/keys").json())
    claims = dict(jwt.decode(issued["id_token"], keys, algorithms=["RS256"]).claims)
    CodeIDToken(
        claims,
        {"alg": "RS256"},
        {"iss": {"value": BASE}, "aud": {"value": "phone"}},
        {"nonce": "n1", "access_token": issued["access_token"]},
    ).validate()
    assert (claims["acr"], claims["amr"], claims["preferred_username"][:4]) == (TWO_FACTORS, ["mfa"], "anna")
    phone = TestClient(world.site.app, base_url=BASE)
    bearer = {"Authorization": f"Bearer {issued['access_token']}"}
    assert phone.get("/oauth/userinfo", headers=bearer).json()["sub"] == claims["sub"]
    # The API, with what the account may.
    assert phone.get("/v1/people", headers=bearer).status_code == 200
    assert phone.post("/oauth/userinfo", headers=bearer).json()["sub"] == claims["sub"]
    # But nothing that is done by who sits at the browser.
    assert phone.post("/v1/session/totp", headers=bearer).status_code == 403


def test_what_was_proved_at_sign_in_arms_no_token_and_what_is_proved_later_does(world: World):
    """For dangerous acts the second factor is asked for while the program is in use, never carried along in silence."""
    browser = world.browser()
    issued = world.tokens(browser)
    phone = TestClient(world.site.app, base_url=BASE)
    bearer = {"Authorization": f"Bearer {issued['access_token']}"}
    refused = phone.post("/v1/accounts", json={"name": "kim", "roles": [{"role": "auditor"}]}, headers=bearer)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:isthmus:problem:step-up")
    assert browser.prove().status_code == 200
    made = phone.post("/v1/accounts", json={"name": "kim", "roles": [{"role": "auditor"}]}, headers=bearer)
    assert made.status_code == 201, made.text


def test_a_program_of_the_administrators_gets_who_it_is_and_no_api(world: World):
    browser = world.browser()
    library = world.library("intranet", INTRANET, "a secret of the intranet")
    code = code_of(authorize(browser, client_id="intranet", redirect_uri=INTRANET))
    issued = redeem(library, code)
    assert issued["scope"] == "openid profile"
    phone = TestClient(world.site.app, base_url=BASE)
    bearer = {"Authorization": f"Bearer {issued['access_token']}"}
    assert phone.get("/oauth/userinfo", headers=bearer).json()["preferred_username"].startswith("anna")
    assert phone.get("/v1/people", headers=bearer).status_code == 403
    assert phone.get("/v1/accounts", headers=bearer).status_code == 403


@pytest.mark.parametrize(
    "asked",
    [
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": f"{CALLBACK}/../x"},
        {"redirect_uri": CALLBACK.replace(":8443", "")},
        {"redirect_uri": ""},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(world: World, asked: dict[str, str]):
    answer = authorize(world.browser(), **asked)
    assert answer.status_code == 422 and "location" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"request": "x.y.z"}, "request_not_supported"),
        ({"request_uri": "https://evil.example"}, "request_uri_not_supported"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"proved_after": "0.mac"}, "invalid_request"),
        ({"nonce": "n" * 3000}, "invalid_request"),
    ],
)
def test_what_is_wrong_with_a_request_is_told_the_program(world: World, asked: dict[str, str], error: str):
    answer = authorize(world.browser(), **asked)
    assert told(answer)["error"] == error
    assert answer.headers["location"].startswith(CALLBACK)


def test_a_parameter_that_is_there_twice_is_refused(world: World):
    assert world.browser().get("/oauth/authorize?client_id=phone&client_id=console").status_code == 422


def test_who_is_not_signed_in_does_so_at_our_own_page_and_comes_back(world: World):
    stranger = world.site.browser()
    assert told(authorize(stranger, prompt="none"))["error"] == "login_required"
    form = {"client_id": "phone", "redirect_uri": CALLBACK}
    by_form = stranger.client.post("/oauth/authorize", data=form, follow_redirects=False)
    assert told(by_form)["error"] == "unsupported_response_type"
    answer = authorize(stranger)
    page = urlsplit(answer.headers["location"])
    assert page.path == "/account" and not page.netloc
    assert stranger.sign_in("ben").json()["stage"] == "enrol"
    back = parse_qs(page.query)["back"][0]
    # The second factor is still to come: nothing is given away halfway.
    assert stranger.get(back, follow_redirects=False).headers["location"].startswith("/account?")
    stranger.enrol()
    assert "code" in told(stranger.get(back, follow_redirects=False))


def test_they_sign_in_anew_where_the_program_wants_it(world: World, monkeypatch: pytest.MonkeyPatch):
    browser = world.browser()
    clock = world.site.services.identity.ledger.clock
    monkeypatch.setattr(world.site.services.identity.ledger, "clock", lambda: clock() + 100)
    answer = authorize(browser, prompt="login")
    page = urlsplit(answer.headers["location"])
    assert "again" in parse_qs(page.query)
    back = parse_qs(page.query)["back"][0]
    assert browser.get(back, follow_redirects=False).headers["location"].startswith("/account?")
    assert "code" in told(authorize(browser, max_age="1000"))
    assert told(authorize(browser, max_age="60", prompt="none"))["error"] == "login_required"
    browser._step = int(clock() + 100) // totp.STEP_S - 1
    assert browser.prove().status_code == 200
    assert "code" in told(browser.get(back, follow_redirects=False))


def test_one_factor_is_not_told_as_two(world: World):
    """Where the site asks for no second factor."""
    fay = world.by_password("fay")
    issued = dict(redeem(world.library(), code_of(authorize(fay))))
    claims = jwt.decode(issued["id_token"], KeySet.import_key_set(fay.get("/oauth/keys").json())).claims
    assert (claims["acr"], claims["amr"]) == (ONE_FACTOR, ["pwd"])


def test_another_tenants_account_is_not_for_a_tenants_program(world: World):
    answer = authorize(world.by_password("fay"), client_id="intranet", redirect_uri=INTRANET)
    assert told(answer)["error"] == "access_denied"


def test_a_code_is_good_once_for_who_asked_for_it(world: World):
    browser, library = world.browser(), world.library()
    for wrong in ({"code_verifier": "w" * 64}, {"code_verifier": ""}, {"redirect_uri": INTRANET}):
        assert refused(world, code_of(authorize(browser)), **wrong) == "invalid_grant"
    assert refused(world, code_of(authorize(browser)), client_id="console") == "invalid_grant"
    assert refused(world, "nonsense") == "invalid_grant"
    assert refused(world, code_of(authorize(browser)), client_id="intranet", client_secret="x") == "invalid_client"
    code = code_of(authorize(browser))
    issued = redeem(library, code)
    assert refused(world, code) == "invalid_grant"
    # Who comes second may be the thief or the robbed: what the first one got is over.
    bearer = {"Authorization": f"Bearer {issued['access_token']}"}
    assert TestClient(world.site.app, base_url=BASE).get("/oauth/userinfo", headers=bearer).status_code == 401


def test_codes_and_access_tokens_grow_old(world: World, monkeypatch: pytest.MonkeyPatch):
    browser = world.browser()
    code, issued = code_of(authorize(browser)), world.tokens(browser)
    clock = world.site.services.identity.ledger.clock
    monkeypatch.setattr(world.site.services.identity.ledger, "clock", lambda: clock() + 61)
    assert refused(world, code) == "invalid_grant"
    client = TestClient(world.site.app, base_url=BASE)
    bearer = {"Authorization": f"Bearer {issued['access_token']}"}
    assert client.get("/oauth/userinfo", headers=bearer).status_code == 200
    monkeypatch.setattr(world.site.services.identity.ledger, "clock", lambda: clock() + 601)
    assert client.get("/oauth/userinfo", headers=bearer).status_code == 401


def refreshed(world: World, token: str, client: str = "phone") -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client}
    return TestClient(world.site.app, base_url=BASE).post("/oauth/token", data=form)


def test_refresh_tokens_rotate_and_one_that_comes_again_ends_it_all(world: World):
    first = world.tokens(world.browser())
    assert refreshed(world, first["refresh_token"], "console").json()["error"] == "invalid_grant"
    second = refreshed(world, first["refresh_token"]).json()
    third = refreshed(world, second["refresh_token"]).json()
    assert len({each["refresh_token"] for each in (first, second, third)}) == 3
    # Any of those before, not the last one alone.
    assert refreshed(world, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert refreshed(world, third["refresh_token"]).json()["error"] == "invalid_grant"


def test_the_session_is_over_and_so_is_what_came_of_it(world: World):
    browser = world.browser()
    issued = world.tokens(browser)
    assert browser.delete("/v1/session").status_code == 204
    bearer = {"Authorization": f"Bearer {issued['access_token']}"}
    assert TestClient(world.site.app, base_url=BASE).get("/v1/people", headers=bearer).status_code == 401
    assert refreshed(world, issued["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_disabled_account_gets_nothing_more(world: World):
    world.site.account("gus", "auditor")
    browser = world.site.browser()
    browser.sign_in("gus")
    issued = world.tokens(browser.enrol())
    world.site.services.identity.accounts.set(OPERATOR, "gus", enabled=False)
    bearer = {"Authorization": f"Bearer {issued['access_token']}"}
    assert TestClient(world.site.app, base_url=BASE).get("/oauth/userinfo", headers=bearer).status_code == 401
    assert refreshed(world, issued["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_program_can_give_its_tokens_back(world: World):
    issued = world.tokens(world.browser())
    client = TestClient(world.site.app, base_url=BASE)
    theirs = {"token": issued["refresh_token"], "client_id": "console"}
    assert client.post("/oauth/revoke", data=theirs).status_code == 200
    second = refreshed(world, issued["refresh_token"])
    assert second.status_code == 200, "another client's is none of its"
    mine = {"token": second.json()["access_token"], "client_id": "phone"}
    assert client.post("/oauth/revoke", data=mine).status_code == 200
    assert refreshed(world, second.json()["refresh_token"]).json()["error"] == "invalid_grant"


def test_an_id_token_is_no_access_token_and_signs_out_its_own_session_alone(world: World):
    browser, other = world.browser(), world.browser()
    issued = world.tokens(browser)
    client = TestClient(world.site.app, base_url=BASE)
    assert client.get("/v1/people", headers={"Authorization": f"Bearer {issued['id_token']}"}).status_code == 401
    query = {"id_token_hint": issued["id_token"], "post_logout_redirect_uri": f"{BASE}/phone/", "state": "x"}
    path = f"/oauth/logout?{urlencode(query)}"
    assert other.get(path, follow_redirects=False).headers["location"] == "/account"
    assert other.get("/v1/session").status_code == 200, "another's ID token ends nobody's session"
    forged = jwt.encode({"alg": "HS256"}, {"sid": "x"}, _secret())
    assert (
        browser.get(f"/oauth/logout?id_token_hint={forged}", follow_redirects=False).headers["location"] == "/account"
    )
    assert browser.get(path, follow_redirects=False).headers["location"] == f"{BASE}/phone/?state=x"
    assert browser.get("/v1/session").status_code == 401


def _secret() -> Any:
    from joserfc.jwk import OctKey

    return OctKey.import_key("a secret of somebody else's, long enough")


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (b"{}", {"Content-Type": "application/json"}, "invalid_request"),
        (b"grant_type=password&client_id=phone", {}, "unsupported_grant_type"),
        (b"grant_type=x&grant_type=y&client_id=phone", {}, "invalid_request"),
        (b"\xff\xfe%zz", {}, "invalid_client"),
        (b"client_id=phone", {"Authorization": "Basic !!!"}, "invalid_client"),
        (b"client_id=intranet&client_secret=wrong", {}, "invalid_client"),
        (b"client_id=intranet", {}, "invalid_client"),
    ],
)
def test_bad_token_requests_get_the_protocols_answer(world: World, body: bytes, headers: dict[str, str], error: str):
    usual = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    answer = TestClient(world.site.app, base_url=BASE).post("/oauth/token", content=body, headers=usual)
    assert answer.json()["error"] == error


def test_keys_are_renewed_by_age_and_the_old_ones_verify_for_some_time(world: World, monkeypatch: pytest.MonkeyPatch):
    keys, ledger = world.site.services.provider.keys, world.site.services.identity.ledger
    before = {key["kid"] for key in keys.published()["keys"]}
    assert {key["kid"] for key in keys.published()["keys"]} == before
    clock = ledger.clock
    monkeypatch.setattr(ledger, "clock", lambda: clock() + 90 * 86_400 + 60)
    during = {key["kid"] for key in keys.published()["keys"]}
    assert before < during and len(during) == 4
    monkeypatch.setattr(ledger, "clock", lambda: clock() + 93 * 86_400)
    assert {key["kid"] for key in keys.published()["keys"]} == during  # dropped with the next renewal
    monkeypatch.setattr(ledger, "clock", lambda: clock() + 181 * 86_400)
    assert not before & {key["kid"] for key in keys.published()["keys"]}
