"""HTTP routes of call records and rates, and what sites ask of each other."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from msgspec import to_builtins
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.api import Acting, Reached, next_page
from isthmus.audit import wire
from isthmus.audit.model import Actor
from isthmus.audit.web import LocalActor
from isthmus.directory.api import KeyHeader
from isthmus.errors import UsageError
from isthmus.link.api import PeerName, known_peer
from isthmus.records import export, ladder
from isthmus.records import reports as reported
from isthmus.records.export import public
from isthmus.records.model import By, Filter, Record, ReportFilter
from isthmus.records.rating import Rates, rate_json
from isthmus.records.reports import CallReportBody, Reports
from isthmus.records.service import Records, cursor_of, cursor_text, parse_cursor

_CSV, _PARQUET = "text/csv", "application/vnd.apache.parquet"
_IN_MEMORY = 1 << 20
_CHUNK = 1 << 16

Exported = Callable[[Actor, int], object]


class RatesBody(BaseModel):
    """A rate table: the text of a CSV file, which takes the place of the table there is."""

    model_config = ConfigDict(extra="forbid")

    csv: str
    dry_run: bool = False


class AfterBody(BaseModel):
    """Where a peer goes on."""

    model_config = ConfigDict(extra="forbid")

    stream: str = Field(max_length=100)
    after: int = Field(ge=0, le=2**63 - 1)


class CallBody(BaseModel):
    """Which call."""

    model_config = ConfigDict(extra="forbid")

    call_id: str = Field(min_length=1, max_length=300)


def _filter(
    who: Annotated[str | None, Query(max_length=300)] = None,
    call_id: Annotated[str | None, Query(max_length=300)] = None,
    site: str | None = None,
    trunk: str | None = None,
    code: Annotated[int | None, Query(ge=0, le=699)] = None,
    by: By | None = None,
    answered: bool | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Filter:
    if any("\0" in value for value in (who, call_id, site, trunk) if value):
        raise UsageError("a NUL character stands in no call record")
    named = who.strip().lower() if who else None
    return Filter(
        named, call_id, site, trunk, code, by, answered, wire.at_ms(since, "since"), wire.at_ms(until, "until")
    )


_Wanted = Annotated[Filter, Depends(_filter)]


def router(records: Records, rates: Rates, tenant: str, exported: Exported = lambda actor, count: None) -> APIRouter:
    """/v1/calls/records and /v1/rates. tenant: the site's own. exported: told who took how many records out."""
    routes = APIRouter()
    _add_records(routes, records, exported)
    _add_rates(routes, rates, tenant)
    return routes


def _report_filter(
    who: Annotated[str | None, Query(max_length=300)] = None,
    kind: reported.Kind | None = None,
    mos_below: Annotated[float | None, Query(ge=1, le=5)] = None,
    since: str | None = None,
    until: str | None = None,
) -> ReportFilter:
    if who and "\0" in who:
        raise UsageError("a NUL character stands in no address", where="who")
    named = who.strip().lower() if who else None
    return ReportFilter(named, kind, mos_below, wire.at_ms(since, "since"), wire.at_ms(until, "until"))


_WantedReports = Annotated[ReportFilter, Depends(_report_filter)]


