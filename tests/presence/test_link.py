"""The feed over real HTTP: told at once, lost when the peer is gone, and right again after."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from isthmus.api import errors
from isthmus.errors import RefusedError
from isthmus.link.client import PeerClient
from isthmus.presence.api import link_router
from isthmus.presence.following import WAIT_S, Following
from isthmus.presence.owning import Owning
from tests.presence.world import World
from tests.support import wait_for


class Served:
    """The link API of online on a unix socket, which can be taken away."""

    def __init__(self, world: World, socket: Path) -> None:
        self.socket, self.peer, self._world = socket, "premises", world
        self.start()

    def start(self) -> None:
        """A service of its own each time, as after a restart: what waits for news belongs to one event loop."""
        app = FastAPI()
        errors.add_handlers(app)

        @app.middleware("http")
        async def as_haproxy_does(request: Request, call_next: object) -> Response:
            request.scope["headers"] = [*request.scope["headers"], (b"x-isthmus-peer", self.peer.encode())]
            return await call_next(request)  # type: ignore[operator]

        presence = self._world.online.presence
        app.include_router(link_router(presence, Owning(presence, {}), ["premises"]))
        self._server = uvicorn.Server(uvicorn.Config(app, uds=str(self.socket), log_config=None, lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started or None)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.socket.unlink(missing_ok=True)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.create("bob", "online")
    return made


@pytest.fixture
def served(world: World, tmp_path: Path) -> Iterator[Served]:
    made = Served(world, tmp_path / "s")
    yield made
    made.stop()


@pytest.fixture
def following(world: World, served: Served) -> Iterator[Following]:
    made = Following(world.premises.presence, PeerClient("online", served.socket))
    made.start()
    yield made
    made.stop()


def test_a_change_is_told_at_once_and_not_when_the_waiting_is_over(world: World, following: Following):
    bob = world.online.id("bob")
    took = []
    for number in range(5):
        begun = time.monotonic()
        wanted = ("busy", "away")[number % 2]
        world.online.presence.choose(bob, {"availability": wanted})
        wait_for(lambda wanted=wanted: world.premises.state("bob") == wanted or None)
        took.append(time.monotonic() - begun)
    assert min(took) < WAIT_S / 2


def test_a_peer_that_is_gone_is_noticed_and_heard_of_again(world: World, served: Served, following: Following):
    wait_for(lambda: world.premises.presence.sites().get("online") or None)
    served.stop()
    wait_for(lambda: world.premises.presence.sites()["online"] is False or None)
    world.online.presence.choose(world.online.id("bob"), {"availability": "busy"})
    assert world.premises.state("bob") == "offline"
    served.start()
    wait_for(lambda: world.premises.state("bob") == "busy" or None)
    # It stays so: another change comes by a question that waited.
    world.online.presence.choose(world.online.id("bob"), {"availability": "away"})
    wait_for(lambda: world.premises.state("bob") == "away" or None)
    assert world.premises.reached == [("online", True), ("online", False), ("online", True)]


def test_strangers_are_told_nothing(world: World, served: Served):
    served.peer = "stranger"
    with pytest.raises(RefusedError):
        PeerClient("online", served.socket).get("/link/presence?run=0&after=0")
