"""Our storage keeps the contract that scim2-server publishes for storages, on both databases."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from scim2_models import ScimProvider
from scim2_server.testing import ScimStorageContract
from sqlalchemy import Engine

from isthmus.database import migrate, open_database
from isthmus.directory.service import Directory
from isthmus.homing import store as moves
from isthmus.scim.describe import PROVIDER
from isthmus.scim.model import source_of
from isthmus.scim.pushing import Effects
from isthmus.scim.source import ScimSource
from isthmus.scim.storage import TenantStorage
from isthmus.sync import mapping
from isthmus.sync.work import Configured, Work
from tests.databases import PostgreSQL, postgresql

__all__ = ["postgresql"]
_HOMES = frozenset({"premises", "online"})


@dataclass
class Shared:
    """One database for all tests: each has a tenant of its own, which sees nothing of the others."""

    engine: Engine
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def storage(self) -> TenantStorage:
        """That of a tenant that nothing was pushed to."""
        tenant = f"t{next(self.numbers)}"
        directory = Directory(self.engine, site="premises", homes=_HOMES)
        directory.create_tenant(tenant, actor="test")
        name, source = source_of(tenant), ScimSource(self.engine, tenant)
        pushed = Configured(name, "scim", source, mapping.parse("scim", {}), tenant, "premises", _HOMES)
        work = Work(self.engine, directory, {name: pushed}, moves.open_moves)
        return TenantStorage(self.engine, Effects(directory, work, "test"), tenant, writes=True)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.engine)])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    server: PostgreSQL | None = None
    url = f"sqlite:///{Path(tmp_path_factory.mktemp('contract')) / 'test.db'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        url = server.new_database()
    migrate(url)
    made = Shared(open_database(url))
    yield made
    made.engine.dispose()
    if server is not None:
        server.drop(url)


class TestTenantStorage(ScimStorageContract):
    @pytest.fixture
    def provider(self) -> ScimProvider:
        return PROVIDER

    @pytest.fixture
    def storage(self, shared: Shared) -> TenantStorage:
        return shared.storage()
