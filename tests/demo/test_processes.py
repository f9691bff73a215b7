"""Stopping exactly what was started: by pid and moment of start, with all descendants."""

import os
import subprocess
import sys
from pathlib import Path

from isthmus.demo.processes import ProcessId, Record, family, stop

_SLEEP = "import time; time.sleep(60)"
# Ignores the polite request, as a stuck program does, and has a child of its own.
_STUBBORN = (
    "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    f"c = subprocess.Popen([sys.executable, '-c', {_SLEEP!r}], start_new_session=True);"
    "print(c.pid, flush=True); c.wait()"
)


def spawn(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_a_process_is_known_by_pid_and_start() -> None:
    own = ProcessId.of(os.getpid())
    assert own is not None
    assert own.alive
    assert not ProcessId(own.pid, own.started + 1).alive


def test_a_polite_process_is_stopped_without_force() -> None:
    with spawn(_SLEEP) as child:
        process = ProcessId.of(child.pid)
        assert process is not None
        assert stop([process], 5) == []
        assert not process.alive


def test_a_stubborn_family_is_ended_by_force_down_to_the_last_child() -> None:
    with spawn(_STUBBORN) as child:
        assert child.stdout is not None
        grandchild = ProcessId.of(int(child.stdout.readline()))
        process = ProcessId.of(child.pid)
        assert process is not None
        assert grandchild is not None
        assert grandchild in family(process)
        assert set(stop([process], 0.2)) == {process, grandchild}
        assert not grandchild.alive


def test_another_process_with_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    with spawn(_SLEEP) as child:
        process = ProcessId.of(child.pid)
        assert process is not None
        stranger = ProcessId(process.pid, process.started - 1)
        assert stop([stranger], 0.1) == []
        assert process.alive
        record = Record(tmp_path / "processes.json")
        record.write({"stranger": stranger, "known": process})
        assert record.read() == {"known": process}
        stop([process], 5)


def test_a_record_cut_short_is_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "processes.json"
    for text in ("", '{"a": {"pid"', "[1]", '{"a": 1}', '{"a": {"pid": "x"}}'):
        path.write_text(text)
        assert Record(path).read() == {}
