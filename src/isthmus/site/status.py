"""What the supervisor says of its site, in `status.json`, and what others read there."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from isthmus.pki import store
from isthmus.site import internal
from isthmus.site.file import SiteFile

STALE_S = 10.0  # it is written every two seconds


class ProcessStatus(BaseModel):
    """One child. since: unix seconds at which `state` began."""

    model_config = ConfigDict(frozen=True)
    state: str
    pid: int | None
    restarts: int
    since: float
    reason: str


class SiteStatus(BaseModel):
    """The whole site. pid: of the supervisor. updated: unix seconds. alarms: one sentence each."""

    model_config = ConfigDict(frozen=True)
    site: str
    role: str
    pid: int
    updated: float
    ready: bool
    processes: dict[str, ProcessStatus]
    certificate_expiry: str = ""
    certificate_not_after: float | None = None
    alarms: tuple[str, ...] = ()


def write(path: Path, status: SiteStatus) -> None:
    """Replace the status file. Raises UsageError where it can't be written."""
    store.write_volatile(path, status.model_dump_json(indent=1).encode())


def read(site: SiteFile) -> SiteStatus | None:
    """What the site's supervisor said last; None when no supervisor runs."""
    try:
        status = SiteStatus.model_validate(json.loads(internal.status_path(site).read_bytes()))
    except (OSError, ValueError, ValidationError):
        return None
    if time.time() - status.updated > STALE_S or not _alive(status.pid):
        return None
    return status


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
