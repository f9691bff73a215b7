"""A connector made by the real commands: packaged and enrolled at online, run on an address of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import isthmus
from isthmus.connectors import package as packages
from isthmus.engines.kamailio.rpc import KamailioRpc
from isthmus.site import internal, status
from isthmus.site import process as site_processes
from isthmus.site.file import SiteFile, load
from isthmus.site.renewing import bootstrapped
from tests.interop.conftest import Sites
from tests.support import Process, Processes, wait_for

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "isthmus")
_COMMAND_S = 180.0
_READY_S = 150.0  # a machine that is busy with other things takes its time


@dataclass
class Appliance:
    """A connector and its machine: an address, a loopback address for its engines, and a folder."""

    sites: Sites
    processes: Processes
    folder: Path
    place: str = "branch"
    address: str = ""
    inner: str = ""
    package: Path = field(init=False)
    code: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        self.address = self.address or self.sites.loopback()
        self.inner = self.inner or self.sites.loopback()
        self.package = self.folder.with_suffix(".sh")

    def online(self, *words: str, code: str = "", fails: bool = False) -> str:
        """What a command says that is given where online runs, or at the connector's own machine."""
        env = {**os.environ, "ISTHMUS_SITES": str(self.sites.demo.directory), "NO_COLOR": "1"}
        argv, typed = [PROGRAM, *words], f"{code}\n"
        done = subprocess.run(argv, env=env, input=typed, capture_output=True, text=True, timeout=_COMMAND_S)
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    def pack(self) -> Appliance:
        """Have online make a package, and a code."""
        words = ("connector", "package", "--site", self.place, "-o", str(self.package), "--at", "online", "--json")
        made = json.loads(self.online(*words))
        self.code, self.name = made["code"], made["name"]
        return self

    def install(self, *, code: str = "", fails: bool = False) -> str:
        """Enrol by the package; the code is typed."""
        where = ("--directory", str(self.folder), "--address", self.address, "--internal-address", self.inner)
        return self.online("connector", "install", str(self.package), *where, code=code or self.code, fails=fails)

    @property
    def site(self) -> SiteFile:
        """Its site file, as it is now."""
        return load(self.folder / "site.toml")

    def start(self) -> Process:
        """Run it, and wait until all of it is up."""
        return self._run([PROGRAM, "connector", "run", "--directory", str(self.folder)])

    def _run(self, argv: list[str], **env: str) -> Process:
        process = self.processes.start(argv, name=self.name, env=env)

        def up() -> bool:
            now = status.read(self.site)
            return now is not None and now.ready

        process.wait_for(up, _READY_S, "all its processes are up")
        return process

    def comes_up(self, *, asked: bool = True) -> None:
        """Start it, and wait until online may give it calls. asked: whether it asks its trunks how they are."""
        self.start()
        self.becomes(state="healthy")
        if asked:
            wait_for(lambda: {each["state"] for each in self.shown()["trunks"]} == {"up"}, 60, "its trunks are up")
        wait_for(self.reachable, 60, "it has opened its connection for calls")

    def kill(self) -> None:
        """The machine fails: kill -9 of all that runs there, and none of it is told before."""
        running = next(each for each in reversed(self.processes.started) if each.name == self.name)
        assert running.running, running.tail()
        os.kill(running.pid, signal.SIGSTOP)  # it would start them anew
        families = json.loads(internal.pids_path(self.site).read_bytes())
        for family in families:
            site_processes.end(site_processes.Family(**family), patience_s=0)
        running.kill()

    def dialogs(self) -> int:
        """Calls that its Kamailio has: being set up, or up."""
        return int(KamailioRpc(internal.kamailio_rpc_socket(self.site)).call("dlg.stats_active")["all"])

    def reachable(self) -> bool:
        """Whether it has opened its connection for calls to online."""
        rpc = KamailioRpc(internal.kamailio_rpc_socket(self.sites.file("online")))
        return bool(rpc.call("htable.get", "flow", self.name))

    def configure(self, text: str, *options: str) -> None:
        """Give the connectors of the place other settings."""
        file = self.folder.with_suffix(".settings.toml")
        file.write_text(text)
        self.online("connector", "configure", str(file), "--site", self.place, "--at", "online", *options)

    def shown(self) -> dict[str, Any]:
        """What online says of it."""
        with self.sites.api("online") as api:
            return dict(api.get(f"/v1/connectors/{self.name}"))

    def becomes(self, **wanted: Any) -> dict[str, Any]:
        """Wait until online says this of it."""

        def so() -> dict[str, Any] | None:
            now = self.shown()
            return now if all(now[key] == value for key, value in wanted.items()) else None

        try:
            found = wait_for(so, 90, f"{self.name}: {wanted}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.shown()}\n{self.processes.started[-1].tail()}") from error
        assert found is not None
        return found


Both = tuple[Appliance, Appliance]


@dataclass
class Machine(Appliance):
    """A connector with the program laid out as a package does it: versions, one of them current, and what starts it."""

    root: Path = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.root = self.folder.with_name(f"{self.folder.name}-program")

    def lay_out(self, version: str) -> Machine:
        """This very program is there as that version."""
        home = self.root / "versions" / version
        home.parent.mkdir(parents=True)
        packages.unpack(packages.archive(packages.source_root(), version), home)
        bootstrapped(home)
        (home / ".complete").touch()
        launch = self.root / "launch"
        shutil.copyfile(Path(isthmus.__file__).with_name("connectors") / "launch.sh", launch)
        launch.chmod(0o755)
        (self.root / "current").symlink_to(f"versions/{version}")
        return self

    def launch(self, trial_s: int = 600) -> Process:
        """Run what starts the current version. trial_s: within which another version has to be well; generous."""
        argv = [str(self.root / "launch"), str(self.folder)]
        return self._run(argv, ISTHMUS_ROOT=str(self.root), ISTHMUS_TRIAL_S=str(trial_s))

    @property
    def current(self) -> str:
        """The version that would be started."""
        return (self.root / "current").readlink().name

    @property
    def versions(self) -> set[str]:
        """Those that lie there."""
        return {each.name for each in (self.root / "versions").iterdir()}


@contextmanager
def at_one_gateway(
    sites: Sites,
    processes: Processes,
    place: str,
    *,
    gateway: str,
    pattern: str,
    asked: bool = True,
    carried: Callable[[Both], object] = lambda both: None,
) -> Iterator[Both]:
    """Two connectors of a place that are up beside one gateway, and online's route by them.

    gateway: its address. pattern: of the numbers that go by it. asked: whether the gateway is asked how it is.
    carried: what lets the gateway be there, once names and addresses of both are known.
    """
    one, other = (Appliance(sites, processes, processes.folder / name, place=place).pack() for name in ("one", "other"))
    quiet = "" if asked else "ask_every_s = 0\n"
    one.configure(f'[[trunk]]\nname = "gateway"\naddress = "{gateway}"\n{quiet}')
    try:
        carried((one, other))
        for each in (one, other):
            each.install()
            each.comes_up(asked=asked)
        with sites.api("online") as api:
            api.post("/v1/routes", {"name": place, "patterns": [pattern], "ways": [f"@{place}"]})
        yield one, other
        with sites.api("online") as api:
            api.delete(f"/v1/routes/{place}")
    finally:
        processes.close()
