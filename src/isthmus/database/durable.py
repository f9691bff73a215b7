"""Durable workflows: DBOS takes up after a crash what was under way. One a process, shared by the features.

A workflow is a row of DBOS's tables and a function whose steps are recorded. After kill -9 the function is run again;
recorded steps give what they gave, the unfinished one is repeated: so every step has to be repeatable, and what a
workflow does next may depend on recorded results alone.

Nothing of it leaves the machine: no conductor, no tracing, no port. Its tables are in `dbos.sqlite` beside the site's
database, or with PostgreSQL in the schema `dbos` of the same database.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import make_url

from isthmus.site.file import WORKFLOW_FILE

_T = TypeVar("_T")
_LIVE = ("PENDING", "ENQUEUED", "DELAYED")
_SAY_AGAIN_S = 60.0


class Durable:
    """Features `add` their workflows, then `start` brings back what the process before this one left unfinished."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._functions: dict[str, Callable[..., None]] = {}
        self._workflows: dict[str, Callable[..., None]] = {}
        self._driven: set[str] = set()  # ids of workflows that a thread of this process works on
        self._suspects: set[str] = set()  # under way by DBOS's tables, and yet nobody worked on them when last asked

    def add(self, name: str, function: Callable[..., None]) -> None:
        """A workflow by this name. Before `start`."""
        self._functions[name] = function

    def start(self) -> None:
        """Launch DBOS. Workflows that were under way run again from here on."""
        config: DBOSConfig = {
            "name": "isthmus",
            "system_database_url": _prepared(self._url),
            "application_version": "moves-1",  # not the hash of the code: an update must take up what it finds
            "executor_id": "control",
            "enable_otlp": False,
            "log_level": "WARNING",
        }
        for name in ("DBOS__CLOUD", "DBOS__CONDUCTOR_KEY", "DBOS__CONDUCTOR_URL"):
            os.environ.pop(name, None)
        logging.getLogger("dbos").addFilter(_Terse())
        DBOS(config=config)
        # Never "too many recoveries": a move that is committed has to be finished.
        self._workflows = {
            name: DBOS.workflow(name=name, max_recovery_attempts=None)(self._driving(name, function))
            for name, function in self._functions.items()
        }
        DBOS.launch()

    def stop(self) -> None:
        """End; the features have brought their steps to a safe point before."""
        DBOS.destroy(destroy_registry=True)
        self._workflows = {}

    def begin(self, name: str, workflow_id: str, *arguments: Any) -> None:
        """Run a workflow. Calling it again with the same id changes nothing; before `start` it does nothing."""
        if name in self._workflows:
            with SetWorkflowID(workflow_id):
                DBOS.start_workflow(self._workflows[name], *arguments)

    def forsaken(self, workflow_id: str) -> bool:
        """Whether nobody works on it and nobody will; to be asked again and again, some seconds apart.

        One that DBOS takes for live may be about to begin. Or its thread has ended and could not even write that down
        (a full disk): seen twice in a row, it is that.
        """
        if workflow_id in self._driven:
            self._suspects.discard(workflow_id)
            return False
        status = DBOS.get_workflow_status(workflow_id)
        live = status is not None and status.status in _LIVE
        if live and workflow_id not in self._suspects:
            self._suspects.add(workflow_id)
            return False
        self._suspects.discard(workflow_id)
        return True

    def _driving(self, name: str, function: Callable[..., None]) -> Callable[..., None]:
        """A plain function of its own, since DBOS takes one that has a method's name for a method."""

        def workflow(*arguments: Any) -> None:
            workflow_id = DBOS.workflow_id or ""
            self._driven.add(workflow_id)
            try:
                function(*arguments)
            finally:
                self._driven.discard(workflow_id)

        workflow.__qualname__ = workflow.__name__ = name.replace("-", "_")
        return workflow

    def step(self, name: str, function: Callable[..., _T], *arguments: Any) -> _T:
        """Run a step inside a workflow, and record what it gives."""
        return DBOS.run_step({"name": name}, function, *arguments)


class _Terse(logging.Filter):
    """One line a minute from each place in DBOS: with its database gone it writes whole tracebacks every second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        place, now = (record.pathname, record.lineno), self._clock()
        if now - self._said.get(place, -_SAY_AGAIN_S) < _SAY_AGAIN_S:
            return False
        self._said[place] = now
        text = _first_line(record.getMessage())
        if record.exc_info and record.exc_info[1]:
            text += " " + _first_line(str(record.exc_info[1]))
        record.msg, record.args, record.exc_info = text, None, None
        return True


def _first_line(text: str) -> str:
    """What happened, in a line; of a traceback the reason at its end."""
    head, traceback, rest = text.partition("Traceback (most recent call last):")
    if not traceback:
        return text.partition("\n")[0]
    reasons = [line for line in rest.splitlines() if line and not line[0].isspace() and not line.startswith("(")]
    return f"{head.strip()} {reasons[-1] if reasons else ''}".strip()


def _prepared(url: str) -> str:
    """Where DBOS keeps its tables, given the site's database. SQLite: a file of its own, 0600, WAL."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return parsed.render_as_string(hide_password=False)
    path = Path(parsed.database or "isthmus.db").with_name(WORKFLOW_FILE)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    return f"sqlite:///{path}"
