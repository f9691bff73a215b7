"""If-Match, for everything of the table of routes that can be read and changed at one address."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from isthmus.addressing import Aor
from isthmus.api import web_app
from isthmus.api.permissions import RULES
from isthmus.api.preconditions import CHANGEABLE, _Turns, conditional
from isthmus.emergency import civic
from isthmus.emergency.model import Choice, Place
from isthmus.numbers.model import Block, Range
from isthmus.plans.model import Plan as CallingPlan
from isthmus.policy.licences import FEATURES
from isthmus.policy.model import Policy
from isthmus.pstn.model import VoiceRoute
from tests.api.callers import OPERATOR, Browser, Site, open_site
from tests.api.test_routes import ADDRESS, BODIES, WITHOUT_LIMITS, make_connector

_ADDRESS = civic.checked(ADDRESS["country"], ADDRESS["elements"])

CHANGES = [(method, path) for method, path in RULES if conditional(method, path) and method != "POST"]
# What is different each time it is made, so that one change can be told from another.
DIFFERENT: dict[str, dict[str, Any]] = {
    "/v1/connector-sites/{site}": {"window": "sat 02:00-04:00"},
    "/v1/licences/{plan}": {"count": 7, "features": sorted(FEATURES)[:1]},
    "/v1/roles/{role}": {"permissions": ["person.read", "group.read"], "tenant": "main"},
}


@dataclass
class World:
    """One of everything, each under a name of its own for every route that changes it."""

    site: Site
    anna: Browser

    def make(self, path: str, name: str) -> str:
        """The address of a new object that the path can name."""
        services = self.site.services
        aor = Aor.parse(f"{name}@contoso.example")
        given = {
            "name": name,
            "aor": str(aor),
            "plan": name,
            "kind": "calling",
            "role": name,
            "tenant": name,
            "place": name,
        }
        if "{aor}" in path or "{device}" in path:
            self.site.person(str(aor))
        if "{device}" in path:
            given["device"] = services.devices.add(aor, "phone", actor="test")[0].device.name
        elif "/groups/" in path:
            services.groups.create("main", name, "", actor="test")
        elif "/licences/" in path:
            services.licences.define("main", name, count=5, features=sorted(FEATURES)[:1], actor="test")
        elif "/plans/" in path:
            services.plans.define(CallingPlan("main", name, ("US",)), actor="test")
        elif "/policies/" in path:
            services.policies.create(Policy("main", "calling", name, (), ""), actor="test")
        elif "/routes/" in path:
            services.routes.create(VoiceRoute("main", name, ("+",), (("carrier", 0),)), actor="test")
        elif "/connector" in path:
            given["site"] = f"branch-{name.split('-')[0]}"
            make_connector(services, name, given["site"])
            if path.endswith("{site}") and "DELETE" in name.upper():
                services.connectors.remove("main", name, actor="test")
        elif "/places/" in path:
            services.emergency.locations.add(Place("main", name, _ADDRESS), actor="test")
        elif "/chosen/" in path:
            services.emergency.choices.choose(Choice(str(aor), civic=_ADDRESS), actor="test")
        elif "/accounts/" in path:
            self.site.account(name)
        elif "/roles/" in path:
            services.identity.accounts.put_role(OPERATOR, name, ["person.read"], tenant="main")
        elif "/ranges/" in path:
            given["range_"] = f"+1425555{7000 + len(services.numbers.ranges('main')):04}"
            services.numbers.add(Block(Range.parse(given["range_"]), "main"), actor="test")
        elif "/tenants/" in path:
            services.directory.create_tenant(name, actor="test")
        elif "/domains/" in path:
            given["domain"] = f"{name}.example"
            services.directory.add_domain(given["domain"], "fabrikam", actor="test")
        for each, value in given.items():
            path = path.replace(f"{{{each}}}", value)
        return path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    services = open_site(tmp_path_factory.mktemp("m"))
    site = Site(services, web_app(services, WITHOUT_LIMITS))
    site.account("anna", "global", every_tenant=True)
    anna = site.browser()
    anna.sign_in("anna")
    yield World(site, anna.enrol())
    services.close()


QUERY = {"/v1/roles/{role}": {"tenant": "main"}, "/v1/domains/{domain}": {"tenant": "fabrikam"}}


@pytest.mark.parametrize("key", CHANGES, ids=" ".join)
def test_it_is_changed_by_who_has_seen_it_as_it_is(world: World, key: tuple[str, str]):
    method, path = key
    address = world.make(path, f"{method}-{path.split('/')[2]}".lower())
    body, query = DIFFERENT.get(path, BODIES.get(key)), QUERY.get(path)

    def change(tag: str) -> Any:
        return world.anna.client.request(method, address, json=body, params=query, headers={"If-Match": tag})

    seen = world.anna.get(address, params=query)
    tag = seen.headers["etag"]
    assert tag.startswith('"'), "a weak tag is none for If-Match"
    assert world.anna.get(address, params=query, headers={"If-None-Match": tag}).status_code == 304
    refused = change('"another"')
    assert (refused.status_code, bool(refused.json()["do"])) == (412, True)
    assert world.anna.get(address, params=query).headers["etag"] == tag
    done = change(tag)
    assert done.is_success, done.text
    if method != "DELETE":
        assert world.anna.get(address, params=query).headers["etag"] != tag
        assert change(tag).status_code == 412
        assert change("*").is_success
    elif path != "/v1/tenants/{tenant}":
        assert change(tag).status_code in (204, 404)


def test_the_role_that_is_compared_is_the_one_that_is_changed(world: World):
    accounts, address = world.site.services.identity.accounts, "/v1/roles/of-two"
    for tenant, permission in (("main", "person.read"), ("fabrikam", "group.read")):
        accounts.put_role(OPERATOR, "of-two", [permission], tenant=tenant)

    def permissions(tenant: str) -> Any:
        return world.anna.get(address, params={"tenant": tenant}).json()["permissions"]

    def put(body: dict[str, Any], tag: str) -> int:
        asked = world.anna.client.put(
            address,
            json={"permissions": ["call.read"], **body},
            params={"tenant": "fabrikam"},
            headers={"If-Match": tag},
        )
        return int(asked.status_code)

    tags = {
        tenant: world.anna.get(address, params={"tenant": tenant}).headers["etag"] for tenant in ("main", "fabrikam")
    }
    assert [put({}, tags["main"]), put({"tenant": "main"}, tags["fabrikam"])] == [412, 422]
    assert (permissions("main"), permissions("fabrikam")) == (["person.read"], ["group.read"])
    assert put({}, tags["fabrikam"]) == 200
    assert (permissions("main"), permissions("fabrikam")) == (["person.read"], ["call.read"])


def test_a_number_is_given_and_passed_on_by_who_has_seen_whose_it_is(world: World):
    number = "+14255558001"
    world.site.services.numbers.add(Block(Range.parse(f"{number}-8002"), "main"), actor="test")
    address = f"/v1/numbers/{number}"

    def ask(do: str, tag: str, body: Any = None) -> int:
        asked = world.anna.client.post(f"{address}/{do}", json=body, headers={"If-Match": tag})
        return int(asked.status_code)

    def tag() -> str:
        return str(world.anna.get(address).headers["etag"])

    free, desk, hall = tag(), {"owner": "service:desk"}, {"owner": "service:hall"}
    assert free.startswith('"'), "a weak tag is none for If-Match"
    assert (ask("assign", '"another"', desk), tag()) == (412, free)
    assert ask("assign", free, desk) == 200
    given = tag()
    assert [ask("transfer", each, hall) for each in (free, given, given)] == [412, 200, 412]
    assert [ask("release", each) for each in (given, "*")] == [412, 204]
    assert [ask("reserve", each) for each in (given, tag())] == [412, 200]
    nothing = world.anna.client.post("/v1/numbers/+14255558009/assign", json=desk, headers={"If-Match": free})
    assert nothing.status_code == 404


def test_what_is_not_there_is_told_as_such(world: World):
    for method, path in (("PATCH", "/v1/accounts/nobody"), ("DELETE", "/v1/groups/nobody")):
        answer = world.anna.client.request(method, path, json={}, headers={"If-Match": '"x"'})
        assert answer.status_code == 404


def test_what_is_put_can_be_made_only_if_it_is_not_there(world: World):
    body = {"count": 1, "features": sorted(FEATURES)[:1]}
    made = world.anna.client.put("/v1/licences/once", json=body, headers={"If-Match": '"x"'})
    assert made.status_code == 412
    answers = [
        world.anna.client.put("/v1/licences/once", json=body, headers={"If-None-Match": "*"}).status_code
        for _ in range(2)
    ]
    assert answers == [200, 412]


def test_who_may_change_and_not_read_learns_nothing_by_tags(world: World):
    address = world.make("/v1/groups/{name}", "closed")
    blind = world.site.by_token("anna", ["group.write"])
    tag = world.anna.get(address).headers["etag"]
    assert blind.get(address).status_code == 403
    assert {blind.patch(address, json={}, headers={"If-Match": each}).status_code for each in (tag, '"x"')} == {403}


def test_one_change_of_an_object_at_a_time():
    turns, order = _Turns(), []

    async def change(name: str) -> None:
        async with turns.of("/v1/groups/one"):
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    async def both() -> None:
        await asyncio.gather(change("a"), change("b"))

    asyncio.run(both())
    assert order == ["a begins", "a ends", "b begins", "b ends"]


def test_most_of_what_can_be_changed_is_in_the_table():
    assert {path.split("/")[2] for path in CHANGEABLE} >= {
        "people", "tenants", "domains", "devices", "groups", "licences", "policies", "accounts", "roles", "routes",
    }  # fmt: skip
