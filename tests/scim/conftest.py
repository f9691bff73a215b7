"""One site for all tests of a file; each test has a tenant of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from isthmus.api import web_app
from isthmus.site.services import Services
from tests.api.callers import open_site
from tests.scim.world import WITHOUT_LIMITS, World

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Services, Any]]:
    """Services and web app."""
    services = open_site(tmp_path_factory.mktemp("scim"))
    # No workflow is started here: tests drive runs by themselves.
    services.sync._begin = lambda run, attempt: None
    services.scim._identity = services.identity  # whose passwords are hashed cheaply
    yield services, web_app(services, WITHOUT_LIMITS)
    services.close()


@pytest.fixture(scope="module")
def shared(site: tuple[Services, Any]) -> World:
    """For tests that don't mind what others of the file left there."""
    return World(*site, "shared", "shared.example", "+14255559999")


@pytest.fixture
def world(site: tuple[Services, Any]) -> World:
    number = next(_numbers)
    return World(*site, f"t{number}", f"t{number}.example", f"+1425555{number:04}")
