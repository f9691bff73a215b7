"""The routes of the audit log: what a wrong question gets, and that an answer flows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from isthmus.api import link_app, local_app, web_app
from isthmus.audit import append
from isthmus.database import writing
from isthmus.site.services import Services, build
from tests.audit.conftest import entry, tampering
from tests.cli.conftest import write_site
from tests.support import wait_for


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = build(write_site(tmp_path / "premises"))
    yield made
    made.close()


@pytest.fixture
def local(services: Services) -> TestClient:
    return TestClient(local_app(services), raise_server_exceptions=False)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """For questions that change nothing."""
    made = build(write_site(tmp_path_factory.mktemp("s") / "premises"))
    yield TestClient(local_app(made), raise_server_exceptions=False)
    made.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/audit?limit=0", 422),
        ("/v1/audit?limit=1001", 422),
        ("/v1/audit?before=0", 422),
        ("/v1/audit?before=99999999999999999999", 422),
        ("/v1/audit?since=soon", 422),
        ("/v1/audit?since=0001-01-01T00:00%2B14:00", 200),
        ("/v1/audit?until=9999-12-31T23:59:59-14:00", 200),
        ("/v1/audit?text=" + "x" * 201, 422),
        ("/v1/audit?text=%25%F0%9F%98%80", 200),
        ("/v1/audit?text=%ff", 200),
        ("/v1/audit?actor=%00", 422),
        ("/v1/audit/0", 422),
        ("/v1/audit/x", 422),
        ("/v1/audit/99", 404),
        ("/v1/audit/99999999999999999999", 422),
        ("/v1/audit/export?format=csv", 422),
        ("/v1/audit/export?after=-1", 422),
    ],
)
def test_what_a_question_gets(asked: TestClient, path: str, status: int):
    answer = asked.get(path)
    assert answer.status_code == status, answer.text
    assert status == 200 or set(answer.json()) >= {"what", "where", "do"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("verify", {"anchors": [{"chain": "x", "id": -1, "digest": "0" * 64}]}),
        ("verify", {"anchors": [{"chain": "x", "id": 1, "digest": "zz"}]}),
        ("verify", {"more": 1}),
        ("accept", {"reason": ""}),
        ("accept", {}),
    ],
)
def test_what_a_wrong_wish_gets(asked: TestClient, path: str, body: dict[str, object]):
    assert asked.post(f"/v1/audit/{path}", json=body).status_code == 422


@pytest.mark.parametrize(("app", "status"), [(link_app, 404), (web_app, 401)])
def test_the_log_is_offered_to_no_peer_and_no_stranger(services: Services, app: Callable[..., Any], status: int):
    for path in ("/v1/audit", "/v1/audit/1", "/v1/audit/export", "/v1/audit/anchor"):
        asked = TestClient(app(services), base_url="https://premises.contoso.example:8443")
        assert asked.get(path, headers={"X-Isthmus-Peer": "online"}).status_code == status


def test_verifying_tells_how_far_it_is(local: TestClient, services: Services):
    with writing(services.engine) as connection:
        append(connection, [entry(number) for number in range(12_000)])
    lines = [json.loads(line) for line in local.post("/v1/audit/verify").iter_lines()]
    assert [line["done"] for line in lines[:-1]][:2] == [5000, 10_000]
    assert {line["total"] for line in lines[:-1]} == {lines[-1]["verdict"]["last"]}
    assert lines[-1]["verdict"]["ok"]
    with tampering(services.engine) as connection:
        connection.execute(text("DELETE FROM audit_chain"))
    lines = [json.loads(line) for line in local.post("/v1/audit/verify").iter_lines()]
    assert "gone or damaged" in lines[-1]["error"]["what"]


def test_who_asks_and_from_where_is_in_the_log(local: TestClient):
    body = {"aor": "alice@contoso.example", "home": "premises"}
    headers = {"X-Isthmus-Actor": "cli:eve", "X-Isthmus-Address": "2001:DB8::0001"}
    assert local.post("/v1/people", json=body, headers=headers).status_code == 201
    assert (
        local.delete("/v1/people/alice@contoso.example", headers={"X-Isthmus-Address": "nonsense"}).status_code == 204
    )
    entries = local.get("/v1/audit?object=alice@contoso.example").json()
    assert [(e["actor"], e["path"], e["address"]) for e in entries] == [
        ("local", "api", ""),
        ("cli:eve", "cli", "2001:db8::1"),
    ]


def test_the_first_entries_are_those_of_the_site_file(local: TestClient):
    entries = local.get("/v1/audit").json()
    assert [(e["action"], e["actor"], e["path"], e["tenant"]) for e in entries] == [
        ("domain.create", "site:premises", "site-file", "main"),
        ("tenant.create", "site:premises", "site-file", "main"),
    ]


def test_health_tells_when_the_log_is_not_right(services: Services, local: TestClient):
    services.audit.anchor()
    assert local.get("/v1/health").json()["audit"] == {"ok": True, "reason": ""}
    with tampering(services.engine) as connection:
        connection.execute(text("DELETE FROM audit WHERE id = 3"))
        connection.execute(text("UPDATE audit_chain SET seq = 2"))
    services.background.start()
    try:
        wait_for(lambda: not local.get("/v1/health").json()["audit"]["ok"])
        assert "audit verify" in local.get("/v1/health").json()["audit"]["reason"]
    finally:
        services.background.stop()
