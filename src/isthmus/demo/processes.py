"""Processes by a name that no other process can come to have: the pid and the moment of its start.

A pid alone is reused by the system; stopping by pid alone would one day stop a stranger.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from isthmus.pki.store import write_private

_PROC = Path("/proc")
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class ProcessId:
    """started: clock ticks between the machine's boot and the process's start (proc(5), stat field 22)."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has this pid now; None when there is none, or only its remains."""
        fields = _stat(pid)
        return cls(pid, int(fields[19])) if fields and fields[0] not in ("Z", "X") else None

    @property
    def alive(self) -> bool:
        """Whether it still runs: that very process, not another with its pid."""
        return ProcessId.of(self.pid) == self

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it has ended."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def family(parent: ProcessId) -> list[ProcessId]:
    """The process and all its descendants, parents first; empty when it has ended."""
    if not parent.alive:
        return []
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, pending = [parent], [parent.pid]
    while pending:
        for pid in children.get(pending.pop(0), ()):
            if child := ProcessId.of(pid):
                found.append(child)
                pending.append(pid)
    return found


def stop(processes: Iterable[ProcessId], grace_s: float) -> list[ProcessId]:
    """Ask each to end (SIGTERM), wait up to grace_s seconds for all, then end what is left of their families.

    Returns those that had to be ended by force (SIGKILL).
    """
    asked = [process for process in processes if process.alive]
    families = {member: None for process in asked for member in family(process)}
    for process in asked:
        process.send(signal.SIGTERM)
    if _wait_for_end(asked, grace_s):
        # A parent that ended by itself has ended its children; give those a moment to be gone.
        _wait_for_end(families, 1.0)
    forced = [member for member in families if member.alive]
    for member in forced:
        member.send(signal.SIGKILL)
    _wait_for_end(forced, 2.0)
    return forced


def _wait_for_end(processes: Iterable[ProcessId], timeout_s: float) -> bool:
    pending, deadline = list(processes), time.monotonic() + timeout_s
    while pending := [process for process in pending if process.alive]:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _stat(pid: int) -> list[str]:
    """Fields 3 and on of /proc/PID/stat; the name before them may hold blanks and brackets."""
    try:
        return (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


@dataclass(frozen=True, slots=True)
class Record:
    """The demo's processes by name, in a file, so that another command can find and stop exactly these."""

    path: Path

    def read(self) -> dict[str, ProcessId]:
        """Those that still run."""
        try:
            entries = json.loads(self.path.read_text(encoding="utf-8"))
            known = {name: ProcessId(**entry) for name, entry in entries.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}  # no file, or one cut short by a full disk: nothing that could be trusted
        return {name: process for name, process in known.items() if process.alive}

    def write(self, processes: Mapping[str, ProcessId]) -> None:
        """Replace the file."""
        content = json.dumps({name: asdict(process) for name, process in processes.items()})
        write_private(self.path, content.encode())
