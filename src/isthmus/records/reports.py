"""What a web phone reports of a call: how it sounded there, what was found to be wrong, what its person says of it.

Kept at the site where the browser is, beside the records; other sites ask for it when somebody looks at the call. A
person has two of a call at most, one at its end and one of a problem; the later one takes the place of the earlier.
While the call is up its browser says time and again how it has sounded so far. That takes the place of an end that
never comes, since a browser that crashes reports nothing.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal, Protocol

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, or_, select

from isthmus.access.model import EVERYTHING, Principal, Reach
from isthmus.database import reading, writing
from isthmus.directory.batches import upsert
from isthmus.errors import ForbiddenError, IsthmusError, NotFoundError, UsageError
from isthmus.records import store
from isthmus.records.model import Leg, ReportFilter
from isthmus.records.rules import ends_of
from isthmus.records.store import ReportCursor
from isthmus.records.tables import call_leg, call_record, call_report

_log = logging.getLogger(__name__)

MOST = 20  # of one call: a call has few ends
Kind = Literal["end", "problem", "unfinished"]
_PAGE = 1000
_Share = Annotated[float, Field(ge=0, le=100)]
_Ms = Annotated[float, Field(ge=0, le=600_000)]
_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Word = Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z0-9 ._/+-]*$")]
_leg = msgspec.msgpack.Decoder(Leg)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CallDirection(_Body):
    """What went one way. level: mean loudness, 0 to 1; null where the browser does not say."""

    packets: _Count
    loss_percent: _Share | None = None
    jitter_ms: _Ms | None = None
    level: Annotated[float, Field(ge=0, le=1)] | None = None


class CallReportBody(_Body):
    """What a browser knows of its end of a call.

    kind: at the call's `end`; of a `problem`; or `unfinished`, so far, which goes when the end is reported.
    findings: by their names in the phone, most important first. local, remote: kinds of the candidates that media went
    by (host, srflx, prflx, relay); protocol: to the relay where there is one. mos: by the E-model (ITU-T G.107).
    text: what the person says of it.
    """

    call_id: Annotated[str, Field(min_length=1, max_length=300)]
    kind: Kind
    seconds: Annotated[float, Field(ge=0, le=10_000_000)]
    codec: _Word = ""
    sent: CallDirection
    received: CallDirection
    round_trip_ms: _Ms | None = None
    mos: Annotated[float, Field(ge=1, le=5)] | None = None
    local: _Word = ""
    remote: _Word = ""
    protocol: _Word = ""
    findings: Annotated[list[_Word], Field(max_length=20)] = []
    text: Annotated[str, Field(max_length=500)] = ""
    browser: Annotated[str, Field(max_length=200)] = ""


class Told(_Body):
    """A report as it is given. at: Unix seconds. who: the person's address then."""

    at: float
    who: Annotated[str, Field(max_length=400)]
    site: Annotated[str, Field(max_length=64)]
    report: CallReportBody


class Peer(Protocol):
    """The link to another site."""

    @property
    def peer(self) -> str: ...

    def ask(self, path: str, body: Any) -> Any: ...


