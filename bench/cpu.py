"""CPU time of whole engines: every process of the session that each was started in."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from pathlib import Path

# The kind of clock that counts a process with all its threads, ended ones too, in nanoseconds
# (clock_getcpuclockid(3)); /proc/PID/stat has the same, rounded to 10 ms for each process.
_SCHEDULED = 2


def seconds(sessions: Iterable[int]) -> float:
    """CPU seconds used so far by all processes of these sessions (their leaders' process ids)."""
    wanted = frozenset(sessions)
    return sum(_process_seconds(pid) for pid in members(wanted))


def of(pids: Iterable[int]) -> float:
    """CPU seconds used so far by these processes themselves; those that have ended count nothing."""
    return sum(map(_process_seconds, pids))


def members(sessions: Collection[int]) -> list[int]:
    """The processes of these sessions that run now."""
    return [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _session(entry) in sessions
    ]


def _session(entry: Path) -> int:
    try:
        # Field 6, counted behind the name, which may hold blanks and brackets (proc(5)).
        return int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[3])
    except (OSError, IndexError):
        return -1  # it has ended


def _process_seconds(pid: int) -> float:
    try:
        return time.clock_gettime((~pid << 3) | _SCHEDULED)
    except OSError:
        return 0.0
