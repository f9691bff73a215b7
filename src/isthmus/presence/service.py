"""Presence at one site: the states of those at home here, made of what they chose and what all sites see of them, and
what the other homes told of theirs.

One site alone says how a person is: their home. Everything it says is in one ordered log, which its peers read; so a
link that was cut, or a service that was started anew, costs nobody more than what has changed since.
"""

from __future__ import annotations

import contextlib
import heapq
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Engine

from isthmus.database import reading, writing
from isthmus.errors import NotFoundError, RefusedError
from isthmus.presence import rules, store
from isthmus.presence.log import Log
from isthmus.presence.model import Availability, Chosen, Known, Quiet, Seen, State, Version, Who
from isthmus.presence.people import People
from isthmus.presence.wire import Page

_log = logging.getLogger(__name__)
PAGE = 2000
STALE_MS = 10_000
"""A home that was started anew has this long to tell of its people, whose tabs come back meanwhile."""
FORGET_MS = 60_000
"""So long counts what a peer saw of people here after it was last heard of."""
_NONE = Chosen()
_SEEN = Seen()
_OFFLINE = State()


@dataclass(slots=True)
class _Peer:
    run: int = 0
    to: int = 0
    up: bool = False
    synced: bool = False
    down_ms: int = 0
    stale: set[str] = field(default_factory=set)  # of which nothing was told in this run yet
    stale_ms: int = 0  # until when they are kept


