"""Whole sites with a real slapd: the control service is killed while people come, and calls at both sites follow."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from isthmus.errors import IsthmusError
from isthmus.routing.snapshot import LmdbSnapshot
from isthmus.site import status
from tests.interop.conftest import DOMAIN, HOMES, Sites, lay_out
from tests.support import Loopback, Processes, wait_for
from tests.sync.slapd import BASE, READER, SECRET, Slapd, person

pytestmark = pytest.mark.e2e
_PEOPLE = 2000


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Slapd]:
    processes = Processes(tmp_path_factory.mktemp("l"))
    made = Slapd(processes.folder / "slapd", loopback(), processes)
    made.load((f"uid=u{n},ou=people,{BASE}", person(f"u{n}", f"+1206{n:07}")) for n in range(_PEOPLE))
    try:
        yield made.start()
    finally:
        processes.close()


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback, slapd: Slapd) -> Iterator[Sites]:
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    pair = Sites(lay_out(folder / "d", loopback), processes, loopback)
    site = pair.file("premises").path
    password = site.parent / "reader.password"
    password.touch(mode=0o600)
    password.write_text(SECRET)
    site.write_text(
        f'{site.read_text()}\n[[source]]\nname = "ldap"\nkind = "ldap"\nservers = ["{slapd.uri}"]\n'
        f'ca_file = "{slapd.ca_file}"\nuser = "{READER}"\npassword_file = "reader.password"\nbase = ["{BASE}"]\n'
    )
    try:
        for name in HOMES:
            pair.start(name)
        yield pair
    finally:
        processes.close()


def ask(sites: Sites, path: str) -> Any:
    """None while the control service is not there."""
    with suppress(IsthmusError), sites.api("premises") as api:
        return api.get(path)
    return None


def run(sites: Sites, **body: object) -> str:
    with sites.api("premises") as api:
        return api.post("/v1/directory/runs", {"source": "ldap", **body})["id"]


def ended(sites: Sites, run_id: str) -> dict[str, Any]:
    def over() -> dict[str, Any] | None:
        found = ask(sites, f"/v1/directory/runs/{run_id}")
        return found if found and found["finished"] else None

    return wait_for(over, 60, "the end of the run")


def calls_reach(sites: Sites, number: str) -> bool:
    """Whether calls to the number find somebody at every site."""
    found = []
    for name in HOMES:
        snapshot = LmdbSnapshot.open(sites.file(name).snapshot_dir)
        with snapshot.view() as view:
            found.append(view.owner_of(number) is not None)
        snapshot.close()
    return all(found)


def test_killed_while_people_come_it_goes_on_and_makes_each_once(sites: Sites):
    run_id = run(sites)
    wait_for(lambda: (ask(sites, "/v1/people/count") or {"count": 0})["count"] >= 500, 60, "the first of them")
    now = status.read(sites.file("premises"))
    assert now is not None
    os.kill(now.processes["control"].pid, signal.SIGKILL)
    done = ended(sites, run_id)
    assert (done["state"], done["counts"]) == ("done", {"create": _PEOPLE})
    with sites.api("premises") as api:
        compared = api.post("/v1/directory/compare", {})[0]
        again = api.post("/v1/directory/runs", {"source": "ldap", "full": True, "dry_run": True})
    assert (compared["differing"], compared["why"]) == ([], "")
    assert again["counts"] == {}
    wait_for(lambda: calls_reach(sites, f"+1206{_PEOPLE - 1:07}"), 60, "calls at both sites know the last of them")


def test_calls_at_both_sites_follow_a_change_in_the_directory(sites: Sites, slapd: Slapd):
    slapd.set(f"uid=u7,ou=people,{BASE}", telephoneNumber="+12069999999")
    assert not calls_reach(sites, "+12069999999")
    run(sites)
    wait_for(lambda: calls_reach(sites, "+12069999999"), 60, "calls at both sites follow")
    assert not calls_reach(sites, "+12060000007")


def test_a_server_that_is_down_is_told_and_nobody_is_touched(sites: Sites, slapd: Slapd):
    slapd.stop()
    run_id = run(sites)
    waiting = wait_for(
        lambda: found if (found := ask(sites, f"/v1/directory/runs/{run_id}"))["note"] else None, 60, "a word of it"
    )
    assert "Can't contact LDAP server" in waiting["note"]
    slapd.start()
    assert ended(sites, run_id)["counts"] == {}
    with sites.api("premises") as api:
        assert api.get(f"/v1/people/u7@{DOMAIN}")["enabled"]
