"""Two whole sites, as the demo lays them out, on addresses of their own; with people, and phones for them."""

from __future__ import annotations

import inspect
import os
import secrets
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from isthmus.cli.client import Client
from isthmus.demo.plan import PEOPLE, Plan, PlannedSite
from isthmus.demo.provision import Demo, provision
from isthmus.errors import IsthmusError
from isthmus.site import internal, status
from isthmus.site.file import SiteFile, load
from tests.agents.raw import SIP_PORTS, User
from tests.support import Loopback, Process, Processes, start_carrier, wait_for

DOMAIN = "contoso.example"
PASSWORD = "correct-horse-4711"  # no blank in it: SIPp and baresip stop reading there
HOMES = ("premises", "online")
_READY_S = 150.0  # a machine that is busy with other things takes its time
# SIPp speaks MD5 only, as baresip does.
_EXTRA = """
[digest]
md5_only_user_agents = ["baresip v1.0", "SIPp"]
"""


@dataclass
class Sites:
    """Two sites and a carrier that run, and what a test needs to use them."""

    demo: Demo
    processes: Processes
    loopback: Callable[[], str]
    running: dict[str, Process] = field(default_factory=dict)

    def file(self, name: str) -> SiteFile:
        """The site file of `premises` or `online`."""
        return next(site for site in self.demo.sites if site.site.name == name)

    def address(self, name: str) -> str:
        """Where phones reach a site."""
        return self.file(name).site.address

    def proxy(self, name: str, transport: str) -> tuple[str, int]:
        """Address and port of a site for a transport."""
        return self.address(name), SIP_PORTS[transport]

    @property
    def ca(self) -> str:
        """File of the CA that signed the sites' certificates."""
        return str(internal.ca_certificate(self.demo.sites[0]))

    def api(self, name: str) -> Client:
        """The local API of a site."""
        return Client(self.file(name))

    def create(self, user: str, home: str, number: str = "") -> str:
        """Create a person with PASSWORD at the authority; gives the URI."""
        body: dict[str, Any] = {"aor": f"{user}@{DOMAIN}", "home": home, "password": PASSWORD}
        with self.api("premises") as api:
            api.post("/v1/people", body | ({"number": number} if number else {}))
        return f"sip:{user}@{DOMAIN}"

    def create_all(self, homes: Mapping[str, str]) -> None:
        """Create many people with PASSWORD at once (user to home), and wait until both sites know them."""
        rows = [{"aor": f"{user}@{DOMAIN}", "home": home, "password": PASSWORD} for user, home in homes.items()]
        with self.api("premises") as api:
            report = api.post("/v1/people/import", {"rows": rows})
            assert not report["errors"], report["errors"]
        self.wait_until_known(list(homes))

    def accounts(self, users: Iterable[str]) -> dict[str, str]:
        """An account at each site for each of these people, of the same name; gives user to password."""
        passwords = {user: secrets.token_urlsafe(16) for user in users}
        for name in HOMES:
            with self.api(name) as api:
                for user, password in passwords.items():
                    api.post("/v1/accounts", {"name": user, "person": f"{user}@{DOMAIN}", "password": password})
        return passwords

    def wait_until_known(self, users: list[str]) -> None:
        """Wait until the sites that run know these people, and so do calls there."""
        for name in (home for home in HOMES if home in self.running):
            with self.api(name) as api:
                wait_for(
                    lambda api=api: all(api.get(f"/v1/people/{user}@{DOMAIN}") for user in users),
                    60,
                    f"{name} knows {users[0]} and the others",
                )
                wait_for(lambda api=api: api.get("/v1/snapshot")["current"], 60, f"calls at {name} know them")

    async def phone(
        self, user: str, at: str, transport: str = "udp", *, tone_hz: float = 440, register: bool = True, **options: Any
    ) -> User:
        """One of our own agents for a person, registered at a site."""
        secure = transport in ("tls", "ws")
        phone = await User.open(
            f"sip:{user}@{DOMAIN}",
            self.loopback(),
            transport=transport,
            proxy=self.proxy(at, transport),
            password=PASSWORD,
            ca=self.ca if secure else None,
            server_name=self.file(at).site.fqdn if secure else "",
            tone_hz=tone_hz,
            hosts={site.site.fqdn: site.site.address for site in self.demo.sites},
            **options,
        )
        if register:
            try:
                await phone.registered()
            except BaseException:
                await phone.close()
                raise
        return phone

    def start(self, name: str, env: Mapping[str, str] | None = None) -> None:
        """Start a site and wait until its supervisor says that all is up."""
        file = self.file(name)
        program = Path(sysconfig.get_path("scripts")) / "isthmus"
        self.running[name] = process = self.processes.start(
            [str(program), "site", "run", str(file.path)], name=name, env=env
        )

        def up() -> bool:
            now = status.read(file)
            return now is not None and now.ready

        process.wait_for(up, _READY_S, "all its processes are up")

        def answers() -> bool:
            with suppress(IsthmusError), self.api(name) as api:
                api.get("/v1/health")
                return True
            return False

        process.wait_for(answers, 60, "its control service answers")

    def start_carrier(self) -> None:
        """Start the simulated PSTN."""
        self.running["carrier"] = start_carrier(self.processes, self.demo.carrier_file)


def lay_out(folder: Path, loopback: Loopback) -> Demo:
    """Site files, certificates and the carrier's file in a folder, as `demo up` makes them."""
    sites = (
        PlannedSite("premises", loopback(), loopback(), authority=True),
        PlannedSite("online", loopback(), loopback()),
    )
    demo = provision(Plan(sites, PEOPLE, loopback()), folder)
    for site in demo.sites:
        with site.path.open("a") as file:
            file.write(_EXTRA)
    return Demo(demo.plan, demo.directory, tuple(load(s.path) for s in demo.sites), demo.accounts, demo.fresh_passwords)


@pytest.fixture(scope="session")
def two_sites(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Sites]:
    """Both sites and the carrier, running; shared by the files that a worker happens to get.

    So each file's people have names and numbers that no other file uses.
    """
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    sites = Sites(lay_out(folder / "d", loopback), processes, loopback)
    try:
        sites.start_carrier()
        for name in HOMES:
            sites.start(name)
        yield sites
    finally:
        processes.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For `make pictures`, the tests that take some alone."""
    if "ISTHMUS_PICTURES" not in os.environ:
        return
    wanted = [each for each in items if isinstance(each, pytest.Function) and _takes_pictures(each.function)]
    config.hook.pytest_deselected(items=[each for each in items if each not in wanted])
    items[:] = wanted


def _takes_pictures(test: Callable[..., object]) -> bool:
    return "pictured(" in inspect.getsource(test)
