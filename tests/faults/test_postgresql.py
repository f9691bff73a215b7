"""Both sites on PostgreSQL, which is killed and comes back, under calls, writes and moves."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from isthmus.site.file import load
from tests.databases import PostgreSQL, postgresql
from tests.faults.people import (
    bindings,
    everybody_is_reached,
    grown,
    kill,
    link_up,
    log_lines,
    move,
    moved,
    other,
    phones,
    pid,
    same_homes,
    start_move,
    until_ready,
    watched,
)
from tests.interop.conftest import DOMAIN, HOMES, PASSWORD, Sites, lay_out
from tests.support import Loopback, Processes, wait_for

__all__ = ["postgresql"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_SECRET = "pg-8zJ4-never-shown"  # the database's password: in the site file, and nowhere else
_BACK_S = 90.0  # DBOS looks for its database again after a pause that doubles, up to a minute


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback, postgresql: PostgreSQL) -> Iterator[Sites]:
    """Both sites, running, each with a database of its own on the same server."""
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    demo = lay_out(folder / "d", loopback)
    for site in demo.sites:
        url = postgresql.new_database().replace("isthmus@", f"isthmus:{_SECRET}@")
        with site.path.open("a") as file:
            file.write(f'\n[state]\ndatabase = "{url}"\n')
    object.__setattr__(demo, "sites", tuple(load(site.path) for site in demo.sites))
    pair = Sites(demo, processes, loopback)
    try:
        for name in HOMES:
            pair.start(name)
        yield pair
    finally:
        processes.close()


async def test_people_call_and_move(sites: Sites) -> None:
    """As on SQLite: people are made, call, and move there and back; the site's folder holds no other database."""
    users = {f"pg{number}": HOMES[number // 2 % 2] for number in range(8)}
    await asyncio.to_thread(sites.create_all, users)
    async with AsyncExitStack() as stack:
        people = await phones(sites, stack, users)
        for to in (*HOMES[::-1], "online"):
            live = await asyncio.to_thread(same_homes, sites, list(users))
            movers = [user for user, home in live.items() if home != to]
            done = await move(sites, movers, to)
            assert done["counts"] == {"moved": len(movers)}, done["people"]
            await everybody_is_reached(people)
    for name in HOMES:
        assert not [*sites.file(name).state_dir.glob("isthmus.db*"), *sites.file(name).state_dir.glob("dbos*")]


async def test_the_database_is_killed_and_comes_back(sites: Sites, postgresql: PostgreSQL) -> None:
    """Calls go on; writes are refused in one line; a control service killed meanwhile comes back when it can."""
    users = {f"pk{number}": HOMES[number // 2 % 2] for number in range(8)}
    await asyncio.to_thread(sites.create_all, users)
    logs = log_lines(sites)
    async with AsyncExitStack() as stack:
        people = await phones(sites, stack, users)
        postgresql.kill()
        try:
            for phone in people.values():
                await phone.registered()
            await everybody_is_reached(people)
            await asyncio.to_thread(refused, sites)
            before = pid(sites, "premises", "control")
            kill(sites, "premises", "control")
            await everybody_is_reached(people)
            await asyncio.sleep(3)
        finally:
            postgresql.launch()
        up_at = time.monotonic()
        await until_ready(sites, "premises", before, "control")
        await asyncio.to_thread(link_up, sites)
        sites.create("pgafter", "online")
        await asyncio.to_thread(sites.wait_until_known, ["pgafter"])
        print(f"\na person made after the outage is known at both sites {time.monotonic() - up_at:.1f} s after it")
        done = await move(sites, [user for user, home in users.items() if home == "premises"], "online", _BACK_S)
        assert done["counts"] == {"moved": 4}, done["people"]
        await everybody_is_reached(people)
    lines = grown(logs, log_lines(sites))
    print(f"log lines {lines}")
    assert all(count < 300 for count in lines.values()), lines


def refused(sites: Sites) -> None:
    """What needs the database says in one line that it is down; health goes on answering."""
    program = Path(sysconfig.get_path("scripts")) / "isthmus"
    for arguments in (
        ("user", "create", f"pgnever@{DOMAIN}", "--home", "online", "--password", PASSWORD),
        ("user", "list"),
        ("user", "move", f"pk0@{DOMAIN}", "--to", "online"),
    ):
        done = subprocess.run(
            [program, *arguments],
            env={**os.environ, "ISTHMUS_SITES": str(sites.demo.directory)},
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (1, ""), done
        assert done.stderr.count("\n") == 1, done.stderr
        assert "database" in done.stderr
        assert _SECRET not in done.stderr
    with sites.api("premises") as api:
        health = api.get("/v1/health")
    assert not health["ok"]
    assert not health["database"]["ok"]


@pytest.mark.parametrize("step", ["import", "feed"])
async def test_the_database_is_killed_at_a_step_of_a_move(sites: Sites, postgresql: PostgreSQL, step: str) -> None:
    """Before and after commit: the move ends by itself when the database is back, all at one home."""
    users = {f"pm{step}{number}": "premises" for number in range(4)}
    await asyncio.to_thread(sites.create_all, users)
    async with AsyncExitStack() as stack:
        people = await phones(sites, stack, users)
        watch = await stack.enter_async_context(watched(sites))
        watch.arm(step, postgresql.kill)
        batch = await asyncio.to_thread(start_move, sites, list(users), "online")
        try:
            assert await asyncio.to_thread(watch.fired.wait, 10), f"no {step} passed"
            await everybody_is_reached(people)
        finally:
            postgresql.launch()
        up_at = time.monotonic()
        done = await asyncio.to_thread(moved, sites, batch, _BACK_S)
        print(f"\nkilled at {step}: {done['counts']} {time.monotonic() - up_at:.1f} s after it was back")
        live = await asyncio.to_thread(same_homes, sites, list(users))
        moved_all = set(live.values()) == {"online"}
        assert {person["state"] for person in done["people"]} == {"moved" if moved_all else "not_moved"}
        assert moved_all or step == "import"
        for user, home in live.items():
            assert len(bindings(sites, home, user)) == 1
            assert bindings(sites, other(home), user) == []
        await everybody_is_reached(people)


def test_the_password_is_seen_nowhere(sites: Sites) -> None:
    """After all of the above: in no log, no argument list, no status, no answer, no file but the site's own."""
    seen = []
    for name in HOMES:
        site = sites.file(name)
        for path in site.state_dir.rglob("*"):
            if path.is_file() and _SECRET.encode() in path.read_bytes():
                seen.append(str(path))
        with sites.api(name) as api:
            answers = [api.get("/v1/health"), api.get("/v1/snapshot"), api.get("/v1/link")]
        if _SECRET in str(answers):
            seen.append(f"answers of {name}")
    seen += [str(each.log) for each in sites.processes.started if _SECRET in each.log.read_text(errors="replace")]
    for arguments in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if _SECRET.encode() in arguments.read_bytes():
                seen.append(str(arguments))
        except OSError:
            continue
    assert not seen


def test_a_site_without_its_database_says_so_at_its_start(sites: Sites, postgresql: PostgreSQL) -> None:
    """Phones are served from the snapshot; the status names the reason, without the password."""
    sites.running["online"].stop()
    postgresql.kill()
    try:
        process = sites.processes.start(
            [str(Path(sysconfig.get_path("scripts")) / "isthmus"), "site", "run", str(sites.file("online").path)],
            name="online",
        )
        log = sites.file("online").log_dir / "control.log"
        process.wait_for(lambda: "the database refuses" in log.read_text(), 60, "the reason in the log")
        assert _SECRET not in log.read_text()
        wait_for(lambda: pid(sites, "online", "kamailio"), 60, "Kamailio is up without the database")
    finally:
        postgresql.launch()
