"""RFC 7644 as a provider meets it: questions, pages, ETags, bulk, errors, who may ask."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from scim2_server.requests import ScimRequest
from starlette.testclient import TestClient

from isthmus.access.model import Scope
from isthmus.errors import RefusedError
from isthmus.scim.protocol import handle
from isthmus.scim.service import Scim
from tests.api.callers import OPERATOR
from tests.scim.world import BULK, ENTERPRISE, GROUP, USER, World

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["userName"].partition("@")[0] for each in answer.json().get("Resources", [])]


@pytest.fixture
def five(world: World) -> World:
    for number, user in enumerate(("alice", "bob", "carol", "dave", "erin")):
        more: dict[str, Any] = {"externalId": f"e{number}", "displayName": user.title()}
        if number % 2:
            more["emails"] = [{"value": f"{user}@mail.example", "type": "work", "primary": True}]
            more[ENTERPRISE] = {"department": "Sales"}
        world.user(user, active=user != "erin", **more)
    return world


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ('userName eq "ALICE@{domain}"', "alice"),
        ('externalId eq "e1"', "bob"),
        ('externalId eq "E1"', ""),
        ('userName sw "d" or displayName co "LIC"', "alice dave"),
        ('emails[type eq "work" and value co "mail"]', "bob dave"),
        ('emails.value eq "bob@mail.example"', "bob"),
        (f'{ENTERPRISE}:department eq "sales" and not (userName sw "b")', "dave"),
        ("active eq false", "erin"),
        ('meta.lastModified gt "2020-01-01T00:00:00Z" and title pr', ""),
        ('userName eq "nobody@{domain}"', ""),
        ('userName eq "alice@{domain}" and active eq false', ""),
        ("not (emails pr)", "alice carol erin"),
    ],
)
def test_filters(five: World, asked: str, found: str):
    answer = five.client.get("/Users", params={"filter": asked.format(domain=five.domain), "sortBy": "userName"})
    assert names(answer) == found.split()
    assert answer.json()["totalResults"] == len(found.split())


def test_pages_cover_everything_once(five: World):
    seen = []
    for start in (1, 3, 5):
        answer = five.client.get("/Users", params={"startIndex": start, "count": 2})
        body = answer.json()
        assert (body["totalResults"], body["startIndex"]) == (5, start)
        seen += names(answer)
    assert sorted(seen) == ["alice", "bob", "carol", "dave", "erin"]
    assert names(five.client.get("/Users", params={"count": 0})) == []
    assert names(five.client.get("/Users", params={"startIndex": 99})) == []
    assert len(names(five.client.get("/Users", params={"startIndex": -3, "count": 2}))) == 2


def test_order(five: World):
    ask = {"sortBy": "displayName", "sortOrder": "descending", "startIndex": 2, "count": 2}
    assert names(five.client.get("/Users", params=ask)) == ["dave", "carol"]
    assert names(five.client.get("/Users", params={"sortBy": f"{ENTERPRISE}:department"}))[:2] != []


def test_searching_by_post_and_at_the_root(five: World):
    group = five.group("all")
    body = {"schemas": [SEARCH], "filter": 'displayName sw "a"', "attributes": ["displayName"]}
    answer = five.client.post("/.search", json=body)
    assert {each["displayName"] for each in answer.json()["Resources"]} == {"Alice", "all"}
    assert five.client.post("/Groups/.search", json=body).json()["Resources"][0]["id"] == group["id"]
    page = five.client.get("/", params={"startIndex": 5, "count": 2}).json()
    assert page["totalResults"] == 6 and [each["meta"]["resourceType"] for each in page["Resources"]] == [
        "User",
        "Group",
    ]


def test_chosen_attributes(five: World):
    group = five.group("all", five.client.get("/Users").json()["Resources"][0])
    path = f"/Groups/{group['id']}"
    assert "members" not in five.client.get(path, params={"excludedAttributes": "members"}).json()
    only = five.client.get(path, params={"attributes": "members.value"}).json()
    assert set(only) == {"schemas", "id", "members"}
    listed = five.client.get("/Users", params={"attributes": "userName"}).json()["Resources"][0]
    assert set(listed) == {"schemas", "id", "userName"}


def test_etags(world: World):
    made = world.user("alice")
    path, first = f"/Users/{made['id']}", made["meta"]["version"]
    got = world.client.get(path)
    assert got.headers["ETag"] == first
    assert world.client.get(path, headers={"If-None-Match": first}).status_code == 304
    change = {**made, "displayName": "Al"}
    done = world.client.put(path, json=change, headers={"If-Match": first})
    assert done.status_code == 200 and done.headers["ETag"] != first
    late = world.client.put(path, json=change, headers={"If-Match": first})
    assert (late.status_code, late.json()["schemas"]) == (412, [ERROR])
    assert world.client.delete(path, headers={"If-Match": first}).status_code == 412
    assert world.client.get(path, headers={"If-None-Match": first}).status_code == 200
    same = world.client.put(path, json=change)
    assert same.headers["ETag"] == done.headers["ETag"]  # nothing is different


def test_what_is_shown_of_a_user_has_another_etag_when_their_groups_change(world: World):
    made = world.user("alice")
    world.group("sales", made)
    got = world.client.get(f"/Users/{made['id']}", headers={"If-None-Match": made["meta"]["version"]})
    assert got.status_code == 200 and got.json()["groups"][0]["display"] == "sales"


# Bulk


def bulk(world: World, *operations: dict[str, Any], **more: Any) -> Any:
    return world.client.post("/Bulk", json={"schemas": [BULK], "Operations": list(operations), **more})


def create(kind: str, bulk_id: str, **data: Any) -> dict[str, Any]:
    schema = USER if kind == "Users" else GROUP
    return {"method": "POST", "path": f"/{kind}", "bulkId": bulk_id, "data": {"schemas": [schema], **data}}


def test_bulk_with_references_in_any_order(world: World):
    answer = bulk(
        world,
        create("Groups", "g", displayName="outer", members=[{"value": "bulkId:h"}, {"value": "bulkId:u"}]),
        create("Groups", "h", displayName="inner"),
        create("Users", "u", userName=world.address("alice")),
    )
    assert [each["status"] for each in answer.json()["Operations"]] == ["201"] * 3
    assert world.person("alice").groups == ("outer",)
    assert world.services.groups.get(world.tenant, "outer").group.groups == ("inner",)


def test_each_operation_of_a_bulk_request_stands_for_itself(world: World):
    made = world.user("bob")
    answer = bulk(
        world,
        create("Users", "a", userName=world.address("alice")),
        create("Users", "b", userName=world.address("bob")),
        {"method": "DELETE", "path": f"/Users/{made['id']}", "version": 'W/"77"'},
        {"method": "DELETE", "path": "/Users/unknown"},
        {"method": "GET", "path": "/Users"},
        {"method": "PATCH", "path": f"/Users/{made['id']}", "data": {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "title", "value": "Boss"}]}},
    )  # fmt: skip
    statuses = [each["status"] for each in answer.json()["Operations"]]
    assert statuses[:4] == ["201", "409", "412", "404"] and statuses[4][0] == "4" and statuses[5] == "200"
    assert world.person("alice") is not None


def test_bulk_stops_after_as_many_errors_as_are_wanted(world: World):
    wrong = [create("Users", f"w{n}", userName="") for n in range(3)]
    answer = bulk(world, *wrong, create("Users", "u", userName=world.address("alice")), failOnErrors=2)
    assert len(answer.json()["Operations"]) == 2 and world.person("alice") is None


def test_circular_references_are_refused(world: World):
    answer = bulk(
        world,
        create("Groups", "g", displayName="g", members=[{"value": "bulkId:h"}]),
        create("Groups", "h", displayName="h", members=[{"value": "bulkId:g"}]),
    )
    assert "409" in [each["status"] for each in answer.json()["Operations"]]


def test_limits_of_bulk(world: World):
    config = world.client.get("/ServiceProviderConfig").json()["bulk"]
    many = [{"method": "DELETE", "path": "/Users/x"}] * (config["maxOperations"] + 1)
    assert bulk(world, *many).status_code == 413
    large = bulk(world, create("Users", "u", userName="x" * config["maxPayloadSize"]))
    assert large.status_code == 413 and large.json()["schemas"] == [ERROR]


# Errors, and who may ask


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "kind"),
    [
        ("GET", "/Users/unknown", {}, 404, None),
        ("GET", "/Nothing", {}, 404, None),
        ("GET", "/Users/a/b/c", {}, 404, None),
        ("GET", "/Me", {}, 501, None),
        ("PUT", "/Users", {"json": {}}, 405, None),
        ("POST", "/Users", {"content": b"{"}, 400, "invalidSyntax"),
        ("POST", "/Users", {"json": {"schemas": [USER]}}, 400, "invalidValue"),
        ("POST", "/Users", {"content": b"<user/>", "headers": {"Content-Type": "application/xml"}}, 415, None),
        ("POST", "/Users", {"json": {"schemas": [USER], "userName": " "}}, 400, "invalidValue"),
        ("GET", "/Users?filter=userName%20eq", {}, 400, "invalidFilter"),
        ("GET", "/Users?filter=nothing%20pr", {}, 400, "invalidFilter"),
        ("GET", "/Users?sortBy=nothing", {}, 400, "invalidPath"),
        ("GET", "/Schemas?filter=a%20pr", {}, 403, None),
        ("POST", "/Groups", {"json": {"schemas": [GROUP], "displayName": "a;b"}}, 400, "invalidValue"),
        ("POST", "/Groups", {"json": {"schemas": [GROUP], "displayName": "a", "members": [{"value": "x"}]}}, 400,
         "invalidValue"),
    ],
)  # fmt: skip
def test_errors_have_the_form_of_the_rfc(
    world: World, method: str, path: str, more: Any, status: int, kind: str | None
):
    answer = world.client.request(method, path, **more)
    body = answer.json()
    assert (answer.status_code, body["schemas"], body["status"]) == (status, [ERROR], str(status))
    assert body.get("scimType") == kind and body["detail"]
    assert answer.headers["Content-Type"] == "application/scim+json"


def test_a_name_that_is_taken(world: World):
    world.user("alice")
    answer = world.client.post("/Users", json={"schemas": [USER], "userName": world.address("ALICE")})
    assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")


def test_strangers_and_other_tokens_are_refused_in_the_same_form(world: World):
    nobody = world.showing("isthmus_wrong")
    for client in (nobody, TestClient(world.app, base_url=nobody.base_url)):
        for path in ("/Users", "/ServiceProviderConfig", "/Bulk"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["schemas"]) == (401, [ERROR])
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.headers["Content-Type"] == "application/scim+json"
    identity = world.services.identity
    identity.accounts.create(OPERATOR, f"reader-{world.tenant}", tenant=world.tenant, roles=[("auditor", Scope())])
    _, secret = identity.own.create_token(OPERATOR, "x", ["person.read"], 3600, f"reader-{world.tenant}")
    answer = world.showing(secret).get("/Users")
    assert (answer.status_code, answer.json()["schemas"]) == (403, [ERROR])


def test_a_site_that_is_not_the_authority_says_so(world: World):
    why_not = RefusedError("premises is not the authority of this directory", do="Do it at online.")
    services = world.services
    scim = Scim(services.engine, services.directory, services.sync._work, services.identity, why_not=why_not)
    for method, path in (("GET", "/Users"), ("POST", "/Users"), ("GET", "/Schemas")):
        answer = handle(scim, world.tenant, "test", ScimRequest(method, "https://h/scim/v2", path, body=b"{}"))
        assert answer.status == 403 and "Do it at online." in str(answer.body)


def test_a_token_can_push_and_nothing_else(world: World):
    secret = world.client.headers["Authorization"]
    for path in ("/v1/people", "/v1/groups", "/v1/scim", "/v1/health"):
        assert TestClient(world.app).get(path, headers={"Authorization": secret}).status_code == 403


def test_a_revoked_token_is_of_no_use_at_once(world: World):
    scim = world.services.scim
    token, secret = scim.create_token(OPERATOR, world.tenant, "entra", 3600)
    client = world.showing(secret)
    assert client.get("/Users").status_code == 200
    world.services.identity.own.revoke_token(OPERATOR, token.id)
    assert client.get("/Users").status_code == 401
    assert token.id not in [each.id for each, _ in scim.tokens(OPERATOR, world.tenant)]


def test_a_body_that_is_too_large(world: World):
    answer = world.client.post("/Users", content=b" " * (9 << 20))
    assert (answer.status_code, answer.json()["schemas"]) == (413, [ERROR])
    large = world.client.post("/Users", json={"schemas": [USER], "userName": "a", "title": "x" * 70_000})
    assert (large.status_code, large.json()["schemas"]) == (413, [ERROR])


def test_a_password_is_neither_kept_nor_described(world: World):
    made = world.user("alice", password="a heron on the jetty")
    assert "password" not in world.client.get(f"/Users/{made['id']}").json()
    with world.services.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT resource FROM scim_user").scalars().all()
    assert not any("heron" in row for row in rows)
    schemas = world.client.get("/Schemas").json()["Resources"]
    assert "password" not in [each["name"] for schema in schemas for each in schema["attributes"]]


def test_a_site_starts_without_the_libraries_of_the_protocol():
    """Half a second of every start, for what most sites never serve."""
    loaded = "import sys, isthmus.site.control; sys.exit('scim2_server' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
