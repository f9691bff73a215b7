"""Call records as others use them: search, export, what sites tell each other, retention."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, Engine

from isthmus.access.model import EVERYTHING, Reach
from isthmus.database import reading, writing
from isthmus.directory import journal
from isthmus.errors import RefusedError, UsageError
from isthmus.records import store
from isthmus.records.model import Filter, Record
from isthmus.records.store import Cursor
from isthmus.records.wire import Page, page_of

_DAY_MS = 86_400_000
_PAGE = 1000
_LEGS = 100  # of one call that are shown
_REMOVED_AT_ONCE = 5000  # short transactions: others wait meanwhile


class Peer(Protocol):
    """The link to another site."""

    @property
    def peer(self) -> str: ...

    def ask(self, path: str, body: Any) -> Any: ...


class Records:
    """The call records at one site: its own, and its peers' as far as they were told.

    site: its name. clock: Unix seconds.
    """

    def __init__(self, engine: Engine, site: str, *, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._site, self._clock = engine, site, clock

    @property
    def site(self) -> str:
        """Name of the site whose own records these are."""
        return self._site

    def find(
        self, wanted: Filter, *, before: Cursor | None = None, limit: int = 100, reach: Reach = EVERYTHING
    ) -> list[Record]:
        """The newest records that fit and are within reach, from those behind `before` on."""
        with reading(self._engine) as connection:
            return store.find(connection, wanted, before=before, limit=limit, reach=reach)

    def pages(self, wanted: Filter, *, reach: Reach = EVERYTHING) -> Iterator[list[Record]]:
        """All records that fit, the newest first, page by page; each page is a reading of its own."""
        before = None
        while True:
            page = self.find(wanted, before=before, limit=_PAGE, reach=reach)
            if page:
                yield page
                before = cursor_of(page[-1])
            if len(page) < _PAGE:
                return

    def page(self, stream: str, after: int, limit: int = _PAGE) -> Page:
        """This site's own records behind number `after` of `stream`; from the first on where that is not its database.

        What was removed by retention is passed over.
        """
        with reading(self._engine) as connection:
            own, _ = journal.head(connection)
            start = after if stream == own else 0
            last = store.position(connection, self._site, own)
            found = store.page(connection, self._site, own, start, limit)
        # A short page reaches to the end: what is missing there is gone.
        reached = found[-1].seq if len(found) == limit else max(last, start)
        return Page(self._site, own, reached, tuple(found))

    def apply(self, page: Page, peer: str, after: int) -> int:
        """Store what a peer told, once. after: where it was asked to go on. Returns the number that was reached.

        Raises RefusedError for records that are not the peer's own.
        """
        if page.site != peer or any((each.site, each.stream) != (peer, page.stream) for each in page.records):
            raise RefusedError("a site told records that are not its own", where=peer)
        with writing(self._engine) as connection:
            journal.lock(connection)  # one after the other
            reached = store.position(connection, peer, page.stream)
            if page.last > reached and after <= reached:
                store.add(connection, page.records)
                store.set_position(connection, peer, page.stream, page.last)
                reached = page.last
        return reached

    def pull(self, peer: Peer, streams: dict[str, str]) -> int:
        """Ask a peer for its records until there are no more. streams: the database that each peer named last; is
        brought up to date. Returns how many records came. Raises LinkDownError, RefusedError, UnavailableError.
        """
        came = 0
        while True:
            stream = streams.get(peer.peer, "")
            with reading(self._engine) as connection:
                after = store.position(connection, peer.peer, stream) if stream else 0
            told = peer.ask("/link/records", {"stream": stream, "after": after})
            try:
                page = page_of(told)
            except msgspec.ValidationError as error:
                raise RefusedError(f"what it told are no call records ({error})", where=peer.peer) from error
            if page.stream != stream:  # not known yet, or its database was made anew: go on where that one stopped
                streams[peer.peer] = page.stream
                continue
            if page.last > after:
                self.apply(page, peer.peer, after)
            came += len(page.records)
            if len(page.records) < _PAGE:
                return came

    def ladder(self, call_id: str, reach: Reach = EVERYTHING) -> list[Record]:
        """The legs of a call within reach, with what was signalled."""
        with reading(self._engine) as connection:
            found = store.find(connection, Filter(call_id=call_id), before=None, limit=_LEGS, reach=reach)
            return store.with_messages(connection, found)

    def purge(self, keep_days: int) -> int:
        """Remove the records of calls that ended longer ago than that; 0 keeps all. Returns how many went."""
        return self._purge(keep_days, store.purge)

    def purge_signalling(self, keep_days: int) -> int:
        """The same for what was signalled of calls; their records stay."""
        return self._purge(keep_days, store.purge_signalling)

    def _purge(self, keep_days: int, remove: Callable[[Connection, int, int], int]) -> int:
        if not keep_days:
            return 0
        before_ms, gone = int(self._clock() * 1000) - keep_days * _DAY_MS, 0
        while True:
            with writing(self._engine) as connection:
                removed = remove(connection, before_ms, _REMOVED_AT_ONCE)
            gone += removed
            if removed < _REMOVED_AT_ONCE:
                return gone


def cursor_of(record: Record) -> Cursor:
    """Where a search goes on behind this record."""
    return record.began_ms, record.site, record.seq


def cursor_text(cursor: Cursor) -> str:
    """A cursor as the API gives it."""
    return f"{cursor[0]}:{cursor[2]}:{cursor[1]}"


def parse_cursor(text: str) -> Cursor:
    """What `cursor_text` gave. Raises UsageError."""
    began, _, rest = text.partition(":")
    seq, _, site = rest.partition(":")
    if not (began.isascii() and began.isdecimal() and seq.isascii() and seq.isdecimal() and len(began + seq) < 34):
        raise UsageError("that is no place in a list of call records", where="before")
    return min(int(began), 2**63 - 1), site, min(int(seq), 2**63 - 1)
