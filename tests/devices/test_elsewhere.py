"""Devices made at a site that is not the authority: what it asks, and what the authority lets a peer do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from isthmus.access.model import Reach, Scope
from isthmus.addressing import Aor
from isthmus.api import errors
from isthmus.audit.model import Actor, Origin
from isthmus.audit.tables import audit
from isthmus.database import reading
from isthmus.devices.elsewhere import DevicesElsewhere
from isthmus.devices.link_api import link_router
from isthmus.devices.service import Devices
from isthmus.devices.uses import Uses
from isthmus.directory.model import Credentials
from isthmus.directory.service import Directory
from isthmus.errors import ForbiddenError, IsthmusError, NotFoundError, RefusedError, UnavailableError, UsageError
from isthmus.link.client import LinkDownError, PeerClient
from tests.directory.conftest import aor, new
from tests.directory.test_feed import pump

ALICE, BOB = aor("alice"), aor("bob")


class World:
    """Both sites, joined by the link's own API and its client's reading of answers; without a network between."""

    def __init__(self, directory: Directory, devices: Devices, away: Directory) -> None:
        self.directory, self.authority, self.away = directory, devices, away
        self.down = self.feed_stopped = False
        self.lose_answers = 0
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.closed: frozenset[str] = frozenset()
        self.suspended = ""
        self.devices = DevicesElsewhere(away, self.ask)
        self._client = PeerClient("premises", Path("unused"))

    def app(self) -> TestClient:
        def admit(tenant: str | None) -> None:
            if tenant == self.suspended:
                raise ForbiddenError(f"tenant {tenant} is suspended")

        app = FastAPI()
        errors.add_handlers(app)
        uses = Uses(self.directory.engine)
        app.include_router(link_router(self.authority, uses, self.directory, {"online": self}, self.closed, admit))
        return TestClient(app, raise_server_exceptions=False)

    def flush(self, _seq: int) -> None:
        if self.feed_stopped:
            raise LinkDownError("online", "no answer in time")
        pump(self.directory, self.away)

    def ask(self, path: str, body: Any) -> Any:
        if self.down:
            raise LinkDownError("premises", "no connection")
        self.asked.append((path.rpartition("/")[2], body))
        answer = self._client._answer(self.app().post(path, json=body, headers={"X-Isthmus-Peer": "online"}))
        if self.lose_answers:  # the link's client asks once more
            self.lose_answers -= 1
            return self.ask(path, body)
        return answer


@pytest.fixture
def world(directory: Directory, devices: Devices, other_site: Callable[[], Directory]) -> World:
    away = other_site()
    for person in ("alice", "bob"):
        directory.create(new(person), actor="test")
    pump(directory, away)
    return World(directory, devices, away)


def own(world: World, person: Aor) -> Reach:
    """What somebody reaches who has no role: themselves."""
    return Reach((Scope(own=world.away.get(person).id),))


def test_the_authority_makes_it_and_both_sites_know_it_by_the_answer(world: World) -> None:
    owned, secret = world.devices.add(ALICE, "Browser", md5=False, actor="account:alice", reach=own(world, ALICE))
    assert secret is not None
    digest = Credentials.of(Aor(owned.device.name, ALICE.domain), secret).ha1_sha256
    for site in (world.authority, world.devices):
        (found,) = site.listed(ALICE)
        assert (found.device.label, found.device.credentials) == ("Browser", Credentials(b"", digest))


def test_it_is_renamed_given_a_new_secret_and_revoked(world: World) -> None:
    reach = own(world, ALICE)
    name = world.devices.add(ALICE, "Browser", actor="account:alice", reach=reach)[0].device.name
    assert world.devices.rename(name, "desk", actor="account:alice", reach=reach).device.label == "desk"
    owned, secret = world.devices.rotate(name, overlap_s=60, actor="account:alice", reach=reach)
    assert (secret is not None, owned.device.generation, owned.device.label) == (True, 2, "desk")
    world.devices.revoke(name, actor="account:alice", reach=reach)
    assert world.authority.listed() == world.devices.listed() == []


def test_nobody_reaches_further_here_than_themselves_and_the_authority_is_not_asked(world: World) -> None:
    name = world.devices.add(BOB, "Browser", actor="account:bob")[0].device.name
    world.asked.clear()
    reach = own(world, ALICE)
    for attempt in (
        lambda: world.devices.add(BOB, "x", actor="account:alice", reach=reach),
        lambda: world.devices.rename(name, "x", actor="account:alice", reach=reach),
        lambda: world.devices.rotate(name, overlap_s=0, actor="account:alice", reach=reach),
        lambda: world.devices.revoke(name, actor="account:alice", reach=reach),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    assert world.asked == []


def test_a_peer_reaches_the_one_person_it_names_by_address_and_id(world: World) -> None:
    name = world.devices.add(BOB, "Browser", actor="account:bob")[0].device.name
    alice = {"aor": str(ALICE), "person": world.away.get(ALICE).id, "actor": "account:x"}
    world.app()
    for what, body in (
        ("add", {**alice, "aor": str(BOB), "label": "x"}),
        ("rename", {**alice, "name": name, "label": "x"}),
        ("rotate", {**alice, "name": name, "overlap_s": 0}),
        ("revoke", {**alice, "name": name}),
    ):
        with pytest.raises(NotFoundError):
            world.ask(f"/link/devices/{what}", body)
    with pytest.raises(UsageError):  # an empty id must not stand for everybody
        world.ask("/link/devices/add", {**alice, "person": "", "label": "x"})
    assert [each.device.name for each in world.authority.listed()] == [name]


def test_a_suspended_tenant_and_a_peer_that_may_not_are_refused(world: World) -> None:
    world.suspended = "main"
    with pytest.raises(ForbiddenError, match="suspended"):
        world.devices.add(ALICE, "Browser", actor="account:alice")
    world.suspended, world.closed = "", frozenset({"online"})
    with pytest.raises(ForbiddenError, match="online may not change devices"):
        world.devices.add(ALICE, "Browser", actor="account:alice")
    assert world.authority.listed() == []


def test_the_audit_log_says_who_acted_where_by_the_peers_word(world: World) -> None:
    actor = Actor("account:alice", Origin("api", "192.0.2.7"))
    world.devices.add(ALICE, "Browser", actor=actor)
    with reading(world.directory.engine) as connection:
        entry = connection.execute(select(audit).where(audit.c.action == "device.add")).one()
    assert (entry.actor, entry.path, entry.address) == ("site:online/account:alice", "link", "192.0.2.7")


def test_an_answer_that_was_lost_on_the_link_leaves_one_device_whose_secret_is_good(world: World) -> None:
    world.lose_answers = 1
    owned, secret = world.devices.add(ALICE, "Browser", actor="account:alice")
    (kept,) = world.authority.listed(ALICE)
    assert secret is not None
    assert kept.device.credentials == Credentials.of(Aor(owned.device.name, ALICE.domain), secret)
    for undone in (
        lambda: world.devices.rename(owned.device.name, "desk", actor="account:alice"),
        lambda: world.devices.revoke(owned.device.name, actor="account:alice"),
    ):
        world.lose_answers = 1
        undone()
    assert world.authority.listed() == []


def test_with_the_link_down_it_says_so_and_that_what_one_has_works(world: World) -> None:
    world.down = True
    with pytest.raises(UnavailableError) as refused:
        world.devices.add(ALICE, "Browser", actor="account:alice")
    assert "the link to premises is down" in str(refused.value)
    assert "go on working" in str(refused.value)
    assert refused.value.http_status == 503


def test_where_the_feed_does_not_come_through_no_device_is_left_behind(world: World) -> None:
    world.feed_stopped = True
    with pytest.raises(UnavailableError, match="does not hear of it"):
        world.devices.add(ALICE, "Browser", actor="account:alice")
    assert world.authority.listed() == []


def test_what_the_authority_refuses_is_told_as_it_says_it(world: World) -> None:
    world.devices.add(ALICE, "Browser", actor="account:alice")
    with pytest.raises(RefusedError, match="is called 'Browser' already"):
        world.devices.add(ALICE, "browser", actor="account:alice")


def test_an_answer_that_is_none_is_no_device(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in (None, [], {}, {"name": 7, "secret": "x"}, {"name": "dev0000000000"}):
        monkeypatch.setattr(world.devices, "_ask_authority", lambda *_, answer=answer: answer)
        with pytest.raises(IsthmusError, match="no device"):
            world.devices.add(ALICE, "Browser", actor="account:alice")
