"""A site's processes are kept up, and all of them end with it."""

import asyncio
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from isthmus.engines.haproxy import runtime
from isthmus.errors import RefusedError, UnavailableError
from isthmus.site import certificates, internal, preflight, rules, status, supervisor
from isthmus.site.children import Child
from isthmus.site.file import SiteFile
from isthmus.site.rules import State
from isthmus.site.supervisor import Supervisor
from tests.site.sites import site_on_disk
from tests.support import Loopback, Processes, wait_for


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> SiteFile:
    return site_on_disk(tmp_path_factory.mktemp("s"), loopback(), loopback(), loopback())


def script(name: str, code: str, probe: Callable[[], None] = lambda: None) -> Child:
    return Child(name, [sys.executable, "-c", code], lambda: None, probe)


EVERY_PROCESS = {"control", "haproxy", "kamailio", "rtpengine"}
SLEEP = "import time; time.sleep(600)"


@asynccontextmanager
async def running(site: SiteFile, children: list[Child]) -> AsyncIterator[tuple[Supervisor, list[str]]]:
    """A supervisor at work; stopped at the end."""
    told: list[str] = []
    it = Supervisor(site, children, told.append)
    task = asyncio.create_task(it.run())
    try:
        yield it, told
    finally:
        it.stop()
        await task


async def until(condition: Callable[[], object], what: str = "the condition") -> None:
    await asyncio.to_thread(wait_for, condition, 60, what)


def process(site: SiteFile, name: str) -> status.ProcessStatus:
    told = status.read(site)
    assert told is not None
    return told.processes[name]


@pytest.fixture
def prepared(site: SiteFile) -> SiteFile:
    supervisor.prepare(site)
    return site


async def test_what_dies_is_started_again_and_the_reason_told(prepared: SiteFile):
    async with running(prepared, [script("worker", SLEEP)]):
        await until(lambda: process(prepared, "worker").state == "up")
        first = process(prepared, "worker").pid
        assert first
        os.kill(first, signal.SIGKILL)
        await until(lambda: process(prepared, "worker").restarts == 1 and process(prepared, "worker").state == "up")
        assert process(prepared, "worker").pid != first
    log = (prepared.log_dir / "supervisor.log").read_text()
    assert "worker: killed by SIGKILL; next try in 0.2 s" in log


async def test_one_that_dies_at_once_waits_longer_each_time_and_leaves_its_words(prepared: SiteFile):
    def refuse() -> None:
        raise UnavailableError("nobody there")

    child = script("broken", "print('no such table', flush=True); raise SystemExit(3)", refuse)
    async with running(prepared, [child]) as (it, told):
        await until(lambda: sum("broken" in line for line in told) >= 3)
        assert not it.ready
    assert [line.rsplit(" in ", 1)[1] for line in told[:3]] == ["0.2 s", "0.4 s", "0.8 s"]
    assert all("ended with status 3 (no such table)" in line for line in told[:3])
    assert "no such table" in (prepared.log_dir / "broken.log").read_text()


async def test_one_that_hangs_is_started_again(prepared: SiteFile, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rules, "PROBE_EVERY_S", 0.02)
    hung: set[int] = set()

    def probe() -> None:
        if process(prepared, "worker").pid in hung:
            raise UnavailableError("it does not answer")

    async with running(prepared, [script("worker", SLEEP, probe)]):
        await until(lambda: process(prepared, "worker").state == "up")
        pid = process(prepared, "worker").pid
        assert pid
        hung.add(pid)
        await until(lambda: process(prepared, "worker").pid not in (pid, None), "a new process")
        await until(lambda: process(prepared, "worker").state == "up")
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_missing_program_is_no_end_of_the_site(prepared: SiteFile):
    child = Child("ghost", ["/does/not/exist"], lambda: None, lambda: None)
    async with running(prepared, [child, script("worker", SLEEP)]):
        await until(lambda: process(prepared, "worker").state == "up")
        await until(lambda: "ended with status" in process(prepared, "ghost").reason)
    assert "does/not/exist" in (prepared.log_dir / "ghost.log").read_text()


