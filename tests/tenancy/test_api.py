"""Tenants by HTTP: the operator's acts and those of a tenant's own administrator, limits and suspension at the door."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from isthmus.addressing import Aor
from isthmus.api import web_app
from isthmus.api.gate import Limits
from isthmus.routing.model import Answer, Request, Source
from isthmus.routing.rules import decide
from isthmus.routing.snapshot import LmdbSnapshot
from isthmus.site.services import tenants_of
from isthmus.tenancy.lookup import TxtLookup
from tests.api.callers import Site, open_site, site  # noqa: F401
from tests.tenancy.dns_server import DnsServer

WITHOUT_LIMITS = Limits((1e6, 10**6), (1e6, 10**6), (1e6, 10**6))


@pytest.fixture
def server() -> Iterator[DnsServer]:
    made = DnsServer()
    yield made
    made.close()


@pytest.fixture
def world(tmp_path: Path, server: DnsServer) -> Iterator[Site]:
    """Tenants main and fabrikam, whose administrator erin is; ours, of the whole installation, is oona."""
    services = open_site(tmp_path)
    lookup = TxtLookup(["127.0.0.1"], server.port, seconds=2.0)
    services = replace(services, tenants=tenants_of(services.site_file, services.directory, lookup))
    made = Site(services, web_app(services, WITHOUT_LIMITS))
    made.account("oona", "global", every_tenant=True)
    made.account("erin", "global", tenant="fabrikam")
    yield made
    services.close()


def test_a_tenants_administrator_brings_a_domain_alone(world: Site, server: DnsServer):
    erin = world.by_token("erin")
    claimed = erin.post("/v1/domains", json={"name": "new.example"})
    assert (claimed.status_code, claimed.json()["verified"]) == (201, False)
    record = claimed.json()["record"]
    missing = erin.post("/v1/domains/new.example/verify")
    assert (missing.status_code, record["value"] in missing.json()["what"]) == (409, True)
    assert erin.post("/v1/domains/new.example/approve").status_code == 403
    server.records[f"{record['name']}."] = [record["value"]]
    assert erin.post("/v1/domains/new.example/verify").json()["verified_by"] == "dns"
    made = erin.post("/v1/people", json={"aor": "a@new.example", "home": "premises"})
    assert (made.status_code, made.json()["tenant"]) == (201, "fabrikam")
    assert [each["name"] for each in erin.get("/v1/domains").json()] == ["fabrikam.example", "new.example"]
    assert [each["action"] for each in erin.get("/v1/audit", params={"object": "new.example"}).json()] == [
        "domain.verify",
        "domain.claim",
    ]


def test_the_operators_acts_are_not_a_tenants(world: Site):
    erin = world.by_token("erin")
    for body in ({"limits": {"people": 9}}, {"limits": {"people": None}}, {"suspended": True}, {"suspended": False}):
        assert erin.patch("/v1/tenants/fabrikam", json=body).status_code == 403, body
    assert erin.post("/v1/tenants", json={"name": "another"}).status_code == 403
    assert erin.delete("/v1/tenants/fabrikam").status_code == 403
    told = erin.patch("/v1/tenants/fabrikam", json={"contact": "it@fabrikam.example"})
    assert (told.status_code, told.json()["contact"]) == (200, "it@fabrikam.example")
    assert [each["name"] for each in erin.get("/v1/tenants").json()] == ["fabrikam"]


def test_the_operator_pages_through_tenants_and_changes_what_was_seen(world: Site):
    oona = world.by_token("oona")
    for name in ("adatum", "tailspin"):
        assert oona.post("/v1/tenants", json={"name": name, "limits": {"people": 3}}).status_code == 201
    first = oona.get("/v1/tenants", params={"limit": 2})
    assert [each["name"] for each in first.json()] == ["adatum", "fabrikam"]
    assert [each["name"] for each in oona.get(first.links["next"]["url"]).json()] == ["main", "tailspin"]
    tag = oona.get("/v1/tenants/adatum").headers["etag"]
    changed = {"limits": {"people": 4}}
    assert oona.patch("/v1/tenants/adatum", json=changed, headers={"If-Match": tag}).status_code == 200
    assert oona.patch("/v1/tenants/adatum", json=changed, headers={"If-Match": tag}).status_code == 412
    assert oona.get("/v1/tenants/adatum").json()["usage"]["left"] == {"people": 4, "numbers": None, "devices": None}
    assert oona.delete("/v1/tenants/adatum").status_code == 204
    assert oona.post("/v1/tenants", json={"name": "main"}).status_code == 409


def test_a_limit_is_told_where_it_bites(world: Site):
    oona, erin = world.by_token("oona"), world.by_token("erin")
    assert oona.patch("/v1/tenants/fabrikam", json={"limits": {"people": 0}}).status_code == 200
    refused = erin.post("/v1/people", json={"aor": "a@fabrikam.example", "home": "premises"})
    assert (refused.status_code, "may have 0 people" in refused.json()["what"]) == (409, True)
    assert world.services.directory.count() == 0


def test_so_many_devices_for_all_people_of_a_tenant(world: Site):
    oona, erin = world.by_token("oona"), world.by_token("erin")
    for user in ("a", "b"):
        world.person(f"{user}@fabrikam.example")
    oona.patch("/v1/tenants/fabrikam", json={"limits": {"devices": 1}})
    answers = [erin.post("/v1/devices", json={"aor": f"{user}@fabrikam.example", "label": "x"}) for user in ("a", "b")]
    assert [answer.status_code for answer in answers] == [201, 409], answers[1].text
    assert "may have 1 devices, and would have 2" in answers[1].json()["what"]
    assert oona.get("/v1/tenants/fabrikam").json()["usage"]["devices"] == 1
    assert erin.delete(f"/v1/devices/{answers[0].json()['name']}").is_success
    assert oona.get("/v1/tenants/fabrikam").json()["usage"]["left"]["devices"] == 1


def test_so_many_requests_a_minute_for_all_accounts_of_a_tenant_together(world: Site):
    oona, erin = world.by_token("oona"), world.by_token("erin")
    world.account("emil", "global", tenant="fabrikam")
    emil = world.by_token("emil")
    oona.patch("/v1/tenants/fabrikam", json={"limits": {"requests_per_minute": 3}})
    answers = [client.get("/v1/people") for client in (erin, emil, erin, emil)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3].headers["retry-after"]) <= 20
    assert "3 times a minute" in answers[3].json()["what"]
    assert oona.get("/v1/people").status_code == 200
    oona.patch("/v1/tenants/fabrikam", json={"limits": {"requests_per_minute": None}})
    assert erin.get("/v1/people").status_code == 200


def test_nobody_of_a_suspended_tenant_is_let_in(world: Site):
    oona, erin = world.by_token("oona"), world.by_token("erin")
    browser = world.browser()
    browser.sign_in("erin")
    browser.enrol()
    world.person("alice@fabrikam.example", "+14255550101")
    asked = Request("INVITE", "alice@fabrikam.example", Source.PHONE, "alice@fabrikam.example")
    before = _decided(world, asked)
    oona.patch("/v1/tenants/fabrikam", json={"suspended": True})
    for answer in (erin.get("/v1/people"), browser.get("/v1/people")):
        assert (answer.status_code, "suspended" in answer.json()["what"]) == (403, True)
    assert not isinstance(before, Answer)
    assert _decided(world, asked) == Answer(404, "Not Found")
    oona.patch("/v1/tenants/fabrikam", json={"suspended": False})
    assert erin.get("/v1/people").status_code == 200
    assert _decided(world, asked) == before
    assert oona.patch("/v1/tenants/main", json={"suspended": True}).status_code == 409


def _decided(world: Site, asked: Request) -> object:
    """By a copy of the snapshot: a process maps one only once, and the site has it."""
    with tempfile.TemporaryDirectory() as folder:
        copied = shutil.copytree(world.services.site_file.snapshot_dir, Path(folder) / "snapshot")
        snapshot = LmdbSnapshot.open(copied)
        try:
            with snapshot.view() as view:
                return decide(asked, view).decision
        finally:
            snapshot.close()


def test_the_person_of_a_tenant_stays_as_they_were(world: Site):
    world.person("alice@fabrikam.example")
    world.by_token("oona").patch("/v1/tenants/fabrikam", json={"suspended": True})
    assert world.services.directory.get(Aor.parse("alice@fabrikam.example")).enabled
