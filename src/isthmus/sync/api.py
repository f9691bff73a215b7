"""HTTP routes of directory synchronisation."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from isthmus.addressing import Aor
from isthmus.audit.web import LocalActor
from isthmus.directory.api import KeyHeader
from isthmus.sync import rules
from isthmus.sync.model import SILENT, Change, Link, Run
from isthmus.sync.service import SourceStatus, SyncService


class RunBody(BaseModel):
    """What to synchronise. approved: whatever share of people it disables. dry_run: only say what would be done."""

    model_config = ConfigDict(extra="forbid")

    source: str | None = None
    full: bool = False
    approved: bool = False
    dry_run: bool = False


def router(sync: SyncService) -> APIRouter:
    """/v1/directory: sources, runs, conflicts, restoring."""
    routes = APIRouter(prefix="/v1/directory")

    @routes.get("/sources")
    def sources() -> list[dict[str, Any]]:
        return [source_json(each) for each in sync.sources()]

    @routes.post("/sources/{name}/check")
    def check(name: str) -> dict[str, str]:
        return {"source": name, "found": sync.check(name)}

    @routes.post("/runs")
    def start(body: RunBody, response: Response, actor: LocalActor, key: KeyHeader = None) -> dict[str, Any]:
        if not body.dry_run:
            run = sync.start(body.source, full=body.full, approved=body.approved, actor=actor, key=key)
            response.headers["Location"] = f"/v1/operations/{run.id}"
            return run_json(run)
        plan, asks = sync.plan(body.source, full=body.full)
        told = [change_json(each) for each in plan.changes if each.kind not in SILENT or each.conflicts]
        note = asks or (f"read in full: {plan.why_full}" if plan.why_full else "")
        return {
            "mode": plan.mode,
            "asks": bool(asks),
            "note": note,
            "counts": rules.counts(plan.changes),
            "changes": told,
        }

    @routes.get("/runs")
    def runs(source: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 20) -> list[dict[str, Any]]:
        return [run_json(run) for run in sync.runs(source, limit)]

    @routes.get("/runs/{run_id}")
    def run(run_id: str, changes: Annotated[int, Query(ge=0, le=100_000)] = 1000) -> dict[str, Any]:
        found, planned = sync.run(run_id, max(changes, 1))
        told = [change_json(each) | {"done": done, "reason": reason} for each, done, reason in planned[:changes]]
        return run_json(found) | {"changes": told}

    @routes.get("/conflicts")
    def conflicts(source: str | None = None) -> list[dict[str, Any]]:
        return [link_json(each) for each in sync.conflicts(source)]

    @routes.get("/people/{aor}")
    def person(aor: str) -> dict[str, Any]:
        link = sync.details(Aor.parse(aor))
        manager = sync.manager(link)
        return link_json(link) | {"manager": str(manager) if manager else None}

    @routes.post("/people/{aor}/restore", status_code=204)
    def restore(aor: str, actor: LocalActor) -> None:
        sync.restore(Aor.parse(aor), actor=actor)

    return routes


def source_json(each: SourceStatus) -> dict[str, Any]:
    """A source as the API shows it."""
    return {
        "name": each.name,
        "kind": each.kind,
        "interval_s": each.interval_s,
        "people": each.people,
        "conflicts": each.conflicts,
        "synced": each.synced,
        "last": run_json(each.last) if each.last else None,
        "settings": [{"name": name, "value": _words(value)} for name, value in each.settings.items()],
        "file": each.file or None,
    }


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def run_json(run: Run) -> dict[str, Any]:
    """A run as the API shows it. Times: Unix seconds."""
    return {
        "id": run.id,
        "source": run.source,
        "mode": run.mode,
        "state": run.state.value,
        "actor": run.actor,
        "started": run.started,
        "finished": run.finished,
        "note": run.note,
        "counts": dict(run.counts),
    }


def change_json(change: Change) -> dict[str, Any]:
    """A change as the API shows it."""
    return {
        "kind": change.kind.value,
        "aor": str(change.aor) if change.aor else None,
        "object": change.wanted.name if change.wanted else change.id,
        "why": list(change.why),
        "conflicts": list(change.conflicts),
    }


def link_json(link: Link) -> dict[str, Any]:
    """What a person is at their source, as the API shows it."""
    return {
        "source": link.source,
        "id": link.id,
        "object": link.wanted.name,
        "aor": str(link.aor) if link.aor else None,
        "wanted": str(link.wanted.aor) if link.wanted.aor else None,
        "home": link.wanted.home,
        "extension": link.wanted.extension or None,
        "details": dict(link.wanted.details),
        "vanished": link.vanished_ms / 1000 if link.vanished_ms else None,
        "conflicts": list(link.conflicts),
    }
