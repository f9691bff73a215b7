"""How much memory Kamailio may take, by the machine it is on."""

from __future__ import annotations

import pytest

from isthmus.engines.kamailio import memory


@pytest.mark.parametrize(
    ("machine_gb", "shared_mb", "own_mb"),
    [(0.5, 512, 640), (1, 512, 640), (2, 1024, 1280), (4, 2048, 1280), (24, 4096, 1280), (512, 4096, 1280)],
)
def test_half_of_the_machine_is_shared_within_bounds(machine_gb: float, shared_mb: int, own_mb: int):
    assert memory(int(machine_gb * 2**30)) == ["-x", "fm", "-m", str(shared_mb), "-M", str(own_mb)]