def test_secrets_are_made_once_and_for_the_owner_alone(site: SiteFile):
    supervisor.prepare(site)
    paths = (internal.control_secret(site), internal.flow_secret(site))
    before = [path.read_text() for path in paths]
    supervisor.prepare(site)
    assert [path.read_text() for path in paths] == before
    assert before[0] != before[1]
    assert all(len(bytes.fromhex(text)) == 32 for text in before)
    for path in (*paths, internal.site_certificate(site), internal.haproxy_config(site)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(stat.S_IMODE(folder.stat().st_mode) == 0o700 for folder in (site.state_dir, site.run_dir, site.pki_dir))


def test_a_second_supervisor_is_refused(site: SiteFile):
    with supervisor.lock(site), pytest.raises(RefusedError, match=f"running already .process {os.getpid()}"):
        supervisor.lock(site)
    supervisor.lock(site).close()


async def test_what_a_killed_supervisor_left_is_ended(prepared: SiteFile):
    async with running(prepared, [script("worker", SLEEP)]):
        await until(lambda: process(prepared, "worker").state == "up")
        pid = process(prepared, "worker").pid
        assert pid
        await asyncio.to_thread(supervisor.end_orphans, prepared)
        await until(lambda: not _alive(pid))


@pytest.mark.parametrize("turns", range(5))
async def test_a_change_just_when_it_is_to_stop_does_not_keep_it(prepared: SiteFile, turns: int):
    it = Supervisor(prepared, [])
    task = asyncio.create_task(it.run())
    await asyncio.sleep(0.05)
    it.stop()
    for _ in range(turns):  # of the event loop
        await asyncio.sleep(0)
    it._changed.set()
    async with asyncio.timeout(10):
        await task


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def free(site: SiteFile) -> bool:
    return not [fault for fault in preflight.faults(site) if "taken" in str(fault)]


def engines(site: SiteFile) -> list[Child]:
    """The real ones, without the control service."""
    return [child for child in supervisor.prepare(site) if child.name != "control"]


@pytest.mark.engine
async def test_engines_come_up_survive_kill_9_and_leave_no_port_taken(site: SiteFile):
    async with running(site, engines(site)) as (it, _):
        await until(lambda: it.ready, "all engines up")
        for name in ("haproxy", "kamailio", "rtpengine"):
            pid = process(site, name).pid
            assert pid
            os.kill(pid, signal.SIGKILL)
            await until(lambda name=name: process(site, name).restarts == 1 and it.ready, f"{name} up again")
        assert runtime.uptime_s(internal.haproxy_socket(site)) >= 0
    assert free(site)
    told = json.loads(internal.status_path(site).read_bytes())
    assert {entry["state"] for entry in told["processes"].values()} == {State.STOPPED.value}


@pytest.mark.engine
async def test_a_new_certificate_in_the_folder_reaches_haproxy(site: SiteFile, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(supervisor, "_CERTIFICATE_EVERY_S", 0.1)
    haproxy = [child for child in engines(site) if child.name == "haproxy"]
    async with running(site, haproxy) as (it, told):
        await until(lambda: it.ready)
        path = internal.site_certificate(site)
        before = runtime.certificate_serial(internal.haproxy_socket(site), path)
        authority = certificates.authority(site)
        assert authority
        path.write_bytes(authority.issue(certificates.wanted_names(site), 30))
        await until(lambda: runtime.certificate_serial(internal.haproxy_socket(site), path) != before)
        await until(lambda: "haproxy has taken the new certificate" in told)


@pytest.mark.engine
def test_children_end_when_the_supervisor_is_killed_and_the_next_one_starts(site: SiteFile, processes: Processes):
    argv = [sys.executable, "-c", "from isthmus.cli.main import main; main()", "site", "run", str(site.path)]

    def ready() -> bool:
        told = status.read(site)
        return told is not None and told.ready and set(told.processes) == EVERY_PROCESS

    first = processes.start(argv, ready=ready, timeout=20)
    first.kill()
    second = processes.start(argv, ready=ready, timeout=20)
    os.kill(second.pid, signal.SIGTERM)
    assert second.wait(20) == 0
    assert free(site)


@pytest.mark.engine
def test_a_taken_port_is_one_clear_line(site: SiteFile, processes: Processes):
    with socket.create_server((site.site.address, 5061)):
        argv = [sys.executable, "-c", "from isthmus.cli.main import main; main()", "site", "run", str(site.path)]
        refused = processes.start(argv)
        assert refused.wait(20) == 1
    (line,) = refused.tail().splitlines()
    assert "port 5061/tcp" in line
    assert "[ports] sips" in line
