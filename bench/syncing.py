"""From the organisation's directory to calls: a real slapd, whole sites, and both sites' snapshots."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.support import Loopback, Processes
from tests.sync.slapd import BASE, READER, SECRET, TELLING_WITH_LOG, Slapd, person
from tests.sync.world import ldap_source

from bench import rig, whole
from bench.model import Aim, Figure, Scale
from isthmus.cli.client import Client
from isthmus.demo.plan import DOMAIN
from isthmus.routing.snapshot import LmdbSnapshot
from isthmus.sync.sources.connection import Directory

_FULL_S, _CHANGE_S = 60.0, 2.0
_LONGEST_S = 300.0
_POLL_S = 0.002
_CHANGES = 10


def measure(scale: Scale) -> list[Figure]:
    """Bring everybody in, then change one at a time; beside each what it takes without the synchronisation."""
    count = scale.synchronised
    with _slapd(count) as slapd, whole.running(_source(slapd)) as up, Client(up.demo.authority, timeout_s=None) as api:
        snapshots = [LmdbSnapshot.open(site.snapshot_dir) for site in up.demo.sites]
        read_s = _read_s(slapd, count)
        full_s = _run_s(api, snapshots, _number(count - 1), {"source": "ldap", "full": True}, to_the_end=True)
        pairs = []
        for turn in range(_CHANGES if count > _CHANGES * 2 else 2):
            slapd.set(_dn(turn), telephoneNumber=_number(count + turn))
            synced_s = _run_s(api, snapshots, _number(count + turn), {"source": "ldap"})
            by_hand = {"number": _number(2 * count + turn)}
            pairs.append((synced_s, _patch_s(api, snapshots, f"{_user(count - 1)}@{DOMAIN}", by_hand)))
        told = _told_s(slapd, 2 if count <= _CHANGES * 2 else _CHANGES)
        agrees = api.post("/v1/directory/compare", {})[0]
        assert (agrees["differing"], agrees["why"]) == ([], ""), agrees
    worst = max(value for value, _ in pairs)
    return [
        Figure.of(
            "sync.full",
            f"{count:,} people from a slapd, until calls at both sites know them",
            "s",
            [(full_s, read_s)],
            "reading them and no more",
            Aim("value", _FULL_S),
            f"comparing the sites by digests afterwards took {agrees['took_s']:.2f} s",
        ),
        Figure.of(
            "sync.change",
            f"One of {count:,} changed, from the begin of the run until calls at both sites follow",
            "s",
            pairs,
            "changing one by hand",
            Aim("value", _CHANGE_S),
            f"the slowest of {len(pairs)} took {worst:.2f} s",
        ),
        Figure.of(
            "sync.told",
            f"Asking a slapd which one of {count:,} changed, by its own word (RFC 4533)",
            "s",
            told,
            "listing everybody's stamp",
        ),
    ]


@contextlib.contextmanager
def _slapd(count: int) -> Iterator[Slapd]:
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder, contextlib.ExitStack() as stack:
        loopback = Loopback()
        stack.callback(loopback.close)
        processes = Processes(Path(folder))
        stack.callback(processes.close)
        slapd = Slapd(Path(folder) / "slapd", rig.free_address(loopback), processes, overlay=TELLING_WITH_LOG)
        slapd.load((_dn(index), person(_user(index), _number(index))) for index in range(count))
        yield slapd.start()


def _source(slapd: Slapd) -> str:
    password = slapd.folder / "reader.password"
    password.touch(mode=0o600)
    password.write_text(SECRET)
    return f"""
[[source]]
name = "ldap"
kind = "ldap"
servers = ["{slapd.uri}"]
ca_file = "{slapd.ca_file}"
user = "{READER}"
password_file = "{password}"
base = ["{BASE}"]
"""


def _read_s(slapd: Slapd, count: int) -> float:
    began = time.monotonic()
    with Directory.open(slapd.server()) as directory:
        found = sum(1 for _ in directory.search(BASE, "(objectClass=inetOrgPerson)", ["*", "+"]))
    assert found == count
    return time.monotonic() - began


def _told_s(slapd: Slapd, rounds: int) -> list[tuple[float, float]]:
    """Seconds that the source takes to find one change: as the server tells it, and by listing everybody."""
    source = ldap_source(slapd.server(), BASE).source
    first = source.full()
    known = {entry.id: entry.stamp for entry, _ in first.entries}
    cursor, silent = first.cursor, json.dumps(json.loads(first.cursor) | {"cookies": {}})
    pairs = []
    for turn in range(rounds):
        slapd.set(_dn(turn), displayName=f"Turn {turn}")
        seconds = []
        for after in (cursor, silent):
            began = time.monotonic()
            found = source.changes(after, known)
            seconds.append(time.monotonic() - began)
            assert len(list(found.entries)) == turn + 1, "it finds all that changed since the cursor"
        pairs.append((seconds[0], seconds[1]))
    return pairs


def _run_s(
    api: Client, snapshots: list[LmdbSnapshot], number: str, body: dict[str, Any], *, to_the_end: bool = False
) -> float:
    """Seconds from asking for a run until calls to `number` find somebody at every site; to_the_end: and it is over."""
    began = time.monotonic()
    run = api.post("/v1/directory/runs", body)
    seen = _seen_s(began, snapshots, number)

    def over() -> bool:
        found = api.get(f"/v1/directory/runs/{run['id']}", changes=0)
        assert found["state"] in ("reading", "applying", "done"), found
        return found["finished"] is not None

    _until(over)
    return time.monotonic() - began if to_the_end else seen


def _patch_s(api: Client, snapshots: list[LmdbSnapshot], aor: str, changes: dict[str, Any]) -> float:
    began = time.monotonic()
    api.patch(f"/v1/people/{aor}", changes)
    return _seen_s(began, snapshots, changes["number"])


def _seen_s(began: float, snapshots: list[LmdbSnapshot], number: str) -> float:
    def everywhere() -> bool:
        for snapshot in snapshots:
            with snapshot.view() as view:
                if view.owner_of(number) is None:
                    return False
        return True

    _until(everywhere)
    return time.monotonic() - began


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LONGEST_S
    while not condition():
        assert time.monotonic() < deadline, "the change never reached the calls"
        time.sleep(_POLL_S)


def _user(index: int) -> str:
    return f"given.family{index:06}"


def _dn(index: int) -> str:
    return f"uid={_user(index)},ou=people,{BASE}"


def _number(index: int) -> str:
    return f"+1425{index:07}"