class Presence:
    """Safe to use from several threads. clock: Unix seconds.

    told: called with each state that is another than before. reached: with a site's name, whether it can be reached.
    quieted: with addresses of people at home here, and whether their phones are to be quiet. woken: when there is
    something to tell peers. All are called in the order of what happened, one at a time.
    """

    def __init__(self, engine: Engine, people: People, *, site: str, clock: Callable[[], float] = time.time) -> None:
        self._engine, self.people, self.site, self._clock = engine, people, site, clock
        self.told: list[Callable[[Known], object]] = []
        self.reached: list[Callable[[str, bool], object]] = []
        self.quieted: list[Callable[[Mapping[str, Quiet | None]], object]] = []
        self.woken: list[Callable[[], object]] = []
        self._lock, self._telling, self._choosing = threading.RLock(), threading.RLock(), threading.Lock()
        self._effects: deque[Callable[[], object]] = deque()
        self._known: dict[str, Known] = {}
        self._chosen: dict[str, Chosen] = {}
        self._seen: dict[str, dict[str, Seen]] = {}
        self._quiet: dict[str, Quiet] = {}
        self._ends: list[tuple[int, str]] = []
        self._peers: dict[str, _Peer] = {}
        self._log: Log[tuple[str, str]] = Log()
        self.run = 0

    def start(self) -> None:
        """Take up what people set, and begin a run: a number greater than all before, whatever the clock says.

        It only reads, so that it works with a full disk, too; `note_run` is to follow.
        """
        with reading(self._engine) as connection:
            self.run = max(self._now_ms(), store.last_run(connection) + 1)
            kept = store.chosen(connection)
        homes = self.people.by_id(kept)
        with self._changing():
            for person, chosen in kept.items():
                who = homes.get(person)
                if who is not None and who.home == self.site:
                    self._chosen[person] = chosen
                    self._settle(who)

    def note_run(self) -> None:
        """Keep the number of this run, so that the next one has a greater one."""
        with writing(self._engine) as connection:
            store.note_run(connection, self.run)

    def quiet(self) -> dict[str, Quiet]:
        """All whose phones are to be quiet now, by address."""
        with self._lock:
            return dict(self._quiet)

    # What people set

    def chosen(self, person: str) -> Chosen:
        """What somebody at home here set, as far as it is in force."""
        with self._lock:
            return rules.in_force(self._chosen.get(person, _NONE), self._now_ms())

    def choose(self, person: str, changes: Mapping[str, Any]) -> Chosen:
        """Change what somebody set (see rules.changed). Raises UsageError; RefusedError where they live elsewhere."""
        with self._choosing:
            who = self.people.by_id([person]).get(person)
            if who is None:
                raise NotFoundError("there is no such person", where=person)
            if who.home != self.site:
                raise RefusedError(f"{who.aor} is at home at {who.home}, not at {self.site}")
            wanted = rules.changed(self.chosen(person), changes, self._now_ms())
            with writing(self._engine) as connection:
                store.put(connection, {person: wanted})
            with self._changing():
                self._chosen[person] = wanted
                self._settle(who)
        return wanted

    # What sites see of them

    def see(self, person: str, seen: Seen) -> None:
        """What this site sees of somebody, wherever they are at home."""
        who = self.people.by_id([person]).get(person)
        with self._changing():
            self._saw(self.site, person, seen, who)

    def _saw(self, site: str, person: str, seen: Seen, who: Who | None) -> None:
        at = self._seen.setdefault(person, {})
        if at.get(site, _SEEN) == seen:
            return
        if seen == _SEEN:
            del at[site]
            if not at:
                del self._seen[person]
        else:
            at[site] = seen
        if who is None:
            return
        if who.home == self.site:
            self._settle(who)
        elif site == self.site:
            self._put(("seen", person))

    # The directory

    def follow_directory(self) -> None:
        """People have moved, changed or gone."""
        changed, gone = self.people.catch_up()
        if gone:
            with writing(self._engine) as connection:
                store.remove(connection, gone)
        here = [who.id for who in changed if who.home == self.site]
        kept: dict[str, Chosen] = {}
        if here:
            with reading(self._engine) as connection:
                kept = store.chosen(connection, here)
        with self._changing():
            for who in changed:
                self._rehome(who, kept.get(who.id))
            for person in gone:
                self._forget(person)

    def _rehome(self, who: Who, kept: Chosen | None) -> None:
        if who.home == self.site:
            held = self._chosen.get(who.id)
            if kept is not None and (held is None or kept.changed_ms > held.changed_ms):
                self._chosen[who.id] = kept
            if who.id in self._chosen or who.id in self._seen or who.id in self._known:
                self._settle(who)
            return
        self._chosen.pop(who.id, None)
        self._be_quiet(who.aor, None)
        if self.site in self._seen.get(who.id, ()):
            self._put(("seen", who.id))  # the new home has not been told

    def _forget(self, person: str) -> None:
        self._chosen.pop(person, None)
        self._seen.pop(person, None)
        known = self._known.pop(person, None)
        if known is None:
            return
        self._be_quiet(known.aor, None)
        if known.home == self.site:
            self._put(("gone", person))
        self._tell(msgspec.structs.replace(known, state=_OFFLINE))

    # What is told

    def of(self, who: Who) -> Known:
        """How somebody is, as far as this site knows."""
        with self._lock:
            known = self._known.get(who.id)
            if known is not None:
                return known
            peer = self._peers.get(who.home)
            heard = who.home == self.site or (peer is not None and peer.synced)
            state = _OFFLINE if heard else State(Availability.UNKNOWN)
            return Known(who.id, who.aor, who.tenant, who.home, Version(who.epoch), state)

    def sites(self) -> dict[str, bool]:
        """Which homes are heard of now, by name."""
        with self._lock:
            return {self.site: True, **{name: peer.up for name, peer in self._peers.items()}}

    def health(self) -> dict[str, Any]:
        """For GET /v1/health."""
        with self._lock:
            return {
                "ok": True,
                "known": len(self._known),
                "at_home": sum(known.home == self.site for known in self._known.values()),
                "quiet": len(self._quiet),
                "peers": {name: peer.up for name, peer in self._peers.items()},
            }

    def has_news(self, run: int, after: int) -> bool:
        """Whether there is anything after number `after` of run `run`. Waits for nobody."""
        return run != self.run or after < self._log.seq

    def page(self, peer: str, run: int, after: int) -> Page:
        """What a peer is told that was told up to number `after` of run `run`."""
        with self._lock:
            whole = run != self.run or after == 0 or after > self._log.seq
            keys, to = self._log.after(0 if whole else after, PAGE)
            states = [self._known[person] for kind, person in keys if kind == "state" and person in self._known]
            watched = [person for kind, person in keys if kind == "seen"]
            seen = {person: self._seen.get(person, {}).get(self.site, _SEEN) for person in watched}
            last = self._log.seq
        homes = self.people.by_id(watched)
        return Page(
            self.run,
            to,
            last,
            whole,
            tuple(known for known in states if known.home == self.site),
            tuple((person, each) for person, each in seen.items() if person in homes and homes[person].home == peer),
            tuple(person for kind, person in keys if kind == "gone"),
        )

    # What peers tell

    def position(self, peer: str) -> tuple[int, int]:
        """Up to where a peer was heard: its run, and the number."""
        with self._lock:
            at = self._peers.get(peer)
            return (0, 0) if at is None else (at.run, at.to)

    def apply(self, peer: str, page: Page) -> None:
        """Take in what a peer told."""
        homes = self.people.by_id(person for person, _ in page.seen)
        with self._changing():
            at = self._peers.setdefault(peer, _Peer())
            if page.whole:
                at.stale = {person for person, known in self._known.items() if known.home == peer}
                at.stale |= {person for person, seen in self._seen.items() if peer in seen}
                at.stale_ms = self._now_ms() + STALE_MS
            for known in page.states:
                if known.home == peer:
                    at.stale.discard(known.person)
                    self._take(known)
            for person, seen in page.seen:
                at.stale.discard(person)
                self._saw(peer, person, seen, homes.get(person))
            for person in page.gone:
                held = self._known.get(person)
                if held is not None and held.home == peer:
                    self._drop(person)
            at.run, at.to = page.run, page.to
            at.synced |= page.to >= page.last
            if not at.up:
                at.up = True
                _log.info("presence of %s: heard of again", peer)
                self._effects.append(lambda: self._each(self.reached, peer, True))

    def learn(self, home: str, known: Known) -> None:
        """What a home told of one person outside of its feed."""
        with self._changing():
            if known.home == home and known.version.seq:
                self._take(known)

    def lost(self, peer: str, why: str) -> None:
        """A peer can't be heard."""
        with self._changing():
            at = self._peers.setdefault(peer, _Peer(down_ms=self._now_ms()))
            if at.up:
                at.up, at.down_ms = False, self._now_ms()
                _log.warning("presence of %s: not heard of (%s)", peer, why)
                self._effects.append(lambda: self._each(self.reached, peer, False))

    def _take(self, known: Known) -> None:
        held = self._known.get(known.person)
        if held is None or known.version > held.version:
            self._known[known.person] = known
            self._tell(known)

    def _drop(self, person: str) -> None:
        """Nothing is told of somebody any more who is at home elsewhere."""
        known = self._known.pop(person)
        self._tell(msgspec.structs.replace(known, state=_OFFLINE))

    # Time

    def tick(self) -> None:
        """What has ended by now ends. To be called several times a second."""
        now = self._now_ms()
        with self._lock:
            due = bool(self._ends and self._ends[0][0] <= now)
            peers = any(each.stale or not each.up for each in self._peers.values())
        if not due and not peers:
            return
        with self._changing():
            while self._ends and self._ends[0][0] <= now:
                person = heapq.heappop(self._ends)[1]
                who = self.people.by_id([person]).get(person)
                if who is not None and who.home == self.site:
                    self._settle(who)
            for name, peer in self._peers.items():
                self._let_go(name, peer, now)

    def _let_go(self, name: str, peer: _Peer, now: int) -> None:
        if peer.stale and peer.up and now >= peer.stale_ms:
            gone, peer.stale = peer.stale, set()
            self._unsee(name, gone)
            for person in gone:
                held = self._known.get(person)
                if held is not None and held.home == name:
                    self._drop(person)
        elif not peer.up and peer.down_ms and now >= peer.down_ms + FORGET_MS:
            peer.down_ms = 0
            peer.run = peer.to = 0  # what it saw is to be told anew
            self._unsee(name, [person for person, seen in self._seen.items() if name in seen])

    def _unsee(self, site: str, people: Iterable[str]) -> None:
        homes = self.people.by_id(people)
        for person in people:
            self._saw(site, person, _SEEN, homes.get(person))

    # Within

    def _settle(self, who: Who) -> None:
        """Make the state of somebody at home here anew, and tell it if it is another one."""
        now, before = self._now_ms(), self._known.get(who.id)
        if before is not None and before.version.epoch > who.epoch:
            return  # another home has told of them, by a newer epoch
        chosen = self._chosen.get(who.id, _NONE) if who.enabled else _NONE
        seen = self._seen.get(who.id, {}).values() if who.enabled else ()
        state = rules.merged(chosen, seen, now, before.state if before is not None else None)
        self._keep_time(who, chosen, seen, now)
        quiet = rules.is_quiet(chosen, seen, now)
        until = rules.in_force(chosen, now).until_ms
        self._be_quiet(who.aor, Quiet(chosen.exceptions, -(-until // 1000)) if quiet else None)
        made = Known(
            who.id, who.aor, who.tenant, self.site, Version(who.epoch, self.run), state, chosen.shows, chosen.trusted
        )
        if before is None:
            if msgspec.structs.replace(state, since_ms=0) == _OFFLINE and made.shows is _NONE.shows:
                return  # nothing that would not be thought of them anyway
        elif msgspec.structs.replace(before, version=msgspec.structs.replace(before.version, seq=0)) == made:
            return
        known = msgspec.structs.replace(made, version=Version(who.epoch, self.run, self._put(("state", who.id))))
        self._known[who.id] = known
        self._tell(known)

    def _keep_time(self, who: Who, chosen: Chosen, seen: Iterable[Seen], now: int) -> None:
        ends = rules.ends_ms(chosen, now)
        if ends:
            heapq.heappush(self._ends, (ends, who.id))
        for each in seen:
            if each.emergency_until_ms > now:
                heapq.heappush(self._ends, (each.emergency_until_ms, who.id))

    def _be_quiet(self, aor: str, quiet: Quiet | None) -> None:
        if self._quiet.get(aor) == quiet:
            return
        if quiet is None:
            del self._quiet[aor]
        else:
            self._quiet[aor] = quiet
        self._effects.append(lambda: self._each(self.quieted, {aor: quiet}))

    def _put(self, key: tuple[str, str]) -> int:
        seq = self._log.put(key)
        self._effects.append(lambda: self._each(self.woken))
        return seq

    def _tell(self, known: Known) -> None:
        self._effects.append(lambda: self._each(self.told, known))

    @staticmethod
    def _each(listeners: Iterable[Callable[..., object]], *what: object) -> None:
        for listener in listeners:
            try:
                listener(*what)
            except Exception:
                _log.exception("presence: somebody could not be told")

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Change what is known, then tell of it: without the lock, so that nobody waits for who is told."""
        with self._lock:
            yield
        with self._telling:
            while True:
                with self._lock:
                    effect = self._effects.popleft() if self._effects else None
                if effect is None:
                    return
                effect()

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
