"""Starts processes and ends them with all their offspring; knows its own again, even after a crash.

An engine's workers outlive a `kill -9` of their main process and go on holding the ports, so what is ended
is always the whole family: everything in the session that was opened for it, and everything that carries its
mark in the environment. A process number alone is never trusted, since numbers are used again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MARK = "ISTHMUS_CHILD"


@dataclass(frozen=True, slots=True)
class Family:
    """A process that was started and all that came of it.

    pid: of the first one, which leads the session. start_ticks: its start time (/proc/PID/stat, field 22).
    mark: random text in its environment, inherited by its offspring.
    """

    name: str
    pid: int
    start_ticks: int
    mark: str


def search_path() -> str:
    """Where programs are looked for: engines are in /usr/sbin, which only root's PATH has on Debian."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))


def start(name: str, command: Sequence[str], output: int) -> tuple[Family, subprocess.Popen[bytes]]:
    """Start a command in a session of its own; `output` is the descriptor for both its outputs.

    It is told to end (SIGTERM) when its parent dies in whatever way. Raises OSError.
    """
    mark = secrets.token_hex(16)
    # setpriv and not preexec_fn: code between fork and exec can deadlock in a process that has threads.
    popen = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", "--", *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        env={**os.environ, "PATH": search_path(), _MARK: mark},
    )
    return Family(name, popen.pid, _stat(popen.pid)[1], mark), popen


def members(family: Family) -> set[int]:
    """Numbers of the family's processes that are alive now (zombies are not)."""
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return {pid for pid in numbers if _belongs(family, pid) and not _zombie(pid)}


def end(family: Family, *, patience_s: float, order: signal.Signals = signal.SIGTERM) -> None:
    """Ask the first process to end, wait, then kill all of the family that is left, and wait until none is.

    patience_s: seconds between asking and killing; 0 kills at once.
    """
    if patience_s > 0 and _signal(family, family.pid, order):
        _await_end(family, patience_s)
    deadline = time.monotonic() + 5
    while (left := members(family)) and time.monotonic() < deadline:
        for pid in left:
            _signal(family, pid, signal.SIGKILL)
        _await_end(family, 0.5)


def _await_end(family: Family, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    pause = 0.01
    while members(family) and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(0.1, pause * 1.5)


def _signal(family: Family, pid: int, number: signal.Signals) -> bool:
    """Signal one member. A pidfd taken before the last look makes sure that it is the one looked at."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not _belongs(family, pid):
            return False
        signal.pidfd_send_signal(descriptor, number)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _belongs(family: Family, pid: int) -> bool:
    leader_is_ours = _stat(family.pid)[1] == family.start_ticks
    return (leader_is_ours and _stat(pid)[0] == family.pid) or _carries(pid, family.mark)


def _stat(pid: int) -> tuple[int, int]:
    """Session and start time of a process; zeros when it is gone (proc(5))."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(fields[3]), int(fields[19])
    return 0, 0


def _zombie(pid: int) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] in "ZX"
    return True


def _carries(pid: int, mark: str) -> bool:
    with contextlib.suppress(OSError):
        return f"{_MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False
