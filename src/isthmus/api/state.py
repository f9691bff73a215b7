"""Routes that tell how the control service itself is: health, and the snapshot it compiles."""

from __future__ import annotations

import shutil
from typing import Any

from fastapi import APIRouter

from isthmus.audit.web import LocalActor
from isthmus.errors import IsthmusError
from isthmus.site.services import Services

_LITTLE_SPACE = 64 << 20  # bytes free below which health is not well


def router(services: Services) -> APIRouter:
    """GET /v1/health, GET /v1/snapshot, POST /v1/snapshot/rebuild."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/health")
    def health() -> dict[str, Any]:
        return health_of(services)

    @routes.get("/snapshot")
    def snapshot() -> dict[str, Any]:
        return snapshot_of(services)

    @routes.post("/snapshot/rebuild")
    def rebuild(actor: LocalActor) -> dict[str, Any]:
        people = services.compiler.rebuild()
        state = snapshot_of(services)
        after = {"people": people, "seq": state["seq"]}
        services.audit.record("snapshot.rebuild", services.site_file.site.name, actor=actor, after=after)
        return {"people": people, **state}

    return routes


def snapshot_of(services: Services) -> dict[str, Any]:
    """Which change the calls see, and which one the directory is at (None while the database is silent).

    current: whether calls see all of it, and what policies say now.
    """
    last = _last_seq(services)
    return {
        "site": services.site_file.site.name,
        "seq": services.writer.seq,
        "directory_seq": last,
        "current": last == services.writer.seq and services.compiler.is_of_today(),
        "bytes": services.writer.size_bytes(),
        "path": str(services.site_file.snapshot_dir),
    }


def health_of(services: Services) -> dict[str, Any]:
    """Database, snapshot, disk, and what the features add. `ok` is about the first three.

    With the database down the site still serves calls, so this answers 200 and says so.
    """
    last = _last_seq(services)
    seq = services.writer.seq
    free = shutil.disk_usage(services.site_file.state_dir).free
    parts: dict[str, dict[str, Any]] = {
        "database": {"ok": last is not None},
        "snapshot": {"ok": last is None or last == seq, "seq": seq, "directory_seq": last},
        "disk": {"ok": free > _LITTLE_SPACE, "free_bytes": free},
    }
    return {
        "site": services.site_file.site.name,
        "role": services.site_file.site.role.value,
        "ok": all(part["ok"] for part in parts.values()),
        **parts,
        **{name: _told(fact) for name, fact in services.facts.items()},
    }


def _told(fact: Any) -> Any:
    try:
        return fact()
    except IsthmusError as error:
        return {"ok": False, "reason": str(error)}


def _last_seq(services: Services) -> int | None:
    try:
        return services.directory.last_seq()
    except IsthmusError:
        return None
