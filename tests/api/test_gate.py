"""Limits, sizes, tags, pages, idempotency: what holds for the whole API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from starlette.testclient import TestClient

from isthmus.access.model import Scope
from isthmus.api import errors, local_app, web_app
from isthmus.api.gate import Gate, Limits, WebDoor, gated
from isthmus.api.permissions import RULES, On, Rule
from tests.api.callers import BASE, Site, open_site, site

__all__ = ["site"]

ALICE = "/v1/people/alice@contoso.example"


def test_too_many_requests_of_an_account_are_told_when_to_come_back(tmp_path: Path):
    services = open_site(tmp_path)
    site = Site(services, web_app(services, Limits(account=(0.5, 3))))
    site.account("anna", "global")
    site.account("ben", "global")
    anna, ben = site.by_token("anna"), site.by_token("ben")
    answers = [anna.get("/v1/people") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) in (1, 2)
    assert ben.get("/v1/people").status_code == 200
    services.close()


def test_too_many_requests_of_an_address_are_stopped_before_anything_is_asked(tmp_path: Path):
    services = open_site(tmp_path)
    site = Site(services, web_app(services, Limits(address=(0.5, 2), proving=(0.5, 1))))
    crowd = site.browser(address="192.0.2.1")
    assert [crowd.sign_in("x").status_code for _ in range(2)] == [401, 429]
    assert crowd.get("/v1/people").status_code == 429
    assert site.browser(address="192.0.2.2").get("/v1/people").status_code == 401
    services.close()


def test_the_local_socket_has_no_such_limit(site: Site):
    local = TestClient(local_app(site.services))
    assert {local.get("/v1/people/count").status_code for _ in range(400)} == {200}


def test_huge_bodies_are_refused_with_and_without_a_length(site: Site):
    site.account("anna", "global")
    anna = site.by_token("anna")
    huge = b"[" + b" " * (2 << 20)
    headers = {"Content-Type": "application/json"}
    refused = anna.post("/v1/accounts", content=huge, headers=headers)
    assert (refused.status_code, refused.headers["content-type"]) == (413, "application/problem+json")
    assert anna.post("/v1/accounts", content=iter([huge[: 1 << 20], huge]), headers=headers).status_code == 413
    assert anna.post("/v1/accounts", content=b"{}", headers={**headers, "Content-Length": "-1"}).status_code == 413


def test_a_person_who_was_changed_meanwhile_is_not_overwritten(site: Site):
    site.person("alice@contoso.example")
    site.account("anna", "global")
    anna = site.by_token("anna")
    tag = anna.get(ALICE).headers["ETag"]
    changed = anna.patch(ALICE, json={"display_name": "A"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    assert anna.patch(ALICE, json={"display_name": "B"}, headers={"If-Match": tag}).status_code == 412
    assert anna.delete(ALICE, headers={"If-Match": tag}).status_code == 412
    assert anna.get(ALICE).json()["display_name"] == "A"
    assert anna.patch(ALICE, json={"display_name": "C"}, headers={"If-Match": "*"}).status_code == 200
    assert anna.delete(ALICE, headers={"If-Match": anna.get(ALICE).headers["ETag"]}).status_code == 204


def test_pages_lead_to_one_another(site: Site):
    for number in range(5):
        site.person(f"u{number}@contoso.example")
    site.account("anna", "global")
    anna = site.by_token("anna")
    seen, path = [], "/v1/people?limit=2&match=u"
    while path:
        page = anna.get(path)
        seen += [each["aor"] for each in page.json()]
        path = page.links.get("next", {}).get("url")
        assert path is None or "match=u" in path
    assert seen == [f"u{number}@contoso.example" for number in range(5)]


def test_a_key_makes_a_second_request_harmless_for_the_same_caller_alone(site: Site):
    site.account("anna", "global")
    site.account("erin", "global", tenant="fabrikam")
    anna, erin = site.by_token("anna"), site.by_token("erin")
    body = {"aor": "zoe@contoso.example", "home": "premises"}
    key = {"Idempotency-Key": "k"}
    first = anna.post("/v1/people", json=body, headers=key)
    assert anna.post("/v1/people", json=body, headers=key).json() == first.json()
    assert "zoe" not in erin.post("/v1/people", json=body, headers=key).json()["what"].replace(body["aor"], "")
    assert site.services.directory.count(match="zoe") == 1


def test_nobody_passes_for_another_by_a_header(site: Site):
    site.account("anna", "global")
    anna = site.by_token("anna")
    headers = {"X-Isthmus-Actor": "cli:root", "X-Isthmus-Peer": "online"}
    anna.post("/v1/people", json={"aor": "zoe@contoso.example", "home": "premises"}, headers=headers)
    actors = {each["actor"] for each in site.services.directory.audit("zoe@contoso.example")}
    (actor,) = actors
    assert actor.startswith("token:anna/")


def test_each_change_of_a_person_needs_its_own_permission(site: Site):
    site.person("alice@contoso.example", groups=("sales",))
    site.account("ben", "helpdesk")
    site.account("vera", "voice")
    ben, vera = site.by_token("ben"), site.by_token("vera")
    assert ben.patch(ALICE, json={"password": "new-secret"}).status_code == 200
    assert ben.patch(ALICE, json={"number": "+14255550199"}).status_code == 403
    assert ben.patch(ALICE, json={"display_name": "x", "password": "y"}).status_code == 403
    assert vera.patch(ALICE, json={"number": "+14255550199"}).status_code == 200
    assert vera.patch(ALICE, json={"password": "new-secret"}).status_code == 403


def test_a_role_for_a_group_follows_the_group_to_its_new_name(site: Site):
    site.person("alice@contoso.example", groups=("sales",))
    here = site.services.site_file.site.tenant
    site.account("uma", ("user", Scope(tenants=frozenset({here}), groups=frozenset({"sales", "interns"}))))
    site.account("vic", ("user", Scope(groups=frozenset({"sales"}))))
    site.services.groups.create(here, "sales", actor="test")
    site.services.groups.rename(here, "sales", "selling", actor="test")
    for name in ("uma", "vic"):
        assert [each["aor"] for each in site.by_token(name).get("/v1/people").json()] == ["alice@contoso.example"]
    site.person("bob@contoso.example", groups=("sales",))  # a new group of the old name
    assert [each["aor"] for each in site.by_token("uma").get("/v1/people").json()] == ["alice@contoso.example"]
    assert {each["action"] for each in site.services.directory.audit("account:uma")} >= {"role.reach"}


def test_nobody_is_changed_out_of_or_into_ones_reach(site: Site):
    site.person("alice@contoso.example", groups=("sales",))
    site.person("bob@contoso.example")
    site.account("uma", ("user", Scope(groups=frozenset({"sales"}))))
    uma = site.by_token("uma")
    assert [each["aor"] for each in uma.get("/v1/people").json()] == ["alice@contoso.example"]
    assert uma.get("/v1/people/count").json() == {"count": 1}
    assert "bob" not in uma.get("/v1/people/export").text
    assert uma.patch(ALICE, json={"groups": []}).status_code == 403
    assert uma.patch("/v1/people/bob@contoso.example", json={"groups": ["sales"]}).status_code == 404
    assert uma.post("/v1/people", json={"aor": "c@contoso.example", "home": "premises"}).status_code == 403
    new = {"aor": "c@contoso.example", "home": "premises", "groups": ["sales"]}
    assert uma.post("/v1/people", json=new).status_code == 201
    rows = [{"aor": "d@contoso.example", "home": "premises"}, {"aor": "bob@contoso.example", "groups": "sales"}]
    report = uma.post("/v1/people/import", json={"rows": rows, "update": True}).json()
    assert report["created"] + report["updated"] == 0 or report["errors"]
    assert {error["line"] for error in report["errors"]} == {1, 2}


def test_the_description_is_of_openapi_3_1_and_names_every_permission(site: Site):
    described = site.browser().get("/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert described["paths"]["/v1/people"]["post"]["x-permissions"] == ["person.create"]
    assert described["paths"]["/v1/session"]["post"]["security"] == []
    local = TestClient(local_app(site.services)).get("/v1/openapi.json").json()
    assert local["paths"]["/v1/people"] == described["paths"]["/v1/people"]
    assert "X-Isthmus-Actor" not in str(described)


@pytest.mark.parametrize("path", ["/v1/people", "/v1/accounts/anna", "/v1/nonsense", "/v1/people/%00"])
def test_every_error_is_a_problem_that_also_says_what_where_and_do(site: Site, path: str):
    client = TestClient(site.app, base_url=BASE)
    for method in ("GET", "PUT", "DELETE"):
        answer = client.request(method, path)
        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        assert body["status"] == answer.status_code
        assert {"type", "title", "detail", "what", "where", "do"} <= body.keys()


@pytest.fixture
def by_tenant(site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An app with one route that goes by the tenant in its query; asks it as an account."""
    monkeypatch.setitem(RULES, ("GET", "/v1/things"), Rule(On.TENANT, "policy.read"))
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, dependencies=[Depends(gated)])
    errors.add_handlers(app)

    @app.get("/v1/things")
    def things(tenant: str = "main", match: str = "") -> dict[str, str]:
        return {"tenant": tenant, "match": match}

    own = site.services.identity.own
    app.add_middleware(
        Gate, routes=app, door=WebDoor(site.services.identity.sign_in, own.by_token), tenant="main", secure=True
    )
    return replace(site, app=app)


def test_a_route_that_goes_by_tenant_hears_of_ones_own_alone(by_tenant: Any):
    by_tenant.account("anna", "global")
    by_tenant.account("erin", "global", tenant="fabrikam")
    by_tenant.account("olga", "global", every_tenant=True)
    anna, erin, olga = (by_tenant.by_token(name) for name in ("anna", "erin", "olga"))
    assert erin.get("/v1/things?match=%26tenant%3Dmain").json() == {"tenant": "fabrikam", "match": "&tenant=main"}
    assert erin.get("/v1/things?tenant=fabrikam").json()["tenant"] == "fabrikam"
    assert anna.get("/v1/things").json()["tenant"] == "main"
    for path in ("tenant=main", "tenant=none", "%74enant=main", "tenant=", "tenant=fabrikam%00"):
        assert erin.get(f"/v1/things?{path}").status_code == 404, path
    for path in ("tenant=fabrikam&tenant=main", "tenant=main&tenant=fabrikam", "tenant=fabrikam&%74enant=main"):
        assert erin.get(f"/v1/things?{path}").status_code == 422, path
    assert olga.get("/v1/things?tenant=fabrikam").json()["tenant"] == "fabrikam"
