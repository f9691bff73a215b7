"""Whole sites that these tests may break: a pair of their own for each file, and a way to cut the link."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.link import Cut, can_drop_packets
from tests.interop.conftest import HOMES, Sites, lay_out
from tests.support import Loopback, Processes


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Sites]:
    """Both sites and the carrier, running, for one file of tests."""
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    pair = Sites(lay_out(folder / "d", loopback), processes, loopback)
    try:
        pair.start_carrier()
        for name in HOMES:
            pair.start(name)
        yield pair
    finally:
        processes.close()


@pytest.fixture
def cut(sites: Sites) -> Iterator[Cut]:
    """Cuts the link between the two sites, and mends it at the end."""
    if not can_drop_packets():
        pytest.skip("dropping packets takes root and nft")
    with Cut(sites.address("premises"), sites.address("online")) as link:
        yield link
