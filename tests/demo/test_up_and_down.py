"""The demo as a whole: it goes up, says what is in the way, and stops exactly what it started."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator

import pytest

from tests.demo.here import Here, demo_here
from tests.support import wait_for

pytestmark = pytest.mark.e2e


@pytest.fixture
def here() -> Iterator[Here]:
    with demo_here() as here:
        yield here


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
    assert stopped.stdout == "stopped branch, carrier, online, premises\n"
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


@pytest.mark.parametrize("part", ["2.1", "9.1"], ids=["online", "carrier"])
def test_a_port_that_is_taken_is_told_in_one_line_and_nothing_is_started(here: Here, part: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind((f"{here.network}.{part}", 5060))
        refused = here.run("demo", "up")
    assert refused.returncode == 1
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("error:")]
    assert f"(process {os.getpid()})" in line
    assert f"5060/udp on {here.network}.{part}" in line
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
