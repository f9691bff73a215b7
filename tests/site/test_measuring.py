"""A machine is measured by real calls. It may be busy with other tests: what is done is looked at, not the outcome."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from isthmus.connectors.capacity import FIRST, MOST_LOSS, Level
from isthmus.errors import UnavailableError
from isthmus.site.file import MediaSection
from isthmus.site.measuring import Addresses, measure
from tests.support import Loopback

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with a short name: sockets are made in it."""
    return tmp_path_factory.mktemp("k")


def test_calls_are_made_and_their_packets_counted(loopback: Loopback, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    at = Addresses(loopback(), loopback(), loopback(), loopback(), loopback())
    levels: list[Level] = []
    media = MediaSection(rtp_low=30000, rtp_high=30047)  # twelve calls
    try:
        found = measure(media, 10, levels.append, at)
    except UnavailableError:
        assert levels, "no level was measured"
        assert min(each.loss for each in levels) > MOST_LOSS  # other tests kept the machine so busy
    else:
        assert 0 <= found.calls <= 12
        assert FIRST <= found.seen <= 12
        assert found.cpu_percent > 0
    assert levels[0].calls == FIRST
    assert levels[0].cores > 0
    assert levels[0].loss < 1
    assert not list(folder.iterdir())
