"""Brings the demo up, tells how it is, and takes it down again: exactly what it started, nothing else."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isthmus.demo.parts import Part, parts
from isthmus.demo.processes import ProcessId, Record, stop
from isthmus.demo.provision import Demo
from isthmus.errors import RefusedError, UnavailableError
from isthmus.site import preflight, supervisor

FRONT = "front"  # the name in the record of the command that stays in front
_POLL_S = 0.1
_READY_WITHIN_S = 90.0
_GRACE_S = 20.0

Tell = Callable[[Mapping[str, str | None]], None]


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part as it is now. waits_for: what is missing to be ready; None when it is ready."""

    name: str
    pid: int | None
    waits_for: str | None
    log: Path

    @property
    def state(self) -> str:
        """`down`, `starting` or `ready`."""
        return "down" if self.pid is None else "ready" if self.waits_for is None else "starting"


def record(directory: Path) -> Record:
    """Where a demo in `directory` notes its processes."""
    return Record(directory / "run" / "processes.json")


@contextmanager
def starting(directory: Path) -> Iterator[None]:
    """Only one command at a time may start or stop this demo. Raises RefusedError when another is at it."""
    path = directory / "run" / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedError("the demo is being started or stopped by another command", where=str(path)) from None
        yield


class Running:
    """A demo that is being brought up, or is up."""

    def __init__(self, demo: Demo) -> None:
        self._demo, self._parts = demo, parts(demo)
        self._record = record(demo.directory)
        self._popen: dict[str, subprocess.Popen[bytes]] = {}
        self.processes = {
            name: process for name, process in self._record.read().items() if name in {p.name for p in self._parts}
        }

    def start(self) -> None:
        """Start every part that does not run yet.

        Raises RefusedError when a port is taken, an engine missing or the disk full, before anything starts.
        """
        missing = [part for part in self._parts if part.name not in self.processes]
        for part in missing:
            _check(part)
        for part in missing:
            child = part.start()
            self._popen[part.name] = child
            if process := ProcessId.of(child.pid):
                self.processes[part.name] = process
                self.write_record()

    def join(self, part: Part) -> None:
        """Start one part more, which could not be started before. Raises RefusedError as `start` does."""
        self._parts.append(part)
        _check(part)
        child = part.start()
        self._popen[part.name] = child
        if process := ProcessId.of(child.pid):
            self.processes[part.name] = process
            self.write_record(front=True)

    def write_record(self, *, front: bool = False) -> None:
        """Note the processes; with `front`, also this very one, which `demo down` then asks to end."""
        own = ProcessId.of(os.getpid()) if front else None
        self._record.write({**self.processes, **({FRONT: own} if own else {})})

    def wait_until_ready(self, tell: Tell, stopped: Callable[[], bool]) -> None:
        """Wait for all parts; tell is called with what each waits for. Ends early when stopped() says so.

        Raises UnavailableError when a part ends, or is not ready within a minute and a half.
        """
        deadline = time.monotonic() + _READY_WITHIN_S
        while not stopped():
            self.check()
            waiting = {part.name: part.waits_for() for part in self._parts}
            tell(waiting)
            if not any(waiting.values()):
                return
            if time.monotonic() > deadline:
                late = "; ".join(f"{name} waits for {what}" for name, what in waiting.items() if what)
                logs = self._demo.directory / "log"
                raise UnavailableError(f"not ready after {_READY_WITHIN_S:.0f} s: {late}", where=str(logs))
            time.sleep(_POLL_S)

    def check(self) -> None:
        """Raises UnavailableError as soon as a part has ended, with its last words."""
        for part in self._parts:
            process = self.processes.get(part.name)
            if process is None or not process.alive:
                child = self._popen.get(part.name)
                code = child.poll() if child else None
                ended = f"{part.name} has ended" + (f" with exit code {code}" if code is not None else "")
                words = part.last_words()
                raise UnavailableError(f"{ended}: {words}" if words else ended, where=str(part.log))

    def stop(self) -> None:
        """Stop all parts and what they started."""
        stop_processes(self._record, self.processes)


def stop_processes(kept: Record, processes: Mapping[str, ProcessId]) -> list[str]:
    """Stop these parts; returns their names."""
    stop(processes.values(), _GRACE_S)
    kept.write({})
    return sorted(processes)


def down(directory: Path) -> list[str]:
    """Stop the demo in `directory`, wherever it was started; returns the names of the parts that ran.

    A command that stays in front is asked to stop what it started; without one the parts are stopped here.
    """
    kept = record(directory)
    running = kept.read()
    front = running.pop(FRONT, None)
    if front is not None:
        stop([front], _GRACE_S + 5)
    left = {name: process for name, process in running.items() if process.alive}
    if left or running:
        stop_processes(kept, left)
    return sorted(running)


def status(demo: Demo) -> list[PartStatus]:
    """How each part is now."""
    running = record(demo.directory).read()
    return [_status(part, running.get(part.name)) for part in parts(demo)]


def _status(part: Part, process: ProcessId | None) -> PartStatus:
    if process is None:
        return PartStatus(part.name, None, "start", part.log)
    return PartStatus(part.name, process.pid, part.waits_for(), part.log)


def front(directory: Path) -> ProcessId | None:
    """The command that stays in front for this demo, if there is one."""
    return record(directory).read().get(FRONT)


def _check(part: Part) -> None:
    """Raises RefusedError at the first fault of the machine that would keep the site from starting."""
    if part.site is None:
        if part.listener is not None and (fault := preflight.port_fault(part.listener)):
            raise fault
        return
    with supervisor.lock(part.site):
        # Engines that outlived a supervisor killed by force hold the ports, and are ours to end.
        supervisor.end_orphans(part.site)
        found = preflight.faults(part.site)
    if found:
        more = f" ({len(found) - 1} more: `isthmus site check` lists them)" if len(found) > 1 else ""
        raise RefusedError(f"{found[0].what}{more}", where=found[0].where or part.name, do=found[0].do)
