"""Whatever is sent gets an answer that says what is wrong with it, and never a fault of ours."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.scim.world import BULK, ENTERPRISE, GROUP, PATCH, USER, World

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_SETTINGS = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

_ATTRIBUTES = st.sampled_from(
    ["userName", "USERNAME", "id", "externalId", "name.givenName", "name", "emails", "emails.value", "emails[type eq"
     ' "work"]', 'emails[type eq "work"].value', "active", "meta.created", "meta", "schemas", "password", "groups",
     "nothing", "x509Certificates.value", f"{ENTERPRISE}:manager", f"{ENTERPRISE}:manager.value", ENTERPRISE,
     "addresses.primary", "a.b.c", "", ":", "urn:", "members", "$ref"]
)  # fmt: skip
_TEXTS = st.one_of(
    st.sampled_from(["", "a@b.example", "\0", "\ud800", "‮", "ＡＤＭＩＮ", "İ", "a" * 300, "'; DROP TABLE scim_user --",
                     '" or userName pr or "', "true", "2020-01-01T00:00:00Z", "\\", "%", "e\u0301"]),
    st.text(max_size=30),
)  # fmt: skip
_PARTS = st.sampled_from(["value", "type", "primary", "$ref", "display"])
_LITERALS = st.sampled_from(["true", "null", "1e999", "-0", "1", "'a'"])
_STRANGE_IDS = ["%00", "%ff", "..%2f..%2fv1", "%ed%a0%80", "a" * 5000, "'%20or%201=1", "%F0%9F%98%80"]
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["value", "type", "primary", "$ref", "display"]) | _ATTRIBUTES, inner, max_size=4
        )
    ),
    max_leaves=8,
)
_OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "Add", "replace", "Replace", "remove", "REMOVE", "move", ""]) | _VALUES},
    optional={"path": _ATTRIBUTES | _TEXTS | _VALUES, "value": _VALUES},
)


@st.composite
def _filters(draw: st.DrawFn) -> str:
    """Right ones and wrong ones."""

    def term(depth: int) -> str:
        kind = draw(st.integers(0, 6 if depth else 3))
        attribute = draw(_ATTRIBUTES)
        if kind == 0:
            return f"{attribute} pr"
        if kind <= 3:
            operator = draw(st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "le", "EQ", "xx"]))
            value = draw(
                st.one_of(_TEXTS.map(json.dumps), st.sampled_from(["true", "null", "1e999", "-0", "1", "'a'"]))
            )
            return f"{attribute} {operator} {value}"
        if kind == 4:
            return f"not ({term(depth - 1)})"
        if kind == 5:
            return f"emails[{term(depth - 1)}]"
        return f"({term(depth - 1)}) {draw(st.sampled_from(['and', 'or', 'AND', 'nor']))} {term(depth - 1)}"

    return term(draw(st.integers(0, 3)))


@pytest.fixture(scope="module")
def pushed(shared: World) -> World:
    """With somebody and a group to ask for."""
    shared.group("sales", shared.user("alice", emails=[{"type": "work", "value": "alice@mail.example"}]))
    return shared


def fine(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert answer.status_code < 500 or answer.status_code == 501, answer.text  # 501: what we say we don't do
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    if answer.status_code >= 400:
        body = answer.json()
        assert body["schemas"] == [ERROR] and body["status"] == str(answer.status_code)
        assert "Traceback" not in answer.text and "scim_user" not in answer.text.lower().replace(
            "drop table scim_user", ""
        )


def test_filters_of_all_kinds(pushed: World, caplog: pytest.LogCaptureFixture):
    @_SETTINGS
    @given(_filters(), st.sampled_from(["/Users", "/Groups", "/"]))
    def ask(text: str, path: str) -> None:
        asked = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": text}
        body = json.dumps(asked).encode()
        fine(pushed.client.post(f"{path.rstrip('/')}/.search", content=body, headers=_JSON), caplog)

    ask()


def test_patches_of_all_kinds(pushed: World, caplog: pytest.LogCaptureFixture):
    user = pushed.client.get("/Users").json()["Resources"][0]
    group = pushed.client.get("/Groups").json()["Resources"][0]

    @_SETTINGS
    @given(st.lists(_OPERATIONS, max_size=3), st.booleans())
    def change(operations: list[Any], of_group: bool) -> None:
        path = f"/Groups/{group['id']}" if of_group else f"/Users/{user['id']}"
        body = json.dumps({"schemas": [PATCH], "Operations": operations}).encode()
        fine(pushed.client.patch(path, content=body, headers=_JSON), caplog)
        got = pushed.client.get(path)
        assert got.status_code == 200  # whatever was taken can be shown again

    change()


def test_resources_of_all_kinds(pushed: World, caplog: pytest.LogCaptureFixture):
    @_SETTINGS
    @given(st.dictionaries(_ATTRIBUTES | st.sampled_from(["displayName", "members", "schemas"]), _VALUES, max_size=6),
           st.sampled_from(["Users", "Groups"]))  # fmt: skip
    def push(data: dict[str, Any], kind: str) -> None:
        body = json.dumps({"schemas": [USER if kind == "Users" else GROUP], "userName": "x", **data}).encode()
        answer = pushed.client.post(f"/{kind}", content=body, headers=_JSON)
        fine(answer, caplog)
        if answer.status_code == 201:
            path = f"/{kind}/{answer.json()['id']}"
            assert pushed.client.get(path).status_code == 200
            assert pushed.client.delete(path).status_code == 204

    push()


_JSON = {"Content-Type": "application/scim+json"}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"null", b"[]", b"1", b'"x"', b"", b"\xff\xfe", b'{"schemas": [], "userName": "\\ud800"}',
        b'{"userName": ' + b"9" * 5000 + b"}",
        b'{"schemas":["%s"],"userName":"a","userName":"b"}' % USER.encode(),
        b'{"schemas":["%s"],"userName":"a","emails":%s}' % (USER.encode(), b"[" + b'{"value":"x"},' * 50_000 + b"{}]"),
    ],
    ids=range(12),
)  # fmt: skip
@pytest.mark.parametrize("path", ["/Users", "/Groups", "/Bulk", "/.search"])
def test_bodies_that_are_none(pushed: World, path: str, body: bytes, caplog: pytest.LogCaptureFixture):
    fine(pushed.client.post(path, content=body, headers=_JSON), caplog)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "userName pr" + ")" * 5000,
        "not (" * 1000 + "userName pr" + ")" * 1000,
        " or ".join(f'userName co "{n}"' for n in range(5000)),
        "emails[" * 100 + "type pr" + "]" * 100,
        'userName eq "' + "a" * 500_000 + '"',
        "a." * 5000 + "b pr",
    ],
    ids=["brackets", "nots", "ors", "selections", "long", "path"],
)
def test_filters_made_to_hurt_are_refused_soon(pushed: World, text: str, caplog: pytest.LogCaptureFixture):
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": text}
    answer = pushed.client.post("/Users/.search", json=body)
    fine(answer, caplog)
    assert answer.status_code == 400 and answer.json()["scimType"] == "invalidFilter"
    patch = {"op": "replace", "path": f"emails[{text}].value", "value": "x"}
    user = pushed.client.get("/Users").json()["Resources"][0]
    fine(pushed.patch(f"/Users/{user['id']}", patch), caplog)


@pytest.mark.parametrize(
    "name", ["%00", "%ff", "..%2f..%2fv1", "%ed%a0%80", "a" * 5000, "'%20or%201=1", "%F0%9F%98%80"]
)
def test_ids_that_are_none(pushed: World, name: str, caplog: pytest.LogCaptureFixture):
    for method in ("GET", "DELETE"):
        answer = pushed.client.request(method, f"/Users/{name}")
        fine(answer, caplog)
        assert answer.status_code in (404, 405)


@pytest.mark.parametrize("query", ["startIndex=99999999999999999999", "count=-5", "count=x", "startIndex=1e3",
                                   "sortBy=emails%5Btype%20eq%20%22a%22%5D", "sortOrder=up", "attributes=,,:",
                                   "excludedAttributes=%00", "filter=%00", "filter=%ff", "cursor=x"])  # fmt: skip
def test_queries_that_are_none(pushed: World, query: str, caplog: pytest.LogCaptureFixture):
    fine(pushed.client.get(f"/Users?{query}"), caplog)


def test_names_that_look_alike_are_compared_in_one_form(pushed: World):
    pushed.user("josé".replace("é", "e\u0301"))
    composed = pushed.client.get("/Users", params={"filter": f'userName eq "JOS\u00c9@{pushed.domain}"'})
    assert composed.json()["totalResults"] == 1
    again = pushed.client.post("/Users", json={"schemas": [USER], "userName": f"jos\u00e9@{pushed.domain}"})
    assert again.status_code == 409


def test_bulk_that_nests_itself_is_refused(pushed: World, caplog: pytest.LogCaptureFixture):
    inner = {"method": "POST", "path": "/Bulk", "bulkId": "x", "data": {"schemas": [BULK], "Operations": []}}
    answer = pushed.client.post("/Bulk", json={"schemas": [BULK], "Operations": [inner]})
    fine(answer, caplog)
    assert answer.json()["Operations"][0]["status"].startswith("4")


def test_a_strange_host_does_not_get_into_locations(world: World):
    client = TestClient(world.app, base_url="https://x.example/scim/v2")
    client.headers["Authorization"] = world.client.headers["Authorization"]
    made = world.user("alice")
    got = client.get(f"/Users/{made['id']}", headers={"Host": 'evil"><script>'})
    assert got.json()["meta"]["location"].startswith("https://premises.contoso.example:8443/scim/v2/")


def test_patches_of_very_many_operations_are_refused(pushed: World):
    user = pushed.client.get("/Users", params={"filter": 'userName sw "alice"'}).json()["Resources"][0]
    one = {"op": "replace", "path": 'emails[type eq "work"].value', "value": "alice@mail.example"}
    answer = pushed.patch(f"/Users/{user['id']}", *[one] * 5000)
    assert answer.status_code == 413
