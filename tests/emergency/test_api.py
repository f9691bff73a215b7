"""The routes of locations: wrong questions are told what is wrong, and nobody reads where somebody else lives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.testclient import TestClient

from isthmus.api import web_app
from tests.api.callers import Site, open_site
from tests.api.test_routes import ADDRESS, WITHOUT_LIMITS

ALICE, BOB = "alice@contoso.example", "bob@contoso.example"
US = {"country": "US", "elements": {"A1": "WA", "A3": "Redmond", "RD": "Main", "PC": "98052"}}


@dataclass
class World:
    """A site's voice administrator vera, helga of the help desk, alice herself, and fabrikam's administrator erin."""

    vera: TestClient
    helga: TestClient
    alice: TestClient
    erin: TestClient


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    services = open_site(tmp_path_factory.mktemp("l"))
    site = Site(services, web_app(services, WITHOUT_LIMITS))
    for address in (ALICE, BOB):
        site.person(address)
    site.account("vera", "voice")
    site.account("helga", "helpdesk")
    site.account("erin", "global", tenant="fabrikam")
    site.account("alice", person=ALICE)
    vera = site.by_token("vera")
    made = vera.post("/v1/locations/places", json={"name": "hq", "address": US, "default": True})
    assert made.status_code == 201, made.text
    assert vera.post("/v1/locations/networks", json={"kind": "subnet", "id": "10.1.0.0/16", "place": "hq"}).is_success
    yield World(
        vera, site.by_token("helga"), site.by_token("alice", ["address.read", "address.write"]), site.by_token("erin")
    )
    services.close()


def test_bad_requests_are_told_what_is_wrong(world: World):
    places, networks, chosen = "/v1/locations/places", "/v1/locations/networks", f"/v1/locations/chosen/{ALICE}"
    row = {"line": 2, "kind": "subnet", "id": "10.1.0.0/16", "place": "hq"}
    attempts: list[tuple[str, str, Any]] = [
        ("POST", places, {"name": "x"}),
        ("POST", places, {"name": "../x", "address": US}),
        ("POST", places, {"name": "x", "address": {"country": "US", "elements": {}}}),
        ("POST", places, {"name": "x", "address": {"country": "ZZ", "elements": {}}}),
        ("POST", places, {"name": "x", "address": US, "point": {"latitude": 99, "longitude": 0}}),
        ("POST", places, {"name": "x", "address": US, "elins": ["911"]}),
        ("POST", places, {"name": "x", "address": US, "elins": ["+14255550190"] * 300}),
        ("POST", places, {"name": "hq", "address": US}),
        ("PATCH", f"{places}/hq", {"address": {"country": "US", "elements": {"RD": "x"}}}),
        ("PATCH", f"{places}/gone", {"default": True}),
        ("DELETE", f"{places}/hq", None),
        ("DELETE", f"{places}/%00", None),
        ("POST", networks, {"kind": "cable", "id": "x", "place": "hq"}),
        ("POST", networks, {"kind": "subnet", "id": "10.1.2.3/8", "place": "hq"}),
        ("POST", networks, {"kind": "bssid", "id": "*", "place": "hq"}),
        ("POST", networks, {"kind": "port", "id": "sw1", "place": "hq"}),
        ("POST", networks, {"kind": "subnet", "id": "10.2.0.0/16", "place": "gone"}),
        ("POST", f"{networks}/remove", {"kind": "subnet", "id": "10.3.0.0/16"}),
        ("POST", f"{networks}/import", {"rows": [{**row, "secret": 1}]}),
        ("PUT", chosen, {}),
        ("PUT", chosen, {"place": "hq", "address": US}),
        ("PUT", chosen, {"place": "gone"}),
        ("PUT", chosen, {"place": "hq", "device": "dev0000000000"}),
        ("PUT", "/v1/locations/chosen/nobody@contoso.example", {"place": "hq"}),
        ("DELETE", "/v1/locations/chosen/bob@contoso.example", None),
        ("GET", "/v1/locations/find?aor=nobody@contoso.example", None),
        ("GET", "/v1/locations/callback?number=x", None),
        ("GET", "/v1/locations/callback?number=%2B14255550190", None),
    ]
    for method, path, body in attempts:
        answer = world.vera.request(method, path, json=body)
        assert 400 <= answer.status_code < 500, (method, path, body, answer.status_code, answer.text)
        assert answer.json()["what"]


def test_whatever_a_device_reports_is_answered(world: World):
    asked = {"address": "10.1.2.3", "bssid": "\u202enonsense", "chassis": "x" * 300, "port": "\x00"}
    found = world.vera.get("/v1/locations/find", params=asked).json()
    assert (found["place"], found["source"]) == ("hq", "subnet")
    assert world.vera.get("/v1/locations/find").json()["source"] == "default"


def test_an_import_tells_all_that_is_wrong_at_once(world: World):
    rows = [
        {"line": 2, "kind": "subnet", "id": "10.7.0.0/16", "place": "hq"},
        {"line": 3, "kind": "cable", "id": "x", "place": "hq"},
        {"line": 4, "kind": "bssid", "id": "x", "place": "hq"},
        {"line": 5, "kind": "subnet", "id": "10.8.0.0/16", "place": "gone"},
    ]
    told = world.vera.post("/v1/locations/networks/import", json={"rows": rows}).json()
    assert [each["line"] for each in told["errors"]] == [3, 4, 5]
    assert told["created"] == 0
    told = world.vera.post("/v1/locations/networks/import", json={"rows": rows[:1]}).json()
    assert (told["created"], told["errors"]) == (1, [])


class TestWhereSomebodyLives:
    def test_they_say_it_themselves(self, world: World):
        path = f"/v1/locations/chosen/{ALICE}"
        made = world.alice.put(path, json={"address": ADDRESS})
        assert made.status_code == 200, made.text
        assert world.alice.get(path).json()[0]["own"]["words"] == "1 Hauptstrasse, Berlin, 10827, DE"

    def test_and_not_of_others(self, world: World):
        assert world.alice.put(f"/v1/locations/chosen/{BOB}", json={"address": ADDRESS}).status_code == 404
        assert world.alice.get(f"/v1/locations/chosen/{BOB}").status_code == 404

    def test_who_sees_places_alone_is_told_that_there_is_one(self, world: World):
        world.alice.put(f"/v1/locations/chosen/{ALICE}", json={"address": ADDRESS})
        asked = {"aor": ALICE, "address": "198.51.100.7"}
        told = world.helga.get("/v1/locations/find", params=asked)
        assert (told.json()["source"], told.json()["words"]) == ("chosen", "an address of their own")
        assert "Hauptstrasse" not in told.text
        assert world.helga.get(f"/v1/locations/chosen/{ALICE}").status_code == 403
        assert "Hauptstrasse" in world.vera.get("/v1/locations/find", params=asked).text

    def test_nor_another_tenants_administrator(self, world: World):
        for path in (f"chosen/{ALICE}", f"find?aor={ALICE}", "places/hq", "places?tenant=main", "networks?tenant=main"):
            answer = world.erin.get(f"/v1/locations/{path}")
            assert answer.status_code in (403, 404), path
            assert "Redmond" not in answer.text
        assert world.erin.get("/v1/locations/places").json() == []
        assert world.erin.get("/v1/locations/find?address=10.1.2.3").json()["place"] is None
