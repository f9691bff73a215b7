"""A site with two tenants, and people who call its API over the web port."""

from __future__ import annotations

import atexit
import base64
import functools
import itertools
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from isthmus.access.model import Scope
from isthmus.addressing import Aor
from isthmus.api import web_app
from isthmus.api.gate import operator
from isthmus.directory.model import Credentials, NewPerson
from isthmus.identity import totp
from isthmus.site.federating import build_federation
from isthmus.site.file import load
from isthmus.site.providing import build_provider
from isthmus.site.services import Services, build, identity_of
from tests.cli.conftest import write_site

BASE = "https://premises.contoso.example:8443"
PASSWORD = "a heron on the jetty at noon"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
OPERATOR = operator("test")


@dataclass
class Site:
    """The services of a site, and its web app."""

    services: Services
    app: Any

    def person(self, address: str, number: str | None = None, groups: tuple[str, ...] = ()) -> None:
        aor = Aor.parse(address)
        new = NewPerson(aor, aor.user, "premises", Credentials.of(aor, "x"), number, groups=groups)
        self.services.directory.create(new, actor="test")

    def account(self, name: str, *roles: str | tuple[str, Scope], **more: Any) -> str:
        """An account that holds the roles; its name."""
        given = [(role, Scope()) if isinstance(role, str) else role for role in roles]
        person = more.pop("person", None)
        self.services.identity.accounts.create(
            OPERATOR, name, password=PASSWORD, roles=given, person=Aor.parse(person) if person else None, **more
        )
        return name

    def browser(self, agent: str = "test browser", address: str = "192.0.2.1") -> Browser:
        return Browser(TestClient(self.app, base_url=BASE, raise_server_exceptions=False), agent, address, self.now)

    def now(self) -> float:
        """What the accounts take for the time, in Unix seconds."""
        return self.services.identity.ledger.clock()

    def by_token(self, name: str, permissions: Sequence[str] | None = None) -> TestClient:
        """A program that shows a token of the account; with all it may do unless permissions are given."""
        own = self.services.identity.own
        if permissions is None:
            principal = self.services.identity.accounts.principal(OPERATOR, name)
            permissions = sorted({each for grant in principal.grants for each in grant.role.permissions})
        _, secret = own.create_token(OPERATOR, "test", permissions, 3600, name)
        client = TestClient(self.app, base_url=BASE, raise_server_exceptions=False)
        client.headers["Authorization"] = f"Bearer {secret}"
        return client


class Browser:
    """Keeps cookies and sends the CSRF token, as our pages do. clock: of its authenticator app, in Unix seconds."""

    def __init__(self, client: TestClient, agent: str, address: str, clock: Callable[[], float]) -> None:
        self.client = client
        self.client.headers.update({"User-Agent": agent, "X-Forwarded-For": address})
        self.secret = ""
        self.codes: list[str] = []
        self._step, self._clock = 0, clock

    def sign_in(self, name: str, password: str = PASSWORD) -> Any:
        return self._kept(self.client.post("/v1/session", json={"name": name, "password": password}))

    def enrol(self) -> Browser:
        """Register an authenticator app."""
        self.secret = self.post("/v1/session/totp").json()["secret"]
        done = self.post("/v1/session/totp/confirm", json={"code": self.code()})
        assert done.status_code == 200, done.text
        self.codes = done.json()["new_recovery_codes"]
        return self

    def code(self) -> str:
        """A code that was not used yet: of the step after the last one."""
        secret = base64.b32decode(self.secret + "=" * (-len(self.secret) % 8))
        self._step = max(self._step + 1, int(self._clock()) // totp.STEP_S - 1)
        return totp.code(secret, self._step)

    def prove(self) -> Any:
        return self.post("/v1/session/second-factor", json={"code": self.code()})

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, **more)

    def post(self, path: str, **more: Any) -> Any:
        return self._kept(self.client.post(path, **more))

    def patch(self, path: str, **more: Any) -> Any:
        return self.client.patch(path, **more)

    def delete(self, path: str, **more: Any) -> Any:
        return self.client.delete(path, **more)

    def _kept(self, answer: Any) -> Any:
        if answer.is_success and "csrf" in answer.text:
            self.client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return answer


@functools.cache
def _template() -> Path:
    """A site's folder with a database that is up to date: making one anew takes most of a second."""
    folder = Path(tempfile.mkdtemp(prefix="isthmus-site-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    build(write_site(folder / "premises")).close()
    return folder / "premises"


def open_site(folder: Path, more: str = "") -> Services:
    """more: what the site file says besides."""
    shutil.copytree(_template(), folder / "premises")
    with (folder / "premises" / "site.toml").open("a") as file:
        file.write(more)
    site_file = load(folder / "premises" / "site.toml")
    made = build(site_file)
    directory = made.directory
    directory.create_tenant("fabrikam", actor="test")
    directory.add_domain("fabrikam.example", "fabrikam", actor="test")
    identity = identity_of(site_file, made.engine, CHEAP, activity=made.activity)
    # It moves by a millisecond with each look: a code that counts when it is made is not too old before it arrives.
    looks, begun = itertools.count(), time.time() // totp.STEP_S * totp.STEP_S
    identity.ledger.clock = lambda: begun + next(looks) / 1000
    return replace(
        made,
        identity=identity,
        federation=build_federation(site_file, identity),
        provider=build_provider(site_file, identity, made.admission),
    )


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Tenants main (contoso.example) and fabrikam (fabrikam.example)."""
    services = open_site(tmp_path)
    yield Site(services, web_app(services))
    services.close()
