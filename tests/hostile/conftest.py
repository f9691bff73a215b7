"""The sites under attack, and what must hold after every attack: no engine died or was started anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.sites import EdgeSites, launch
from tests.support import Loopback, Processes


@pytest.fixture(scope="session")
def edge_sites(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[EdgeSites]:
    """The engines of two sites, running; one pair a worker."""
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    try:
        yield launch(folder, loopback, processes)
    finally:
        processes.close()


@pytest.fixture(autouse=True)
def engines_survive(request: pytest.FixtureRequest) -> Iterator[None]:
    """The very same processes run after each test as before it; who registered in it is forgotten."""
    if "edge_sites" not in request.fixturenames:
        yield
        return
    sites: EdgeSites = request.getfixturevalue("edge_sites")
    before = sites.pids()
    yield
    sites.forget_bindings()
    missing = {name for name, _, _ in before - sites.pids()}
    assert not missing, f"died: {missing}\n" + "\n".join(p.tail(15) for p in sites.processes.started)
