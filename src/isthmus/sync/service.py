"""Synchronisation as the administrator sees it: sources, dry runs, runs, conflicts, restoring. At the authority."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from isthmus.addressing import Aor
from isthmus.database import reading, writing
from isthmus.directory.changing import Alter
from isthmus.directory.model import PersonChanges
from isthmus.errors import IsthmusError, NotFoundError, RefusedError, UsageError
from isthmus.sync import store
from isthmus.sync.model import Change, Link, Run, RunState
from isthmus.sync.work import Configured, Plan, Work


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source and how it stands. last: its newest run. people: whom it keeps, those who vanished not counted.

    settings, file: what the site file says of it, and where that is.
    """

    name: str
    kind: str
    interval_s: float
    people: int
    conflicts: int
    synced: float | None
    last: Run | None
    settings: Mapping[str, Any]
    file: str


class SyncService:
    """The write path of synchronisation.

    begin: starts the work on (run, attempt). intervals: of each source, seconds between runs by themselves; 0 for none.
    why_not: why this site may not; None where it is the authority.
    """

    def __init__(
        self,
        engine: Engine,
        work: Work,
        begin: Callable[[str, int], None],
        *,
        intervals: Mapping[str, float],
        why_not: RefusedError | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._work, self._begin, self._why_not, self._clock = engine, work, begin, why_not, clock
        self._intervals = intervals

    def sources(self) -> list[SourceStatus]:
        """All sources. Asks none of them."""
        self._only_authority()
        found = []
        with reading(self._engine) as connection:
            synced = store.synced(connection)
            for name, configured in self._work.sources.items():
                last = next(iter(store.runs(connection, name, 1)), None)
                people, conflicts = store.linked(connection, name), len(store.conflicted(connection, name))
                found.append(
                    SourceStatus(
                        name,
                        configured.kind,
                        configured.interval_s,
                        people,
                        conflicts,
                        synced.get(name),
                        last,
                        configured.settings,
                        configured.file,
                    )
                )
        return found

    def check(self, name: str) -> str:
        """Ask a source. Returns what it says of itself; raises what is wrong."""
        self._only_authority()
        return self._work.configured(name).source.check()

    def plan(self, name: str | None, *, full: bool) -> tuple[Plan, str]:
        """What a run would do, and why it would ask first (empty when not). Changes nothing."""
        configured = self._chosen(name)
        plan = self._work.plan(configured.name, full=full)
        return plan, configured.asks(plan)

    def start(self, name: str | None, *, full: bool, approved: bool, actor: str, key: str | None = None) -> Run:
        """Begin a run. key: idempotency key; with it the same run is returned as the first time.

        Raises NotFoundError (no such source), RefusedError (not the authority, a run is under way), UsageError.
        """
        configured = self._chosen(name)
        request = json.dumps([configured.name, full, approved])
        now = self._clock()
        run_id = f"{time.strftime('%y%m%d', time.gmtime(now))}-{secrets.token_hex(3)}"
        mode = "full" if full else "incremental"
        run = Run(run_id, configured.name, mode, actor, approved, RunState.READING, 1, now, None, "", {})
        try:
            with writing(self._engine) as connection:
                before = store.run_by_key(connection, actor, key) if key else None
                if before is None:
                    store.insert_run(connection, run, key=key, request=request)
        except IntegrityError:
            raise RefusedError(
                f"a run of {configured.name} is under way already", do="See: isthmus directory runs"
            ) from None
        if before is not None:
            if before[1] != request:
                raise UsageError("this idempotency key was used for something else", where=key or "")
            return self._work.run(before[0])
        self._begin(run_id, 1)
        return run

    def begin_due(self) -> None:
        """Begin runs of the sources whose interval is over, counted from the last run whatever came of it."""
        for name, interval_s in self._intervals.items():
            if not interval_s:
                continue
            last = next(iter(self.runs(name, 1)), None)
            if last is None or (last.finished is not None and self._clock() - last.started >= interval_s):
                self.start(name, full=False, approved=False, actor=store.INTERVAL)

    def runs(self, name: str | None = None, limit: int = 20) -> list[Run]:
        """The newest runs first."""
        self._only_authority()
        with reading(self._engine) as connection:
            return store.runs(connection, name, limit)

    def run(self, run_id: str, limit: int = 1000) -> tuple[Run, list[tuple[Change, bool, str]]]:
        """A run, and what it changed or would have: change, whether it is done, why not. Raises NotFoundError."""
        self._only_authority()
        run = self._work.run(run_id)
        with reading(self._engine) as connection:
            return run, store.planned(connection, run_id, limit)

    def applied(self, run_id: str) -> tuple[int, int, int]:
        """How far a run is: changes of its plan, those that were tried, those that could not be."""
        self._only_authority()
        with reading(self._engine) as connection:
            return store.applied(connection, run_id)

    def conflicts(self, name: str | None = None) -> list[Link]:
        """Objects that are not as their source wants them, with why."""
        self._only_authority()
        with reading(self._engine) as connection:
            return store.conflicted(connection, name)

    def details(self, aor: Aor) -> Link:
        """Which object of which source a person is, with what is kept beside. Raises NotFoundError."""
        self._only_authority()
        with reading(self._engine) as connection:
            link = store.of_person(connection, aor)
        if link is None:
            raise NotFoundError(f"{aor} comes from no source")
        return link

    def manager(self, link: Link) -> Aor | None:
        """Whom a person reports to by what their source says, if that is a person of the same source."""
        self._only_authority()
        said = dict(link.wanted.details).get("manager")
        if not said or "\0" in said:
            return None
        with reading(self._engine) as connection:
            found = store.named(connection, link.source, said)
        return found.aor if found is not None else None

    def restore(self, aor: Aor, *, actor: str) -> None:
        """Let somebody in again who vanished from their source, with all they had; no source keeps them then.

        Should an object with their address appear, it takes them over. Raises NotFoundError, RefusedError.
        """
        self._only_authority()
        with writing(self._engine) as connection:
            link = store.of_person(connection, aor)
            if link is None or link.vanished_ms is None:
                raise NotFoundError(
                    f"{aor} has not vanished from a source", do="To let them in: isthmus user set AOR --enable"
                )
            changes = Alter(aor, PersonChanges(enabled=link.wanted.enabled), action="person.restore")
            outcome = self._work.directory.change_many([changes], actor=actor, connection=connection)[0]
            if isinstance(outcome, IsthmusError):
                raise outcome
            store.drop_links(connection, link.source, [link.id])
        self._work.directory.announce()

    def _chosen(self, name: str | None) -> Configured:
        self._only_authority()
        if name is not None:
            return self._work.configured(name)
        if len(self._work.sources) == 1:
            return next(iter(self._work.sources.values()))
        if not self._work.sources:
            raise NotFoundError("there is no source", do="Name one as a [[source]] in the site file.")
        raise UsageError(f"which source? There are {', '.join(self._work.sources)}")

    def _only_authority(self) -> None:
        if self._why_not is not None:
            raise self._why_not