def report_router(records: Records, reports: Reports, exported: Exported = lambda actor, count: None) -> APIRouter:
    """/v1/calls/reports. exported: told who took how many of them out."""
    routes = APIRouter()

    @routes.post("/v1/calls/reports", status_code=204)
    def take(body: CallReportBody, who: Acting) -> None:
        reports.take(who, body)

    @routes.get("/v1/calls/reports")
    def found(
        reach: Reached,
        wanted: _WantedReports,
        request: Request,
        response: Response,
        call_id: Annotated[str | None, Query(min_length=1, max_length=300)] = None,
        before: Annotated[str | None, Query(max_length=800)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[dict[str, Any]]:
        """Of one call all that any site has, where one of its records is within reach, the oldest first; without
        `call_id` those at this site of any call, the newest first.
        """
        if call_id is not None:
            this = _filter(call_id=call_id)
            return reports.everywhere(call_id) if records.find(this, limit=1, reach=reach) else []
        start = reported.parse_cursor(before) if before else None
        page = reports.find(wanted, before=start, limit=limit, reach=reach)
        if len(page) == limit:
            response.headers["Link"] = next_page(request, before=reported.cursor_text(reported.cursor_of(page[-1])))
        return page

    @routes.get("/v1/calls/reports/export", response_class=StreamingResponse, responses={200: {"content": {_CSV: {}}}})
    def exports(wanted: _WantedReports, reach: Reached, actor: LocalActor) -> StreamingResponse:
        def pages() -> Iterator[list[dict[str, Any]]]:
            for page in reports.pages(wanted, reach=reach):
                exported(actor, len(page))
                yield [reported.flat(each) for each in page]

        lines = export.table_lines(reported.COLUMNS, pages())
        return StreamingResponse(lines, media_type=f"{_CSV}; charset=utf-8")

    return routes


def report_link_router(reports: Reports, peers: Sequence[str]) -> APIRouter:
    """Routes for peers."""
    routes = APIRouter()

    @routes.post("/link/call-reports")
    def told(peer: PeerName, body: CallBody) -> list[dict[str, Any]]:
        known_peer(peer, peers)
        return reports.here(body.call_id)

    return routes


def link_router(records: Records, peers: Sequence[str]) -> APIRouter:
    """Routes for peers."""
    routes = APIRouter()

    @routes.post("/link/records")
    def page(peer: PeerName, body: AfterBody) -> dict[str, Any]:
        known_peer(peer, peers)
        told: dict[str, Any] = to_builtins(records.page(body.stream, body.after))
        return told

    return routes


def _add_records(routes: APIRouter, records: Records, exported: Exported) -> None:
    @routes.get("/v1/calls/records")
    def found(
        wanted: _Wanted,
        reach: Reached,
        request: Request,
        response: Response,
        before: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[dict[str, Any]]:
        """The newest first."""
        start = parse_cursor(before) if before else None
        page = records.find(wanted, before=start, limit=limit, reach=reach)
        if len(page) == limit:
            response.headers["Link"] = next_page(request, before=cursor_text(cursor_of(page[-1])))
        return [public(each) for each in page]

    @routes.get("/v1/calls/ladder")
    def signalled(call_id: Annotated[str, Query(min_length=1, max_length=300)], reach: Reached) -> dict[str, Any]:
        if "\0" in call_id:
            raise UsageError("a NUL character stands in no Call-ID", where="call_id")
        legs = records.ladder(call_id, reach)
        drawn = ladder.of(legs)
        told: dict[str, Any] = to_builtins(drawn)
        return {"call_id": call_id, **told, "legs": [public(each) for each in legs]}

    @routes.get(
        "/v1/calls/records/export",
        response_class=StreamingResponse,
        responses={200: {"content": {_CSV: {}, _PARQUET: {}}}},
    )
    def exports(
        wanted: _Wanted,
        reach: Reached,
        actor: LocalActor,
        form: Annotated[str, Query(alias="format", pattern="^(csv|parquet)$")] = "csv",
    ) -> StreamingResponse:
        def pages() -> Iterator[list[Record]]:
            for page in records.pages(wanted, reach=reach):
                exported(actor, len(page))
                yield page

        if form == "csv":
            return StreamingResponse(export.csv_lines(pages()), media_type=f"{_CSV}; charset=utf-8")
        return StreamingResponse(_parquet(pages()), media_type=_PARQUET)


def _parquet(pages: Iterator[list[Record]]) -> Iterator[bytes]:
    """Parquet's index stands at the end: what does not fit into little memory waits in a file meanwhile."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        export.parquet(pages, file)
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


def _add_rates(routes: APIRouter, rates: Rates, own: str) -> None:
    @routes.get("/v1/rates")
    def listed(
        request: Request,
        response: Response,
        tenant: str | None = None,
        after: str = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> list[dict[str, Any]]:
        found = rates.listed(tenant or own, after=after, limit=limit)
        if len(found) == limit:
            response.headers["Link"] = next_page(request, after=found[-1].prefix)
        return [rate_json(each) for each in found]

    @routes.post("/v1/rates/import")
    def replace(body: RatesBody, actor: LocalActor, tenant: str | None = None, key: KeyHeader = None) -> dict[str, Any]:
        done = rates.replace(tenant or own, body.csv, dry_run=body.dry_run, actor=actor)
        told: dict[str, Any] = to_builtins(done)
        return {**told, "dry_run": body.dry_run}
