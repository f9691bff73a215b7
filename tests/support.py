"""What all tests share: addresses nobody else uses, processes that end with the test, waiting for what is meant."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, TypeVar
from weakref import WeakSet

T = TypeVar("T")

STANDARD_PORTS = (5060, 5061, 5062, 8443, 8444)


def wait_for(condition: Callable[[], T], timeout: float = 60.0, what: str = "the condition") -> T:
    """Ask until the answer is true and give it; an AssertionError names what never came, in `timeout` seconds.

    An exception in the condition counts as "not yet" and is shown if it stays.
    """
    end, trouble = time.monotonic() + timeout, None
    while True:
        try:
            if value := condition():
                return value
            trouble = None
        except Exception as error:
            trouble = error
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {timeout} s") from trouble
        time.sleep(0.02)


class Loopback:
    """Hands out addresses of 127.0.0.0/8 that no other test process holds; callable.

    An address is held by an abstract Unix socket of its name, which the kernel frees when the process ends,
    so runs that go on at the same time never meet.
    """

    def __init__(self) -> None:
        self._locks: list[socket.socket] = []
        self._next = (os.getpid() * 7919) % (200 * 250 * 250)

    def __call__(self) -> str:
        """An address on which none of a site's standard ports is taken."""
        for _ in range(10_000):
            self._next = (self._next + 1) % (200 * 250 * 250)
            second, rest = divmod(self._next, 250 * 250)
            address = f"127.{second + 16}.{rest // 250 + 1}.{rest % 250 + 1}"
            if self._hold(address) and all(_free(address, port) for port in STANDARD_PORTS):
                return address
        raise AssertionError("no loopback address is free")

    def _hold(self, address: str) -> bool:
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind(f"\0isthmus-test-{address}")
        except OSError:
            lock.close()
            return False
        self._locks.append(lock)
        return True

    def close(self) -> None:
        """Give all addresses back."""
        for lock in self._locks:
            lock.close()


def _free(address: str, port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


class Process:
    """A program in a session of its own, its output in a file."""

    def __init__(self, name: str, argv: Sequence[str], log: Path, *, cwd: Path | None, env: Mapping[str, str]) -> None:
        self.name, self.log = name, log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, **env},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id, and the id of its group."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    def tail(self, lines: int = 40) -> str:
        """The end of its output."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def write(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(line.encode() + b"\n")
        self._popen.stdin.flush()

    def wait(self, timeout: float = 30.0) -> int:
        """Wait for its end and give the exit code; fails with the log's tail."""
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {timeout} s:\n{self.tail()}") from None

    def wait_for(self, condition: Callable[[], T], timeout: float = 60.0, what: str = "ready") -> T:
        """Wait for something it should bring about; fails with the log's tail, at once if it ends before."""

        def checked() -> T | bool:
            return condition() or not self.running

        try:
            wait_for(checked, timeout, what)
            value = condition()
        except AssertionError as error:
            raise AssertionError(f"{self.name}: {error}\n{self.tail()}") from error
        if not value:
            code = self._popen.returncode
            raise AssertionError(f"{self.name} ended with {code} before {what}:\n{self.tail()}")
        return value

    def stop(self, grace: float = 5.0) -> None:
        """End it and all it started that stayed in its group: politely, then for good."""
        with suppress(ProcessLookupError):
            if self.running:
                os.killpg(self.pid, signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    self._popen.wait(grace)
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait(5)
        if self._popen.stdin:
            with suppress(BrokenPipeError):
                self._popen.stdin.close()

    def kill(self) -> None:
        """kill -9 of the process itself, not of its group."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._popen.wait(5)


class Processes:
    """Starts programs for a test and ends them all, the last first."""

    all: ClassVar[WeakSet[Processes]] = WeakSet()

    def __init__(self, folder: Path) -> None:
        Processes.all.add(self)
        self.folder = folder
        self.started: list[Process] = []

    def start(
        self,
        argv: Sequence[str],
        *,
        name: str = "",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        ready: Callable[[], object] | None = None,
        timeout: float = 10.0,
    ) -> Process:
        """Start a program and wait for it to be ready if that can be asked."""
        name = name or Path(argv[0]).name
        log = self.folder / f"{name}-{len(self.started)}.log"
        process = Process(name, argv, log, cwd=cwd, env=env or {})
        self.started.append(process)
        if ready:
            process.wait_for(ready, timeout)
        return process

    def logged(self, since: float, *, lines: int = 40) -> Iterator[tuple[str, str]]:
        """Name and end of each log in the folder that was written to since then (seconds of the epoch)."""
        if any(process.running for process in self.started):
            for log in sorted(self.folder.rglob("*.log")):
                with suppress(FileNotFoundError):
                    if log.stat().st_mtime >= since:
                        text = log.read_text(errors="replace")
                        yield str(log.relative_to(self.folder)), "\n".join(text.splitlines()[-lines:])

    def close(self) -> None:
        """End all of them."""
        for process in reversed(self.started):
            process.stop()


def start_carrier(processes: Processes, file: Path, *, name: str = "carrier") -> Process:
    """Run the simulated PSTN of a file, which keeps its log beside it, and wait until it takes calls."""
    log = file.with_name("carrier.log")
    return processes.start(
        [sys.executable, "-m", "isthmus.demo.carrier", str(file)],
        name=name,
        ready=lambda: log.exists() and "ready on" in log.read_text(),
        timeout=30,
    )
