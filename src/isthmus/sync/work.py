"""The work of a run: read the source and plan, apply the plan chunk by chunk, remember how far the source was read.

The tables are the truth. Killed while reading, a run reads again; killed while applying, it goes on with the first
chunk that is not done: a chunk's changes, what their objects stand for and that it is done are one transaction.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from isthmus.addressing import Aor
from isthmus.database import reading, writing
from isthmus.directory import store as people
from isthmus.directory.changing import Alter, Create, Operation, Outcome, Remove
from isthmus.directory.importing import unusable_credentials
from isthmus.directory.model import NewPerson, PersonChanges
from isthmus.errors import IsthmusError, NotFoundError, UnavailableError
from isthmus.sync import mapping as mapped
from isthmus.sync import rules, store
from isthmus.sync.fitting import change_what_fits
from isthmus.sync.mapping import AttributeMapping
from isthmus.sync.model import Change, Entry, Kind, Link, Run, RunState, Wanted
from isthmus.sync.source import FullNeededError, Reading, Source, Writer

_CHUNK = 500  # changes in a transaction: calls see each as it is committed
_TOGETHER = 5000  # and so many where addresses and numbers may pass from one to another
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Configured:
    """A source as the site file has it.

    tenant: whose people it brings. home: the site where new ones live unless the source says. percent, always: see
    rules.too_many. keep_days: how long a person who vanished is kept. interval_s: seconds between runs by themselves;
    0 for none. writer, write_back: the way back, and what goes it (see rules.written_back). lately: how many people
    were disabled in a while by what was pushed. fault: why nothing can be made of what is pushed; empty for none.
    settings: what the site file says, for people to read; no secret among it. file: where that is; empty for none.
    """

    name: str
    kind: str
    source: Source
    mapping: AttributeMapping
    tenant: str
    home: str
    homes: Collection[str]
    percent: float = 10.0
    always: int = 3
    keep_days: int = 30
    interval_s: float = 0.0
    writer: Writer | None = None
    write_back: tuple[str, ...] = ()
    lately: Callable[[], int] = lambda: 0
    fault: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""

    def asks(self, plan: Plan) -> str:
        """Why the plan must not be carried out unasked; empty when it may."""
        return rules.too_many(plan.changes, plan.linked, self.percent, self.always, self.lately())


class PeopleDirectory(Protocol):
    """What a run needs of the directory."""

    def change_many(self, operations: Sequence[Operation], *, actor: str, connection: Connection) -> list[Outcome]: ...

    def announce(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reading comes to. cursor: where the source goes on. linked: people it keeps now. why_full: empty where it
    is not full, or was asked for so."""

    mode: str
    why_full: str
    changes: list[Change]
    cursor: str
    linked: int


