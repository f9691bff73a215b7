"""Every wrong question about groups, licences and policies gets an answer that says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from isthmus.api import local_app
from isthmus.site.services import build
from tests.cli.conftest import write_site


@pytest.fixture
def local(tmp_path: Path) -> Iterator[TestClient]:
    made = build(write_site(tmp_path / "premises"))
    yield TestClient(local_app(made), raise_server_exceptions=False)
    made.close()


def test_bad_requests_are_told_what_is_wrong(local: TestClient):
    grant = {"kind": "calling", "policy": "x", "level": "group", "target": "g"}
    answers = [
        local.post("/v1/groups", content=b'{"name": "\\ud800"}'),
        local.post("/v1/groups", json={"name": "a\nb"}),
        local.post("/v1/groups?tenant=other", json={"name": "a"}),
        local.get("/v1/groups/nothing"),
        local.patch("/v1/groups/%00", json={"add": {"people": ["x"]}}),
        local.patch("/v1/groups/nothing", json={"name": "something"}),
        local.patch("/v1/groups/nothing", json={"name": "something", "description": "x"}),
        local.delete("/v1/groups/nothing"),
        local.post("/v1/policies", json={"kind": "weather", "name": "x"}),
        local.post("/v1/policies", json={"kind": "calling", "name": "X Y"}),
        local.post("/v1/policies", json={"kind": "calling", "name": "x", "settings": {"most_calls": 10**30}}),
        local.post("/v1/policies", json={"kind": "calling", "name": "x", "settings": {"forwarding": "yes"}}),
        local.post("/v1/policies", json={"kind": "calling", "name": "x", "settings": {"nothing": 1}}),
        local.post("/v1/policies/grant", json={**grant, "rank": 10**30}),
        local.post("/v1/policies/grant", json={**grant, "level": "planet"}),
        local.post("/v1/policies/revoke", json={"kind": "calling", "level": "person", "target": "nobody"}),
        local.get("/v1/policies/explain?aor=nobody@contoso.example"),
        local.put("/v1/licences/phone-system", json={"count": 10**30}),
        local.put("/v1/licences/phone-system", json={"count": -1}),
        local.put("/v1/licences/new", json={"count": 1, "features": ["nothing"]}),
        local.post("/v1/licences/phone-system/assign", json={}),
        local.get("/v1/licences/of/x"),
    ]
    for number, answer in enumerate(answers):
        assert 400 <= answer.status_code < 500, (number, answer.status_code, answer.text)
        assert answer.json()["what"]
    assert local.get("/v1/groups").json() == local.get("/v1/policies").json() == []


def test_a_key_makes_a_second_request_harmless(local: TestClient):
    headers = {"Idempotency-Key": "k", "X-Isthmus-Actor": "cli:root"}
    body = {"kind": "calling", "name": "x", "settings": {"forwarding": False}}
    first = local.post("/v1/policies", json=body, headers=headers)
    assert first.status_code == 201
    assert local.post("/v1/policies", json=body, headers=headers).json() == first.json()
    assert local.post("/v1/policies", json={**body, "name": "y"}, headers=headers).status_code == 422
