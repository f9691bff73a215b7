"""Whole sites to break and to load: two sites, carriers, gateways, and connectors at a branch; each a process tree."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.interop.conftest import DOMAIN, HOMES, PASSWORD, Sites, lay_out
from tests.interop.connectors import Appliance
from tests.support import Loopback, Process, Processes, wait_for

from isthmus.engines.kamailio.rpc import KamailioRpc
from isthmus.site import internal, status
from isthmus.site.file import SiteFile, load

BRANCH = "bench-branch"
_CALLABLE = '[protection]\nrequests_per_2s = 1000000\nexempt_networks = ["127.0.0.0/8"]\n'
_UP_S = 60.0


@dataclass
class Lab:
    """All of it, running. gateways: by name; those of premises stand in its site file."""

    sites: Sites
    processes: Processes
    gateways: dict[str, Process]
    connectors: list[Appliance]

    def people(self, homes: Mapping[str, str], numbers: Mapping[str, str]) -> None:
        """Create people (user to home) with numbers, and wait until calls know them."""
        rows = [
            {"aor": f"{user}@{DOMAIN}", "home": home, "password": PASSWORD, "number": numbers[user]}
            for user, home in homes.items()
        ]
        with self.sites.api("premises") as api:
            report = api.post("/v1/people/import", {"rows": rows})
            assert not report["errors"], report["errors"]
        self.sites.wait_until_known(list(homes))

    def route(self, at: str, name: str, prefix: str, *ways: str) -> None:
        """At this site numbers that begin so go these ways, in this order."""
        with self.sites.api(at) as api:
            api.post("/v1/routes", {"name": name, "patterns": [prefix], "ways": list(ways)})

    def files(self) -> dict[str, SiteFile]:
        """The site files of all that runs here, by their names."""
        files = [*self.sites.demo.sites, *(each.site for each in self.connectors)]
        return {file.site.name: file for file in files}


@contextlib.contextmanager
def running(
    gateways: Sequence[str] = (),
    connectors: int = 0,
    settings: str = "",
    media_online: bool = True,
    at_branch: str = "",
) -> Iterator[Lab]:
    """Two sites with the demo's carrier; in the end all is stopped.

    gateways: at premises, a trunk each. connectors: at one branch of online, with one gateway, `branch-gateway`.
    settings: more for those of the connectors. media_online: whether media goes through online as well. at_branch: the
    address of that gateway, where it is somebody else's; nothing is started and waited for there.
    """
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as name, contextlib.ExitStack() as stack:
        folder, loopback = Path(name), Addresses()
        stack.callback(loopback.close)
        processes = Processes(folder)
        stack.callback(processes.close)
        sites = Sites(lay_out(folder / "d", loopback), processes, loopback)
        places = {gateway: loopback() for gateway in gateways}
        _add(sites, "premises", _CALLABLE + "".join(_trunk(*each) for each in places.items()))
        _add(sites, "online", _CALLABLE + ("" if media_online else '[media]\nrelay = "never"\n'), turn=media_online)
        sites.start_carrier()
        for home in HOMES:
            sites.start(home)
        lab = Lab(sites, processes, {}, [])
        for gateway, place in places.items():
            lab.gateways[gateway] = start_gateway(lab, gateway, place, {"premises": sites.address("premises")})
        for at in HOMES:
            with sites.api(at) as api:
                wait_for(lambda api=api: api.get("/v1/tenants"), _UP_S, f"{at} has heard of its tenant")
        if connectors:
            _branch(lab, folder, connectors, settings, at_branch)
        for at in HOMES:  # with any route, calls go by routes alone
            lab.route(at, "home", "+1425", "carrier")
        yield lab


class Addresses(Loopback):
    """Addresses, but none of those where people try things out by hand."""

    def __call__(self) -> str:
        while (found := super().__call__()).startswith("127.99."):
            pass
        return found


def _add(sites: Sites, name: str, text: str, *, turn: bool = True) -> None:
    """More for a site file that has not been used yet."""
    path = sites.file(name).path
    before_it = path.read_text()
    if not turn:
        before_it = before_it.replace("[turn]\nenabled = true", "[turn]\nenabled = false")
    path.write_text(before_it + text)
    before = sites.demo
    files = tuple(load(path) if file.path == path else file for file in before.sites)
    sites.demo = type(before)(before.plan, before.directory, files, before.accounts, before.fresh_passwords)


def _trunk(name: str, address: str) -> str:
    return f'[[trunk]]\nname = "{name}"\naddress = "{address}"\n'


def start_gateway(lab: Lab, name: str, address: str, sites: Mapping[str, str]) -> Process:
    """A gateway that answers every call at once and echoes. sites: who may call by it, with their addresses."""
    folder = lab.processes.folder / name
    folder.mkdir(exist_ok=True)
    file, log = folder / "carrier.toml", folder / "carrier.log"
    known = "".join(f'[[site]]\nname = "{site}"\naddress = "{at}"\n' for site, at in sites.items())
    reached = ", ".join(f'"{site}"' for site in sites)
    ours = f'[[range]]\nprefix = "+1425555"\nsites = [{reached}]\n'
    file.write_text(f'address = "{address}"\nring_s = 0.0\n{known}{ours}')
    log.unlink(missing_ok=True)
    return lab.processes.start(
        [sys.executable, "-m", "isthmus.demo.carrier", str(file)],
        name=name,
        ready=lambda: log.exists() and "ready on" in log.read_text(),
    )


def _branch(lab: Lab, folder: Path, count: int, settings: str, elsewhere: str) -> None:
    """Connectors at one branch, healthy, their gateway up, their connections for calls open."""
    gateway = elsewhere or lab.sites.loopback()
    lab.connectors += [
        Appliance(lab.sites, lab.processes, folder / f"c{number}", place=BRANCH) for number in range(count)
    ]
    for made in lab.connectors:
        made.pack()
    lab.connectors[0].configure(_CALLABLE + settings + _trunk("branch-gateway", gateway))
    for made in lab.connectors:
        made.install()
    places = {f"branch{number}": made.address for number, made in enumerate(lab.connectors)}
    if not elsewhere:
        lab.gateways["branch-gateway"] = start_gateway(lab, "branch-gateway", gateway, places)
    rpc = KamailioRpc(internal.kamailio_rpc_socket(lab.sites.file("online")))
    for made in lab.connectors:
        made.start()
        made.becomes(state="healthy")
        _wait_until_used(made, rpc, trunk_up=not elsewhere)


def _wait_until_used(made: Appliance, rpc: KamailioRpc, *, trunk_up: bool) -> None:
    """Until online sends calls to this connector."""

    def up() -> bool:
        return not trunk_up or [each["state"] for each in made.shown()["trunks"]] == ["up"]

    wait_for(up, _UP_S, "its trunk is up")
    wait_for(lambda: rpc.call("htable.get", "flow", made.name), _UP_S, "its connection for calls is open")


def tree(file: SiteFile) -> list[int]:
    """The supervisor of a site and all that came from it, the supervisor first."""
    return [pid for pids in parts(file).values() for pid in pids]


def parts(file: SiteFile) -> dict[str, list[int]]:
    """The processes of a site by what they are, each with all that came from it; the supervisor first, alone."""
    now = status.read(file)
    assert now is not None, f"{file.site.name} has no supervisor"
    found = {"supervisor": [now.pid]}
    for name, process in now.processes.items():
        if process.pid is not None:
            found[name] = _family(process.pid)
    return found


def _family(pid: int) -> list[int]:
    found = [pid]
    for number in found:  # grows while it is walked
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{number}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def kill_site(file: SiteFile) -> None:
    """kill -9 of everything that a site is, as when its machine loses power. The supervisor goes first."""
    for number in tree(file):
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


__all__ = ["BRANCH", "DOMAIN", "HOMES", "Addresses", "Lab", "kill_site", "parts", "running", "start_gateway", "tree"]
