"""Idempotency keys: generated from the table of routes, and what comes of faults, crashes and two at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from isthmus.api import web_app
from isthmus.api.idempotent import REPLAYED, Answers, Idempotent, is_kept, takes_key
from isthmus.api.permissions import RULES, routes_of
from isthmus.errors import RefusedError, UsageError
from isthmus.identity.sealing import Sealer
from tests.api.callers import BASE, Site, open_site
from tests.api.test_routes import BODIES, QUERIES, WITHOUT_LIMITS


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    services = open_site(tmp_path_factory.mktemp("i"))
    made = Site(services, web_app(services, WITHOUT_LIMITS))
    made.person("alice@contoso.example", "+14255550101")
    made.account("anna", "global", every_tenant=True)
    yield made
    services.close()


@pytest.fixture(scope="module")
def anna(world: Site) -> TestClient:
    return world.by_token("anna")


CHANGES = [key for key in RULES if is_kept(*key)]
NAMES = {"aor": "alice@contoso.example", "name": "anna", "tenant": "main", "domain": "contoso.example"}


@pytest.mark.parametrize("key", CHANGES, ids=" ".join)
def test_every_change_takes_a_key(world: Site, anna: TestClient, key: tuple[str, str]):
    """The second request gets the first answer, whatever that was; another request by the same key is refused."""
    method, path = key
    for name, value in NAMES.items():
        path = path.replace(f"{{{name}}}", value)
    # What would take the ground from under the others is asked of what does not exist.
    if method == "DELETE":
        path = path.replace("anna", "nobody").replace("/v1/tenants/main", "/v1/tenants/none")
    headers = {"Idempotency-Key": f"key of {' '.join(key)}"}
    first, second = (
        anna.request(method, path, json=BODIES.get(key), params=QUERIES.get(key), headers=headers) for _ in range(2)
    )
    assert (second.status_code, second.content) == (first.status_code, first.content), second.text
    if method != "DELETE" and (first.is_success or not takes_key(_route(world, key))):
        other = anna.request(method, path, json={"other": "body"}, headers=headers)
        assert other.status_code == 422, other.text


def _route(world: Site, key: tuple[str, str]) -> Any:
    return next(route.original_route for method, path, route in routes_of(world.app) if (method, path) == key)


def test_what_is_shown_once_is_shown_to_who_repeats_and_kept_sealed(world: Site, anna: TestClient):
    headers, body = {"Idempotency-Key": "an account"}, {"name": "ivy"}
    first = anna.post("/v1/accounts", json=body, headers=headers)
    assert first.status_code == 201 and REPLAYED not in first.headers
    again = anna.post("/v1/accounts", json=body, headers=headers)
    assert again.json() == first.json() and again.headers[REPLAYED] == "true"
    password = first.json()["new_password"]
    with world.services.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM kept_answer").all()
    assert rows and not any(password.encode() in bytes(str(row), "utf-8") + (row.sealed or b"") for row in rows)


def test_another_account_has_keys_of_its_own(world: Site, anna: TestClient):
    world.account("otto", "global", every_tenant=True)
    otto = world.by_token("otto")
    headers = {"Idempotency-Key": "shared"}
    assert anna.post("/v1/accounts", json={"name": "jim"}, headers=headers).status_code == 201
    answer = otto.post("/v1/accounts", json={"name": "jim"}, headers=headers)
    assert answer.status_code == 409 and REPLAYED not in answer.headers


def test_a_key_that_is_too_long_is_refused(anna: TestClient):
    assert anna.post("/v1/accounts", json={"name": "x"}, headers={"Idempotency-Key": "k" * 201}).status_code == 422


def test_signing_in_is_not_to_be_had_again_by_a_key(world: Site):
    assert not any(is_kept(method, path) for method, path in RULES if path.startswith(("/v1/session", "/oauth")))


def test_a_request_that_a_crash_cut_short_is_made_again_after_some_minutes(world: Site):
    now = [1000.0]
    answers = Answers(world.services.engine, world.services.identity.sealer, lambda: now[0])
    assert answers.begin("me", "cut", "digest") is None
    with pytest.raises(RefusedError, match="being worked on"):
        answers.begin("me", "cut", "digest")
    with pytest.raises(UsageError):
        answers.begin("me", "cut", "another digest")
    now[0] += 301
    assert answers.begin("me", "cut", "digest") is None


def test_of_two_at_once_one_is_done_and_a_fault_of_ours_is_not_kept(world: Site):
    """In one event loop, the first held within the route until the second has its answer."""
    app, entered, released = FastAPI(), asyncio.Event(), asyncio.Event()
    done: list[int] = []

    @app.post("/v1/thing")
    async def thing(status: int) -> dict[str, int]:
        done.append(status)
        entered.set()
        await released.wait()
        if status >= 500:
            raise RuntimeError("a fault of ours")
        return {"times": len(done)}

    app.add_middleware(Idempotent, answers=Answers(world.services.engine, Sealer(b"k" * 32)))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    async def go() -> None:
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            headers = {"Idempotency-Key": "two at once"}
            first = asyncio.create_task(client.post("/v1/thing?status=200", headers=headers))
            await entered.wait()
            assert (await client.post("/v1/thing?status=200", headers=headers)).status_code == 409
            released.set()
            assert json.loads((await first).content) == {"times": 1}
            assert (await client.post("/v1/thing?status=200", headers=headers)).json() == {"times": 1}
            for times in (2, 3):
                faulty = {"Idempotency-Key": "a fault"}
                assert (await client.post("/v1/thing?status=500", headers=faulty)).status_code == 500
                assert len(done) == times

    asyncio.run(go())
