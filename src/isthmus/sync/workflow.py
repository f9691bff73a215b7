"""The durable side of runs: DBOS takes each through its stages, and up again after a crash. One at a time.

See database.durable for what that asks of a workflow, and sync.work for why every stage can be repeated.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from isthmus.database.durable import Durable
from isthmus.errors import IsthmusError, UnavailableError
from isthmus.site.background import Repeating
from isthmus.sync.work import Work

_log = logging.getLogger(__name__)
_NAME = "sync-run"
_BACK_OFF_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)


class Runs:
    """Runs as workflows of `durable`, which is started after this is made and stopped after this is stopped.

    patience_s: how long a source that does not answer is asked again before the run ends as failed. due: called every
    `watch_s` seconds; begins the runs whose time has come.
    """

    def __init__(
        self,
        work: Work,
        durable: Durable,
        *,
        due: Callable[[], None] = lambda: None,
        patience_s: float = 30.0,
        watch_s: float = 2.0,
    ) -> None:
        self._work, self._durable, self._due = work, durable, due
        self._patience_s = patience_s
        self._stop = threading.Event()
        self._one = threading.Lock()  # two sources at once would plan against what the other is about to change
        self._watcher = Repeating("sync: look for runs to begin", self._look, watch_s)
        durable.add(_NAME, self._drive)

    def start(self) -> None:
        """Look after runs that nobody works on, and begin those that are due."""
        self._watcher.start()

    def stop(self) -> None:
        """End at the next safe point; what is unfinished is taken up at the next start."""
        self._stop.set()
        self._watcher.stop()
        if self._one.acquire(timeout=10):
            self._one.release()

    def begin(self, run_id: str, attempt: int) -> None:
        """Work on a run from now on. Calling it again with the same attempt changes nothing."""
        if not self._stop.is_set():  # else taken up at the next start
            self._durable.begin(_NAME, f"sync:{run_id}:{attempt}", run_id, attempt)

    def _look(self) -> None:
        for run in self._work.open_runs():
            if self._durable.forsaken(f"sync:{run.id}:{run.attempt}"):
                self.begin(run.id, self._work.new_attempt(run.id))
        self._due()

    def _drive(self, run_id: str, attempt: int) -> None:
        """The workflow. Every line that isn't a step must follow from what steps returned."""
        if not self._durable.step("read", self._read, run_id, attempt):
            return
        while self._durable.step("apply", self._apply, run_id, attempt):
            pass

    def _read(self, run_id: str, attempt: int) -> bool:
        """Whether there is a plan to apply. A source that does not answer is asked again, within reason."""
        waited_s, tries = 0.0, 0
        while not self._stop.is_set():
            with self._one:
                if not self._mine(run_id, attempt):
                    return False
                try:
                    self._work.read(run_id)
                    return True
                except UnavailableError as error:
                    reason, final = str(error), waited_s >= self._patience_s
                except IsthmusError as error:
                    reason, final = str(error), True
                except Exception as error:
                    _log.exception("sync: run %s", run_id)
                    reason, final = f"{type(error).__name__}: {error}", True
            if final:
                self._work.fail(run_id, reason)
                return False
            if tries == 1:
                self._work.note(run_id, f"waiting: {reason}")
            pause = _BACK_OFF_S[min(tries, len(_BACK_OFF_S) - 1)]
            self._stop.wait(pause)
            waited_s, tries = waited_s + pause, tries + 1
        return False

    def _apply(self, run_id: str, attempt: int) -> bool:
        """Whether there is more. What can't be written now is written later: the plan is made."""
        tries = 0
        while not self._stop.is_set():
            with self._one:
                if not self._mine(run_id, attempt):
                    return False
                try:
                    return self._work.apply(run_id)
                except IsthmusError as error:
                    _log.warning("sync: run %s: %s", run_id, error)
                except Exception:
                    _log.exception("sync: run %s", run_id)
            self._stop.wait(_BACK_OFF_S[min(tries, len(_BACK_OFF_S) - 1)])
            tries += 1
        return False

    def _mine(self, run_id: str, attempt: int) -> bool:
        run = self._work.run(run_id)
        return run.attempt == attempt and run.finished is None
