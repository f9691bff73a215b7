"""The durable side of moves: DBOS takes each batch through its chunks, and up again after a crash.

See database.durable for what that asks of a workflow, and homing.work for why every stage can be repeated.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Protocol

from isthmus.database.durable import Durable
from isthmus.errors import IsthmusError
from isthmus.homing.model import State
from isthmus.homing.rules import COMMITTED
from isthmus.homing.work import Progress
from isthmus.site.background import Repeating

_log = logging.getLogger(__name__)
_STOPPED = "stopped"
_BACK_OFF_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
_NAME = "move-batch"


class Chunks(Protocol):
    """What a workflow asks of the moves it drives."""

    def advance(self, batch_id: str, chunk: int) -> Progress: ...

    def stage_of(self, batch_id: str, chunk: int) -> State | None: ...

    def give_up(self, batch_id: str, chunk: int, reason: str) -> None: ...

    def next_chunk(self, batch_id: str, run: int) -> int | None:
        """The chunk to work on; None when the batch is over, paused, or another run has taken over."""

    def may_work(self, batch_id: str, run: int) -> bool:
        """Whether this run is still the one to work on the batch."""

    def note(self, batch_id: str, text: str) -> None:
        """Say what the batch waits for; empty when it goes on."""

    def unfinished(self) -> list[tuple[str, int]]:
        """(batch, run) of every batch that somebody has to be working on."""

    def new_run(self, batch_id: str) -> int:
        """Count the batch's run up; returns the new one."""


class Workflows:
    """Moves as workflows of `durable`, which is started after this is made and stopped after this is stopped.

    patience_s: how long a failure before commit is tried again before it ends as not moved.
    """

    def __init__(self, chunks: Chunks, durable: Durable, *, patience_s: float = 20.0, watch_s: float = 5.0) -> None:
        self._chunks, self._durable = chunks, durable
        self._patience_s = patience_s
        self._stop = threading.Event()
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self._watcher = Repeating("moves: look for batches that nobody works on", self._adopt, watch_s)
        durable.add(_NAME, self._drive)

    def start(self) -> None:
        """Look after batches that nobody works on. What was unfinished is taken up by `Durable.start` already."""
        self._watcher.start()

    def stop(self) -> None:
        """End at the next safe point; what is unfinished is taken up at the next start."""
        self._stop.set()
        self._watcher.stop()
        for lock in list(self._locks.values()):
            # A stage under way is left to end by itself, within reason.
            if lock.acquire(timeout=10):
                lock.release()

    def begin(self, batch_id: str, run: int) -> None:
        """Work on a batch from now on. Calling it again with the same run changes nothing."""
        if not self._stop.is_set():  # else taken up at the next start
            self._durable.begin(_NAME, f"{batch_id}:{run}", batch_id, run)

    def _adopt(self) -> None:
        """Give batches a new run whose workflow ended without finishing them (a stop, a full disk)."""
        for batch_id, run in self._chunks.unfinished():
            if self._durable.forsaken(f"{batch_id}:{run}"):
                self.begin(batch_id, self._chunks.new_run(batch_id))

    def _drive(self, batch_id: str, run: int) -> None:
        """The workflow. Every line that isn't a step must follow from what steps returned."""
        while True:
            chunk = self._durable.step("next-chunk", self._next_chunk, batch_id, run)
            if chunk is None:
                return
            while True:
                stage = self._durable.step("stage", self._stage, batch_id, run, chunk)
                if stage == _STOPPED:
                    return
                if stage is None:
                    break

    def _next_chunk(self, batch_id: str, run: int) -> int | None:
        with self._lock(batch_id):
            return None if self._stop.is_set() else self._chunks.next_chunk(batch_id, run)

    def _stage(self, batch_id: str, run: int, chunk: int) -> str | None:
        """Work until the chunk has reached another stage. Returns that stage, None at the end, or `stopped`."""
        waited_s = 0.0
        tries = 0
        with self._lock(batch_id):
            before = self._chunks.stage_of(batch_id, chunk)
            while before is not None:
                if self._stop.is_set() or not self._chunks.may_work(batch_id, run):
                    return _STOPPED
                reason = self._attempt(batch_id, chunk, tries)
                now = self._chunks.stage_of(batch_id, chunk)
                if now is not before:
                    self._chunks.note(batch_id, "")
                    return None if now is None else now.value
                if not reason:
                    continue
                if before not in COMMITTED and waited_s >= self._patience_s:
                    self._chunks.give_up(batch_id, chunk, reason)
                    continue
                if tries == 1:
                    self._chunks.note(batch_id, f"{before.value}: {reason}")
                pause = _BACK_OFF_S[min(tries, len(_BACK_OFF_S) - 1)]
                self._stop.wait(pause)
                waited_s, tries = waited_s + pause, tries + 1
        return None

    def _attempt(self, batch_id: str, chunk: int, tries: int) -> str:
        """One try at the present stage. Returns what it waits for, empty when it got on."""
        try:
            return self._chunks.advance(batch_id, chunk).waits_for
        except IsthmusError as error:
            return str(error)
        except Exception as error:
            # A fault of the program: before commit it ends the attempt, after commit it must not.
            if tries == 0:
                _log.exception("moves: batch %s, chunk %d", batch_id, chunk)
            return f"{type(error).__name__}: {error}"

    @contextlib.contextmanager
    def _lock(self, batch_id: str) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault(batch_id, threading.Lock())
        with lock:
            yield
