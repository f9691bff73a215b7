"""A demo of a test's own: its folder and its addresses."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.network import free_network

ISTHMUS = Path(sysconfig.get_path("scripts")) / "isthmus"


class Here:
    """A demo of the test's own: its folder and its addresses."""

    def __init__(self, folder: Path, network: str) -> None:
        self.folder, self.network = folder, network
        self.printed = ""  # by `demo up`, where a fixture keeps it
        self._environment = {**os.environ, "ISTHMUS_DEMO": str(folder), "ISTHMUS_DEMO_NETWORK": network}
        self._environment["ISTHMUS_SITES"] = str(folder)
        self._environment.pop("ISTHMUS_SITE", None)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ISTHMUS, *arguments], env=self._environment, capture_output=True, text=True, check=False, timeout=150
        )

    @contextmanager
    def watched(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on while the context is open; ended with it at the latest."""
        # What a shell runs in the background, as these tests may be, is deaf to Ctrl-C, and so is its offspring.
        command = ["env", "--default-signal=INT", str(ISTHMUS), *arguments]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, env=self._environment, stdout=pipe, stderr=pipe, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [ISTHMUS, "demo", "up"], env=self._environment, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def states(self) -> dict[str, str]:
        return {part["name"]: part["state"] for part in json.loads(self.run("demo", "status", "--json").stdout)}

    def accounts(self) -> dict[str, dict[str, Any]]:
        """The accounts by user name."""
        return {entry["username"]: entry for entry in json.loads((self.folder / "accounts.json").read_text())}

    def site_address(self, site: str) -> str:
        """Where phones reach it."""
        return {"premises": f"{self.network}.1.1", "online": f"{self.network}.2.1", "branch": f"{self.network}.3.1"}[
            site
        ]

    @property
    def ready(self) -> bool:
        # The connector is there last at the first start: online has to be up to let it in.
        states = self.states()
        return "branch" in states and set(states.values()) == {"ready"}

    def processes(self) -> list[int]:
        """Every process that has this demo's folder on its command line or works in it."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if str(self.folder).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found


@contextmanager
def demo_here() -> Iterator[Here]:
    """A place for a demo, down so far; whatever was started there is stopped in the end."""
    # Below /tmp and short: the path of a Unix socket holds 107 bytes.
    with free_network() as network, tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
        demo = Here(Path(folder), network)
        try:
            yield demo
        finally:
            demo.run("demo", "down")
