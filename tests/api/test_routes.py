"""Generated from the table of routes: strangers, callers without the right, callers of another tenant."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from isthmus.access.model import Scope
from isthmus.access.permissions import PERMISSIONS
from isthmus.activity.model import Event, Kind
from isthmus.addressing import Aor
from isthmus.api import local_app, web_app
from isthmus.api.gate import Limits
from isthmus.api.permissions import RULES, SCIM_PATH, On, checked, routes_of
from isthmus.api.shapes import ANSWERS
from isthmus.carriers.memory import Exchange, MemoryCarrier
from isthmus.connectors import store
from isthmus.connectors.model import Connector, ConnectorSite
from isthmus.database import writing
from isthmus.demo.carrier_shop import offers
from isthmus.emergency import civic
from isthmus.emergency.model import Choice, Element, NetworkElement, Place
from isthmus.numbers.model import Block, PortDirection, Range
from isthmus.plans.model import Plan as CallingPlan
from isthmus.policy.licences import FEATURES
from isthmus.policy.model import Policy
from isthmus.pstn.model import VoiceRoute
from isthmus.site.services import Services
from tests.api.callers import BASE, OPERATOR, Site, open_site

ADDRESS = {"country": "DE", "elements": {"RD": "Hauptstrasse", "HNO": "1", "A3": "Berlin", "PC": "10827"}}
# What a caller of another tenant sends; a route with a body that is not here fails the test that counts them.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/people"): {"aor": "new@fabrikam.example", "home": "premises"},
    ("POST", "/v1/people/import"): {"rows": [], "dry_run": True},
    ("POST", "/v1/people/edit"): {"people": ["alice@contoso.example"], "enabled": False, "dry_run": True},
    ("PATCH", "/v1/people/{aor}"): {"display_name": "x"},
    ("POST", "/v1/devices"): {"aor": "erin@fabrikam.example", "label": "desk phone"},
    ("POST", "/v1/calls/reports"): {
        "call_id": "c1",
        "kind": "end",
        "seconds": 3,
        "sent": {"packets": 0},
        "received": {"packets": 0},
    },
    ("POST", "/v1/devices/forbid-md5"): {"names": None},
    ("POST", "/v1/devices/{device}/rotate"): {"overlap_s": 60},
    ("PATCH", "/v1/devices/{device}"): {"label": "x"},
    ("POST", "/v1/numbers/ranges"): {"range": "+14255550200-+14255550299"},
    ("POST", "/v1/numbers/{number}/assign"): {"owner": "erin@fabrikam.example"},
    ("POST", "/v1/numbers/{number}/transfer"): {"owner": "erin@fabrikam.example"},
    ("PATCH", "/v1/numbers/ranges/{range_}"): {"carrier": "x"},
    ("POST", "/v1/numbers/import"): {"rows": [{"number": "+14255550400"}]},
    ("POST", "/v1/numbers/ports"): {"direction": "in", "range": "+14255550300", "carrier": "Northwind"},
    ("POST", "/v1/numbers/ports/{port}/events"): {"event": "cancel"},
    ("POST", "/v1/numbers/purchases"): {"number": "+14255550360"},
    ("POST", "/v1/numbers/purchases/{purchase}/buy"): {},
    ("POST", "/v1/numbers/{number}/address"): {"place": "anna"},
    ("PUT", "/v1/plans/{plan}"): {"home": ["US"], "domestic": 100},
    ("POST", "/v1/plans/{plan}/assign"): {"people": ["erin@fabrikam.example"]},
    ("POST", "/v1/plans/{plan}/unassign"): {"people": ["erin@fabrikam.example"]},
    ("POST", "/v1/plans/{plan}/preview"): {"people": ["erin@fabrikam.example"]},
    ("PATCH", "/v1/credit/settings"): {"blocked": ["KP"]},
    ("POST", "/v1/credit"): {"amount": "50", "currency": "USD"},
    ("POST", "/v1/rates/import"): {"csv": "prefix,name,price_per_minute,currency\n+1,x,1,USD\n"},
    ("POST", "/v1/moves"): {"to": "nowhere", "aors": ["alice@contoso.example"], "dry_run": True},
    ("POST", "/v1/tenants"): {"name": "new"},
    ("PATCH", "/v1/tenants/{tenant}"): {"display_name": "x"},
    ("POST", "/v1/domains"): {"name": "new.fabrikam.example"},
    ("POST", "/v1/groups"): {"name": "new"},
    ("PATCH", "/v1/groups/{name}"): {"description": "x"},
    ("PUT", "/v1/licences/{plan}"): {"count": 1, "features": sorted(FEATURES)[:1], "dry_run": True},
    ("POST", "/v1/licences/{plan}/assign"): {"people": ["erin@fabrikam.example"]},
    ("POST", "/v1/licences/{plan}/unassign"): {"people": ["erin@fabrikam.example"]},
    ("POST", "/v1/policies"): {"kind": "calling", "name": "new"},
    ("PATCH", "/v1/policies/{kind}/{name}"): {"description": "x"},
    ("POST", "/v1/calls/end"): {"call_id": "c-1"},
    ("POST", "/v1/routes"): {"name": "new", "patterns": ["+"], "ways": ["carrier"]},
    ("PATCH", "/v1/routes/{name}"): {"priority": 7},
    ("POST", "/v1/blocks"): {"direction": "out", "what": "+1900"},
    ("POST", "/v1/blocks/remove"): {"direction": "out", "what": "+1900"},
    ("POST", "/v1/caps"): {"kind": "country", "key": "CU", "minutes": 5},
    ("POST", "/v1/caps/remove"): {"kind": "country", "key": "CU"},
    ("POST", "/v1/connectors"): {"site": "branch"},
    ("PATCH", "/v1/connectors/{name}"): {"drains": True},
    ("POST", "/v1/connectors/enrol"): {"code": "x", "request": "x"},
    ("PUT", "/v1/connector-sites/{site}"): {"window": "sun 02:00-04:00"},
    ("POST", "/v1/policies/grant"): {"kind": "calling", "level": "tenant", "policy": "anna"},
    ("POST", "/v1/policies/revoke"): {"kind": "calling", "level": "tenant"},
    ("POST", "/v1/locations/places"): {"name": "new", "address": ADDRESS},
    ("PATCH", "/v1/locations/places/{place}"): {"policy": "x"},
    ("POST", "/v1/locations/networks"): {"kind": "subnet", "id": "10.9.0.0/16", "place": "anna"},
    ("POST", "/v1/locations/networks/import"): {"rows": [], "dry_run": True},
    ("POST", "/v1/locations/networks/remove"): {"kind": "subnet", "id": "10.1.0.0/16"},
    ("PUT", "/v1/locations/chosen/{aor}"): {"address": ADDRESS},
    ("PUT", "/v1/presence/{aor}"): {"note": "x"},
    ("POST", "/v1/directory/runs"): {"source": "x", "dry_run": True},
    ("POST", "/v1/directory/compare"): {},
    ("POST", "/v1/audit/verify"): {},
    ("POST", "/v1/audit/accept"): {"reason": "x"},
    ("POST", "/v1/accounts"): {"name": "new"},
    ("PATCH", "/v1/accounts/{name}"): {"display_name": "x"},
    ("POST", "/v1/accounts/{name}/roles"): {"role": "auditor"},
    ("PUT", "/v1/roles/{role}"): {"permissions": ["person.read"]},
    ("POST", "/v1/scim/tokens"): {"name": "x"},
    ("POST", "/v1/tokens"): {"name": "x", "permissions": ["person.read"]},
    ("POST", "/v1/activity/block"): {"aor": "alice@contoso.example", "block": "account"},
    ("POST", "/v1/activity/unblock"): {"aor": "alice@contoso.example"},
    ("POST", "/v1/activity/networks/block"): {"network": "198.51.100.0/24"},
    ("POST", "/v1/activity/networks/unblock"): {"network": "198.51.100.0/24"},
    ("POST", "/v1/session"): {"name": "x", "password": "x"},
    ("POST", "/v1/session/second-factor"): {"code": "123456"},
    ("POST", "/v1/session/passkey"): {"ceremony": "x", "credential": {}},
    ("POST", "/v1/session/password"): {"present": "x", "new": "x"},
    ("POST", "/v1/session/totp/confirm"): {"code": "123456"},
    ("POST", "/v1/session/passkeys"): {"credential": {}},
    ("POST", "/v1/session/outside/{provider}"): {},
    ("POST", "/v1/session/outside/{provider}/password"): {"name": "x", "password": "x"},
}
# What a provider sends; the protocol describes itself, and not by OpenAPI.
SCIM_BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PUT", SCIM_PATH): {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "x"},
    ("PATCH", SCIM_PATH): {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "x"}],
    },
}
QUERIES = {
    ("GET", "/v1/calls/reports"): {"call_id": "c1"},
    ("GET", "/v1/calls/reaching"): {"to": "alice@contoso.example"},
    ("GET", "/v1/calls/ladder"): {"call_id": "no such call"},
    ("GET", "/v1/access/explain"): {"who": "anna", "action": "person.read", "object": "alice@contoso.example"},
    ("GET", "/v1/locations/callback"): {"number": "+14255550190"},
    ("GET", "/v1/numbers/offers"): {"country": "US"},
    ("GET", "/v1/calls/explain"): {"from": "alice@contoso.example", "to": "+14255550199"},
}
WITHOUT_LIMITS = Limits((1e6, 10**6), (1e6, 10**6), (1e6, 10**6))
CLOSED = [key for key, rule in RULES.items() if rule.on is not On.ANYONE]
NAMED = [
    (method, path)
    for method, path in CLOSED
    if "{" in path and not path.startswith("/v1/session/") and (method, path) != ("POST", SCIM_PATH)
]


@dataclass
class World:
    """A site where tenant main (contoso) has one of everything, and erin administers fabrikam."""

    site: Site
    objects: dict[str, str]
    erin: TestClient
    nobody: TestClient

    def ask(self, client: TestClient, key: tuple[str, str], names: dict[str, str]) -> Any:
        method, path = key
        for name, value in names.items():
            path = path.replace(f"{{{name}}}", value)
        return client.request(method, path, json=(BODIES | SCIM_BODIES).get(key), params=QUERIES.get(key))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    services = open_site(tmp_path_factory.mktemp("w"))
    site = Site(services, web_app(services, WITHOUT_LIMITS))
    site.person("alice@contoso.example", "+14255550101")
    site.person("erin@fabrikam.example")
    site.account("anna", "global")
    site.account("nobody", tenant="fabrikam")
    site.account("erin", "global", tenant="fabrikam")
    identity = services.identity
    identity.accounts.put_role(OPERATOR, "reception", ["person.read"], tenant="main")
    services.groups.create("main", "anna", "", actor="test")
    licences, policies = services.licences, services.policies
    licences.define("main", "standard", count=5, features=sorted(FEATURES)[:1], actor="test")
    policies.create(Policy("main", "calling", "anna", (), ""), actor="test")
    services.routes.create(VoiceRoute("main", "anna", ("+",), (("carrier", 0),)), actor="test")
    services.numbers.add(Block(Range.parse("+14255550100-0199"), "main"), actor="test")
    services.numbers.add(Block(Range.parse("+14255550300"), "main"), actor="test")
    services.plans.define(CallingPlan("main", "standard", ("US",)), actor="test")
    purchase = make_purchase(services)
    order = services.porting.request(
        PortDirection.OUT, Block(Range.parse("+14255550101"), "main", carrier="Northwind"), actor="test"
    )
    make_place(services, "anna")
    make_connector(services, "anna", "anna-branch")
    where = services.emergency
    where.choices.choose(Choice("alice@contoso.example", place="anna"), actor="test")
    where.lending.lend(where.locations.place("main", "anna"), "alice@contoso.example", window_s=3600)
    entry = services.directory.audit("alice@contoso.example")[0]
    batch = services.moving.moves.start([Aor.parse("alice@contoso.example")], "nowhere", actor="test")
    device, _ = services.devices.add(Aor.parse("alice@contoso.example"), "phone in the hallway", actor="test")
    token, _ = identity.own.create_token(OPERATOR, "backup", ["person.read"], 3600, "anna")
    site.browser().sign_in("anna")
    pushed = site.by_token("anna").post("/scim/v2/Users", json={"userName": "alice@contoso.example"}).json()
    objects = {
        "path": f"Users/{pushed['id']}",
        "aor": "alice@contoso.example",
        "name": "anna",
        "batch_id": batch.id,
        "device": device.device.name,
        "role": "reception",
        "grant": identity.accounts.get(OPERATOR, "anna")[1][0].id,
        "token": token.id,
        "session": identity.own.sessions(OPERATOR)[0][0].id,
        "key": "x",
        "alert": _alert(services),
        "account": "alice@contoso.example",
        "plan": "standard",
        "place": "anna",
        "site": "anna-branch",
        "kind": "calling",
        "id_": str(entry["id"]),
        "run_id": "x",
        "tenant": "main",
        "operation": batch.id,
        "domain": "contoso.example",
        "number": "+14255550101",
        "range_": "+14255550300",
        "port": order.id,
        "purchase": purchase,
    }
    nobody = TestClient(site.app, base_url=BASE, raise_server_exceptions=False)
    secret = _token_without_rights(site)
    nobody.headers["Authorization"] = f"Bearer {secret}"
    yield World(site, objects, site.by_token("erin"), nobody)
    services.close()


def make_purchase(services: Services) -> str:
    """A number that tenant main wants of a carrier in memory."""
    services.purchases.carriers["simulated"] = MemoryCarrier(Exchange.of(offers()))
    return services.purchases.request("main", "+14255550349", buy=False, actor="test").id


def make_place(services: Services, name: str) -> None:
    """A place of tenant main, with a subnet that leads to it."""
    where = services.emergency.locations
    address = civic.checked(ADDRESS["country"], ADDRESS["elements"])
    where.add(Place("main", name, address, elins=("+14255550190",)), actor="test")
    where.lead(NetworkElement("main", Element.SUBNET, "10.1.0.0/16", name), actor="test")


def make_connector(services: Services, name: str, site: str) -> None:
    """A place of tenant main with a connector; no certificate is made, for which there would have to be a CA."""
    services.connectors.put_site(ConnectorSite("main", site), actor="test")
    with writing(services.engine) as connection:
        store.put(connection, Connector(name, site, "main", 1, code=name))


def _alert(services: Services) -> str:
    """Alice called a premium number."""
    services.activity.take(Event(time.time(), Kind.CALL, "alice@contoso.example", number="+19005550123"))
    services.activity.work()
    return services.activity.listed()[0].id


def _token_without_rights(site: Site) -> str:
    """Of an account that had a role when it was made."""
    accounts, own = site.services.identity.accounts, site.services.identity.own
    held = accounts.grant(OPERATOR, "nobody", "global", Scope())
    _, secret = own.create_token(OPERATOR, "x", list(PERMISSIONS), 3600, "nobody")
    accounts.revoke(OPERATOR, "nobody", held.id)
    return secret


def test_both_apps_serve_declared_routes_alone_and_all_of_them(world: World):
    local = {(method, path) for method, path, _ in routes_of(local_app(world.site.services))}
    web = {(method, path) for method, path, _ in routes_of(world.site.app)}
    assert web == set(RULES)
    elsewhere = ("/v1/session/", "/oauth/", "/.well-known/")
    assert local == {key for key in RULES if not key[1].startswith(elsewhere) and key[1] not in PAGES}


PAGES = (
    "/", "/account", "/devices", "/alerts", "/assets/{name}", "/phone", "/phone/assets/{name}", "/phone/{path}",
    "/console", "/console/{path}", "/healthz", "/v1/session", SCIM_PATH,
)  # fmt: skip


@pytest.mark.parametrize("by_router", [True, False])
def test_a_route_that_is_not_declared_is_not_served(by_router: bool):
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    routes: Any = APIRouter() if by_router else app
    routes.get("/v1/secret")(lambda: {})
    if by_router:
        app.include_router(routes)
    with pytest.raises(LookupError, match="GET /v1/secret"):
        checked(app)


def test_a_mounted_application_is_not_served():
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.mount("/v1/files", FastAPI())
    with pytest.raises(LookupError):
        checked(app)


def test_every_rule_names_permissions_that_exist():
    for rule in RULES.values():
        assert set(rule.permissions) <= PERMISSIONS.keys()
        assert bool(rule.permissions) == (rule.on in (On.REACHED, On.TENANT, On.SITE, On.EVERYTHING))


def test_every_route_with_a_body_has_one_here(world: World):
    described = world.site.app.openapi()["paths"]
    with_body = {
        (method.upper(), path)
        for path, operations in described.items()
        for method, operation in operations.items()
        if "requestBody" in operation
    }
    assert with_body == set(BODIES)


@pytest.mark.parametrize("key", CLOSED, ids=" ".join)
def test_a_stranger_is_told_to_sign_in(world: World, key: tuple[str, str]):
    stranger = world.site.browser().client
    answer = world.ask(stranger, key, world.objects)
    assert answer.status_code == 401
    kind = "scim" if key[1] == SCIM_PATH else "problem"
    assert answer.headers["content-type"] == f"application/{kind}+json"
    assert "bearer" in answer.headers["www-authenticate"].lower()
    wrong = world.site.browser().client
    wrong.headers["Authorization"] = "Bearer isthmus_wrong"
    assert world.ask(wrong, key, world.objects).status_code == 401


@pytest.mark.parametrize("key", [key for key in CLOSED if RULES[key].permissions], ids=" ".join)
def test_who_lacks_the_permission_is_refused_alike_for_what_is_and_what_is_not(world: World, key: tuple[str, str]):
    there = world.ask(world.nobody, key, world.objects)
    assert there.status_code == 403
    assert there.json() == world.ask(world.nobody, key, _nonexistent(world)).json()


@pytest.mark.parametrize("key", NAMED, ids=" ".join)
def test_another_tenants_object_answers_as_one_that_does_not_exist(world: World, key: tuple[str, str]):
    there = world.ask(world.erin, key, world.objects)
    absent = _nonexistent(world)
    nowhere = world.ask(world.erin, key, absent)
    if key == ("PUT", "/v1/licences/{plan}"):  # would make a plan of one's own tenant by that name
        assert (there.status_code, nowhere.status_code) == (200, 200)
        assert _anonymous(there, _asked(key, world.objects)) == _anonymous(nowhere, _asked(key, absent))
        return
    if key == ("PUT", "/v1/roles/{role}"):  # makes a role of one's own tenant by that name
        assert there.json()["tenant"] == "fabrikam"
        for made in ("reception", "nonesuch"):
            world.site.services.identity.accounts.delete_role(OPERATOR, made, "fabrikam")
        return
    assert there.status_code == (403 if RULES[key].on in (On.SITE, On.EVERYTHING) else 404)
    assert _anonymous(there, _asked(key, world.objects)) == _anonymous(nowhere, _asked(key, absent))


@pytest.mark.parametrize("key", [key for key in CLOSED if key[0] == "GET" and "{" not in key[1]], ids=" ".join)
def test_nothing_of_another_tenant_is_in_a_listing(world: World, key: tuple[str, str]):
    answer = world.ask(world.erin, key, {})
    if RULES[key].on in (On.SITE, On.EVERYTHING):
        assert answer.status_code == 403
        return
    ours = ("alice", "contoso", "14255550101", "reception", "anna", "backup", "hallway")
    for trace in (*ours, world.objects["batch_id"], world.objects["device"]):
        if trace in ("alice", "contoso", "anna") and key[1] == "/v1/access/explain":
            assert answer.status_code == 404
            continue
        if trace == "reception" and key[1].startswith("/v1/audit"):
            continue  # erin's own, of that name
        assert trace not in answer.text, trace


def test_the_tenants_own_administrator_gets_all_of_it(world: World):
    """The test above would hold for a site that answers nothing."""
    anna = world.site.by_token("anna")
    # See test_operations.py; nobody here comes from a source, which would have a photo, or has written messages.
    unending = (
        "/v1/messages/{message}/file",
        "/v1/directory/people/{aor}",
        "/v1/people/{aor}/photo",
        "/v1/operations/{operation}/events",
    )
    for key in NAMED:
        if key[0] == "GET" and "run_id" not in key[1] and key[1] not in unending:
            assert world.ask(anna, key, world.objects).status_code == 200, key
    assert "alice" in anna.get("/v1/people").text
    assert [each["label"] for each in anna.get("/v1/devices").json()] == ["phone in the hallway"]
    assert [each["id"] for each in anna.get("/v1/moves").json()] == [world.objects["batch_id"]]
    assert anna.get("/v1/health").status_code == 200
    assert [each["name"] for each in anna.get("/v1/accounts").json()] == ["anna"]


# Kamailio is asked, or a person asks.
_ELSEWHERE = ("/v1/calls", "/v1/registrations", "/v1/media/ice")
SHAPED = [key for key in ANSWERS if key[0] == "GET" and key[1] not in _ELSEWHERE]


@pytest.mark.parametrize("key", SHAPED, ids=" ".join)
def test_what_is_answered_has_the_shape_that_is_described(world: World, key: tuple[str, str]):
    answer = world.ask(world.site.by_token("anna"), key, world.objects)
    if "run_id" in key[1]:  # there is no source to run
        assert answer.status_code == 404
        return
    assert answer.status_code == 200
    TypeAdapter(ANSWERS[key]).validate_python(answer.json())


def test_naming_another_tenant_in_a_query_tells_nothing(world: World):
    for method in ("GET", "DELETE"):
        answers = [
            world.erin.request(method, f"/v1/roles/{role}", params={"tenant": "main"}) for role in ("reception", "none")
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
    explained = {"who": "erin", "action": "person.read"}
    for what in ("tenant:main", "tenant:none", "account:anna", "account:none", "alice@contoso.example"):
        assert world.erin.get("/v1/access/explain", params={**explained, "object": what}).status_code == 404


REQUESTS: list[tuple[str, Callable[[str], dict[str, Any]]]] = [
    ("/v1/people", lambda user: {"json": {"aor": f"{user}@contoso.example", "home": "premises"}}),
    ("/v1/people/import", lambda user: {"json": {"rows": [{"aor": f"{user}@contoso.example", "home": "premises"}]}}),
    ("/v1/devices", lambda user: {"json": {"aor": f"{user}@contoso.example", "label": "x"}}),
    ("/v1/moves", lambda user: {"json": {"to": "nowhere", "aors": [f"{user}@contoso.example"], "dry_run": True}}),
    ("/v1/moves", lambda user: {"json": {"to": "nowhere", "aors": [f"{user}@contoso.example"]}}),
    ("/v1/accounts", lambda user: {"json": {"name": "x", "person": f"{user}@contoso.example"}}),
]


@pytest.mark.parametrize(("path", "request_for"), REQUESTS, ids=[path for path, _ in REQUESTS])
def test_naming_another_tenants_person_in_a_body_tells_nothing(
    world: World, path: str, request_for: Callable[[str], dict[str, Any]]
):
    answers = [
        _anonymous(world.erin.post(path, **request_for(user)), {"aor": user}) for user in ("alice", "nobody-at-all")
    ]
    assert answers[0] == answers[1]
    assert world.site.services.directory.count(match="alice") == 1


def _nonexistent(world: World) -> dict[str, str]:
    return {
        **dict.fromkeys(world.objects, "nonesuch"),
        "path": "Users/nonesuch",
        "aor": "nonesuch@contoso.example",
        "domain": "nonesuch.contoso.example",
        "kind": "calling",
        "id_": "999999",
        "number": "+14255559999",
        "range_": "+14255559999",
        "account": "nonesuch@contoso.example",
    }


def _asked(key: tuple[str, str], names: dict[str, str]) -> dict[str, str]:
    """Those of the names that stand in the path."""
    return {name: value for name, value in names.items() if f"{{{name}}}" in key[1]}


def _anonymous(answer: Any, names: dict[str, str]) -> tuple[int, str]:
    """Status and body without the names that were asked for, and what differs by the moment."""
    body = answer.text
    for value in sorted(names.values(), key=len, reverse=True):
        body = body.replace(value, "*").replace(value.rpartition("/")[2], "*")
    parsed = json.loads(body)
    if isinstance(parsed, dict):
        for changing in ("id", "created", "finished", "rate_per_s"):
            parsed.pop(changing, None)
    return answer.status_code, json.dumps(parsed)


PAGED = ("/v1/people", "/v1/accounts", "/v1/groups", "/v1/tenants", "/v1/devices", "/v1/numbers", "/v1/audit")


@pytest.mark.parametrize("path", PAGED)
def test_every_long_list_leads_from_page_to_page(world: World, path: str):
    """The pages of one are all of the list, in its order."""
    for number in range(3):
        world.site.services.groups.create("main", f"paged-{path[4:]}-{number}", actor="test")
    admin = world.site.by_token("anna")
    whole = admin.get(path, params={"limit": 1000}).json()
    found: list[Any] = []
    address = f"{path}?limit=1"
    while address:
        answer = admin.get(address)
        found += answer.json()
        address = answer.links.get("next", {}).get("url", "")
    assert found == whole
