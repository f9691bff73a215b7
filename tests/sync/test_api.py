"""The routes of synchronisation: every wrong question gets an answer that says what is wrong, and none does harm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from isthmus.api import link_app, local_app
from isthmus.site.services import Services, build
from tests.cli.conftest import SITE, write_site

_SOURCE = '\n[[source]]\nname = "people"\nkind = "csv"\nfile = "people.csv"\n'
_ONLINE = """
[site]
name = "online"
role = "online"
fqdn = "online.contoso.example"
domains = ["contoso.example"]
address = "127.0.2.1"
[[peer]]
name = "premises"
fqdn = "premises.contoso.example"
address = "127.0.1.1"
authority = true
"""


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = build(write_site(tmp_path / "premises", SITE + _SOURCE))
    (tmp_path / "premises" / "people.csv").write_text("id,aor\n1,alice@contoso.example\n")
    yield made
    made.close()


@pytest.fixture
def online(tmp_path: Path) -> Iterator[TestClient]:
    """The link API of the other site."""
    made = build(write_site(tmp_path / "online", _ONLINE))
    yield TestClient(link_app(made))
    made.close()


@pytest.fixture
def api(services: Services) -> TestClient:
    return TestClient(local_app(services), raise_server_exceptions=False)


def test_a_key_begins_one_run_however_often_it_is_sent(api: TestClient):
    headers = {"Idempotency-Key": "k", "X-Isthmus-Actor": "cli:root"}
    first = api.post("/v1/directory/runs", json={"source": "people"}, headers=headers).json()
    again = api.post("/v1/directory/runs", json={"source": "people"}, headers=headers).json()
    assert first["id"] == again["id"]
    assert first["actor"] == "cli:root"
    other = api.post("/v1/directory/runs", json={"source": "people", "full": True}, headers=headers)
    assert (other.status_code, other.json()["what"]) == (422, "this idempotency key was used for something else")
    second = api.post("/v1/directory/runs", json={})
    assert (second.status_code, second.json()["what"]) == (409, "a run of people is under way already")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("post", "/v1/directory/runs", {"source": "x"}, 404),
        ("post", "/v1/directory/runs", {"source": 1}, 422),
        ("post", "/v1/directory/runs", {"dryrun": True}, 422),
        ("post", "/v1/directory/runs", [], 422),
        ("post", "/v1/directory/sources/x/check", None, 404),
        ("get", "/v1/directory/runs?limit=0", None, 422),
        ("get", "/v1/directory/runs/x", None, 404),
        ("get", "/v1/directory/runs/x?changes=-1", None, 422),
        ("get", "/v1/directory/people/nonsense", None, 422),
        ("get", "/v1/directory/people/a@contoso.example", None, 404),
        ("post", "/v1/directory/people/a@contoso.example/restore", None, 404),
        ("post", "/v1/directory/compare", {"repair": "perhaps"}, 422),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(api: TestClient, method: str, path: str, body: object, status: int):
    answer = api.request(method, path, json=body) if body is not None else api.request(method, path)
    assert answer.status_code == status
    assert answer.json()["what"]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1, max_size=30))
def test_no_text_makes_it_fail(api: TestClient, text: str):
    for body in ({"source": text}, {"source": text, "dry_run": True}):
        assert api.post("/v1/directory/runs", json=body).status_code in (404, 422)
    for path in ("runs", "people", "sources"):
        assert api.get(f"/v1/directory/{path}", params={"source": text, "limit": text}).status_code < 500


@pytest.mark.parametrize("body", [{}, {"ranges": "all"}, {"ranges": [-1]}, {"ranges": [1024]}, {"ranges": [0] * 1025}])
def test_the_authority_asks_for_ranges_that_there_are(online: TestClient, body: dict[str, object]):
    assert online.post("/link/digests", json=body, headers={"X-Isthmus-Peer": "premises"}).status_code == 422


def test_digests_are_for_the_authority_alone(services: Services, online: TestClient):
    authority, stranger = {"X-Isthmus-Peer": "premises"}, {"X-Isthmus-Peer": "stranger"}
    assert len(online.get("/link/digests", headers=authority).json()["digests"]) == 1025
    assert online.post("/link/digests", json={"ranges": [0]}, headers=authority).json() == {"people": {}}
    assert online.get("/link/digests", headers=stranger).status_code == 403
    at_the_authority = TestClient(link_app(services))
    assert at_the_authority.get("/link/digests", headers={"X-Isthmus-Peer": "online"}).status_code == 409
