"""A directory with places, on either database."""

from __future__ import annotations

import pytest

from isthmus.activity.model import Alert
from isthmus.directory.service import Directory
from isthmus.emergency.build import Emergency
from isthmus.emergency.choosing import follow
from isthmus.emergency.lending import Lending
from isthmus.policy.following import follow as policies_follow
from isthmus.policy.service import Policies
from tests.devices.conftest import Clock, clock, rename
from tests.directory.conftest import (
    HOMES,
    aor,
    authority,
    database_url,
    engine,
    new,
    other_site,
    postgresql,
    shared_other_site,
)

__all__ = ["clock", "database_url", "engine", "other_site", "postgresql", "rename", "shared_other_site"]

ALICE = aor("alice")


@pytest.fixture
def directory(engine, clock: Clock) -> Directory:
    made = authority(engine, clock=clock)
    made.join(policies_follow)
    made.join(follow)
    made.create(new("alice", "+14255550101"), actor="test")
    made.create_tenant("fabrikam", actor="test")
    return made


@pytest.fixture
def policies(directory: Directory) -> Policies:
    return Policies(directory, HOMES)


@pytest.fixture
def told() -> list[tuple[str, Alert]]:
    """What was told: tenant and alert."""
    return []


@pytest.fixture
def emergency(directory: Directory, policies: Policies, told: list[tuple[str, Alert]]) -> Emergency:
    return Emergency.of(directory, policies, lambda tenant, alert: told.append((tenant, alert)))


@pytest.fixture
def lending(directory: Directory, clock: Clock) -> Lending:
    return Lending(directory, clock)
