"""A directory with policies and licences on either database."""

from __future__ import annotations

import pytest

from isthmus.directory.service import Directory
from isthmus.policy.following import follow
from isthmus.policy.licensing import Licences
from isthmus.policy.service import Policies
from tests.directory.conftest import HOMES, authority, database_url, engine, other_site, postgresql

__all__ = ["database_url", "engine", "other_site", "postgresql"]


@pytest.fixture
def directory(engine) -> Directory:
    made = authority(engine)
    made.join(follow)
    return made


@pytest.fixture
def policies(directory: Directory) -> Policies:
    return Policies(directory, HOMES)


@pytest.fixture
def licences(directory: Directory) -> Licences:
    return Licences(directory)
