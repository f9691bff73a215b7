"""The web phone when its network becomes another one in mid-call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from isthmus.pages.application import BUILT
from tests.interop.test_ipv6 import ALONE, may_unshare


@pytest.mark.e2e
@pytest.mark.timeout(600)
@pytest.mark.skipif(not may_unshare(), reason="a network namespace needs root")
@pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="the web application is not built here")
def test_a_call_goes_on_by_another_network(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("roam")
    done = subprocess.run(
        [*ALONE, sys.executable, "-m", "tests.interop.roaming", str(folder)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    logs = "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in folder.glob("*.log"))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{logs}"
    print(done.stdout)
    assert done.stdout.count("heard both ways") == 3
