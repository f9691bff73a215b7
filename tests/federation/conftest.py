"""Sites whose people sign in by a provider outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from isthmus.api import web_app
from isthmus.database import writing
from isthmus.sync.tables import link
from tests.api.callers import Site, open_site


@pytest.fixture
def site_with(tmp_path: Path) -> Iterator[Callable[[str], Site]]:
    """`site_with(TOML)`: a site with these identity providers besides."""
    opened = []

    def open_one(more: str) -> Site:
        services = open_site(tmp_path, more)
        opened.append(services)
        return Site(services, web_app(services))

    yield open_one
    for each in opened:
        each.close()


def known_as(site: Site, address: str, entry: str, source: str = "people") -> None:
    """The person is kept by that object of the source, as a sync would have noted it."""
    with writing(site.services.engine) as connection:
        connection.execute(
            insert(link).values(
                source=source, id=entry, aor=address, stamp="", wanted="{}", conflicts="[]", conflicted=False
            )
        )
