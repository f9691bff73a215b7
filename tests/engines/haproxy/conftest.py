"""A running edge for the tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.haproxy.edge import Edge, new_edge
from tests.support import Loopback, Processes


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short name: a socket's path has 97 bytes."""
    return tmp_path_factory.mktemp("e")


@pytest.fixture
def edge(folder: Path, loopback: Loopback, processes: Processes) -> Iterator[Edge]:
    """haproxy of a site `premises`, peer `online`."""
    running = new_edge(folder, loopback, processes)
    yield running
    running.close()
