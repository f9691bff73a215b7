"""Idempotency-Key, for every POST of the table of routes but signing in: asked twice, done once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from isthmus.activity.model import Event, Kind
from isthmus.addressing import Aor
from isthmus.api import web_app
from isthmus.api.answered import LIVES_S, Answer, Answered
from isthmus.api.idempotency import takes_key
from isthmus.api.permissions import RULES
from isthmus.api.tables import answered
from isthmus.database import reading
from isthmus.errors import RefusedError, UsageError
from isthmus.numbers.model import Block, PortDirection, Range
from isthmus.plans.model import Plan as CallingPlan
from isthmus.policy.licences import FEATURES
from isthmus.policy.model import Grant, Level, Policy
from tests.api.callers import Browser, Site, open_site
from tests.api.test_routes import BODIES, WITHOUT_LIMITS, make_place, make_purchase

TAKING = [path for method, path in RULES if takes_key(method, path)]
ALICE = "alice@contoso.example"
# What succeeds here; where nothing is said, what tests/api/test_routes.py sends.
GOOD: dict[str, dict[str, Any]] = {
    "/v1/people": {"aor": "zoe@contoso.example", "home": "premises"},
    "/v1/people/import": {"rows": [{"aor": "yan@contoso.example", "home": "premises"}]},
    "/v1/devices": {"aor": ALICE, "label": "desk phone"},
    "/v1/locations/networks": {"kind": "subnet", "id": "10.9.0.0/16", "place": "hq"},
    "/v1/moves": {"to": "online", "aors": [ALICE]},
    "/v1/numbers/{number}/assign": {"owner": "service:reception"},
    "/v1/numbers/{number}/transfer": {"owner": "resource:room 1"},
    "/v1/domains": {"name": "new.contoso.example"},
    "/v1/plans/{plan}/assign": {"people": [ALICE]},
    "/v1/plans/{plan}/unassign": {"people": [ALICE]},
    "/v1/plans/{plan}/preview": {"people": [ALICE]},
    "/v1/licences/{plan}/assign": {"people": [ALICE]},
    "/v1/licences/{plan}/unassign": {"people": [ALICE]},
}
# They need what is not here: a source, a person who vanished, a batch, the operator, a CA.
REFUSED_HERE = {
    "/v1/scim/tokens", "/v1/calls/end", "/v1/connectors", "/v1/messages/files", "/v1/calls/reports",
    "/v1/numbers/purchases/{purchase}/return", "/v1/numbers/{number}/address",
    "/v1/directory/runs", "/v1/directory/sources/{name}/check", "/v1/directory/people/{aor}/restore",
    "/v1/moves/{batch_id}/pause", "/v1/moves/{batch_id}/resume", "/v1/moves/{batch_id}/cancel",
}  # fmt: skip


@dataclass
class World:
    """A site where the objects are that routes name, and anna may do everything."""

    site: Site
    names: dict[str, str]
    anna: Browser

    def post(self, path: str, key: str, body: Any = None, **more: Any) -> Any:
        names = self.names | ({"alert": self.names["other"]} if path.endswith("/false-alarm") else {})
        for name, value in names.items():
            path = path.replace(f"{{{name}}}", value)
        return self.anna.post(path, json=body, headers={"Idempotency-Key": key}, **more)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    services = open_site(tmp_path_factory.mktemp("i"))
    site = Site(services, web_app(services, WITHOUT_LIMITS))
    site.person(ALICE, "+14255550101")
    site.account("anna", "global", every_tenant=True)
    site.account("bob")
    services.licences.define("main", "standard", count=5, features=sorted(FEATURES)[:1], actor="test")
    services.policies.create(Policy("main", "calling", "anna", (), ""), actor="test")
    services.policies.grant(Grant("main", "calling", "anna", Level.TENANT, "main", 0), actor="test")
    make_place(services, "hq")
    device, _ = services.devices.add(Aor.parse(ALICE), "phone", actor="test")
    for number in ("+19005550123", "+8821612345678"):
        services.activity.take(Event(time.time(), Kind.CALL, ALICE, number=number))
        services.activity.work()
    services.numbers.add(Block(Range.parse("+14255550150-0199"), "main"), actor="test")
    services.plans.define(CallingPlan("main", "standard", ("US",)), actor="test")
    purchase = make_purchase(services)
    order = services.porting.request(
        PortDirection.OUT, Block(Range.parse("+14255550160"), "main", carrier="Northwind"), actor="test"
    )
    names = {
        "port": order.id, "purchase": purchase, "number": "+14255550150", "aor": ALICE,
        "plan": "standard", "device": device.device.name, "name": "bob", "domain": "contoso.example",
        "batch_id": "nonesuch",
        "alert": services.activity.listed()[0].id, "other": services.activity.listed()[1].id,
    }  # fmt: skip
    anna = site.browser()
    anna.sign_in("anna")
    yield World(site, names, anna.enrol())
    services.close()


@pytest.mark.parametrize("path", TAKING)
def test_asked_twice_is_done_once(world: World, path: str):
    body = GOOD.get(path, BODIES.get(("POST", path)))
    first, again = world.post(path, f"k-{path}", body), world.post(path, f"k-{path}", body)
    assert (again.status_code, again.content) == (first.status_code, first.content), first.text
    assert again.headers["content-type"] == first.headers["content-type"] if first.content else True
    if path in REFUSED_HERE:
        assert first.status_code in (403, 404, 409, 422, 503), first.text
        assert "idempotency-replayed" not in again.headers
        return
    assert first.is_success, first.text
    assert again.headers["idempotency-replayed"] == "true"
    other = world.post(path, f"k-{path}", body, params={"another": "request"})
    assert (other.status_code, "used for something else" in other.json()["what"]) == (422, True)


def test_signing_in_takes_no_key(world: World):
    """Nobody gets a session for having heard of a key."""
    apart = {path for method, path in RULES if method == "POST"} - set(TAKING)
    assert all(path.startswith(("/v1/session", "/oauth/", "/scim/", "/v1/connectors/enrol")) for path in apart)
    body = {"name": "anna", "password": "wrong"}
    assert world.post("/v1/session", "k", body).status_code == 401


def test_a_key_is_its_owners_and_its_routes(world: World):
    body = {"name": "shared", "permissions": ["person.read"]}
    made = world.post("/v1/tokens", "mine", body)
    carl = world.site.browser()
    carl.sign_in(world.site.account("carl", "global"))
    other = carl.enrol().post("/v1/tokens", json=body, headers={"Idempotency-Key": "mine"})
    assert (made.status_code, other.status_code) == (201, 201)
    assert made.json()["token"] != other.json()["token"]
    assert world.post("/v1/groups", "mine", {"name": "elsewhere"}).status_code == 201


def test_a_token_that_may_less_gets_nothing_that_another_was_answered(world: World):
    body = {"name": "erik"}
    made = world.post("/v1/accounts", "narrow", body)
    narrow = world.site.by_token("anna", ["account.create"])
    answer = narrow.post("/v1/accounts", json=body, headers={"Idempotency-Key": "narrow"})
    assert made.json()["new_password"] not in answer.text
    assert answer.status_code == 409


def test_a_secret_that_is_shown_once_is_shown_again_and_stands_nowhere_in_clear(world: World):
    made = world.post("/v1/accounts", "secret", {"name": "dora"})
    again = world.post("/v1/accounts", "secret", {"name": "dora"})
    secret = made.json()["new_password"]
    assert again.json()["new_password"] == secret
    with reading(world.site.services.engine) as connection:
        rows = connection.execute(select(answered)).all()
    assert rows
    assert not any(secret.encode() in row.answer for row in rows)


def test_what_was_refused_may_be_tried_again_under_its_key(world: World):
    assert world.post("/v1/groups", "again", {"name": ""}).status_code == 422
    assert world.post("/v1/groups", "again", {"name": "again"}).status_code == 201


@pytest.mark.parametrize("key", ["", "two words", "x" * 201, "\x7f"])
def test_a_key_that_is_none_is_refused(world: World, key: str):
    answer = world.post("/v1/groups", key, {"name": "odd"})
    assert (answer.status_code, answer.json()["where"]) == (422, "Idempotency-Key")


def test_two_keys_at_once_are_refused(world: World):
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert world.anna.post("/v1/groups", json={"name": "two"}, headers=headers).status_code == 422


def test_too_much_under_a_key_is_too_much(world: World):
    answer = world.anna.post("/v1/groups", content=iter([b"x" * (1 << 20)] * 3), headers={"Idempotency-Key": "much"})
    assert answer.status_code == 413


class Clock:
    """Stands still until it is put forward."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(world: World) -> tuple[Answered, Clock]:
    clock = Clock()
    return Answered(world.site.services.engine, world.site.services.identity.sealer, clock), clock


