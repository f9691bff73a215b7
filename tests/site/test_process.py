"""Whole families of processes are ended, and nobody else."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from isthmus.site import process
from tests.support import wait_for

# A main process with two workers that ignore SIGTERM, like those of an engine that hangs.
FAMILY = textwrap.dedent("""
    import os, signal, sys, time
    for _ in range(2):
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
    print("ready", flush=True)
    time.sleep(600)
""")


Start = Callable[[str], tuple[process.Family, "subprocess.Popen[bytes]"]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a program in a family of its own and waits until it says so; ends what the test leaves."""
    read, write = os.pipe()
    families = []

    def begin(code: str) -> tuple[process.Family, "subprocess.Popen[bytes]"]:
        family, popen = process.start("test", [sys.executable, "-c", code], write)
        families.append((family, popen))
        assert os.read(read, 100).startswith(b"ready")
        return family, popen

    yield begin
    for family, popen in families:
        process.end(family, patience_s=0)
        popen.wait(5)
    os.close(read)
    os.close(write)


def test_workers_are_ended_with_their_main_process(start: Start):
    family, popen = start(FAMILY)
    assert len(process.members(family)) == 3
    process.end(family, patience_s=0.3)
    assert process.members(family) == set()
    popen.wait(5)


def test_workers_that_outlive_their_killed_main_process_are_found_and_ended(start: Start):
    family, popen = start(FAMILY)
    os.kill(family.pid, signal.SIGKILL)
    popen.wait(5)
    assert len(process.members(family)) == 2
    process.end(family, patience_s=0)
    assert process.members(family) == set()


def test_a_number_that_is_used_again_is_left_alone(start: Start):
    family, popen = start(FAMILY)
    stranger = replace(family, start_ticks=family.start_ticks - 1, mark="0" * 32)
    assert process.members(stranger) == set()
    process.end(stranger, patience_s=0.1)
    assert popen.poll() is None


def test_one_that_ends_when_asked_is_given_the_time(start: Start):
    code = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
    family, popen = start(code + "print('ready', flush=True)\ntime.sleep(600)")
    process.end(family, patience_s=10)
    assert popen.wait(5) == 7


def test_children_end_when_their_parent_is_killed(tmp_path: Path):
    code = textwrap.dedent("""
        import os, time
        from isthmus.site import process
        family, _ = process.start("test", ["sleep", "600"], 1)
        print(family.pid, flush=True)
        time.sleep(600)
    """)
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = int(parent.stdout.readline())

    def comm() -> str:
        return Path(f"/proc/{child}/comm").read_text().strip()

    def gone() -> bool:
        try:
            return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    wait_for(lambda: comm() == "sleep", 60, "the child has been told")
    parent.kill()
    parent.wait(5)
    parent.stdout.close()
    wait_for(gone, 60, "the child has ended")


def test_a_missing_program_is_an_error():
    family, popen = process.start("test", ["/does/not/exist"], 2)
    assert popen.wait(5) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(family.pid, 0)
