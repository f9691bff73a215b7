"""Makes records of what Kamailio's workers tell: events become legs, and legs that are over records, at one stroke.

What was taken stays in memory until it is written: while the database can't be written to, calls go on and nothing is
lost but what exceeds the memory that is set aside, which is counted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine

from isthmus.database import reading, writing
from isthmus.directory import journal
from isthmus.records import rules, store
from isthmus.records.model import NOTES, Event, Leg, Record, Route
from isthmus.records.store import Name

_AT_ONCE = 2000  # events a transaction
_MOST = 200_000  # events in memory


class Recorder:
    """One a site. clock: Unix seconds. most: events kept in memory while the database does not take them."""

    def __init__(self, engine: Engine, site: str, *, clock: Callable[[], float] = time.time, most: int = _MOST) -> None:
        self._engine, self._site, self._clock, self._most = engine, site, clock, most
        self._waiting: deque[Event] = deque()
        self._lock = threading.Lock()  # of what happens to legs
        self._legs: dict[Name, Leg] | None = None
        self.overflowed = 0  # events there was no memory for
        self.late = 0  # events of legs that had their record already

    def take(self, event: Event) -> None:
        """What a worker told. Returns at once."""
        if len(self._waiting) >= self._most:
            self.overflowed += 1
            return
        self._waiting.append(event)

    def write(self) -> None:
        """Write down what was taken, and the records of the legs that are over. Raises UnavailableError: nothing is
        lost then.
        """
        with self._lock:
            while True:
                batch = list(islice(self._waiting, _AT_ONCE))
                self._write(batch)
                for _ in batch:
                    self._waiting.popleft()
                if len(batch) < _AT_ONCE:
                    return

    def look(self, up: Callable[[], Collection[str] | None]) -> None:
        """Look for the dialogs of legs of which nothing was heard for a while; end those that are gone.

        up: gives the Call-IDs that the SIP engine knows now; None where it can't be asked. Called only if need be.
        """
        with self._lock:
            legs, now = self._loaded(), self._clock()
            names = [name for name, leg in legs.items() if rules.to_look_for(leg, now)]
            known = up() if names else None
            if known is None:
                return
            changed = {name: rules.looked_for(legs[name], up=name[0] in known, now=now) for name in names}
            with writing(self._engine) as connection:
                store.put_legs(connection, changed, ())
            legs.update(changed)

    def health(self) -> dict[str, Any]:
        """How it stands, for GET /v1/health."""
        return {
            "open": len(self._legs or ()),
            "waiting": len(self._waiting),
            "overflowed": self.overflowed,
            "late": self.late,
        }

    def _loaded(self) -> dict[Name, Leg]:
        if self._legs is None:
            with reading(self._engine) as connection:
                self._legs = store.legs(connection)
        return self._legs

    def _write(self, batch: list[Event]) -> None:
        legs, now = self._loaded(), self._clock()
        if not batch and not any(rules.is_over(leg, now) for leg in legs.values()):
            return
        with writing(self._engine) as connection:
            stream, _ = journal.lock(connection)
            changed, done, late = self._heard(connection, batch, now)
            over = [(name, leg) for name, leg in (legs | changed).items() if rules.is_over(leg, now)]
            self._close(connection, stream, [*done, *(leg for _, leg in over)])
            gone = {name for name, _ in over}
            kept = {name: leg for name, leg in changed.items() if name not in gone}
            store.put_legs(connection, kept, gone)
        legs.update(kept)
        for name in gone:
            legs.pop(name, None)
        self.late += late

    def _heard(self, connection: Connection, batch: list[Event], now: float) -> tuple[dict[Name, Leg], list[Leg], int]:
        """What the events make of legs: those that changed, those that made room for another call, and how many events
        came too late.
        """
        legs = self._loaded()
        unknown = {event.leg for event in batch if event.leg not in legs}
        ended = store.last_ended(connection, self._site, unknown)
        changed: dict[Name, Leg] = {}
        done: list[Leg] = []
        late = 0
        for event in batch:
            name = event.leg
            leg = changed.get(name) or legs.get(name)
            if leg is None and event.kind in NOTES:
                continue  # of a dialog that is no call, or a call that is over
            if leg is None and rules.is_late(event, ended.get(name)):
                late += 1
                continue
            if leg is not None and rules.begins_anew(leg, event):
                done.append(leg)
                leg = None
            changed[name] = rules.heard(leg, event, now)
        return changed, done, late

    def _close(self, connection: Connection, stream: str, over: Iterable[Leg]) -> None:
        """Number the legs in the order in which they ended, and store their records."""
        ordered = sorted(over, key=lambda leg: leg.ends.at if leg.ends else 0.0)
        if not ordered:
            return
        people = store.people_at(connection, (end for leg in ordered for end in rules.ends_of(leg) if end))
        seq = store.position(connection, self._site, stream)
        records: list[Record] = []
        for leg in ordered:
            seq += 1
            rates = []
            way = leg.rerouted or leg.begins
            payer = people.get(rules.ends_of(leg)[0])
            if way is not None and way.route == Route.DIAL and payer is not None and leg.begins is not None:
                rates = store.rates(connection, payer.tenant, rules.prefixes(leg.begins.callee))
            records.append(rules.record_of(leg, site=self._site, stream=stream, seq=seq, people=people, rates=rates))
        store.add(connection, records)
        store.set_position(connection, self._site, stream, seq)
