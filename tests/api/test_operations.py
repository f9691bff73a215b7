"""Operations and their events, over a real connection: a client of the tests reads the whole answer at once."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
import uvicorn

from isthmus.addressing import Aor
from isthmus.api import web_app
from isthmus.api.gate import Limits
from tests.api.callers import Site, open_site

_LISTENERS = 60  # more than there are threads for handlers


@dataclass
class Served:
    """A site on a port of its own, and a move that waits there."""

    site: Site
    url: str
    tokens: dict[str, str]
    waiting: list[str]
    batch: str = ""

    def client(self, name: str = "anna") -> httpx.Client:
        if name not in self.tokens:
            self.tokens[name] = str(self.site.by_token(name).headers["Authorization"])
        limits = httpx.Limits(max_connections=_LISTENERS)
        headers = {"Authorization": self.tokens[name]}
        return httpx.Client(base_url=self.url, headers=headers, timeout=10, trust_env=False, limits=limits)

    def cancel(self) -> None:
        self.site.services.moving.moves.cancel(self.batch, actor="test")

    @property
    def path(self) -> str:
        return f"/v1/operations/{self.batch}"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    services = open_site(tmp_path_factory.mktemp("o"))
    site = Site(services, web_app(services, Limits((1e6, 10**6), (1e6, 10**6), (1e6, 10**6))))
    moves, waiting = services.moving.moves, []
    for number in range(3):  # paused before anything works on them: without another site they would end at once
        site.person(f"p{number}@contoso.example")
        batch = moves.start([Aor.parse(f"p{number}@contoso.example")], "online", actor="test")
        waiting.append(moves.pause(batch.id, actor="test").id)
    site.account("anna", "global")
    site.account("erin", "global", tenant="fabrikam")
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(site.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    services.background.start()
    thread.start()
    yield Served(site, f"http://127.0.0.1:{listener.getsockname()[1]}", {}, waiting)
    server.should_exit = True
    thread.join(10)
    services.background.stop()
    services.close()


@pytest.fixture
def served(port: Served) -> Served:
    """With a batch of the test's own."""
    return replace(port, batch=port.waiting.pop() if len(port.waiting) > 1 else port.waiting[0])


def events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """The events as they come in."""
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield {**fields, "data": json.loads(fields["data"])}
            fields = {}
        else:
            fields = {}


def test_progress_is_told_until_the_end(served: Served):
    with served.client() as client, client.stream("GET", f"{served.path}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        told = events(response)
        first = next(told)
        assert (first["event"], first["data"]["state"], first["data"]["total"]) == ("progress", "paused", 1)
        assert client.get(served.path).json() == first["data"]
        served.cancel()
        later = list(told)  # ends by itself
    assert (later[-1]["event"], later[-1]["data"]["finished"]) == ("end", True)
    assert later[-1]["data"]["result"] == f"/v1/moves/{served.batch}"


def test_a_listener_goes_on_where_it_was(served: Served):
    with served.client() as client:
        with client.stream("GET", f"{served.path}/events") as response:
            first = next(events(response))
        served.cancel()
        with client.stream("GET", f"{served.path}/events", headers={"Last-Event-ID": first["id"]}) as response:
            rest = list(events(response))
        assert first["id"] not in [each["id"] for each in rest]
        over = client.get(f"{served.path}/events", headers={"Last-Event-ID": rest[-1]["id"]})
        assert (over.status_code, over.content) == (204, b"")  # what tells a browser not to come again


def test_listeners_hold_no_threads_and_no_transactions(served: Served):
    for number in range(3):
        served.site.account(f"listener{number}", "global")
    kept = []  # a generator that is let go of closes the connection
    with ExitStack() as stack:
        clients = [stack.enter_context(served.client(f"listener{number}")) for number in range(3)]
        for client in clients * (_LISTENERS // 3):
            kept.append(events(stack.enter_context(client.stream("GET", f"{served.path}/events"))))
            assert next(kept[-1])["event"] == "progress"
        began = time.monotonic()
        with served.client() as client:
            assert client.get("/v1/people").status_code == 200
        assert time.monotonic() - began < 20
        with served.client("listener0") as client:
            refused = client.get(f"{served.path}/events")
        assert (refused.status_code, "retry-after" in refused.headers) == (429, True)


def test_what_is_none_of_ones_business_is_not_there(served: Served):
    with served.client("erin") as client:
        for path in (served.path, f"{served.path}/events", "/v1/operations/nonesuch", "/v1/operations/nonesuch/events"):
            assert client.get(path).status_code == 404


def test_starting_says_where_progress_is_told(served: Served):
    with served.client() as client:
        started = client.post("/v1/moves", json={"to": "online", "aors": ["p0@contoso.example"]})
        assert started.status_code == 200, started.text
        assert client.get(started.headers["location"]).json()["id"] == started.json()["id"]
