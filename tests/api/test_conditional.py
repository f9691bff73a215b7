"""If-None-Match for everything that is read, and what is made of strange text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from isthmus.api.permissions import RULES, On
from tests.api.callers import Site, site  # noqa: F401

# Readable without naming an object, and told whole at once.
LISTINGS = [
    path
    for (method, path), rule in RULES.items()
    if method == "GET" and "{" not in path and rule.on is not On.ANYONE
    and path not in (
        "/v1/people/export", "/v1/audit/export",  # streams and files
        "/v1/calls", "/v1/registrations",  # no engine runs here
        "/v1/access/explain", "/v1/policies/explain",  # name somebody
        "/v1/session", "/v1/session/passkeys",  # not by a token
        "/v1/tokens", "/v1/health", "/v1/audit",  # different at each look: last use, free space, what was just done
    )
]  # fmt: skip


@pytest.mark.parametrize("path", LISTINGS)
def test_who_has_it_already_is_told_so_without_a_body(site: Site, path: str):  # noqa: F811
    site.account("anna", "global", every_tenant=True)
    client = site.by_token("anna")
    first = client.get(path)
    assert first.status_code == 200, first.text
    again = client.get(path, headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_what_changed_is_sent_anew(site: Site):  # noqa: F811
    site.account("anna", "global")
    client = site.by_token("anna")
    tag = client.get("/v1/people").headers["etag"]
    site.person("alice@contoso.example")
    answer = client.get("/v1/people", headers={"If-None-Match": tag})
    assert (answer.status_code, len(answer.json())) == (200, 1)


def test_a_tag_of_what_one_may_not_see_helps_nobody(site: Site):  # noqa: F811
    site.account("anna", "global")
    site.account("erin", "global", tenant="fabrikam")
    site.person("alice@contoso.example")
    path = "/v1/people/alice@contoso.example"
    tag = site.by_token("anna").get(path).headers["etag"]
    assert site.by_token("erin").get(path, headers={"If-None-Match": tag}).status_code == 404


TRICKS = {
    "bidi override": "a\u202eb", "bidi isolate": "a\u2066b", "nul": "a\u0000b", "lone surrogate": "a\ud800b",
    "combining bomb": "a" + "\u0301" * 3000, "zero width": "a\u200bb", "confusable": "\u0430lice",
    "full width": "\uff41lice", "line separator": "a\u2028b", "long": "a" * 5000, "escape": "a\x1b[2Jb",
}  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_gets_into_an_address(site: Site, trick: str):  # noqa: F811
    site.account("anna", "global", every_tenant=True)
    client = site.by_token("anna")
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
        assert 400 <= answer.status_code < 500, (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["what"]
    assert client.get("/v1/people").json() == []


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"name": 1}', b'{"name": ["x"]}', b'{"name": {"a": 1}}',
     b'{"name": "x", "limits": {"people": "many"}}', b'{"name": "x", "limits": {"people": 1e99}}',
     b'{"name": "x", "limits": []}', b'{"name": "x", "other": 1}', b'{"name": "x", "suspended": 2}',
     b"[" * 100_000, b'{"name": "' + b"x" * (1 << 21) + b'"}'],
)  # fmt: skip
def test_what_is_no_tenant_is_told_what_is_wrong(site: Site, content: bytes):  # noqa: F811
    site.account("anna", "global", every_tenant=True)
    client = site.by_token("anna")
    answer = client.post("/v1/tenants", content=content, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["what"]
    assert len(client.get("/v1/tenants").json()) == 2
