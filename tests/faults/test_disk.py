"""The disk of a whole site is full, for real, under registrations, calls, writes and moves; and there is room again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest

from isthmus.cli.client import Client
from isthmus.engines.kamailio import config
from isthmus.errors import NotFoundError, UnavailableError
from isthmus.site import status
from tests.agents.raw import User
from tests.faults.disk import Disk, can_mount
from tests.faults.people import (
    bindings,
    everybody_is_reached,
    grown,
    kill,
    link_up,
    log_lines,
    moved,
    other,
    phones,
    pid,
    reopen,
    same_homes,
    start_move,
    until_ready,
    watched,
)
from tests.interop.conftest import DOMAIN, HOMES, PASSWORD, Sites, lay_out
from tests.support import Loopback, Processes, wait_for

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not can_mount(), reason="a disk of a site's own takes the right to mount a tmpfs"),
]

_SIZE_MB = 160  # a site wants 100 MB free at its start


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Disk]]:
    """A small disk for the state of each site."""
    folder = tmp_path_factory.mktemp("s") / "d"
    made = {name: Disk(folder / name / "state", size_mb=_SIZE_MB) for name in HOMES}
    with ExitStack() as stack:
        for disk in made.values():
            disk.mount()
            stack.callback(disk.unmount)
        yield made


@pytest.fixture(scope="module")
def sites(disks: dict[str, Disk], loopback: Loopback) -> Iterator[Sites]:
    """Both sites, running, each with its state on a disk of its own."""
    folder = disks["premises"].folder.parents[1]
    processes = Processes(folder.parent)
    pair = Sites(lay_out(folder, loopback), processes, loopback)
    try:
        for name in HOMES:
            pair.start(name)
        yield pair
    finally:
        processes.close()


def command(sites: Sites, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `isthmus` as a person would."""
    return subprocess.run(
        [Path(sysconfig.get_path("scripts")) / "isthmus", *arguments],
        env={**os.environ, "ISTHMUS_SITES": str(sites.demo.directory)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def person(user: str, home: str = "online") -> dict[str, Any]:
    """What it takes to create somebody."""
    return {"aor": f"{user}@{DOMAIN}", "home": home, "password": PASSWORD}


def refused_writes(sites: Sites, somebody: str) -> None:
    """Everything that writes at an authority with a full disk says so in one line, and has written nothing."""
    rows = [person(f"fullrow{number}") for number in range(40)]
    writes: dict[str, Callable[[Client], Any]] = {
        "create": lambda api: api.post("/v1/people", person("fullnew")),
        "change": lambda api: api.patch(f"/v1/people/{somebody}@{DOMAIN}", {"display_name": "Changed"}),
        "delete": lambda api: api.delete(f"/v1/people/{somebody}@{DOMAIN}"),
        "import": lambda api: api.post("/v1/people/import", {"rows": rows}),
        "move": lambda api: api.post("/v1/moves", {"aors": [f"{somebody}@{DOMAIN}"], "to": "online"}),
    }
    with sites.api("premises") as api:
        before = api.get(f"/v1/people/{somebody}@{DOMAIN}"), api.get("/v1/moves"), api.get("/v1/snapshot")["seq"]
        for what, write in writes.items():
            with pytest.raises(UnavailableError, match="full") as refusal:
                write(api)
            assert "\n" not in str(refusal.value), what
            assert refusal.value.do, what
        now = api.get(f"/v1/people/{somebody}@{DOMAIN}"), api.get("/v1/moves"), api.get("/v1/snapshot")["seq"]
        assert now == before
        for user in ("fullnew", "fullrow0", "fullrow39"):
            with pytest.raises(NotFoundError):
                api.get(f"/v1/people/{user}@{DOMAIN}")
    made = command(sites, "user", "create", f"fullcli@{DOMAIN}", "--home", "online", "--generate-password")
    assert (made.returncode, made.stdout) == (1, ""), made
    assert made.stderr.count("\n") == 1, made.stderr
    assert "disk" in made.stderr


@pytest.mark.parametrize("site", HOMES)
async def test_a_full_disk_costs_no_call(sites: Sites, disks: dict[str, Disk], site: str) -> None:
    """Phones register and call on; writes are refused whole; killed processes come back; all is written afterwards."""
    users = {f"full{site[0]}{number}": HOMES[number // 2 % 2] for number in range(8)}
    sites.create_all(users)
    async with AsyncExitStack() as stack:
        people = await phones(sites, stack, users)
        for name in HOMES:
            await asyncio.to_thread(on_disk, sites, name, users)
        logs = log_lines(sites)
        disks[site].fill()
        try:
            assert disks[site].free_bytes() == 0
            for phone in people.values():
                await phone.registered()
            await everybody_is_reached(people)
            if site == "premises":
                await asyncio.to_thread(refused_writes, sites, next(iter(users)))
            for process in ("control", "kamailio", "haproxy", "rtpengine"):
                before = pid(sites, site, process)
                kill(sites, site, process)
                back_s = await until_ready(sites, site, before, process)
                print(f"\n{process} of {site} killed with a full disk: whole after {back_s:.1f} s")
            await asyncio.to_thread(link_up, sites)
            told(sites, site)
            await reopen(people)
            await everybody_is_reached(people)
            if site == "online":  # the authority's writes are its own; the news follow when they can
                sites.create(f"late{site[0]}", "online")
        finally:
            disks[site].free()
        await asyncio.to_thread(caught_up, sites, site, users)
        lines = grown(logs, log_lines(sites))
        print(f"{site}: log lines {lines}")
        assert all(count < 200 for count in lines.values()), lines
        before = pid(sites, site, "kamailio")
        kill(sites, site, "kamailio")  # what was registered while the disk was full is on it now
        await until_ready(sites, site, before, "kamailio")
        for user in [user for user, home in users.items() if home == site]:
            assert len(bindings(sites, site, user)) == 1, user
        await reopen(people)
        await everybody_is_reached(people)


def told(sites: Sites, site: str) -> None:
    """Though its disk is full, a site says how it is: the supervisor at this moment, the control service the reason."""
    now = status.read(sites.file(site))
    assert now is not None
    assert time.time() - now.updated < status.STALE_S
    assert command(sites, "--site", site, "site", "status").returncode == 0
    with sites.api(site) as api:
        health = api.get("/v1/health")
    assert not health["ok"]
    assert health["disk"] == {"ok": False, "free_bytes": 0}


def caught_up(sites: Sites, site: str, users: dict[str, str]) -> None:
    """Everything follows by itself: snapshot, feed, bindings on disk; and writes are taken again."""

    def current() -> bool:
        with sites.api(site) as api:
            health = api.get("/v1/health")
            snapshot = api.get("/v1/snapshot")
        return bool(health["ok"] and snapshot["current"])

    wait_for(current, 60, f"{site} is well again")
    late = f"late{site[0]}"
    if site == "premises":
        sites.create(late, "online")
    sites.wait_until_known([late])
    for name in HOMES:
        with sites.api(name) as api:
            assert api.post("/v1/snapshot/rebuild")["current"]
    on_disk(sites, site, users)


def on_disk(sites: Sites, site: str, users: dict[str, str]) -> None:
    """Wait until everybody at home at a site has a binding in the file from which its registrar would start."""
    here = {user for user, home in users.items() if home == site}
    location = config.location_file(sites.file(site))

    def stored() -> bool:
        with contextlib.closing(sqlite3.connect(f"file:{location}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT username FROM location WHERE expires > julianday('now')")
            return here <= {str(user) for (user,) in rows}

    wait_for(stored, 60, f"bindings of {site} are on disk")


AFTER_COMMIT = ("feed", "verify", "clean_up")


@pytest.mark.parametrize(
    ("to", "step", "site"),
    [
        ("online", "check", "premises"),
        ("online", "import", "online"),
        ("online", "import", "premises"),
        ("online", "feed", "online"),
        ("premises", "export", "premises"),
        ("premises", "clean_up", "online"),
    ],
)
async def test_the_disk_fills_at_a_step_of_a_move(
    sites: Sites, disks: dict[str, Disk], to: str, step: str, site: str
) -> None:
    """For four seconds. The move ends by itself when there is room, all at one home, with their phones reached."""
    mark = f"m{to[0]}{step.replace('_', '')}{site[0]}"
    users = {f"{mark}{number}": other(to) for number in range(4)}
    await asyncio.to_thread(sites.create_all, users)
    async with AsyncExitStack() as stack:
        people = await phones(sites, stack, users)
        watch = await stack.enter_async_context(watched(sites))
        watch.arm(step, disks[site].fill)
        begun = asyncio.create_task(asyncio.to_thread(start_move, sites, list(users), to))
        try:
            assert await asyncio.to_thread(watch.fired.wait, 10), f"no {step} passed"
            full_since = time.monotonic()
            await everybody_is_reached(people)
            await asyncio.sleep(max(0.0, 4 - (time.monotonic() - full_since)))
        finally:
            disks[site].free()
        freed_at = time.monotonic()
        try:
            batch = await begun
        except UnavailableError:  # the disk was full before the move had begun
            assert (step, site) == ("check", "premises")
            live = await asyncio.to_thread(same_homes, sites, list(users))
            assert set(live.values()) == {other(to)}
        else:
            await ended(sites, batch, people, to, step)
        print(f"\ndisk of {site} full at {step} to {to}: over {time.monotonic() - freed_at:.1f} s after there was room")
        await everybody_is_reached(people)


async def ended(sites: Sites, batch: str, people: dict[str, User], to: str, step: str) -> None:
    """The move is over and told truly: home, bindings, state."""
    done = await asyncio.to_thread(moved, sites, batch, 60)
    print(f"\n{done['counts']} {done['people'][0]['reasons']}")
    live = await asyncio.to_thread(same_homes, sites, list(people))
    states = {person["state"] for person in done["people"]}
    if step in AFTER_COMMIT:
        assert states == {"moved"}
    assert states == ({"moved"} if set(live.values()) == {to} else {"not_moved"})
    for user, home in live.items():
        assert len(bindings(sites, home, user)) == 1
        assert bindings(sites, other(home), user) == []
