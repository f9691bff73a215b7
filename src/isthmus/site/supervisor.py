"""Runs one site: prepares its folders, starts its processes, keeps them running, stops them.

One task keeps each child: start, ask, wait for its end, wait a while, start again (see rules.py for when).
Before every start the whole family of the one before is gone, since an orphaned worker would hold the ports.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from io import TextIOWrapper

from isthmus.errors import IsthmusError, RefusedError, UnavailableError
from isthmus.pki import store
from isthmus.site import certificates, internal, limits, preflight, rules, status
from isthmus.site import process as processes
from isthmus.site.children import Child, children
from isthmus.site.file import SiteFile
from isthmus.site.logs import LogFile
from isthmus.site.running import Running

_STATUS_EVERY_S = 2.0
_CERTIFICATE_EVERY_S = 60.0
_STOP_PATIENCE_S = 5.0


class Supervisor:
    """One site's processes. notify: told each change in words a person can read."""

    def __init__(self, site: SiteFile, kids: Sequence[Child], notify: Callable[[str], None] = lambda _: None) -> None:
        self._site, self._children, self._notify = site, list(kids), notify
        self._now = {child.name: child for child in kids}
        self._states = {child.name: rules.Process() for child in kids}
        self._running: dict[str, Running] = {}
        self._logs = {child.name: LogFile(site.log_dir / f"{child.name}.log") for child in kids}
        self._own_log = LogFile(site.log_dir / "supervisor.log")
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._certificate = certificates.status(site)
        self._alarm = ""
        self._was_ready = False

    def stop(self) -> None:
        """Begin to stop; `run` returns when everything has ended."""
        self._stopping.set()

    @property
    def ready(self) -> bool:
        """Whether every process answers."""
        return all(state.state is rules.State.UP for state in self._states.values())

    @property
    def trouble(self) -> list[str]:
        """What does not work now, a sentence each."""
        down = [f"{name}: {s.reason or s.state.value}" for name, s in self._states.items() if s.state != rules.State.UP]
        certificate = self._certificate.message if self._certificate else ""
        return [*down, *(text for text in (self._alarm, certificate) if text)]

    async def exchange(self, site: SiteFile, kids: Sequence[Child], names: Collection[str]) -> None:
        """Go on with another file of the same site, whose children are made ready: start these ones anew, no other."""
        self._site = site
        self._now = {child.name: child for child in kids}
        for name in names:
            if (running := self._running.get(name)) is not None:
                self._tell(f"{name} is started anew")
                await asyncio.to_thread(processes.end, running.family, patience_s=_STOP_PATIENCE_S)

    async def run(self) -> None:
        """Keep the site up until `stop` is called."""
        keepers = [asyncio.create_task(self._keep(child), name=child.name) for child in self._children]
        others = [asyncio.create_task(self._report()), asyncio.create_task(self._watch_certificate())]
        waiting = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait([waiting, *keepers, *others], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {waiting}:
                task.result()  # a task that ends by itself has failed; its error ends the site
        finally:
            self._stopping.set()
            for task in (waiting, *keepers, *others):
                task.cancel()
            await asyncio.gather(waiting, *keepers, *others, return_exceptions=True)
            await self._stop_all()
            if self._site.upstream:
                # In memory; what a connector has learned is kept sealed on its disk. Kamailio reads it no more.
                shutil.rmtree(self._site.snapshot_dir, ignore_errors=True)

    async def _keep(self, child: Child) -> None:
        while not self._stopping.is_set():
            child = self._now[child.name]
            running = await self._start(child)
            if running is not None:
                reason = await self._attend(child, running)
                # Not to be interrupted: a half-ended family would hold the ports.
                await asyncio.shield(asyncio.to_thread(processes.end, running.family, patience_s=0))
                await self._forget(child.name, running)
                self._set(child.name, rules.exited(self._states[child.name], time.monotonic(), reason))
            state = self._states[child.name]
            self._tell(f"{child.name}: {state.reason}; next try in {rules.delay_s(state):.1f} s")
            await asyncio.sleep(rules.delay_s(state))

    async def _start(self, child: Child) -> Running | None:
        try:
            running = await Running.start(child.name, child.command, self._logs[child.name])
        except OSError as error:
            why = f"can't be started ({error.strerror or error})"
            self._set(child.name, rules.exited(self._states[child.name], time.monotonic(), why))
            return None
        self._running[child.name] = running
        self._remember()
        self._set(child.name, rules.started(self._states[child.name], time.monotonic()))
        return running

    async def _attend(self, child: Child, running: Running) -> str:
        """Watch one life of a child; the reason of its end, or that it hangs."""
        while True:
            state = self._states[child.name]
            if await running.ended_within(rules.next_probe_s(state)):
                return running.how_it_ended()
            try:
                await asyncio.to_thread(child.probe)
                state = rules.answered(state, time.monotonic())
            except IsthmusError as error:
                state = rules.missed(state, str(error))
            self._set(child.name, state)
            if rules.hung(state, time.monotonic()):
                return f"it did not answer ({state.reason})"

    def _set(self, name: str, state: rules.Process) -> None:
        before, self._states[name] = self._states[name], state
        if before.state is not state.state or before.reason != state.reason:
            self._changed.set()
        if before.state is not state.state and state.state is rules.State.UP:
            self._tell(f"{name} is up")
        if self.ready != self._was_ready and not self._stopping.is_set():
            self._was_ready = self.ready
            self._tell(f"site {self._site.site.name} is {'ready' if self.ready else 'not whole'}")

    def _tell(self, text: str) -> None:
        self._own_log.say(text, time.monotonic())
        self._notify(text)

    async def _report(self) -> None:
        while True:
            self._write_status()
            with contextlib.suppress(TimeoutError):
                # Not wait_for, which in Python 3.11 swallows a cancellation that comes with a change: no end then.
                async with asyncio.timeout(_STATUS_EVERY_S):
                    await self._changed.wait()
            self._changed.clear()

    def _write_status(self) -> None:
        now, wall = time.monotonic(), time.time()
        certificate = self._certificate
        alarms = [text for text in (self._alarm, certificate.message if certificate else "") if text]
        told = status.SiteStatus(
            site=self._site.site.name,
            role=self._site.site.role.value,
            pid=os.getpid(),
            updated=wall,
            ready=self.ready,
            processes={
                name: status.ProcessStatus(
                    state=state.state.value,
                    pid=self._running[name].family.pid if name in self._running else None,
                    restarts=state.restarts,
                    since=wall - (now - state.since) if state.since else wall,
                    reason=state.reason,
                )
                for name, state in self._states.items()
            },
            certificate_expiry=certificate.expiry.value if certificate else "",
            certificate_not_after=certificate.not_after.timestamp() if certificate else None,
            alarms=tuple(alarms),
        )
        with contextlib.suppress(IsthmusError):  # a disk that can't be written is no reason to stop
            status.write(internal.status_path(self._site), told)

    async def _watch_certificate(self) -> None:
        """Renew in time, and hand to haproxy whatever certificate has been put into the folder."""
        while True:
            await asyncio.sleep(_CERTIFICATE_EVERY_S)
            alarm = ""
            try:
                await asyncio.to_thread(certificates.ensure, self._site)
                if await asyncio.to_thread(certificates.reload, self._site):
                    self._tell("haproxy has taken the new certificate")
            except UnavailableError:
                pass  # haproxy reads the file when it starts again
            except IsthmusError as error:
                alarm = str(error)
            self._alarm = alarm
            self._certificate = await asyncio.to_thread(certificates.status, self._site)

    async def _stop_all(self) -> None:
        self._tell("stopping")
        for child in reversed(self._children):
            running = self._running.get(child.name)
            if running is None:
                continue
            await asyncio.to_thread(processes.end, running.family, patience_s=_STOP_PATIENCE_S)
            await self._forget(child.name, running)
            self._set(child.name, rules.stopped(self._states[child.name], time.monotonic()))
        self._write_status()

    async def _forget(self, name: str, running: Running) -> None:
        await running.close()
        self._running.pop(name, None)
        self._remember()

    def _remember(self) -> None:
        """Note who runs, so that the next supervisor can end what a killed one leaves behind."""
        families = [asdict(running.family) for running in self._running.values()]
        with contextlib.suppress(IsthmusError):
            path = internal.pids_path(self._site)
            store.write_volatile(path, json.dumps(families).encode())


def end_orphans(site: SiteFile) -> None:
    """End the processes that an earlier supervisor of this site started and did not live to stop."""
    try:
        noted = json.loads(internal.pids_path(site).read_bytes())
        families = [processes.Family(**entry) for entry in noted]
    except (OSError, ValueError, TypeError):
        return
    for family in families:
        processes.end(family, patience_s=_STOP_PATIENCE_S)


def prepare(site: SiteFile) -> list[Child]:
    """Make folders, secrets, certificate and configuration; the children to run.

    Raises IsthmusError at the first fault.
    """
    for folder in (site.state_dir, site.run_dir, site.log_dir, site.pki_dir, internal.link_out_dir(site)):
        store.private_folder(folder)
    for path in (internal.control_secret(site), internal.flow_secret(site)):
        if not path.exists():
            store.write_private(path, secrets.token_hex(32).encode())
    certificates.ensure(site)
    kids = children(site, fd_limit=limits.allow_files())  # the engines inherit it
    for child in kids:
        child.prepare()
    return kids


def lock(site: SiteFile) -> TextIOWrapper:
    """Make this process the site's only supervisor for as long as the file stays open.

    Raises RefusedError when there is one already.
    """
    store.private_folder(site.run_dir)
    file = (site.run_dir / "supervisor.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise RefusedError(
            f"the site is running already (process {holder})",
            where=site.site.name,
            do="Stop that one first.",
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


async def run(
    site: SiteFile, notify: Callable[[str], None], beside: Callable[[Supervisor], object] = lambda _: None
) -> None:
    """Run the site until SIGINT or SIGTERM. Raises IsthmusError when it can't be started.

    beside: called with the supervisor before it starts anything, on the event loop.
    Several faults at once come as an ExceptionGroup of IsthmusError.
    """
    with lock(site):
        await asyncio.to_thread(end_orphans, site)
        if found := await asyncio.to_thread(preflight.faults, site):
            raise ExceptionGroup("the site can't be started", found)
        supervisor = Supervisor(site, await asyncio.to_thread(prepare, site), notify)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, supervisor.stop)
        beside(supervisor)
        await supervisor.run()