class Reports:
    """The reports at one site. links: to the others. clock: Unix seconds."""

    def __init__(
        self, engine: Engine, site: str, links: Sequence[Peer] = (), *, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine, self._site, self._links, self._clock = engine, site, links, clock

    def take(self, who: Principal, told: CallReportBody) -> None:
        """Keep it. Raises ForbiddenError for who is no person, NotFoundError for a call that is not theirs."""
        if not who.person:
            raise ForbiddenError("this is for people with an account of their own")
        self.keep(who.person, told)

    def keep(self, person: str, told: CallReportBody) -> None:
        """The same of a person (stable id) who is known to have said it. Raises NotFoundError."""
        with writing(self._engine) as connection:
            address = _own_end(connection, told.call_id, person)
            if address is None:
                raise NotFoundError("there is no such call of yours")
            own = (call_report.c.call_id == told.call_id, call_report.c.person == person)
            if told.kind == "unfinished":
                ended = select(call_report.c.kind).where(*own, call_report.c.kind == "end")
                if connection.execute(ended).first() is not None:
                    return  # it was under way when the call ended
            elif told.kind == "end":
                connection.execute(delete(call_report).where(*own, call_report.c.kind == "unfinished"))
            row = {
                "call_id": told.call_id,
                "person": person,
                "kind": told.kind,
                "at_ms": int(self._clock() * 1000),
                "who": address,
                "told": told.model_dump_json(exclude={"call_id", "kind"}),
            }
            upsert(connection, call_report, [row], ("at_ms", "who", "told"))

    def here(self, call_id: str) -> list[dict[str, Any]]:
        """Those of one call that are at this site, the oldest first. Whoever asks must be allowed to see the call."""
        query = select(call_report).where(call_report.c.call_id == call_id).order_by(call_report.c.at_ms).limit(MOST)
        with reading(self._engine) as connection:
            return [self._given(row) for row in connection.execute(query)]

    def _given(self, row: Row[Any]) -> dict[str, Any]:
        return {
            "at": row.at_ms / 1000,
            "who": row.who,
            "site": self._site,
            "report": {**json.loads(row.told), "call_id": row.call_id, "kind": row.kind},
        }

    def find(
        self,
        wanted: ReportFilter,
        *,
        before: ReportCursor | None = None,
        limit: int = 100,
        reach: Reach = EVERYTHING,
    ) -> list[dict[str, Any]]:
        """The newest at this site that fit and are of calls within reach, from those behind `before` on."""
        found: list[dict[str, Any]] = []
        while len(found) < limit:
            with reading(self._engine) as connection:
                rows = store.reports(connection, wanted, before=before, limit=_PAGE, reach=reach)
            # Quality stands within what was told, which the two kinds of database would have to be asked differently.
            found += [each for each in map(self._given, rows) if _is_below(each["report"]["mos"], wanted.mos_below)]
            if len(rows) < _PAGE:
                break
            before = cursor_of(self._given(rows[-1]))
        return found[:limit]

    def pages(self, wanted: ReportFilter, *, reach: Reach = EVERYTHING) -> Iterator[list[dict[str, Any]]]:
        """All of them, page by page; each page is a reading of its own."""
        before = None
        while page := self.find(wanted, before=before, limit=_PAGE, reach=reach):
            yield page
            before = cursor_of(page[-1])

    def everywhere(self, call_id: str) -> list[dict[str, Any]]:
        """The same of all sites that can be asked now."""
        found = self.here(call_id)
        for link in self._links:
            try:
                told = link.ask("/link/call-reports", {"call_id": call_id})
                found += [_checked(each, link.peer, call_id) for each in list(told)[:MOST]]
            except (IsthmusError, ValidationError, TypeError) as error:
                _log.warning("no reports of a call come from %s: %s", link.peer, error)
        return sorted(found, key=lambda each: float(each["at"]))

    def purge(self, keep_days: int) -> int:
        """Remove those that are older; 0 keeps all. Returns how many went."""
        if not keep_days:
            return 0
        before = int((self._clock() - keep_days * 86_400) * 1000)
        with writing(self._engine) as connection:
            return int(connection.execute(delete(call_report).where(call_report.c.at_ms < before)).rowcount)


def cursor_of(given: dict[str, Any]) -> ReportCursor:
    """Where a search goes on behind this one."""
    report = given["report"]
    return round(given["at"] * 1000), report["call_id"], report["kind"], given["who"]


def cursor_text(cursor: ReportCursor) -> str:
    """A cursor as the API gives it. Of its parts only a Call-ID, the last, may hold a space."""
    at_ms, call_id, kind, who = cursor
    return f"{at_ms} {kind} {who} {call_id}"


def parse_cursor(text: str) -> ReportCursor:
    """What `cursor_text` gave. Raises UsageError."""
    at_ms, *rest = text.split(" ", 3)
    if len(rest) < 3 or "\0" in text or not (at_ms.isascii() and at_ms.isdecimal() and len(at_ms) < 16):
        raise UsageError("that is no place in a list of reports", where="before")
    kind, who, call_id = rest
    return int(at_ms), call_id, kind, who


COLUMNS = (
    "at", "site", "call_id", "who", "kind", "seconds", "mos", "codec", "round_trip_ms",
    "sent_packets", "sent_loss_percent", "sent_jitter_ms", "sent_level",
    "received_packets", "received_loss_percent", "received_jitter_ms", "received_level",
    "local", "remote", "protocol", "findings", "text", "browser",
)  # fmt: skip


def flat(given: dict[str, Any]) -> dict[str, Any]:
    """A report as a row of a table."""
    report = given["report"]
    ways = {f"{way}_{name}": value for way in ("sent", "received") for name, value in report[way].items()}
    row = {**given, **report, **ways, "findings": " ".join(report["findings"])}
    return {name: row[name] for name in COLUMNS}


def _is_below(mos: float | None, most: float | None) -> bool:
    return most is None or (mos is not None and mos < most)


def _checked(told: Any, peer: str, call_id: str) -> dict[str, Any]:
    """What a peer told. Raises ValidationError."""
    found: dict[str, Any] = Told.model_validate(told).model_dump()
    return {**found, "site": peer, "report": {**found["report"], "call_id": call_id}}


def _own_end(connection: Connection, call_id: str, person: str) -> str | None:
    """The address that the person has in the call, which is up here or has its record; None where they have none."""
    for row in connection.execute(select(call_leg.c.known).where(call_leg.c.call_id == call_id)):
        ends = [end for end in ends_of(_leg.decode(row.known)) if end]
        for end, found in store.people_at(connection, ends).items():
            if found.id == person:
                return end
    mine: ColumnElement[bool] = or_(call_record.c.caller_person == person, call_record.c.callee_person == person)
    query = select(call_record).where(call_record.c.call_id == call_id, mine).limit(1)
    record = connection.execute(query).one_or_none()
    if record is None:
        return None
    return str(record.caller if record.caller_person == person else record.callee)
