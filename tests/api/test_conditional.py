"""If-None-Match for everything that is read, and what is made of strange text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from isthmus.api import web_app
from isthmus.api.gate import Limits
from isthmus.api.permissions import RULES, On
from tests.api.callers import Site, open_site


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    services = open_site(tmp_path_factory.mktemp("c"))
    made = Site(services, web_app(services, Limits((1e6, 10**6), (1e6, 10**6), (1e6, 10**6))))
    made.account("anna", "global", every_tenant=True)
    yield made
    services.close()


@pytest.fixture(scope="module")
def anna(world: Site) -> TestClient:
    return world.by_token("anna")


# Readable without naming an object, and told whole at once.
LISTINGS = [
    path
    for (method, path), rule in RULES.items()
    if method == "GET" and "{" not in path and rule.on is not On.ANYONE and not rule.session
    and path not in (
        "/v1/people/export", "/v1/audit/export", "/v1/calls/records/export", "/v1/calls/reports/export",
        "/v1/metrics",  # streams and files
        "/v1/media/ice", "/v1/calls/reports",  # another credential each time; of one call
        "/v1/calls", "/v1/registrations",  # no engine runs here
        "/v1/calls/explain", "/v1/calls/ladder", "/v1/calls/reaching",  # asks of somebody
        "/v1/sites", "/v1/setup",  # other at each look
        "/v1/numbers/offers",  # a carrier's, by country
        "/v1/access/explain", "/v1/policies/explain", "/v1/policies/dialled", "/v1/locations/callback",  # name somebody
        "/v1/session", "/v1/session/passkeys",  # not by a token
        "/v1/tokens", "/v1/health", "/v1/audit", "/v1/audit/anchor",  # other at each look
    )
]  # fmt: skip


@pytest.mark.parametrize("path", LISTINGS)
def test_who_has_it_already_is_told_so_without_a_body(anna: TestClient, path: str):
    client = anna
    first = client.get(path)
    assert first.status_code == 200, first.text
    again = client.get(path, headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_what_changed_is_sent_anew(world: Site, anna: TestClient):
    client = anna
    tag = client.get("/v1/people").headers["etag"]
    world.person("zoe@contoso.example")
    answer = client.get("/v1/people", headers={"If-None-Match": tag})
    assert (answer.status_code, len(answer.json())) == (200, 1)


def test_a_tag_of_what_one_may_not_see_helps_nobody(world: Site, anna: TestClient):
    world.account("erin", "global", tenant="fabrikam")
    world.person("alice@contoso.example")
    path = "/v1/people/alice@contoso.example"
    tag = anna.get(path).headers["etag"]
    assert world.by_token("erin").get(path, headers={"If-None-Match": tag}).status_code == 404


TRICKS = {
    "bidi override": "a\u202eb", "bidi isolate": "a\u2066b", "nul": "a\u0000b", "lone surrogate": "a\ud800b",
    "combining bomb": "a" + "\u0301" * 3000, "zero width": "a\u200bb", "confusable": "\u0430lice",
    "full width": "\uff41lice", "line separator": "a\u2028b", "long": "a" * 5000, "escape": "a\x1b[2Jb",
}  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_gets_into_an_address(anna: TestClient, trick: str):
    client = anna
    text = TRICKS[trick]
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/v1/people", {"aor": f"{text}@contoso.example", "home": "premises"}),
        ("/v1/people", {"aor": f"alice@{text}.example", "home": "premises"}),
        ("/v1/tenants", {"name": text}),
        ("/v1/domains", {"name": f"{text}.example"}),
        ("/v1/accounts", {"name": text}),
    ]
    for path, body in bodies:
        answer = client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
        if trick == "long" and path == "/v1/people" and answer.status_code == 201:
            raise AssertionError("an address without a limit")
        if (trick, path) == ("full width", "/v1/accounts"):
            assert answer.json()["name"] == "alice"  # names of accounts are brought into one form (NFKC)
            continue
        assert 400 <= answer.status_code < 500, (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["what"]
    found = {each["aor"] for each in client.get("/v1/people").json()}
    assert found <= {"alice@contoso.example", "zoe@contoso.example"}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"name": 1}', b'{"name": ["x"]}', b'{"name": {"a": 1}}',
     b'{"name": "x", "limits": {"people": "many"}}', b'{"name": "x", "limits": {"people": 1e99}}',
     b'{"name": "x", "limits": []}', b'{"name": "x", "other": 1}', b'{"name": "x", "suspended": 2}',
     b"[" * 100_000, b'{"name": "' + b"x" * (1 << 21) + b'"}'],
)  # fmt: skip
def test_what_is_no_tenant_is_told_what_is_wrong(anna: TestClient, content: bytes):
    client = anna
    answer = client.post("/v1/tenants", content=content, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["what"]
    assert len(client.get("/v1/tenants").json()) == 2


@pytest.mark.parametrize("trick", ["bidi override", "bidi isolate", "nul", "lone surrogate", "combining bomb", "escape",
                                   "line separator", "long"])  # fmt: skip
def test_no_trick_gets_into_a_name_that_is_shown(anna: TestClient, trick: str):
    text = TRICKS[trick]
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/v1/people", {"aor": "bob@contoso.example", "home": "premises", "display_name": text}),
        ("/v1/people", {"aor": "bob@contoso.example", "home": "premises", "groups": [text]}),
        ("/v1/tenants", {"name": "new", "display_name": text}),
        ("/v1/tenants", {"name": "new", "contact": f"{text}@fabrikam.example"}),
        ("/v1/groups", {"name": text}),
        ("/v1/groups", {"name": "new", "description": text}),
    ]
    for path, body in bodies:
        answer = anna.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, (path, body, answer.text)
        assert answer.json()["what"]


@pytest.mark.parametrize("name", ["José", "Nguyễn Thị", "محمد\u200f", "שרה", "नमस्ते", "Zoë van der Àè", "e\u0301"])
def test_names_of_people_are_not_tricks(anna: TestClient, name: str):
    made = anna.post("/v1/people", json={"aor": "bob@contoso.example", "home": "premises", "display_name": name})
    assert (made.status_code, made.json()["display_name"]) == (201, name)
    assert anna.delete("/v1/people/bob@contoso.example").status_code == 204
