"""Phones in browser tabs: how many WebSocket registrations one site holds, and what each costs it."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.agents.raw import User

from bench import cpu, memory, rig
from bench.model import Aim, Figure, Scale
from bench.rig import Rig
from isthmus.directory.model import Person
from isthmus.engines.haproxy.config import connections_of_a_kind
from isthmus.engines.kamailio.registrar import KamailioRegistrar
from isthmus.engines.kamailio.rpc import KamailioRpc
from isthmus.site import internal, limits
from isthmus.site.file import SiteFile
from isthmus.site.file import load as load_site

_AT_ONCE = 40
_LONG_S = 3600  # so that none of them registers anew meanwhile
_TO_AN_ADDRESS = 1_000  # connections from one address of ours
_MOST_BYTES = 150_000
_SPARE = 100  # of haproxy's connections, for whoever else comes


def measure(scale: Scale) -> list[Figure]:
    """Registrations by WebSocket over TLS (haproxy, Kamailio, the brain), against as many by TCP at the same site."""
    allowed = limits.allow_files()
    count = min(scale.sockets, connections_of_a_kind(allowed) - _SPARE)
    note = "TLS in haproxy and the second connection behind it included"
    if count < scale.sockets:
        note += f"; {scale.sockets:,} want more than the {allowed:,} descriptors of a process that this machine allows"
    with (
        tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder,
        rig.running(Path(folder), accounts=2 * count, relay=False) as running,
    ):
        site = load_site(Path(folder) / rig.PREMISES / "site.toml")
        address = site.site.address
        people = [*running.callers, *running.near][:count]
        plain = asyncio.run(_held(running, site, people, {"transport": "tcp", "proxy": (address, site.ports.sip)}))
        own = asyncio.run(_held(running, site, people, _by_websocket(site)))
    return [
        Figure.of(
            "websocket.memory",
            f"Memory of one of {count:,} WebSocket registrations",
            "B",
            [(own[0], plain[0])],
            "one by TCP without TLS",
            Aim("value", _MOST_BYTES),
            note,
        ),
        Figure.of(
            "websocket.cpu",
            "CPU until one is registered (TLS, upgrade, challenge, answer)",
            "us",
            [(own[1], plain[1])],
            "one by TCP without TLS",
        ),
    ]


async def _held(
    running: Rig, site: SiteFile, people: Sequence[Person], options: Mapping[str, object]
) -> tuple[float, float]:
    """Bytes and microseconds of CPU of the site for each phone that is registered; all are, and hold."""
    pids = cpu.members(running.premises.sessions)
    bytes_before, cpu_before = memory.held(pids), cpu.of(pids)
    few = asyncio.Semaphore(_AT_ONCE)
    addresses = [running.addresses() for _ in range(len(people) // _TO_AN_ADDRESS + 1)]

    async def one(number: int, person: Person) -> User:
        async with few:
            phone = await User.open(
                person.aor.uri,
                addresses[number // _TO_AN_ADDRESS],
                password=rig.PASSWORD,
                media=False,
                **options,  # type: ignore[arg-type]
            )
            await phone.registered(_LONG_S)
            return phone

    async with contextlib.AsyncExitStack() as stack:
        phones = await asyncio.gather(*(one(*each) for each in enumerate(people)))
        for phone in phones:
            stack.push_async_callback(phone.close)
        used = cpu.of(pids) - cpu_before
        taken = memory.held(pids) - bytes_before
        _all_are_there(site, people)
    return taken / len(people), 1e6 * used / len(people)


def _by_websocket(site: SiteFile) -> Mapping[str, object]:
    return {
        "transport": "ws",
        "proxy": (site.site.address, site.ports.web),
        "ca": str(internal.ca_certificate(site)),
        "server_name": site.site.fqdn,
    }


def _all_are_there(site: SiteFile, people: Sequence[Person]) -> None:
    rpc = KamailioRpc(internal.kamailio_rpc_socket(site))
    registrar = KamailioRegistrar(rpc, ("", 0), lambda: "")
    missing = [person.aor for person in people if len(registrar.bindings(person.aor)) != 1]
    if missing:
        raise RuntimeError(f"{len(missing)} of {len(people)} are not registered, {missing[0]} first")