def test_while_it_is_worked_on_nobody_else_begins(store: tuple[Answered, Clock]):
    kept, _ = store
    begun: list[Any] = []

    def begin() -> None:
        try:
            begun.append(kept.begin("bob /v1/people k", "x"))
        except RefusedError as error:
            begun.append(error)

    threads = [threading.Thread(target=begin) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(each) for each in begun].count(RefusedError) == 4
    assert begun.count(None) == 1
    kept.end("bob /v1/people k", "x", None)
    assert kept.begin("bob /v1/people k", "y") is None  # nothing was done under it
    kept.end("bob /v1/people k", "y", None)


def test_an_answer_is_kept_for_a_day(store: tuple[Answered, Clock]):
    kept, clock = store
    given = Answer(201, [(b"location", b"/x")], b"{}")
    kept.begin("day", "x")
    kept.end("day", "x", given)
    clock.now += LIVES_S - 1
    assert kept.begin("day", "x") == given
    with pytest.raises(UsageError):
        kept.begin("day", "y")
    clock.now += 2
    assert kept.begin("day", "y") is None
    kept.end("day", "y", given)


def test_of_a_very_long_answer_it_is_known_that_it_was_given(store: tuple[Answered, Clock]):
    kept, _ = store
    kept.begin("long", "x")
    kept.end("long", "x", Answer(200, [], b"x" * (2 << 20)))
    assert kept.begin("long", "x") == Answer(200, [], b"", whole=False)
