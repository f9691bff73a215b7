"""IPv6: a whole site on ::1, in a network namespace of its own since there is only one such address."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ALONE = ["unshare", "--net", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def may_unshare() -> bool:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    return subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.e2e
@pytest.mark.timeout(300)
@pytest.mark.skipif(not may_unshare(), reason="a network namespace needs root")
def test_phones_on_ipv6_call_one_another_over_every_transport(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("v6")
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [*ALONE, sys.executable, "-m", "tests.interop.ipv6_site", str(folder)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    logs = "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in folder.glob("*.log"))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{logs}"
    assert done.stdout.count("heard both ways") == 4
