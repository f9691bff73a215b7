"""What a part of the demo is said to wait for."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from isthmus.demo.parts import site_waits_for
from isthmus.site import internal, status
from isthmus.site.status import ProcessStatus, SiteStatus
from tests.site.sites import site_file


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ({}, "its supervisor"),
        ({"control": ("up", ""), "haproxy": ("up", "")}, None),
        ({"control": ("starting", ""), "haproxy": ("starting", "")}, "control, haproxy"),
        (
            {"control": ("backoff", "ended with status 1 (error: no disk)")},
            "control, which ended with status 1 (error: no disk)",
        ),
    ],
)
def test_a_site_waits_for_what_is_not_up_and_says_why_it_ended(
    tmp_path: Path, states: dict[str, tuple[str, str]], told: str | None
) -> None:
    site = site_file(tmp_path, "127.0.1.1", "127.0.1.2")
    assert site_waits_for(site) == "its supervisor"
    now = time.time()
    processes = {
        name: ProcessStatus(state=state, pid=None, restarts=0, since=now, reason=reason)
        for name, (state, reason) in states.items()
    }
    pid = os.getpid()
    told_by_it = SiteStatus(site="premises", role="premises", pid=pid, updated=now, ready=False, processes=processes)
    status.write(internal.status_path(site), told_by_it)
    assert site_waits_for(site) == told
