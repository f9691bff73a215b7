"""status.json is believed only while its writer lives and goes on writing."""

import os
import time
from pathlib import Path

import pytest

from isthmus.site import internal, status
from isthmus.site.file import SiteFile
from tests.site.sites import site_file


@pytest.fixture
def site(tmp_path: Path) -> SiteFile:
    return site_file(tmp_path, "127.0.1.1", "127.0.1.2")


def told(**changes: object) -> status.SiteStatus:
    process = status.ProcessStatus(state="up", pid=1, restarts=0, since=1.0, reason="")
    values = {"site": "premises", "role": "premises", "pid": os.getpid(), "updated": time.time(), "ready": True}
    return status.SiteStatus.model_validate({**values, "processes": {"haproxy": process}, **changes})


def test_what_is_written_is_read(site: SiteFile):
    status.write(internal.status_path(site), told())
    found = status.read(site)
    assert found
    assert found.processes["haproxy"].state == "up"


@pytest.mark.parametrize("changes", [{"updated": 1000.0}, {"pid": 2**22 + 1}])
def test_old_news_and_news_of_the_dead_are_not_believed(site: SiteFile, changes: dict[str, object]):
    status.write(internal.status_path(site), told(**changes))
    assert status.read(site) is None


def test_half_a_file_is_no_status(site: SiteFile):
    site.run_dir.mkdir(parents=True)
    internal.status_path(site).write_text('{"site": "prem')
    assert status.read(site) is None
