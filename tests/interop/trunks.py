"""Sites of which premises has trunks, for the tests of what gateways and carriers do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from isthmus.site.file import load
from tests.agents.raw import User
from tests.interop.conftest import Sites, lay_out
from tests.support import Loopback, Processes


@dataclass
class Trunked:
    """Sites that run, and where each trunk of premises leads. homes: of the people who are there."""

    sites: Sites
    hosts: Mapping[str, str]
    homes: Mapping[str, str]

    def route(self, *ways: str, at: str = "premises", **more: object) -> None:
        """Let all calls go this way, and no other."""
        self._routes(at, [{"name": "all", "patterns": ["+"], "ways": list(ways), **more}])

    def routes(self, *routes: tuple[str, list[str]], at: str = "premises") -> None:
        """Let numbers that begin so go these ways, and no others."""
        rows = [{"patterns": [pattern], "ways": ways} for pattern, ways in routes]
        self._routes(at, [{"name": f"r{place}", **row} for place, row in enumerate(rows)])

    def _routes(self, at: str, routes: list[dict[str, object]]) -> None:
        with self.sites.api(at) as api:
            for each in api.get("/v1/routes"):
                api.delete(f"/v1/routes/{each['name']}")
            for route in routes:
                api.post("/v1/routes", route)

    async def gateway(self, name: str, tone_hz: float, *, user: str = "gateway") -> User:
        """A gateway where that trunk leads, which answers every call and plays this."""
        host = self.hosts[name]
        return await User.open(f"sip:{user}@{host}", host, port=5060, tone_hz=tone_hz)

    @asynccontextmanager
    async def phone(self, user: str, tone_hz: float = 440) -> AsyncIterator[User]:
        """Their phone, registered at home, and gone from there at the end."""
        async with await self.sites.phone(user, self.homes[user], tone_hz=tone_hz) as phone:
            yield phone
            await phone.register(0)


@contextmanager
def with_trunks(
    folder: Path, loopback: Loopback, trunks: Mapping[str, str], people: Mapping[str, tuple[str, str]]
) -> Iterator[Trunked]:
    """Premises with these trunks, and people; online runs as well where somebody lives there.

    trunks: by name, what stands in the site file of a trunk besides its name and address. people: by user, their home
    and number.
    """
    demo = lay_out(folder / "d", loopback)
    hosts = {name: loopback() for name in trunks}
    with demo.sites[0].path.open("a") as file:
        for name, more in trunks.items():
            file.write(f'\n[[trunk]]\nname = "{name}"\naddress = "{hosts[name]}"\n{more}')
    demo = replace(demo, sites=tuple(load(site.path) for site in demo.sites))
    processes = Processes(folder)
    homes = {user: home for user, (home, _) in people.items()}
    try:
        sites = Sites(demo, processes, loopback)
        for name in ("premises", "online"):
            if name == "premises" or name in homes.values():
                sites.start(name)
        for user, (home, number) in people.items():
            sites.create(user, home, number)
        sites.wait_until_known(list(people))
        yield Trunked(sites, hosts, homes)
    finally:
        processes.close()
