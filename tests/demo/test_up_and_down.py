"""The demo as a whole: it goes up, says what is in the way, and stops exactly what it started."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.network import free_network
from tests.support import wait_for

ISTHMUS = Path(sysconfig.get_path("scripts")) / "isthmus"

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("demo")]


class Here:
    """A demo of the test's own: its folder and its addresses."""

    def __init__(self, folder: Path, network: str) -> None:
        self.folder, self.network = folder, network
        self._environment = {**os.environ, "ISTHMUS_DEMO": str(folder), "ISTHMUS_DEMO_NETWORK": network}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ISTHMUS, *arguments], env=self._environment, capture_output=True, text=True, check=False, timeout=150
        )

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [ISTHMUS, "demo", "up"], env=self._environment, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def states(self) -> dict[str, str]:
        return {part["name"]: part["state"] for part in json.loads(self.run("demo", "status", "--json").stdout)}

    @property
    def ready(self) -> bool:
        return set(self.states().values()) == {"ready"}

    def processes(self) -> list[int]:
        """Every process that has this demo's folder on its command line or works in it."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if str(self.folder).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found


@pytest.fixture
def here() -> Iterator[Here]:
    with free_network() as network, tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
        demo = Here(Path(folder), network)
        try:
            yield demo
        finally:
            demo.run("demo", "down")


def test_ctrl_c_stops_all_and_a_second_start_is_the_same_demo(here: Here) -> None:
    with here.start() as front:
        wait_for(lambda: here.ready, 90, "a demo that is ready")
        assert here.run("demo", "up").returncode == 1, "it is up already"
        front.send_signal(signal.SIGINT)
        assert front.wait(40) == 0
    assert here.processes() == []
    assert set(here.states().values()) == {"down"}
    assert here.run("demo", "up", "--detach").returncode == 0
    assert here.ready


def test_what_outlived_a_killed_front_can_be_stopped(here: Here) -> None:
    with here.start() as front:
        wait_for(lambda: here.ready, 90, "a demo that is ready")
        front.kill()
        front.wait(10)
    assert here.ready, "the sites go on without it"
    stopped = here.run("demo", "down")
    assert stopped.stdout == "stopped carrier, online, premises\n"
    assert here.processes() == []


def test_a_part_that_ends_ends_the_demo_with_its_name(here: Here) -> None:
    with here.start() as front:
        wait_for(lambda: here.ready, 90, "a demo that is ready")
        (carrier,) = [
            part for part in json.loads(here.run("demo", "status", "--json").stdout) if part["name"] == "carrier"
        ]
        os.kill(carrier["pid"], signal.SIGKILL)
        assert front.wait(40) == 1
        assert front.stderr is not None
        assert "carrier has ended" in front.stderr.read()
    assert here.processes() == []


def test_a_port_that_is_taken_is_told_in_one_line_and_nothing_is_started(here: Here) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind((f"{here.network}.2.1", 5060))
        refused = here.run("demo", "up")
    assert refused.returncode == 1
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("error:")]
    assert f"(process {os.getpid()})" in line
    assert f"5060/udp on {here.network}.2.1" in line
    assert here.processes() == []


def test_a_broken_site_file_is_told_in_one_line(here: Here) -> None:
    assert here.run("demo", "status").returncode == 1  # nothing there yet, and nothing is made by asking
    path = here.folder / "premises" / "site.toml"
    path.parent.mkdir()
    path.write_text("[site\n")
    refused = here.run("demo", "up")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert str(path) in refused.stderr
