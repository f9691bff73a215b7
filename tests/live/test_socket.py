"""The WebSocket itself: a real server on a unix socket, and a real client."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, unix_connect

from isthmus.addressing import Aor
from isthmus.errors import UnauthenticatedError, UsageError
from isthmus.live.api import FORBIDDEN, MOST_FRAME, TOO_MANY, UNAUTHENTICATED, Settings, route
from isthmus.live.hub import Hub, Member, Session
from tests.support import wait_for

ORIGIN = "https://premises.contoso.example:8443"
ALICE = Member("contoso", "p-alice", Aor.parse("alice@contoso.example"), "account:alice")


class Site:
    """A server with tokens that can be taken back."""

    def __init__(self, path: Path) -> None:
        self.hub, self.tokens, self.path = Hub(), {"good": ALICE}, path

    def identify(self, token: str, address: str) -> Member:
        if token not in self.tokens:
            raise UnauthenticatedError("the access token is not known, expired or revoked")
        return self.tokens[token]

    @contextlib.contextmanager
    def tab(self, token: object = "good", origin: str | None = ORIGIN) -> Iterator[ClientConnection]:
        with unix_connect(str(self.path), "ws://site/live", origin=origin, compression=None) as tab:
            tab.send(json.dumps({"token": token}))
            yield tab


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "s")
    settings = Settings(site.identify, ORIGIN, "b1", look_again_s=0.2, per_s=1000)
    app = Starlette(routes=[route(site.hub, settings)])
    config = uvicorn.Config(app, uds=str(site.path), ws="websockets-sansio", log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started or None)
    yield site
    server.should_exit = True
    thread.join(20)


def events(tab: ClientConnection) -> Iterator[dict[str, Any]]:
    while True:
        yield from json.loads(tab.recv(timeout=20))


def code(tab: ClientConnection) -> int | None:
    """With what the site closes."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            tab.recv(timeout=20)
    return tab.close_code


def test_a_tab_is_welcomed_asks_and_is_told(site: Site):
    async def double(session: Session, body: Mapping[str, Any]) -> int:
        if not isinstance(body.get("number"), int):
            raise UsageError("number must be an integer", where="number")
        return 2 * body["number"]

    site.hub.handle("double", double)
    with site.tab() as tab:
        told = events(tab)
        assert next(told) == {"event": "welcome", "aor": "alice@contoso.example", "build": "b1"}
        tab.send(json.dumps({"do": "double", "id": 7, "number": 21}))
        assert next(told) == {"answer": 7, "value": 42}
        tab.send(json.dumps({"do": "double", "id": 8, "number": "x"}))
        refused = next(told)
        assert (refused["refused"], refused["where"]) == (8, "number")
        tab.send(json.dumps({"do": "nonsense", "id": 9}))
        assert next(told)["refused"] == 9
        site.hub.tell("p-alice", {"event": "hello"})
        assert next(told) == {"event": "hello"}
    wait_for(lambda: site.hub.sessions == 0 or None)


@pytest.mark.parametrize("token", ["bad", None, 5])
def test_who_shows_no_good_token_is_told_nothing(site: Site, token: object):
    with site.tab(token) as tab:
        assert code(tab) == UNAUTHENTICATED
    assert site.hub.sessions == 0


@pytest.mark.parametrize("origin", ["https://evil.example", "http://premises.contoso.example:8443", "null", None])
def test_pages_of_other_origins_are_not_let_in(site: Site, origin: str | None):
    with pytest.raises(InvalidStatus) as refused, site.tab(origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_who_is_signed_out_is_let_go(site: Site):
    with site.tab() as tab:
        next(events(tab))
        site.tokens.clear()
        assert code(tab) == UNAUTHENTICATED


def test_a_token_is_renewed_by_one_of_the_same_person_alone(site: Site):
    with site.tab() as tab:
        told = events(tab)
        next(told)
        site.tokens = {"newer": ALICE, "good": ALICE, "bobs": Member("contoso", "p-bob", ALICE.aor, "account:bob")}
        tab.send(json.dumps({"do": "renew", "id": 1, "token": "newer"}))
        assert next(told) == {"answer": 1, "value": None}
        del site.tokens["good"]
        time.sleep(0.5)  # it is looked again meanwhile, with the newer one
        tab.send(json.dumps({"do": "renew", "id": 2, "token": "bobs"}))
        assert next(told)["refused"] == 2


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ("x" * (MOST_FRAME + 1), TOO_MANY),
        ("{", FORBIDDEN),
        ("[" * 50_000, FORBIDDEN),
        ("[]", FORBIDDEN),
        ('{"do": "alive"}', FORBIDDEN),
        ('{"do": 5, "id": 1}', FORBIDDEN),
    ],
    ids=["long", "no JSON", "deep", "a list", "no id", "no name"],
)
def test_frames_that_are_none_end_the_session(site: Site, frame: str, expected: int):
    with site.tab() as tab:
        next(events(tab))
        tab.send(frame)
        assert code(tab) == expected


def test_a_fault_of_ours_ends_nothing(site: Site):
    async def broken(session: Session, body: Mapping[str, Any]) -> None:
        raise ZeroDivisionError

    site.hub.handle("broken", broken)
    with site.tab() as tab:
        told = events(tab)
        next(told)
        tab.send(json.dumps({"do": "broken", "id": 1}))
        assert next(told)["refused"] == 1
        tab.send(json.dumps({"do": "alive", "id": 2}))
        assert next(told) == {"answer": 2, "value": None}
