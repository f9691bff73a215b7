"""The work of each stage of a move, for one chunk of people at a time.

The rows of table `move` are the truth: a stage reads those that are in it, does its work at the sites, and writes
what came of it. Killed in between, it does the same again and finds part of it done; so every stage can be repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine

from isthmus import audit
from isthmus.access.model import EVERYTHING, Reach
from isthmus.addressing import Aor
from isthmus.database import reading, writing
from isthmus.directory.model import Person
from isthmus.errors import IsthmusError, NotFoundError
from isthmus.homing import auditing, rules, store
from isthmus.homing.model import Batch, BatchState, Event, Move, State
from isthmus.homing.participants import Registry, Review
from isthmus.homing.sites import MoveSite, Sites

_T = TypeVar("_T")
_MAX_TRIES = 8  # of one person at the target after commit, before what it refuses is left behind


class HomeDirectory(Protocol):
    """What the move needs of the directory."""

    def last_seq(self) -> int: ...

    def get_many(self, aors: Iterable[Aor], reach: Reach = EVERYTHING) -> dict[Aor, Person]: ...

    def commit_homes(
        self, moves: Sequence[tuple[Aor, str, int, str]], *, actor: str, connection: Connection | None = None
    ) -> dict[Aor, int | IsthmusError]: ...

    def announce(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """What a stage brought. stage: the one to work on next, None when the chunk is through.

    waits_for: why some people stay where they are, empty when nobody had to.
    """

    stage: State | None
    waits_for: str = ""


class Work:
    """Takes chunks through the stages. Holds no state of its own.

    registry: the participants; the same names at all sites. clock: seconds since 1970, for the audit log.
    """

    def __init__(
        self,
        engine: Engine,
        directory: HomeDirectory,
        sites: Sites,
        registry: Registry,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._directory, self._sites, self._registry = engine, directory, sites, registry
        self.site_names = sites.names
        self._clock = clock
        self._stages: dict[State, Callable[[Batch, list[Move]], str]] = {
            State.QUEUED: self._take,
            State.PREFLIGHT: self._preflight,
            State.PREPARING: self._prepare,
            State.COMMITTING: self._commit,
            State.UNDOING: self._undo,
            State.PUBLISHING: self._publish,
            State.HANDING_OVER: self._hand_over,
            State.VERIFYING: self._verify,
            State.CLEANING_UP: self._clean_up,
        }

    def advance(self, batch_id: str, chunk: int) -> Progress:
        """Do the work of the earliest stage that anybody in the chunk is in.

        Raises UnavailableError when a site does not answer; nobody's state has changed then, and it can be repeated.
        """
        batch, moves = self._load(batch_id, chunk)
        stage = rules.next_stage([move.state for move in moves])
        if stage is None:
            return Progress(None)
        waits_for = self._stages[stage](batch, [move for move in moves if move.state is stage])
        return Progress(self.stage_of(batch_id, chunk), waits_for)

    def stage_of(self, batch_id: str, chunk: int) -> State | None:
        """The earliest stage that anybody in the chunk is in; None when all are through."""
        return rules.next_stage([move.state for move in self._load(batch_id, chunk)[1]])

    def give_up(self, batch_id: str, chunk: int, reason: str) -> None:
        """End the attempt for everybody at the earliest stage, where that is before commit; `reason` says why."""
        batch, moves = self._load(batch_id, chunk)
        stage = rules.next_stage([move.state for move in moves])
        event = {
            State.QUEUED: Event.REFUSED,
            State.PREFLIGHT: Event.REFUSED,
            State.PREPARING: Event.FAILED,
            State.COMMITTING: Event.FAILED,
            State.UNDOING: Event.UNDONE,
        }
        if stage not in event:
            raise ValueError(f"a move in {stage} only goes forward")
        self._save(
            batch,
            (
                _done(move, event[stage], () if stage is State.UNDOING else (reason,))
                for move in moves
                if move.state is stage
            ),
        )

    def facts(self, batch: str, target: str, people: Sequence[Aor], reach: Reach = EVERYTHING) -> rules.Facts:
        """All that preflight judges by. A participant that does not answer counts as a reason."""
        known = self._directory.get_many(people, reach)
        with reading(self._engine) as connection:
            running = store.open_moves(connection, people if reach.everything else list(known))
        sites = self._sites.facts()
        against: dict[Aor, list[str]] = {}
        notes: dict[Aor, list[str]] = {}
        for source, group in _by(known.values(), lambda person: person.home).items():
            for name in dict.fromkeys((source, target)):
                if name in sites and not sites[name].down and source != target:
                    self._collect(against, name, [person.aor for person in group], target)
            if source != target and not any(name not in sites or sites[name].down for name in (source, target)):
                self._review(against, notes, source, target, [person.aor for person in group])
        others = {aor: name for aor, name in running.items() if name != batch}
        return rules.Facts(target, sites, known, others, against, notes)

    def _collect(self, against: dict[Aor, list[str]], site: str, people: Sequence[Aor], target: str) -> None:
        for part in self._registry.names:
            try:
                found: Mapping[Aor, Sequence[str]] = self._sites.get(site).check(part, people, target)
            except IsthmusError as error:
                found = dict.fromkeys(people, (f"{part} at {site}: {error.what}",))
            for aor, reasons in found.items():
                against.setdefault(aor, []).extend(reasons)

    def _review(
        self,
        against: dict[Aor, list[str]],
        notes: dict[Aor, list[str]],
        source: str,
        target: str,
        people: Sequence[Aor],
    ) -> None:
        """What the target says to what the source tells of these people."""
        for part in self._registry.names:
            try:
                described = self._sites.get(source).describe(part, people)
                reviews = self._sites.get(target).review(part, described, target) if described else {}
            except IsthmusError as error:
                reviews = dict.fromkeys(people, Review((f"{part} at {source} and {target}: {error.what}",)))
            for aor, review in reviews.items():
                against.setdefault(aor, []).extend(review.against)
                notes.setdefault(aor, []).extend(review.notes)

    # The stages. Each gets the people who are in it, and returns what those who stay are waiting for.

    def _take(self, batch: Batch, moves: list[Move]) -> str:
        """Begin with people who wait, unless the batch was cancelled this instant."""
        with writing(self._engine) as connection:
            store.lock_batch(connection, batch.id)
            now = store.get_batch(connection, batch.id)
            if now is not None and now.state is not BatchState.CANCELLED:
                store.save(connection, (_done(move, Event.TAKEN) for move in moves))
        return ""

    def _preflight(self, batch: Batch, moves: list[Move]) -> str:
        facts = self.facts(batch.id, batch.target, [move.aor for move in moves])
        judged: list[Move] = []
        for move in moves:
            if reasons := rules.reasons_against(move.aor, facts):
                judged.append(_done(move, Event.REFUSED, reasons))
            else:
                person = facts.people[move.aor]
                judged.append(replace(_done(move, Event.CLEAR), source=person.home, epoch=person.home_epoch))
        self._save(batch, judged)
        return ""

    def _prepare(self, batch: Batch, moves: list[Move]) -> str:
        """Fill the target, beginning with an empty page: an earlier attempt may have left something there."""
        target = self._sites.get(batch.target)
        prepared: list[Move] = []
        for source, group in self._by_source(moves):
            people = [move.aor for move in group]
            handed: dict[Aor, dict[str, object]] = {aor: {} for aor in people}
            refused: dict[Aor, list[str]] = {}
            for part in self._registry.names:
                data = source.export(part, people)
                target.undo(part, people)
                for aor, verdict in target.import_(part, data, None).items():
                    handed[aor][part] = data[aor]
                    if verdict is not None:
                        refused.setdefault(aor, []).append(verdict)
            for move in group:
                if move.aor in refused:
                    prepared.append(_done(move, Event.FAILED, refused[move.aor]))
                else:
                    prepared.append(replace(_done(move, Event.PREPARED), handed=handed[move.aor]))
        self._save(batch, prepared)
        return ""

    def _commit(self, batch: Batch, moves: list[Move]) -> str:
        """The one transaction that moves people: their homes, and what this table says of it."""
        with writing(self._engine) as connection:
            results = self._directory.commit_homes(
                [(move.aor, move.source, move.epoch, batch.target) for move in moves],
                actor=auditing.mover(batch),
                connection=connection,
            )
            done: list[Move] = []
            for move in moves:
                result = results[move.aor]
                if isinstance(result, IsthmusError):
                    done.append(_done(move, Event.FAILED, (str(result),)))
                else:
                    done.append(replace(_done(move, Event.COMMITTED), new_epoch=result))
            store.save(connection, done)
        self._directory.announce()
        return ""

    def _undo(self, batch: Batch, moves: list[Move]) -> str:
        target = self._sites.get(batch.target)
        present = self._directory.get_many(move.aor for move in moves)
        # What a home holds must never be undone, whoever made the target the home meanwhile.
        people = [move.aor for move in moves if move.aor not in present or present[move.aor].home != batch.target]
        for part in self._registry.names:
            target.undo(part, people)
        self._save(batch, (_done(move, Event.UNDONE) for move in moves))
        return ""

    def _publish(self, batch: Batch, moves: list[Move]) -> str:
        """Both sites have to route by the new home before the last of the old one is handed over."""
        seq = self._directory.last_seq()
        for name in dict.fromkeys((batch.target, *(move.source for move in moves))):
            self._sites.get(name).publish(seq)
        self._save(batch, (_done(move, Event.PUBLISHED) for move in moves))
        return ""

    def _hand_over(self, batch: Batch, moves: list[Move]) -> str:
        """Bring what changed at the source since it was last exported; those with nothing new go on."""
        target = self._sites.get(batch.target)
        saved: list[Move] = []
        waits_for = ""
        for source, group in self._by_source(moves):
            changed: dict[Aor, dict[str, object]] = {}
            refused: dict[Aor, str] = {}
            for part in self._registry.names:
                data = source.export(part, [move.aor for move in group])
                before = {move.aor: move.handed[part] for move in group if part in move.handed}
                news = {aor: value for aor, value in data.items() if self._changed(part, before, aor, value)}
                for aor, verdict in (target.import_(part, news, before) if news else {}).items():
                    changed.setdefault(aor, {})[part] = data[aor]
                    if verdict is not None:
                        refused[aor] = verdict
            for move in group:
                if move.aor in refused:
                    saved.append(_refused(move, refused[move.aor]))
                    waits_for = refused[move.aor]
                elif move.aor in changed:
                    saved.append(replace(move, handed={**move.handed, **changed[move.aor]}))
                else:
                    saved.append(_done(move, Event.HANDED_OVER))
        self._save(batch, saved)
        return waits_for

    def _changed(self, part: str, before: Mapping[Aor, object], aor: Aor, value: object) -> bool:
        return aor not in before or self._registry.get(part).changed(before[aor], value)

    def _verify(self, batch: Batch, moves: list[Move]) -> str:
        target = self._sites.get(batch.target)
        faults = self._ask(moves, target.verify)
        self._save(
            batch,
            (
                self._missing(move, faults[move.aor]) if move.aor in faults else _done(move, Event.VERIFIED)
                for move in moves
            ),
        )
        return next(iter(faults.values()), "")

    def _missing(self, move: Move, why: str) -> Move:
        """Whoever is missing something at the target is handed over whole once more."""
        if move.tries + 1 >= _MAX_TRIES:
            return _done(move, Event.LEFT_BEHIND, (f"moved, but {why}",))
        return replace(_done(move, Event.AGAIN), handed={}, tries=move.tries + 1)

    def _clean_up(self, batch: Batch, moves: list[Move]) -> str:
        for source, group in self._by_source(moves):
            faults = self._ask(group, source.clean_up)
            self._save(batch, (_done(move, Event.AGAIN if move.aor in faults else Event.CLEANED) for move in group))
        return ""

    def _ask(
        self, moves: Sequence[Move], ask: Callable[[str, dict[Aor, object]], Mapping[Aor, str | None]]
    ) -> dict[Aor, str]:
        """What any participant has to say against these people."""
        faults: dict[Aor, str] = {}
        for part in self._registry.names:
            data = {move.aor: move.handed[part] for move in moves if part in move.handed}
            faults |= {aor: why for aor, why in ask(part, data).items() if why is not None} if data else {}
        return faults

    def _by_source(self, moves: Iterable[Move]) -> list[tuple[MoveSite, list[Move]]]:
        return [(self._sites.get(name), group) for name, group in _by(moves, lambda move: move.source).items()]

    def _load(self, batch_id: str, chunk: int) -> tuple[Batch, list[Move]]:
        with reading(self._engine) as connection:
            batch = store.get_batch(connection, batch_id)
            if batch is None:
                raise NotFoundError(f"there is no batch {batch_id!r}")
            return batch, store.in_chunk(connection, batch_id, chunk)

    def _save(self, batch: Batch, moves: Iterable[Move]) -> None:
        """Write what became of the moves, and of those that are over, with the audit log's entries of them."""
        listed = list(moves)
        ended = [move for move in listed if move.state in rules.FINAL]
        people = self.people(move.aor for move in ended)
        with writing(self._engine) as connection:
            store.save(connection, listed)
            audit.append(connection, auditing.outcomes(batch, ended, people, self._now_ms()))

    def people(self, aors: Iterable[Aor]) -> dict[Aor, Person]:
        """Those of the people who are in the directory."""
        listed = list(aors)
        return self._directory.get_many(listed) if listed else {}

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _done(move: Move, event: Event, reasons: Sequence[str] = ()) -> Move:
    """The move after an event; what was handed over is forgotten at the end."""
    state = rules.after(move.state, event)
    return replace(
        move,
        state=state,
        note="",
        reasons=move.reasons + tuple(reasons),
        handed={} if state in rules.FINAL else move.handed,
    )


def _refused(move: Move, why: str) -> Move:
    """The target won't take something after commit: try again, and in the end leave it behind and say so."""
    if move.tries + 1 >= _MAX_TRIES:
        return _done(move, Event.LEFT_BEHIND, (f"moved, but {why}",))
    return replace(move, tries=move.tries + 1, note=why)


def _by(items: Iterable[_T], key: Callable[[_T], str]) -> dict[str, list[_T]]:
    groups: dict[str, list[_T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
