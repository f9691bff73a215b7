"""One life of a child process: its end is noticed at once, and all it says goes into its log."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Self

from isthmus.site import process
from isthmus.site.logs import LogFile

_CHUNK = 65536
_MOST_WORDS = 200  # characters of what a process said last that are told with its end


class Running:
    """A started process. Made by `start`; `close` gives its descriptors back."""

    def __init__(self, family: process.Family, popen: subprocess.Popen[bytes], output: int, log: LogFile) -> None:
        self.family, self._popen, self._output, self._log = family, popen, output, log
        log.last_words = ""  # an earlier life's
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._pidfd = os.pidfd_open(popen.pid)
        self._loop.add_reader(self._pidfd, self._notice_end)
        os.set_blocking(output, False)
        self._loop.add_reader(output, self._read)

    @classmethod
    async def start(cls, name: str, command: Sequence[str], log: LogFile) -> Self:
        """Start it. Raises OSError.

        Called on the event loop's thread on purpose: the kernel takes the end of the *thread* that started a
        process for the end of its parent (prctl(2), PR_SET_PDEATHSIG).
        """
        output, theirs = os.pipe()
        try:
            family, popen = process.start(name, command, theirs)
        except OSError:
            os.close(output)
            raise
        finally:
            os.close(theirs)
        return cls(family, popen, output, log)

    async def ended_within(self, seconds: float) -> bool:
        """Wait for the first process's end, at most so long; whether it has ended."""
        try:
            async with asyncio.timeout(seconds):  # wait_for of Python 3.11 can swallow a cancellation
                await self._ended.wait()
        except TimeoutError:
            return False
        return True

    def how_it_ended(self) -> str:
        """In words: `ended with status 1 (error: its last words)`, `killed by SIGKILL`."""
        code = self._popen.poll()
        if code is None:
            return "has not ended"
        if code >= 0:
            if self._output >= 0:
                self._read()
            words = self._log.last_words[:_MOST_WORDS]
            return f"ended with status {code}" + (f" ({words})" if code and words else "")
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"

    async def close(self) -> None:
        """Take the last output and give the descriptors back; the process has to be gone."""
        await asyncio.to_thread(self._popen.wait)
        if self._output >= 0:
            self._read()
        for descriptor in (self._pidfd, self._output):
            if descriptor >= 0:
                self._loop.remove_reader(descriptor)
                os.close(descriptor)
        self._pidfd = self._output = -1

    def _notice_end(self) -> None:
        self._popen.poll()
        self._loop.remove_reader(self._pidfd)
        self._ended.set()

    def _read(self) -> None:
        try:
            chunk = os.read(self._output, _CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            self._loop.remove_reader(self._output)
            os.close(self._output)
            self._output = -1
            return
        self._log.feed(chunk, time.monotonic())
