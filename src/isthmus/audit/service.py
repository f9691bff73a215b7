"""The audit log of one site as others use it: recording, searching, verifying, anchoring, retention."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from isthmus.audit import rules, store, verifying
from isthmus.audit.anchors import AnchorFile
from isthmus.audit.model import Actor, Anchor, Entry, Fault, Filter, Head, Kind, Origin, Stored, Verdict
from isthmus.database import reading, writing
from isthmus.errors import NotFoundError, RefusedError

_OBJECT = "audit"
_DAY_MS = 86_400_000
_PAGE = 1000
_REMOVED_AT_ONCE = 5000  # short transactions: others wait meanwhile


class AuditLog:
    """One a process; safe to use from several threads.

    folder: the site's state folder, for the anchors. site: its name. clock: seconds since 1970.
    """

    def __init__(self, engine: Engine, folder: Path, *, site: str, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._file, self._clock = engine, AnchorFile(folder), clock
        self._self = f"site:{site}"
        self._lock = threading.RLock()  # anchors and cuts go one after the other

    def record(self, action: str, object_: str, *, actor: str, before: Any = None, after: Any = None) -> None:
        """An entry of its own, for what changes nothing in the database. before, after: JSON values, no secrets."""
        with writing(self._engine) as connection:
            store.append(connection, [Entry.of(actor, action, object_, before, after, at_ms=self._now_ms())])

    # Reading

    def find(self, wanted: Filter, *, before: int | None = None, limit: int = 100) -> list[Stored]:
        """The newest entries that fit, from those older than entry `before` on."""
        with reading(self._engine) as connection:
            return store.find(connection, wanted, before=before, limit=limit)

    def get(self, id_: int, tenant: str | None = None) -> Stored:
        """One entry. tenant: only of this one. Raises NotFoundError."""
        with reading(self._engine) as connection:
            found = store.get(connection, id_)
        if found is None or tenant not in (None, found.entry.tenant):
            raise NotFoundError(f"there is no entry {id_} in the audit log", do="See: isthmus audit list")
        return found

    def pages(self, wanted: Filter, *, after: int = 0) -> Iterator[list[Stored]]:
        """All entries that fit, the oldest first, page by page; each page is a reading of its own."""
        while True:
            with reading(self._engine) as connection:
                page = store.find(connection, wanted, after=after, limit=_PAGE)
            if page:
                yield page
                after = page[-1].id
            if len(page) < _PAGE:
                return

    def verify(
        self,
        anchors: Sequence[Anchor] = (),
        progress: Callable[[int, int], object] = lambda done, total: None,
    ) -> Verdict:
        """The whole chain, held against the site's own anchors and those given. See `verifying.verify`."""
        notes: tuple[str, ...] = ()
        faults: tuple[Fault, ...] = ()
        own: list[Anchor] = []
        with reading(self._engine) as connection:
            with self._lock:  # no cut comes between the anchors and the state that they are held against
                try:
                    own = self._file.read()
                    if not own:
                        notes = ("this site has no anchors: whether the end was cut off can't be told from outside",)
                except RefusedError as error:
                    faults = (Fault(0, Kind.ANCHOR, str(error)),)
                store.head(connection)  # from here on the transaction sees this state
            known = sorted((*own, *anchors), key=lambda anchor: anchor.id)
            found = verifying.verify(connection, known, progress)
        return replace(found, faults=found.faults + faults, notes=notes)

    def head(self) -> Anchor:
        """Where the chain stands now, in the form of an anchor: to be kept elsewhere."""
        with reading(self._engine) as connection:
            return self._anchor_of(store.head(connection))

    # Anchors

    def anchor(self) -> None:
        """Note the head outside the database, if it moved and what came since the last anchor is right.

        Raises RefusedError where the log does not go on from the last anchor; `accept` is the way out then.
        """
        with self._lock:
            anchors = self._file.read()
            if not anchors:
                self._begin()
                return
            last = anchors[-1]
            with reading(self._engine) as connection:
                head = store.head(connection)
                if (head.chain, head.seq, head.digest.hex(), head.cut) == (last.chain, last.id, last.digest, last.cut):
                    return
                _require_continuation(connection, head, last)
            self._file.add(self._anchor_of(head))

    def accept(self, reason: str, *, actor: str) -> int:
        """Go on from what the database holds, though the anchors know of more: it was restored from a backup.

        The log says so, with the anchor that was given up, which is kept beside the new ones. Returns that entry's id.
        Raises RefusedError where the chain itself is wrong, or the anchors agree with it.
        """
        with self._lock:
            try:
                anchors = self._file.read()
            except RefusedError:
                anchors = []
            with writing(self._engine) as connection:
                store.lock(connection)
                _require_acceptable(connection, anchors)
                given_up = asdict(anchors[-1]) if anchors else None
                after = {"reason": reason, "anchor": given_up}
                entry = Entry.of(actor, "audit.accept", _OBJECT, None, after, at_ms=self._now_ms())
                id_ = store.append(connection, [entry])
            self._file.begin_anew(self.head())
        return id_

    # Retention

    def cut(self, keep_days: int) -> int:
        """Remove entries of whole days (UTC) that are older than `keep_days` days, never the newest; 0 keeps all.

        A checkpoint in the log says what was removed and with which digest that part ended. Returns how many entries
        were removed. Raises RefusedError where the part to be removed does not verify: it is evidence then.
        """
        with self._lock:
            removed = self._remove_given_up()
            if keep_days and self._give_up((self._now_ms() // _DAY_MS - keep_days) * _DAY_MS, keep_days):
                removed += self._remove_given_up()
                self.anchor()
            return removed

    def _give_up(self, before_ms: int, keep_days: int) -> bool:
        """Write the checkpoint and let the triggers allow removing what is older; whether there was anything."""
        with reading(self._engine) as connection:
            oldest = store.oldest(connection)
            if oldest is None or oldest[1] >= before_ms:
                return False
            head = store.head(connection)
            through = (store.first_since(connection, before_ms) or head.seq) - 1
            if through <= head.cut:
                return False
            digest = _verified_digest(connection, head, through)
        # The anchors know of a cut before it is made: one that they don't know of was somebody else's.
        self.anchor()
        self._file.add(replace(self._file.read()[-1], cut=through))
        after = {
            "through": through,
            "digest": digest.hex(),
            "removed": through - head.cut,
            "before": datetime.fromtimestamp(before_ms / 1000, UTC).isoformat(),
            "keep_days": keep_days,
        }
        actor = Actor(self._self, Origin("retention"))
        with writing(self._engine) as connection:
            by = store.append(connection, [Entry.of(actor, rules.CUT, _OBJECT, None, after, at_ms=self._now_ms())])
            store.give_up(connection, through, by)
        return True

    def _remove_given_up(self) -> int:
        total = 0
        while True:
            with writing(self._engine) as connection:
                removed = store.remove(connection, _REMOVED_AT_ONCE)
            total += removed
            if removed < _REMOVED_AT_ONCE:
                return total

    def _begin(self) -> None:
        """The first anchor; the log tells that there was none before."""
        with reading(self._engine) as connection:
            fault = next(iter(verifying.verify(connection, ()).faults), None)
        if fault is not None:
            raise _broken(fault)
        self.record("audit.anchor", _OBJECT, actor=self._self, after={"first": True})
        with reading(self._engine) as connection:
            self._file.add(self._anchor_of(store.head(connection)))

    def _anchor_of(self, head: Head) -> Anchor:
        return Anchor(head.chain, head.seq, head.digest.hex(), self._now_ms(), head.cut)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _verified_digest(connection: Connection, head: Head, through: int) -> bytes:
    """The digest of entry `through`. Raises RefusedError where anything up to it is wrong."""
    begin = verifying.beginning(connection, head)
    if isinstance(begin, Fault):
        raise _broken(begin)
    checker = rules.Checker(head.cut + 1, begin)
    _take(checker, store.rows(connection, head.cut), through)
    return checker.digest


def _require_continuation(connection: Connection, head: Head, last: Anchor) -> None:
    """Raises RefusedError unless the chain goes on from the anchor to the head without a fault."""
    if last.chain != head.chain or last.id > head.seq or head.cut > last.cut:
        raise _broken(verifying.verify(connection, [last]).faults[0])
    checker = rules.Checker(last.id + 1, bytes.fromhex(last.digest))
    _take(checker, store.rows(connection, head.cut, last.id), None)
    fault = rules.at_end(checker, head)
    if fault is not None:
        raise _broken(fault)


def _take(checker: rules.Checker, rows: Iterable[rules.Row], through: int | None) -> None:
    """Follow the rows, as far as entry `through`. Raises RefusedError."""
    for row in rows:
        if through is not None and checker.next_id > through:
            return
        fault = checker.take(row)
        if fault is not None:
            raise _broken(fault)


def _require_acceptable(connection: Connection, anchors: Sequence[Anchor]) -> None:
    """Raises RefusedError where the chain is wrong within, or there is nothing to accept."""
    within = verifying.verify(connection, ()).faults
    if within:
        raise RefusedError(within[0].what, where="the audit log", do="What is wrong within the log can't be accepted.")
    if anchors and not verifying.verify(connection, anchors).faults:
        raise RefusedError("the audit log and its anchors agree: there is nothing to accept")


def _broken(fault: Fault) -> RefusedError:
    return RefusedError(fault.what, where="the audit log", do="Look at it: isthmus audit verify")
