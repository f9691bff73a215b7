"""HTTP routes of the audit log."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.api import next_page
from isthmus.audit import cef, wire
from isthmus.audit.model import Actor, Anchor, Filter
from isthmus.audit.service import AuditLog
from isthmus.audit.web import LocalActor
from isthmus.errors import IsthmusError, UsageError

_LINES = "application/x-ndjson"
_EXPORTS: dict[str, Any] = {_LINES: {}, "text/plain": {}}

Exported = Callable[[Actor, int], object]


class AnchorBody(BaseModel):
    """An anchor that was kept elsewhere."""

    model_config = ConfigDict(extra="forbid")

    chain: str
    id: int = Field(ge=0)
    digest: str = Field(pattern="^[0-9a-f]{64}$")
    at_ms: int = 0
    cut: int = 0
    mac: str = ""


class VerifyBody(BaseModel):
    """Anchors to hold the log against, besides the site's own."""

    model_config = ConfigDict(extra="forbid")

    anchors: list[AnchorBody] = Field(default=[], max_length=10_000)


class AcceptBody(BaseModel):
    """Why the log goes on from an earlier state than the anchors know of."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1000)


def _filter(
    actor: str | None = None,
    action: str | None = None,
    object_: Annotated[str | None, Query(alias="object")] = None,
    tenant: str | None = None,
    path: str | None = None,
    since: str | None = None,
    until: str | None = None,
    text: Annotated[str | None, Query(max_length=200)] = None,
) -> Filter:
    given = (actor, action, object_, tenant, path)
    if any("\0" in value for value in (*given, text) if value):
        raise UsageError("a NUL character stands in no entry")
    return Filter(*given, wire.at_ms(since, "since"), wire.at_ms(until, "until"), text)


_Wanted = Annotated[Filter, Depends(_filter)]


def router(log: AuditLog, site: str, exported: Exported = lambda actor, count: None) -> APIRouter:
    """/v1/audit: search, export, verify, anchors. exported: told who took how many entries out."""
    routes = APIRouter(prefix="/v1/audit")
    _add_reading(routes, log, site, exported)
    _add_verifying(routes, log)
    return routes


def _add_reading(routes: APIRouter, log: AuditLog, site: str, exported: Exported) -> None:
    @routes.get("")
    def entries(
        wanted: _Wanted,
        request: Request,
        response: Response,
        before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[dict[str, Any]]:
        found = [wire.public(each) for each in log.find(wanted, before=before, limit=limit)]
        if len(found) == limit:
            response.headers["Link"] = next_page(request, before=str(found[-1]["id"]))
        return found

    @routes.get("/export", response_class=StreamingResponse, responses={200: {"content": _EXPORTS}})
    def export(
        wanted: _Wanted,
        actor: LocalActor,
        form: Annotated[str, Query(alias="format", pattern="^(json|cef)$")] = "json",
        after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
    ) -> StreamingResponse:
        program = version("isthmus")

        def lines() -> Iterator[bytes]:
            for page in log.pages(wanted, after=after):
                exported(actor, len(page))
                if form == "json":
                    yield b"".join(map(wire.line, page))
                else:
                    yield "".join(cef.line(each, version=program, site=site) + "\n" for each in page).encode()

        return StreamingResponse(lines(), media_type=_LINES if form == "json" else "text/plain; charset=utf-8")

    @routes.get("/anchor")
    def anchor() -> dict[str, Any]:
        head = log.head()
        return {"chain": head.chain, "id": head.id, "digest": head.digest, "at_ms": head.at_ms, "cut": head.cut}

    @routes.get("/{id_}")
    def entry(id_: Annotated[int, Path(ge=1, le=2**63 - 1)], tenant: str | None = None) -> dict[str, Any]:
        return wire.public(log.get(id_, tenant))


def _add_verifying(routes: APIRouter, log: AuditLog) -> None:
    @routes.post("/verify", response_class=StreamingResponse, responses={200: {"content": {_LINES: {}}}})
    def verify(body: VerifyBody | None = None) -> StreamingResponse:
        """Lines of JSON: `{done, total}` as it goes, at the end `{verdict}` or `{error}`."""
        anchors = [Anchor(a.chain, a.id, a.digest, a.at_ms, a.cut) for a in (body.anchors if body else ())]
        return StreamingResponse(_told(log, anchors), media_type=_LINES)

    @routes.post("/accept")
    def accept(body: AcceptBody, actor: LocalActor) -> dict[str, int]:
        return {"id": log.accept(body.reason, actor=actor)}


def _told(log: AuditLog, anchors: list[Anchor]) -> Iterator[bytes]:
    """Verify in a thread of its own, and pass on what it tells."""
    lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            verdict = log.verify(anchors, lambda done, total: lines.put({"done": done, "total": total}))
            lines.put({"verdict": wire.verdict_json(verdict)})
        except IsthmusError as error:
            lines.put({"error": {"what": error.what, "where": error.where, "do": error.do}})
        finally:
            lines.put(None)

    threading.Thread(target=work, name="verify the audit log", daemon=True).start()
    while (line := lines.get()) is not None:
        yield msgspec.json.encode(line) + b"\n"
