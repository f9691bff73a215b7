"""What goes on in the control service beside answering requests: started together, stopped in reverse."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Background:
    """Start and stop hooks of the features."""

    def __init__(self) -> None:
        self._hooks: list[tuple[str, Callable[[], object], Callable[[], object]]] = []
        self._running: list[tuple[str, Callable[[], object]]] = []

    def add(self, name: str, start: Callable[[], object], stop: Callable[[], object]) -> None:
        """Register a feature's job; hooks run in the order in which they were added."""
        self._hooks.append((name, start, stop))

    def start(self) -> None:
        """Start all; what a hook raises ends the start, and what was started is stopped again."""
        try:
            for name, start, stop in self._hooks:
                start()
                self._running.append((name, stop))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop what was started, the last first. One that fails does not keep the others from it."""
        while self._running:
            name, stop = self._running.pop()
            try:
                stop()
            except Exception:
                _log.exception("%s did not stop cleanly", name)


class Repeating:
    """Runs `work` in a thread of its own: when woken, and every `interval_s` seconds.

    What `work` raises is logged once for each different text, so that a lasting fault does not flood the log, and
    again when it is over.
    """

    def __init__(self, name: str, work: Callable[[], object], interval_s: float) -> None:
        self._name, self._work, self._interval_s = name, work, interval_s
        self._wake = threading.Event()
        self._stopping = False
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; the first run is at once."""
        self._wake.set()
        self._thread.start()

    def wake(self) -> None:
        """Run soon."""
        self._wake.set()

    def stop(self) -> None:
        """Let the present run end, and no other begin."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def trouble(self) -> str:
        """What the last run failed of; empty when it did not."""
        return self._trouble

    def _run(self) -> None:
        while True:
            self._wake.wait(self._interval_s)
            self._wake.clear()
            if self._stopping:
                return
            try:
                self._work()
            except Exception as error:
                said = str(error).partition("\n")[0] or type(error).__name__
                if said != self._trouble:
                    _log.warning("%s: %s", self._name, said)
                self._trouble = said
            else:
                if self._trouble:
                    _log.info("%s: works again", self._name)
                self._trouble = ""
