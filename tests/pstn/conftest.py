"""A directory with voice routes on either database."""

from __future__ import annotations

import pytest

from isthmus.directory.service import Directory
from isthmus.pstn.service import VoiceRoutes
from tests.directory.conftest import authority, database_url, engine, other_site, postgresql

__all__ = ["database_url", "engine", "other_site", "postgresql"]


@pytest.fixture
def directory(engine) -> Directory:
    return authority(engine)


@pytest.fixture
def routes(directory: Directory) -> VoiceRoutes:
    return VoiceRoutes(directory, ("carrier", "gw1"), ("online",))
