"""The accounts of a site on either database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine

from isthmus.access.model import Principal, Scope
from isthmus.addressing import Aor
from isthmus.api.gate import operator
from isthmus.database import open_database
from isthmus.directory.model import Credentials, NewPerson
from isthmus.directory.service import Directory
from isthmus.identity.breached import Breaches
from isthmus.identity.build import Identity, build_identity
from isthmus.identity.model import Settings
from tests.api.callers import CHEAP, PASSWORD
from tests.databases import database_url, postgresql

__all__ = ["database_url", "postgresql"]

OPERATOR = operator("cli:root")


@dataclass
class House:
    """A directory with tenants main and fabrikam, and the accounts beside it."""

    engine: Engine
    directory: Directory
    identity: Identity

    def person(self, address: str, home: str = "premises", groups: tuple[str, ...] = ()) -> None:
        aor = Aor.parse(address)
        new = NewPerson(aor, aor.user, home, Credentials.of(aor, "x"), groups=groups)
        self.directory.create(new, actor="test")

    def account(self, name: str, *roles: str | tuple[str, Scope], person: str | None = None, **more: object) -> None:
        given = [(role, Scope()) if isinstance(role, str) else role for role in roles]
        whose = Aor.parse(person) if person else None
        self.identity.accounts.create(OPERATOR, name, password=PASSWORD, roles=given, person=whose, **more)

    def acting(self, name: str) -> Principal:
        """The account, signed in with its second factor just now."""
        return self.identity.accounts.principal(OPERATOR, name)


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    engine = open_database(database_url)
    directory = Directory(engine, site="premises", homes=("premises", "online"))
    for tenant, domain in (("main", "contoso.example"), ("fabrikam", "fabrikam.example")):
        directory.create_tenant(tenant, actor="test")
        directory.add_domain(domain, tenant, actor="test")
    identity = build_identity(
        engine,
        key_file=tmp_path / "identity.key",
        tenant="main",
        fqdn="premises.contoso.example",
        port=8443,
        settings=Settings(breached=Breaches().told),
        hasher=CHEAP,
    )
    yield House(engine, directory, identity)
    engine.dispose()