class Work:
    """Takes runs through their stages. Holds no state of its own.

    moving: who of some people is under way to another home, by batch, in the caller's transaction.
    """

    def __init__(
        self,
        engine: Engine,
        directory: PeopleDirectory,
        sources: Mapping[str, Configured],
        moving: Callable[[Connection, Sequence[Aor]], Mapping[Aor, str]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self.directory, self._moving, self._clock = engine, directory, moving, clock
        self.sources = sources

    def configured(self, name: str) -> Configured:
        """The source. Raises NotFoundError."""
        if name not in self.sources:
            known = ", ".join(self.sources) or "none"
            raise NotFoundError(
                f"there is no source {name!r} ({known})", do="Name it as a [[source]] in the site file."
            )
        return self.sources[name]

    def plan(self, name: str, *, full: bool) -> Plan:
        """Read a source and say what would be done. Changes nothing."""
        configured = self.configured(name)
        with reading(self._engine) as connection:
            cursor = store.cursor(connection, name)
            known = store.stamps(connection, name)
        got, mode, why = _read(configured.source, None if full else cursor, known)
        seen = {entry.id: _wanted(configured, entry, groups) for entry, groups in got.entries}
        gone = {each for each in (set(known) - set(seen) if mode == "full" else got.gone) if each in known}
        with reading(self._engine) as connection:
            changes = self._planned(connection, configured, seen, gone - set(seen))
            linked = store.linked(connection, name)
        return Plan(mode, "" if full else why, changes, got.cursor, linked)

    def _planned(
        self, connection: Connection, configured: Configured, seen: dict[str, Wanted], gone: set[str]
    ) -> list[Change]:
        name = configured.name
        for link in store.conflicted(connection, name):
            # What was in conflict may be settled by what this run brings.
            if link.id not in seen and link.id not in gone and link.vanished_ms is None:
                seen[link.id] = link.wanted
        links = store.links(connection, name, {*seen, *gone})
        wanted = [each for each in seen.values() if each.aor or each.faults or each.id in links]
        facts = self._facts(connection, configured, wanted, links)
        changes = rules.plan(wanted, gone, facts)
        late = store.vanished(connection, name, int(self._clock() * 1000) - configured.keep_days * _DAY_MS)
        late = [link for link in late if link.id not in seen]
        present = people.people_by_aor(connection, [link.aor for link in late if link.aor])
        return changes + rules.expired(late, present)

    def _facts(
        self, connection: Connection, configured: Configured, wanted: Sequence[Wanted], links: dict[str, Link]
    ) -> rules.Facts:
        numbers = {each.number for each in wanted if each.number}
        owners = {number: owner for number, (owner, _) in people.owners(connection, numbers).items()}
        addresses = {each.aor for each in wanted if each.aor} | {link.aor for link in links.values() if link.aor}
        present = people.people_by_aor(connection, addresses)
        # What a source kept that is no longer configured may be taken over by another one.
        holders = {
            aor: holder
            for aor, holder in store.holders(connection, addresses | set(owners.values())).items()
            if holder[0] in self.sources
        }
        others = {object_id for name, object_id in holders.values() if name == configured.name} - set(links)
        known = links | store.links(connection, configured.name, others)
        # Who vanished and was deleted here since holds nothing any more.
        gone = {each.aor for each in known.values() if each.vanished_ms is not None} - set(present)
        return rules.Facts(
            source=configured.name,
            links=known,
            holders={aor: holder for aor, holder in holders.items() if aor not in gone},
            rivals=[link for link in store.claiming(connection, numbers) if link.source in self.sources],
            present=present,
            owners=owners,
            domains={d for d, tenant in people.domains(connection).items() if tenant == configured.tenant},
            homes=configured.homes,
            home=configured.home,
            groups=set(configured.mapping.groups.values()),
            moving=self._moving(connection, [aor for aor in addresses if aor in present]),
        )

    # The stages of a run

    def read(self, run_id: str) -> None:
        """Read the source and write the plan down, or ask. Raises IsthmusError when the source does not give it all."""
        run = self.run(run_id)
        if run.state is not RunState.READING:
            return
        plan = self.plan(run.source, full=run.mode == "full")
        configured = self.configured(run.source)
        asks = "" if run.approved else configured.asks(plan)
        state = RunState.ASKING if asks else RunState.APPLYING
        self._write_down(run_id, _chunks(plan.changes))
        with writing(self._engine) as connection:
            store.set_run(
                connection,
                run_id,
                mode=plan.mode,
                state=state.value,
                note=asks or (f"read in full: {plan.why_full}" if plan.why_full else ""),
                counts=json.dumps(rules.counts(plan.changes)),
                cursor=plan.cursor,
                **({"finished_ms": self._now_ms()} if asks else {}),
            )

    def _write_down(self, run_id: str, chunks: Sequence[Sequence[Change]]) -> None:
        """In small transactions, so that others write meanwhile; none of it counts before the run says so."""
        with writing(self._engine) as connection:
            store.clear_plan(connection, run_id)
        position = 0
        for number, changes in enumerate(chunks):
            with writing(self._engine) as connection:
                store.put_plan(connection, run_id, number, position, changes)
            position += len(changes)

    def apply(self, run_id: str) -> bool:
        """Apply the next chunk; at the end, close the run. Returns whether there is more to do."""
        run = self.run(run_id)
        if run.state is not RunState.APPLYING:
            return False
        with writing(self._engine) as connection:
            number = store.next_chunk(connection, run_id)
            if number is not None:
                self._apply_chunk(connection, run, number)
        if number is not None:
            self.directory.announce()
            return True
        note = self._write_back(run)
        with writing(self._engine) as connection:
            store.set_cursor(connection, run.source, store.run_cursor(connection, run_id), self._now_ms())
            note = "; ".join(filter(None, (run.note, note)))
            store.set_run(connection, run_id, state=RunState.DONE.value, note=note, finished_ms=self._now_ms())
            store.forget_runs(connection, run.source, run_id)
        return False

    def _write_back(self, run: Run) -> str:
        """Let the source see what is so here, where that is chosen. Returns what a reader should know of it.

        It can be repeated, and the next run does, so that a source that can't be written to holds nothing up.
        """
        configured = self.sources.get(run.source)
        if configured is None or configured.writer is None or not configured.write_back:
            return ""
        with reading(self._engine) as connection:
            links = [each for each in store.links(connection, run.source).values() if each.aor and not each.vanished_ms]
            present = people.people_by_aor(connection, [each.aor for each in links if each.aor])
        attribute, homes = configured.mapping.home[0], configured.mapping.homes
        aors = {each.wanted.name: each.aor for each in links if each.aor in present}
        wanted = {
            each.wanted.name: rules.written_back(configured.write_back, each, present[each.aor], attribute, homes)
            for each in links
            if each.aor in present
        }
        try:
            changed, faults = configured.writer.write(wanted)
        except IsthmusError as error:
            return f"nothing was written back: {error}"
        noted = [Alter(aor, PersonChanges(), action="person.write_back") for n in changed if (aor := aors.get(n))]
        with writing(self._engine) as connection:
            self.directory.change_many(noted, actor=_actor(run), connection=connection)
        told = [f"{len(changed)} written back"] if changed else []
        told += [f"{len(faults)} not written back ({next(iter(faults.items()))})"] if faults else []
        return ", ".join(told)

    def push(
        self,
        connection: Connection,
        name: str,
        entries: Iterable[tuple[Entry, tuple[str, ...]]],
        gone: Collection[str],
        *,
        actor: str,
        lately: int,
    ) -> tuple[int, list[Change]]:
        """What a source that is pushed to us has just said of some objects, done at once in the caller's transaction.

        lately: how many people it has disabled in a while. What would make them too many is not done; a run of the
        source finds it, and asks. Returns how many were disabled now, and what was held back. The caller calls
        `announce` of the directory once it has committed. Raises UnavailableError for a source with a fault.
        """
        configured = self.configured(name)
        if configured.fault:
            raise UnavailableError(configured.fault)
        seen = {entry.id: _wanted(configured, entry, groups) for entry, groups in entries}
        links = store.links(connection, name, {*seen, *gone})
        wanted = [each for each in seen.values() if each.aor or each.faults or each.id in links]
        changes = rules.plan(wanted, gone, self._facts(connection, configured, wanted, links))
        held: list[Change] = []
        removing = [change for change in changes if change.removes]
        if removing and rules.too_many_lately(
            len(removing) + lately, store.linked(connection, name) + lately, configured.percent, configured.always
        ):
            held = removing
            changes = [change for change in changes if not change.removes]
        rows = list(enumerate(changes))
        self._remember(connection, name, rows, self._carry_out(connection, actor, rows))
        return len(removing) - len(held), held

    def _apply_chunk(self, connection: Connection, run: Run, number: int) -> None:
        rows = store.chunk(connection, run.id, number)
        reasons = self._carry_out(connection, _actor(run), rows, what_fits=True)
        self._remember(connection, run.source, rows, reasons)
        store.set_done(connection, run.id, number, reasons)

    def _carry_out(
        self, connection: Connection, actor: str, rows: Sequence[tuple[int, Change]], *, what_fits: bool = False
    ) -> dict[int, str]:
        """Do what can be done. Returns for each position of what can't be, why not.

        what_fits: whether it goes on with the rest where the tenant's limits refuse some; else that is raised.
        """
        touched = [change.aor for _, change in rows if _is_for_who_rests(change) and change.aor is not None]
        moving = self._moving(connection, touched) if touched else {}
        reasons: dict[int, str] = {}
        due: list[tuple[int, Change, Operation]] = []
        for position, change in rows:
            if change.aor is not None and _is_for_who_rests(change) and change.aor in moving:
                reasons[position] = f"{change.aor} is being moved ({moving[change.aor]})"
            elif (operation := _operation(change)) is not None:
                due.append((position, change, operation))
        operations = [operation for _, _, operation in due]

        def do(some: Sequence[Operation]) -> list[Outcome]:
            return self.directory.change_many(some, actor=actor, connection=connection)

        outcomes = change_what_fits(connection, operations, do) if what_fits else do(operations)
        for (position, _, _), outcome in zip(due, outcomes, strict=True):
            if isinstance(outcome, IsthmusError):
                reasons[position] = str(outcome)
        return reasons

    def _remember(
        self, connection: Connection, source: str, rows: Sequence[tuple[int, Change]], reasons: Mapping[int, str]
    ) -> None:
        """What the objects stand for from now on."""
        before = store.links(connection, source, {change.id for _, change in rows})
        kept: list[Link] = []
        dropped: list[str] = []
        for position, change in rows:
            link = before.get(change.id)
            if change.wanted is None:
                if position not in reasons:
                    dropped.append(change.id)
                continue
            aor = change.rename_to or change.aor
            if position in reasons:
                aor = link.aor if link else None
            since = link.vanished_ms if link else None
            if position not in reasons:
                since = self._now_ms() if change.vanished else None
            conflicts = (*change.conflicts, *((reasons[position],) if position in reasons else ()))
            kept.append(Link(source, change.id, aor, change.wanted, since, conflicts))
        store.drop_links(connection, source, dropped)
        store.put_links(connection, kept)

    def fail(self, run_id: str, reason: str) -> None:
        """End a run that has not changed anything yet."""
        with writing(self._engine) as connection:
            run = store.get_run(connection, run_id)
            if run is not None and run.state is RunState.READING:
                store.set_run(connection, run_id, state=RunState.FAILED.value, note=reason, finished_ms=self._now_ms())

    def note(self, run_id: str, text: str) -> None:
        """Say what a run waits for."""
        with writing(self._engine) as connection:
            store.set_run(connection, run_id, note=text)

    def run(self, run_id: str) -> Run:
        """One run. Raises NotFoundError."""
        with reading(self._engine) as connection:
            found = store.get_run(connection, run_id)
        if found is None:
            raise NotFoundError(f"there is no run {run_id!r}", do="Run: isthmus directory runs")
        return found

    def open_runs(self) -> list[Run]:
        """Runs that somebody has to be working on."""
        with reading(self._engine) as connection:
            return store.open_runs(connection)

    def new_attempt(self, run_id: str) -> int:
        """Count the run's attempt up; returns the new one."""
        with writing(self._engine) as connection:
            run = store.get_run(connection, run_id)
            attempt = run.attempt + 1 if run else 1
            store.set_run(connection, run_id, attempt=attempt)
            return attempt

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _actor(run: Run) -> str:
    """Whom the audit log names."""
    return f"sync:{run.source}:{run.id}"


def _read(source: Source, cursor: str | None, known: Mapping[str, str]) -> tuple[Reading, str, str]:
    """What the source has, how it was read, and why in full."""
    if cursor is None:
        return source.full(), "full", "it was never read before"
    try:
        return source.changes(cursor, known), "incremental", ""
    except FullNeededError as reason:
        return source.full(), "full", str(reason)


def _wanted(configured: Configured, entry: Entry, groups: Iterable[str]) -> Wanted:
    names = configured.mapping.groups
    # A CSV without a table of groups names ours, and what is pushed becomes ours.
    by_name = configured.kind == "scim" or (configured.kind == "csv" and not names)
    ours = groups if by_name else [names[group] for group in groups if group in names]
    return mapped.wanted(entry, configured.mapping, tuple(ours))


def _operation(change: Change) -> Operation | None:
    """What is done in the directory; None for what is only remembered."""
    if change.kind is Kind.DELETE and change.aor is not None:
        return Remove(change.aor)
    if change.aor is None or (change.kind in (Kind.RECORD, Kind.CONFLICT, Kind.FORGET) and not change.values):
        return None
    values = dict(change.values)
    if "groups" in values:
        values["groups"] = tuple(values["groups"])
    if change.kind is Kind.CREATE:
        return Create(NewPerson(aor=change.aor, credentials=unusable_credentials(), **values))
    return Alter(change.aor, PersonChanges(**values), change.rename_to, f"person.{change.kind.value}")


def _is_for_who_rests(change: Change) -> bool:
    """Whether it has to wait for a move under way to end."""
    return change.rename_to is not None or change.kind is Kind.DELETE


def _chunks(changes: Sequence[Change]) -> list[Sequence[Change]]:
    """In the order of the plan; what may pass from one to another stands in front and is kept together."""
    first = [change for change in changes if rules.hands_over(change)]
    rest = changes[len(first) :]
    return [
        *(first[start : start + _TOGETHER] for start in range(0, len(first), _TOGETHER)),
        *(rest[start : start + _CHUNK] for start in range(0, len(rest), _CHUNK)),
    ]
