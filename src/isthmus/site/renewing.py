"""Brings a connector to the version that online orders, beside the present one, and back if it is no good.

What is to be done when is connectors/updating.py's to say; this does it. Versions lie in `ROOT/versions/VERSION`, and
`ROOT/current` leads to one of them. `ROOT/trial`, while it is there, names the former one: `ROOT/launch` goes back to
it if the connector ends meanwhile, or never takes the file away.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import httpx

import isthmus
from isthmus.connectors import package as packages
from isthmus.connectors import updating
from isthmus.connectors.updating import Limits, Seen, Step, Update
from isthmus.errors import IsthmusError, UnavailableError
from isthmus.pki import store

_STEADY_S = 5.0
_INSTALL_S = 1200.0  # a slow line, and everything has to come
Fetch = Callable[[str], bytes]
"""Gives the archive of a version. Raises IsthmusError."""


class Running(Protocol):
    """What is asked of the agent."""

    @property
    def well(self) -> bool: ...

    def calls(self) -> int | None: ...

    def end(self) -> None: ...

    def tell_now(self) -> None: ...


class Renewing:
    """The updates of one connector. root: ROOT. file: how far an update has got. version: the one that runs.

    install: makes a version that was unpacked ready to run; raises IsthmusError. notify: told each step.
    """

    def __init__(
        self,
        root: Path,
        file: Path,
        version: str,
        running: Running,
        fetch: Fetch,
        notify: Callable[[str], None],
        *,
        install: Callable[[Path], None] | None = None,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        clock: Callable[[], float] = time.time,
        steady_s: float = _STEADY_S,
    ) -> None:
        self._root, self._file, self._version, self._running = root, file, version, running
        self._fetch, self._notify, self._install = fetch, notify, install or bootstrapped
        self._limits, self._clock, self._steady_s = limits, clock, steady_s
        self._ordered, self._sha256 = "", ""
        self._fault = ""
        self._well_since: float | None = None
        self._update = _read(file)
        self._ended = False

    def report(self) -> dict[str, Any]:
        """How far it is, for online."""
        kept = self._update
        return {"phase": kept.phase.value, "returned_from": kept.returned_from, "returned_why": kept.why[:2000]}

    def ordered(self, version: str, sha256: str) -> None:
        """Online wants this version now, whose archive has this hash; empty: none in particular."""
        self._ordered, self._sha256 = version, sha256

    def work(self) -> None:
        """One step. Raises UsageError where the disk takes nothing; nothing is done then."""
        if self._ended:
            return
        before = self._update
        do, after = updating.step(before, self._seen(before), self._clock(), self._limits)
        if after != before:
            # On disk before it is done: whoever goes on after a kill has to know.
            store.write_private(self._file, json.dumps(asdict(after)).encode())
            self._update = after
            self._tell(before, after)
        if do is Step.INSTALL:
            self._try_install(after.version, after.sha256)
        elif do is Step.SWITCH:
            self._switch(after.version)
        elif do is Step.KEEP:
            (self._root / "trial").unlink(missing_ok=True)
            self._tidy({self._version, before.former})
        elif do is Step.RETURN:
            self._go_back(before)

    def _seen(self, update: Update) -> Seen:
        now = self._clock()
        if not self._running.well:
            self._well_since = None
        elif self._well_since is None:
            self._well_since = now
        well = self._well_since is not None and now - self._well_since >= self._steady_s
        complete = self._root / "versions" / (update.version or "-") / ".complete"
        calls = self._running.calls() if update.phase is updating.Phase.DRAINING else None
        installed = complete.exists()
        return Seen(self._ordered, self._version, calls, installed, well, self._fault, self._sha256)

    def _try_install(self, version: str, sha256: str) -> None:
        folder = self._root / "versions" / packages.checked_version(version)
        self._fault = ""
        try:
            shutil.rmtree(folder, ignore_errors=True)
            packed = self._fetch(version)
            if hashlib.sha256(packed).hexdigest() != sha256:
                raise UnavailableError(f"the archive of {version} is not the one that was offered: its hash is another")
            if packages.unpack(packed, folder) != version:
                raise UnavailableError(f"the archive is of another version than {version}")
            self._install(folder)
            store.write_private(folder / ".complete", b"")
        except (IsthmusError, OSError) as error:
            self._fault = str(error)

    def _switch(self, version: str) -> None:
        # The order matters: from here on the launcher watches, whichever of the two it starts.
        store.write_private(self._root / "trial", os.fsencode((self._root / "current").readlink()))
        _lead(self._root / "current", f"versions/{version}")
        self._ended = True
        self._running.end()

    def _go_back(self, update: Update) -> None:
        (self._root / "trial").unlink(missing_ok=True)
        if self._version == update.former:
            return  # the launcher was there before us
        _lead(self._root / "current", f"versions/{update.former}")
        self._ended = True
        self._running.end()

    def _tidy(self, keep: set[str]) -> None:
        """Remove versions that nobody goes back to any more."""
        for folder in (self._root / "versions").iterdir():
            if folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)

    def _tell(self, before: Update, after: Update) -> None:
        if after.why and after.why != before.why:
            self._notify(f"stays with, or returns to, version {before.former}: {after.why}")
        elif after.phase is not updating.Phase.IDLE:
            self._notify(f"update to {after.version}: {after.phase.value}")
        else:
            self._notify(f"version {self._version} is the one from now on")
        self._running.tell_now()


def fetching(socket: Path) -> Fetch:
    """Asks online for archives, by haproxy's way there."""

    def fetch(version: str) -> bytes:
        transport = httpx.HTTPTransport(uds=str(socket))
        made = bytearray()
        try:
            with (
                httpx.Client(transport=transport, base_url="http://link", timeout=30.0) as client,
                client.stream("GET", f"/link/connector/versions/{version}") as answer,
            ):
                if not answer.is_success:
                    raise UnavailableError(f"online gives no version {version} (answer {answer.status_code})")
                for chunk in answer.iter_raw():
                    made += chunk
                    if len(made) > packages.MOST_BYTES:
                        raise UnavailableError(f"the version {version} is larger than {packages.MOST_BYTES} bytes")
        except httpx.HTTPError as error:
            raise UnavailableError(f"the version {version} did not come ({error})") from error
        return bytes(made)

    return fetch


def bootstrapped(folder: Path) -> None:
    """Make a version ready to run, as on a bare machine. Raises UnavailableError with what was said last.

    Python packages are taken over from the version that runs where its lock is the same; else they are fetched.
    """
    former = Path(isthmus.__file__).resolve().parents[2]
    try:
        (folder / "deploy" / "bootstrap").chmod(0o755)
        done = subprocess.run(
            [str(folder / "deploy" / "bootstrap"), "runtime"],
            capture_output=True,
            text=True,
            timeout=_INSTALL_S,
            check=False,
            env={**os.environ, "ISTHMUS_FORMER": str(former)},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"it can't be installed ({error})") from error
    if done.returncode:
        raise UnavailableError(f"it can't be installed ({(done.stderr or done.stdout).strip()[-500:]})")


def _lead(link: Path, target: str) -> None:
    """Let a symbolic link lead elsewhere, in one step."""
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def _read(file: Path) -> Update:
    try:
        kept = json.loads(file.read_bytes())
        return Update(**{**kept, "phase": updating.Phase(kept["phase"])})
    except (OSError, ValueError, KeyError, TypeError):
        return Update()
