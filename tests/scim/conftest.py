"""A site for each test, or one for those that leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.callers import open_site
from tests.scim.world import World, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    services = open_site(tmp_path)
    # No workflow is started here: tests drive runs by themselves.
    services.sync._begin = lambda run, attempt: None
    yield open_world(services)
    services.close()
