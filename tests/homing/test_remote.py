"""A peer in a move answers over the link as this site does in person."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from isthmus.addressing import Aor
from isthmus.api import errors
from isthmus.errors import IsthmusError, RefusedError, UnavailableError, UsageError
from isthmus.homing.api import link_router
from isthmus.homing.participants import Registry
from isthmus.homing.remote import RemoteSite
from isthmus.homing.sites import LocalSite, MoveSite
from isthmus.link.client import PeerClient
from isthmus.link.peer import PeerLink
from isthmus.registration.memory import MemoryRegistrar
from isthmus.registration.model import Binding
from isthmus.registration.service import RegistrationParticipant
from tests.support import wait_for

BOB = Aor.parse("bob@contoso.example")
PART = "registration"


class Silent(RegistrationParticipant):
    """A participant whose engine is away."""

    name = "silent"

    def export(self, people: object) -> dict[Aor, object]:
        raise UnavailableError("Kamailio does not answer")


@pytest.fixture
def registrar() -> MemoryRegistrar:
    return MemoryRegistrar(lambda: 0.0)


@pytest.fixture
def registry(registrar: MemoryRegistrar) -> Registry:
    def part(kind: type[RegistrationParticipant]) -> RegistrationParticipant:
        return kind(registrar, "online.contoso.example:5062", lambda: 0.0, lambda _: registrar.store())

    return Registry([part(RegistrationParticipant), part(Silent)])


@pytest.fixture
def socket_path(tmp_path: Path, registry: Registry) -> Iterator[Path]:
    app = FastAPI()
    errors.add_handlers(app)

    @app.middleware("http")
    async def as_haproxy_does(request: Request, call_next: object) -> Response:
        name = request.headers.get("x-test-as", "premises")
        request.scope["headers"] = [*request.scope["headers"], (b"x-isthmus-peer", name.encode())]
        return await call_next(request)  # type: ignore[operator]

    app.include_router(link_router(registry, "premises"))
    server = uvicorn.Server(uvicorn.Config(app, uds=str(tmp_path / "link.sock"), log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    yield tmp_path / "link.sock"
    server.should_exit = True
    thread.join()


@pytest.fixture(params=["here", "over the link"])
def site(request: pytest.FixtureRequest, registry: Registry, socket_path: Path) -> MoveSite:
    if request.param == "here":
        return LocalSite("online", "online", registry, lambda: 7)
    client = PeerClient("online", socket_path)
    return RemoteSite(client, PeerLink(client, None))


def binding(cseq: int = 1) -> Binding:
    # A user agent as a phone may send it: a byte that is no UTF-8 arrives as a lone surrogate.
    return Binding(
        "sip:bob@10.0.0.1:5060", "call", cseq, 600, user_agent="B\xfcro \udcff", instance="<urn:x>", reg_id=1
    )


def test_all_of_a_move(site: MoveSite, registrar: MemoryRegistrar) -> None:
    assert site.check(PART, [BOB], "premises") == {}
    data = {BOB: [binding().to_json()]}
    assert site.import_(PART, data, None) == {BOB: None}
    assert registrar.bindings(BOB)[0].user_agent == "B\xfcro \udcff"
    assert site.verify(PART, data) == {BOB: None}
    exported = site.export(PART, [BOB])[BOB]
    assert exported[0]["user_agent"] == "B\xfcro \udcff"
    assert site.import_(PART, {BOB: [binding(2).to_json()]}, data) == {BOB: None}
    assert registrar.bindings(BOB)[0].cseq == 2
    assert site.clean_up(PART, data) == {BOB: "a phone registered here meanwhile"}
    assert site.clean_up(PART, {BOB: site.export(PART, [BOB])[BOB]}) == {BOB: None}
    assert registrar.bindings(BOB) == []
    site.undo(PART, [BOB])


def test_what_goes_wrong_there_is_told_here(site: MoveSite) -> None:
    with pytest.raises(UnavailableError, match="Kamailio does not answer"):
        site.export("silent", [BOB])
    with pytest.raises(IsthmusError, match="no part called 'voicemail'"):
        site.export("voicemail", [BOB])


@pytest.mark.parametrize("body", [[], {}, {"people": ["no address"]}])
def test_nonsense_is_refused(socket_path: Path, body: object) -> None:
    with pytest.raises(UsageError):
        PeerClient("online", socket_path).post(f"/link/moves/{PART}/export", body)


def test_only_the_authority_moves_people(socket_path: Path) -> None:
    client = PeerClient("online", socket_path)
    client._http.headers["x-test-as"] = "branch"
    with pytest.raises(RefusedError, match="only the authority"):
        client.post(f"/link/moves/{PART}/undo", {"people": [str(BOB)]})
