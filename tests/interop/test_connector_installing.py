"""`sh FILE` as on a bare machine: in a mount namespace with an /opt and an /etc of its own."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.interop.conftest import Sites
from tests.interop.connectors import Appliance
from tests.support import Processes, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

# What systemd would do is done by hand: there is none in a container. The code comes by a pipe.
_MACHINE = """
set -eu
cp -a /etc "$1/etc" && mount --bind "$1/etc" /etc
mkdir "$1/opt" && mount --bind "$1/opt" /opt
sh "$2" --address "$3" --internal-address "$4"
cd /
exec setpriv --reuid isthmus --regid isthmus --init-groups -- /opt/isthmus/launch /etc/isthmus/connector
"""


def can_be_a_machine() -> bool:
    """Whether this user may make a mount namespace."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    words = ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_one_file_and_a_code_make_a_connector(two_sites: Sites, tmp_path_factory: pytest.TempPathFactory):
    if not can_be_a_machine():
        pytest.skip("a mount namespace takes root, and a kernel that lets it")
    two_sites.create("tenant-of-the-bare", "online")
    two_sites.wait_until_known(["tenant-of-the-bare"])
    folder = tmp_path_factory.mktemp("m")
    processes = Processes(folder)
    made = Appliance(two_sites, processes, folder / "bare", place="bare").pack()
    machine = folder / "machine"
    machine.mkdir()
    script = "/bin/sh", "-c", _MACHINE, "machine", str(machine), str(made.package), made.address, made.inner
    try:
        running = processes.start(["unshare", "--mount", "--propagation", "private", *script], name="machine")
        running.write(made.code)

        def is_there() -> bool:
            assert running.running, running.tail()
            return bool(made.shown()["state"] == "healthy")

        try:
            wait_for(is_there, 1000, "it is installed, enrolled and well")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{running.tail()}") from error
        opt = machine / "opt" / "isthmus"
        assert opt.stat().st_uid != 0
        assert (opt / "current" / ".venv" / "bin" / "isthmus").exists()
        assert made.code not in running.log.read_text()
    finally:
        processes.close()
        shutil.rmtree(machine, ignore_errors=True)
