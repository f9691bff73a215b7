"""What an identity provider's requests cost (SCIM), beside what an administrator's of the same kind do."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from bench.model import Aim, Figure, Scale
from isthmus.access.model import Scope
from isthmus.api import web_app
from isthmus.api.gate import Limits, operator
from isthmus.site.file import load
from isthmus.site.services import Services, build

_SITE = """
[site]
name = "premises"
role = "premises"
fqdn = "premises.contoso.example"
domains = ["contoso.example"]
address = "127.0.0.1"
authority = true
"""
_WITHOUT_LIMITS = Limits((1e6, 10**6), (1e6, 10**6), (1e6, 10**6))
_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_LEAST_OF_API = 0.4  # a push is an administrator's request, and remembers besides what was pushed
_AGAINST = "an administrator's request"


def measure(scale: Scale) -> list[Figure]:
    """Requests a second, one after another, on one connection to the control service, among people already pushed."""
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
        services = _services(Path(folder))
        try:
            with _served(web_app(services, _WITHOUT_LIMITS)) as base:
                bench = _Bench(services, base)
                bench.fill(scale.writes * 50)
                asked = [(bench.probe(scale.writes * 5), bench.look(scale.writes * 5)) for _ in range(scale.rounds)]
                pushed = [(bench.push(scale.writes * 2), bench.create(scale.writes * 2)) for _ in range(scale.rounds)]
                changed = [(bench.patch(scale.writes * 2), bench.set(scale.writes * 2)) for _ in range(scale.rounds)]
                bench.close()
        finally:
            services.close()
    aim = Aim("ratio", _LEAST_OF_API, least=True)
    return [
        Figure.of("scim.probe", "SCIM: ask for one person by user name", "/s", asked, f"{_AGAINST} to look", aim),
        Figure.of("scim.push", "SCIM: push a new person", "/s", pushed, f"{_AGAINST} to create", aim),
        Figure.of("scim.patch", "SCIM: change a person by PATCH", "/s", changed, f"{_AGAINST} to change", aim),
    ]


def _services(folder: Path) -> Services:
    (folder / "site.toml").write_text(_SITE)
    site_file = load(folder / "site.toml")
    site_file.state_dir.mkdir(mode=0o700)
    return build(site_file)


@contextmanager
def _served(app: Any) -> Iterator[str]:
    """The app on a loopback port, with its address."""
    # Named as TCP, or asyncio leaves Nagle's algorithm on, and every answer waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


class _Bench:
    """An identity provider and an administrator."""

    def __init__(self, services: Services, base: str) -> None:
        self._services, self._next = services, 0
        by = operator("bench")
        _, secret = services.scim.create_token(by, "main", "bench", 3600)
        self._provider = httpx.Client(base_url=f"{base}/scim/v2", headers={"Authorization": f"Bearer {secret}"})
        services.identity.accounts.create(by, "anna", roles=[("global", Scope())])
        permissions = ["person.create", "person.read", "person.set", "number.assign"]
        _, own = services.identity.own.create_token(by, "bench", permissions, 3600, "anna")
        self._anna = httpx.Client(base_url=f"{base}/v1", headers={"Authorization": f"Bearer {own}"})
        self._ids: list[str] = []

    def close(self) -> None:
        """End the connections."""
        self._provider.close()
        self._anna.close()

    def fill(self, count: int) -> None:
        """So many people who were pushed already."""
        for _ in range(count):
            self._push()

    def probe(self, count: int) -> float:
        return _rate(count, lambda n: self._provider.get("/Users", params={"filter": f'userName eq "{self._user(n)}"'}))

    def look(self, count: int) -> float:
        return _rate(count, lambda n: self._anna.get(f"/people/{self._user(n)}"))

    def push(self, count: int) -> float:
        return _rate(count, lambda _: self._push())

    def create(self, count: int) -> float:
        return _rate(count, lambda _: self._create())

    def patch(self, count: int) -> float:
        return _rate(count, self._patch)

    def set(self, count: int) -> float:
        return _rate(count, lambda n: self._anna.patch(f"/people/{self._user(n)}", json={"display_name": _name()}))

    def _user(self, number: int) -> str:
        return f"p{number % len(self._ids)}@contoso.example"

    def _push(self) -> httpx.Response:
        number = len(self._ids)
        phone = {"type": "work", "value": f"+1425{number:07}"}
        body = {"schemas": [_USER], "userName": f"p{number}@contoso.example", "phoneNumbers": [phone], "active": True}
        made = self._provider.post("/Users", json=body)
        self._ids.append(made.json()["id"])
        return made

    def _create(self) -> httpx.Response:
        self._next += 1
        body = {"aor": f"c{self._next}@contoso.example", "home": "premises", "number": f"+1206{self._next:07}"}
        return self._anna.post("/people", json=body)

    def _patch(self, number: int) -> httpx.Response:
        change = {"op": "replace", "path": "displayName", "value": _name()}
        path = f"/Users/{self._ids[number % len(self._ids)]}"
        return self._provider.patch(path, json={"schemas": [_PATCH], "Operations": [change]})


def _name() -> str:
    return f"Name {time.monotonic_ns()}"


def _rate(count: int, ask: Callable[[int], httpx.Response]) -> float:
    """Requests a second. Raises where one is refused: refusals are quick."""
    began = time.perf_counter()
    for number in range(count):
        ask(number).raise_for_status()
    return count / (time.perf_counter() - began)
