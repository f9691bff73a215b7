"""What the phones of others have in common: a process of its own, events to wait for, a recording to listen to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.agents.tones import read_wav, tone_seconds

Event = dict[str, Any]


_running: set[int] = set()  # process groups of phones that were started and not closed


def end_all() -> None:
    """End the phones that a test left behind because it failed before it took them over."""
    while _running:
        with suppress(ProcessLookupError):
            os.killpg(_running.pop(), signal.SIGKILL)


class Phone:
    """A phone that runs as a process; all it tells is in `events`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.events: list[Event] = []
        self._changed = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def log(self) -> Path:
        """What the program prints."""
        return self.folder / f"{self.name}.log"

    async def start(
        self, argv: Sequence[str], env: Mapping[str, str] | None = None, *, cwd: Path | None = None, **pipes: int
    ) -> None:
        """Start the program in a session of its own."""
        with self.log.open("ab") as output:
            options: dict[str, Any] = {"stdout": output, "stderr": output, "stdin": asyncio.subprocess.DEVNULL}
            self._process = await asyncio.create_subprocess_exec(
                *argv, env={**os.environ, **(env or {})}, cwd=cwd, start_new_session=True, **{**options, **pipes}
            )
        _running.add(self._process.pid)

    async def close(self) -> None:
        """End the program and all it started."""
        for task in self._tasks:
            task.cancel()
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            _running.discard(self._process.pid)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def tell(self, event: Event) -> None:
        """Take an event from the program."""
        self.events.append(event)
        self._changed.set()
        self._changed = asyncio.Event()

    def spawn(self, work: Any) -> None:
        """Run something beside until the phone is closed."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def until(
        self, condition: Callable[[Event], object], what: str, timeout_s: float = 45.0, since: int = 0
    ) -> Event:
        """Wait for an event, from number `since` on; the error shows what came instead, and the log."""
        end = time.monotonic() + timeout_s
        while True:
            for event in self.events[since:]:
                if condition(event):
                    return event
            gone = self._process is not None and self._process.returncode is not None
            try:
                if gone:
                    raise TimeoutError
                async with asyncio.timeout(end - time.monotonic()):
                    await self._changed.wait()
            except TimeoutError:
                shown = "\n".join(json.dumps(event) for event in self.events[-15:])
                why = "it ended" if gone else f"not within {timeout_s} s"
                raise AssertionError(f"{self.name}: {what}: {why}\n{shown}\n{self.tail()}") from None

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    async def hears_in(
        self, recording: Path, frequency_hz: float, seconds: float = 0.5, timeout_s: float = 45.0
    ) -> None:
        """Wait until this tone is in a recording that grows, for so long, from now on."""
        start = len(read_wav(recording)[0]) if recording.exists() else 0
        end = time.monotonic() + timeout_s
        while True:
            samples, rate = read_wav(recording) if recording.exists() else ([], 8000)
            heard = tone_seconds(samples[start:], frequency_hz, rate) if len(samples) > start else 0.0
            if heard >= seconds:
                return
            if time.monotonic() > end:
                grown = max(0, len(samples) - start) / rate
                raise AssertionError(
                    f"{self.name} heard {heard:.2f} s of {frequency_hz} Hz in {grown:.2f} s\n{self.tail()}"
                )
            await asyncio.sleep(0.1)
