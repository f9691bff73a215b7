"""Kamailio's JSON-RPC, against a real Kamailio."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from isthmus.addressing import Aor
from isthmus.engines.kamailio.rpc import KamailioRpc, RpcRefusedError
from isthmus.errors import UnavailableError
from tests.engines.kamailio.registrar_site import RegistrarSite, running
from tests.support import Loopback

pytestmark = pytest.mark.engine


@pytest.fixture
def site(loopback: Loopback, tmp_path: Path) -> Iterator[RegistrarSite]:
    with running(loopback(), tmp_path / "site") as started:
        yield started


def test_a_command_gives_its_result_and_an_unknown_one_says_so(site: RegistrarSite) -> None:
    rpc = site.rpc
    assert rpc.call("core.uptime")["uptime"] >= 0
    with pytest.raises(RpcRefusedError, match="Method Not Found"):
        rpc.call("no.such")
    assert rpc.call("core.uptime")["uptime"] >= 0


def test_threads_share_one_client(site: RegistrarSite) -> None:
    rpc = site.rpc
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: rpc.call("core.version"), range(40)))
    assert all("kamailio" in answer for answer in answers)


def test_a_dead_kamailio_is_unavailable_and_found_again_after_its_restart(site: RegistrarSite) -> None:
    rpc = site.rpc
    rpc.call("core.uptime")
    site.kill()
    with pytest.raises(UnavailableError):
        rpc.call("core.uptime")
    site.start()
    assert rpc.call("core.uptime")["uptime"] >= 0


def test_a_restart_between_two_commands_is_not_noticed(site: RegistrarSite) -> None:
    rpc = site.rpc
    rpc.call("core.uptime")
    site.kill()
    site.start()
    assert rpc.call("core.uptime")["uptime"] >= 0


def test_it_answers_only_when_all_bindings_are_back_from_disk(site: RegistrarSite) -> None:
    site.kill()
    rows = ((f"r{n}", f"u{n}", "contoso.example", f"sip:u{n}@127.0.0.9:5060") for n in range(20_000))
    with contextlib.closing(sqlite3.connect(site.folder / "location.db")) as database, database:
        database.executemany(
            "INSERT INTO location (ruid, username, domain, contact, expires)"
            " VALUES (?, ?, ?, ?, julianday('now', '+1 hour'))",
            rows,
        )
    site.start()
    assert len(site.registrar.bindings(Aor.parse("u19999@contoso.example"))) == 1


def test_silence_ends_at_the_time_out(tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        with pytest.raises(UnavailableError, match=r"no answer|timed out"):
            KamailioRpc(tmp_path / "deaf", timeout_s=0.1).call("core.uptime")
