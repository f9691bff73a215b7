"""The routes of devices: wrong questions get an answer that says what is wrong, and last uses come from every site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from isthmus.api import link_app, local_app
from isthmus.devices import api
from isthmus.devices.model import Use
from isthmus.errors import UnavailableError
from isthmus.site.services import Services, build
from tests.cli.conftest import write_site

ALICE = "alice@contoso.example"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = build(write_site(tmp_path / "premises"))
    yield made
    made.close()


@pytest.fixture
def local(services: Services) -> TestClient:
    client = TestClient(local_app(services), raise_server_exceptions=False)
    assert client.post("/v1/people", json={"aor": ALICE, "home": "premises"}).status_code == 201
    return client


def test_bad_requests_are_told_what_is_wrong(local: TestClient) -> None:
    body = {"aor": ALICE, "label": "desk phone"}
    answers = [
        local.post("/v1/devices", content=b'{"aor": "\\ud800", "label": "x"}'),
        local.post("/v1/devices", content=b"{"),
        local.post("/v1/devices", json={**body, "label": "a\nb\x00"}),
        local.post("/v1/devices", json={**body, "label": "\u202e" * 3}),
        local.post("/v1/devices", json={**body, "label": "x" * 100_000}),
        local.post("/v1/devices", json={**body, "md5": "perhaps"}),
        local.post("/v1/devices", json={**body, "secret": "of my own"}),
        local.post("/v1/devices", json={"aor": "nobody@contoso.example", "label": "x"}),
        local.get("/v1/devices/%00"),
        local.get("/v1/devices/dev0000000000"),
        local.get("/v1/devices?limit=0"),
        local.get("/v1/devices?aor=x"),
        local.get("/v1/devices?aor=nobody@contoso.example"),
        local.patch("/v1/devices/dev0000000000", json={"label": "x"}),
        local.patch("/v1/devices/dev0000000000", json={}),
        local.post("/v1/devices/dev0000000000/rotate", json={}),
        local.post("/v1/devices/dev0000000000/rotate", json={"overlap_s": -1}),
        local.post("/v1/devices/dev0000000000/rotate", json={"overlap_s": 10**30}),
        local.post("/v1/devices/forbid-md5", json={"names": ["x"]}),
        local.delete("/v1/devices/dev0000000000"),
    ]
    for number, answer in enumerate(answers):
        assert 400 <= answer.status_code < 500, (number, answer.status_code, answer.text)
        assert answer.json()["what"]
    assert local.get("/v1/devices").json() == []


def test_a_key_makes_a_second_request_harmless_and_gives_the_secret_that_was_lost_on_the_way(local: TestClient) -> None:
    headers = {"Idempotency-Key": "k", "X-Isthmus-Actor": "cli:root"}
    body = {"aor": ALICE, "label": "desk phone"}
    first = local.post("/v1/devices", json=body, headers=headers)
    assert first.status_code == 201
    again = local.post("/v1/devices", json=body, headers=headers)
    assert again.json() == first.json()  # kept sealed: see tests/api/test_idempotency.py
    assert [each["name"] for each in local.get("/v1/devices").json()] == [first.json()["name"]]


def test_devices_come_page_by_page(local: TestClient) -> None:
    names = sorted(
        local.post("/v1/devices", json={"aor": ALICE, "label": str(number)}).json()["name"] for number in range(5)
    )
    found: list[str] = []
    while page := local.get("/v1/devices", params={"limit": 2, **({"after": found[-1]} if found else {})}).json():
        found += [device["name"] for device in page]
    assert found == names


class Peer:
    """The other site, as the link shows it."""

    peer = "online"

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def ask(self, path: str, body: Any) -> Any:
        assert path == "/link/devices/used"
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


HERE = Use("dev", 1, 5_000, "192.0.2.1", "tls", "Here")
THERE = {"name": "dev", "at": 6.5, "site": "", "address": "192.0.2.2", "edge": "ws", "client": None, "generation": 2}


@pytest.mark.parametrize(
    ("answer", "address", "unasked"),
    [
        ([THERE], "192.0.2.2", []),
        ([{**THERE, "at": 4.0}], "192.0.2.1", []),
        ([], "192.0.2.1", []),
        (UnavailableError("the link is down"), "192.0.2.1", ["online"]),
        ([{"name": "dev"}], "192.0.2.1", ["online"]),
        ("nonsense", "192.0.2.1", ["online"]),
        (None, "192.0.2.1", ["online"]),
    ],
)
def test_the_last_use_is_the_newest_of_all_sites(
    services: Services, answer: object, address: str, unasked: list[str]
) -> None:
    services.uses.note(HERE)
    found, missing = api._last_uses("premises", ["dev"], services.uses, [Peer(answer)])
    assert (found["dev"].address, missing) == (address, unasked)
    assert found["dev"].site == ("online" if address == "192.0.2.2" else "premises")


def test_a_peer_is_told_what_was_seen_here_and_nobody_else(services: Services) -> None:
    services.uses.note(HERE)
    link = TestClient(link_app(services), raise_server_exceptions=False)
    body = {"names": ["dev", "dev9999999999"]}
    assert link.post("/link/devices/used", json=body).status_code == 403
    answer = link.post("/link/devices/used", json=body, headers={"X-Isthmus-Peer": "online"})
    assert [each["address"] for each in answer.json()] == ["192.0.2.1"]
