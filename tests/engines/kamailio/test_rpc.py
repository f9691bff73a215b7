"""Kamailio's JSON-RPC, against a real Kamailio."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

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


def test_silence_ends_at_the_time_out(tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        with pytest.raises(UnavailableError, match=r"no answer|timed out"):
            KamailioRpc(tmp_path / "deaf", timeout_s=0.1).call("core.uptime")
