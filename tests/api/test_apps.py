"""The three applications: who may ask, and that every wrong question gets an answer that says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from isthmus.api import link_app, local_app, web_app
from isthmus.site.services import Services, build
from tests.cli.conftest import write_site


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = build(write_site(tmp_path / "premises"))
    yield made
    made.close()


@pytest.fixture
def local(services: Services) -> TestClient:
    return TestClient(local_app(services), raise_server_exceptions=False)


def person(user: str) -> dict[str, str]:
    return {"aor": f"{user}@contoso.example", "home": "premises", "password": "x"}


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Isthmus-Peer", "mallory")],
        [("X-Isthmus-Peer", "premises")],
        [("X-Isthmus-Peer", "")],
        [("X-Isthmus-Peer", "online"), ("X-Isthmus-Peer", "online")],
        [("X-Isthmus-Peer", "online,mallory")],
    ],
)
def test_the_link_hears_configured_peers_alone(services: Services, headers: list[tuple[str, str]]):
    link = TestClient(link_app(services))
    for path in ("/link/hello", "/link/position", "/link/nonsense", "/"):
        answer = link.get(path, headers=headers)
        assert answer.status_code == 403
        assert set(answer.json()) == {"what", "where", "do"}
    assert link.get("/link/hello", headers={"X-Isthmus-Peer": "online"}).status_code == 200


def test_the_web_port_tells_strangers_nothing_but_its_page(services: Services):
    web = TestClient(web_app(services))
    assert web.get("/healthz").json() == {"site": "premises", "status": "up"}
    assert "premises" in web.get("/").text
    for path in ("/link/hello", "/docs", "/openapi.json"):
        assert web.get(path, headers={"X-Isthmus-Peer": "online"}).status_code == 404
    for path in ("/v1/people", "/v1/health"):
        assert web.get(path, headers={"X-Isthmus-Actor": "cli:root"}).status_code == 401


def test_a_person_by_http(local: TestClient):
    created = local.post("/v1/people", json={**person("alice"), "number": "+1 425 555 0101"})
    assert (created.status_code, created.json()["number"]) == (201, "+14255550101")
    taken = local.post("/v1/people", json={**person("bob"), "number": "+14255550101"})
    assert (taken.status_code, taken.json()["where"]) == (409, "bob@contoso.example")
    changed = local.patch("/v1/people/alice@contoso.example", json={"number": None})
    assert changed.json()["number"] is None
    assert local.get("/v1/people/count").json() == {"count": 1}
    assert local.get("/v1/people/export?format=csv").text.splitlines()[1].startswith("alice@contoso.example,alice,,")
    assert local.delete("/v1/people/alice@contoso.example").status_code == 204
    assert local.get("/v1/people/alice@contoso.example").status_code == 404


def test_a_key_makes_a_second_request_harmless(local: TestClient):
    headers = {"Idempotency-Key": "k", "X-Isthmus-Actor": "cli:root"}
    first = local.post("/v1/people", json=person("alice"), headers=headers)
    assert local.post("/v1/people", json=person("alice"), headers=headers).json() == first.json()
    assert local.post("/v1/people", json=person("bob"), headers=headers).status_code == 422


def test_bad_requests_are_told_what_is_wrong(local: TestClient):
    base = "/v1/people"
    answers = [
        local.post(base, content=b"\xff{"),
        local.post(base, content=b"[" * 100_000),
        local.post(base, content=b'{"aor": "\\ud800@contoso.example", "home": "premises"}'),
        local.post(base, content=b'{"aor": "a@contoso.example", "home": "\\ud800"}'),
        local.post(base, content=b'{"aor": "a@contoso.example", "home": "premises", "password": "\\ud800"}'),
        local.post(base, content=b'{"aor": "a@contoso.example", "home": "premises", "groups": ["\\ud800"]}'),
        local.post(base, json={**person("x"), "colour": "red"}),
        local.post(base, json={**person("x"), "display_name": "a\nb"}),
        local.post(base, json={**person("x"), "display_name": "a" * 1000}),
        local.post(base, json={**person("x"), "number": "9" * 10_000}),
        local.post(f"{base}/import", json={"rows": [1]}),
        local.patch(f"{base}/%00", json={}),
        local.patch(f"{base}/alice@contoso.example", json={"home": "online"}),
        local.get(f"{base}?limit=-1"),
        local.get(f"{base}?after=%ff"),
        local.get("/v1/nonsense"),
        local.put(base),
    ]
    for number, answer in enumerate(answers):
        assert 400 <= answer.status_code < 500, (number, answer.text)
        assert answer.json()["what"]
    assert local.get("/v1/people").json() == []


def test_any_text_may_be_searched_for(local: TestClient):
    for text in ("%00", "%25", "'", "\\", "%ff", "%ed%a0%80", "a" * 5000):
        assert local.get(f"/v1/people?match={text}").status_code in (200, 422)


def test_a_row_of_nonsense_is_an_error_of_its_line(local: TestClient):
    rows = [{"aor": None, "line": "x"}, {"home": []}, {}]
    report = local.post("/v1/people/import", json={"rows": rows}).json()
    assert {error["line"] for error in report["errors"]} == {1, 2, 3}
    assert report["created"] == 0


def test_with_the_database_silent_it_says_so_and_health_answers(services: Services, local: TestClient, monkeypatch):
    def silent(*_args: object) -> None:
        raise OperationalError("", {}, Exception("disk I/O error"))

    monkeypatch.setattr(services.engine.dialect, "do_execute", silent)
    answer = local.post("/v1/people", json=person("alice"))
    assert answer.status_code == 503
    assert "disk I/O error" in answer.json()["what"]
    health = local.get("/v1/health").json()
    assert (health["ok"], health["database"]["ok"]) == (False, False)
    monkeypatch.undo()
    assert local.get("/v1/health").json()["ok"] is True
    assert local.get("/v1/people").json() == []


def test_health_tells_of_database_snapshot_disk_and_link(local: TestClient):
    health = local.get("/v1/health").json()
    assert health["ok"] is True
    assert {"site", "role", "database", "snapshot", "disk", "link"} <= set(health)
    local.post("/v1/people", json=person("alice"))
    snapshot = local.get("/v1/snapshot").json()
    assert snapshot["current"] is True
    assert local.post("/v1/snapshot/rebuild").json()["people"] == 1


def test_a_fault_of_ours_is_told_without_its_details(services: Services, local: TestClient, monkeypatch):
    def broken(**_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(type(services.directory), "people", lambda *_, **__: broken())
    answer = local.get("/v1/people")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
