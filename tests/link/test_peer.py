"""The feed from the authority to a peer over real HTTP: at once, in order, and by itself after an outage."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from isthmus.addressing import Aor
from isthmus.api import errors
from isthmus.database import open_database
from isthmus.directory.model import Credentials, NewPerson
from isthmus.directory.service import Directory
from isthmus.errors import RefusedError
from isthmus.link.api import link_router
from isthmus.link.client import LinkDownError, PeerClient
from isthmus.link.peer import PeerLink
from tests.databases import migrated_sqlite
from tests.support import wait_for

DOMAIN = "contoso.example"


class Peer:
    """The online site's link API on a unix socket, which can be taken away."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "link.sock"
        self.directory = directory(folder / "online.db", "online", "premises")
        self.compiled = 0
        self.name = "premises"
        self._server: uvicorn.Server | None = None

    def catch_up(self) -> int:
        self.compiled = self.directory.last_seq()
        return self.compiled

    def start(self) -> None:
        app = FastAPI()
        errors.add_handlers(app)

        @app.middleware("http")
        async def as_haproxy_does(request: Request, call_next: object) -> Response:
            headers = [pair for pair in request.scope["headers"] if pair[0] != b"x-isthmus-peer"]
            request.scope["headers"] = [*headers, (b"x-isthmus-peer", self.name.encode())]
            return await call_next(request)  # type: ignore[operator]

        app.include_router(link_router("online", "online", ["premises"], self.directory, self.catch_up))
        self._server = uvicorn.Server(uvicorn.Config(app, uds=str(self.socket), log_config=None))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_for(lambda: self._server is not None and self._server.started)

    def stop(self) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join()
        self.socket.unlink(missing_ok=True)


def directory(path: Path, site: str, authority: str) -> Directory:
    url = migrated_sqlite(path)
    return Directory(open_database(url), site=site, authority=authority, homes=("premises", "online"))


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    made = Peer(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Directory:
    made = directory(tmp_path / "premises.db", "premises", "premises")
    made.create_tenant("main", actor="test")
    made.add_domain(DOMAIN, "main", actor="test")
    return made


@pytest.fixture
def link(peer: Peer, authority: Directory) -> Iterator[PeerLink]:
    made = PeerLink(PeerClient("online", peer.socket), authority, hello_every_s=0.1)
    made.start()
    yield made
    made.stop()


def add(authority: Directory, user: str) -> int:
    aor = Aor(user, DOMAIN)
    authority.create(NewPerson(aor, user, "premises", Credentials.of(aor, "secret")), actor="test")
    return authority.last_seq()


def test_what_is_flushed_is_what_calls_at_the_peer_see(link: PeerLink, peer: Peer, authority: Directory) -> None:
    seq = add(authority, "alice")
    link.flush(seq)
    assert peer.directory.get(Aor("alice", DOMAIN)).home == "premises"
    assert peer.compiled == peer.directory.last_seq()
    assert (link.health().acknowledged, link.health().pending) == (seq, 0)


def test_a_commit_is_sent_at_once(link: PeerLink, peer: Peer, authority: Directory) -> None:
    wait_for(lambda: link.health().up)
    link.notify(add(authority, "bob"))
    wait_for(lambda: peer.directory.get_many([Aor("bob", DOMAIN)]))


def test_pages_are_sent_until_all_is_there(
    link: PeerLink, peer: Peer, authority: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isthmus.link.peer._PAGE", 3)
    for number in range(10):
        seq = add(authority, f"user{number}")
    link.flush(seq)
    assert peer.directory.count() == 10


def test_an_outage_is_two_lines_and_is_caught_up_by_itself(
    link: PeerLink, peer: Peer, authority: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="isthmus.link.peer")
    wait_for(lambda: link.health().up)
    caplog.clear()
    peer.stop()
    seq = add(authority, "carol")
    with pytest.raises(LinkDownError, match="link to online is down"):
        link.flush(seq, 1.0)
    assert "link to online is down" in link.down()
    assert link.health().pending > 0
    wait_for(lambda: link._failures >= 3)
    peer.start()
    wait_for(lambda: peer.directory.get_many([Aor("carol", DOMAIN)]))
    wait_for(lambda: link.health().up)
    assert link.health().pending == 0
    said = [record.getMessage().split(" (")[0] for record in caplog.records if record.name == "isthmus.link.peer"]
    assert said == ["link to online: down", "link to online: up"]


def test_a_page_that_was_lost_after_it_arrived_does_no_harm(link: PeerLink, peer: Peer, authority: Directory) -> None:
    seq = add(authority, "dave")
    link.flush(seq)
    link._went_down("as if the answer had been lost")
    link.flush(add(authority, "erin"))
    assert peer.directory.count() == 2


def test_the_role_is_known_after_the_hello(link: PeerLink) -> None:
    wait_for(lambda: link.role == "online")
    assert link.down() == ""


def test_another_site_is_refused(peer: Peer) -> None:
    peer.name = "stranger"
    with pytest.raises(RefusedError, match="no such peer"):
        PeerClient("online", peer.socket).get("/link/position")


def test_no_socket_is_a_link_that_is_down(tmp_path: Path) -> None:
    with pytest.raises(LinkDownError):
        PeerClient("online", tmp_path / "nothing").get("/link/hello")
