"""What stands in the way of a start is told in one line each, with what to do."""

import os
import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from isthmus.site import preflight
from isthmus.site.file import SiteFile
from tests.site.sites import site_file
from tests.support import Loopback


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> SiteFile:
    return site_file(tmp_path_factory.mktemp("s"), loopback(), loopback())


def lines(site: SiteFile) -> list[str]:
    return [str(fault) for fault in preflight.faults(site)]


@pytest.mark.engine
def test_a_machine_that_has_everything_is_good(site: SiteFile):
    assert lines(site) == []


@pytest.mark.engine
@pytest.mark.parametrize(
    ("kind", "port", "setting"),
    [(socket.SOCK_STREAM, 5061, "[ports] sips"), (socket.SOCK_DGRAM, 5060, "[ports] sip")],
)
def test_a_taken_port_names_its_holder(site: SiteFile, kind: socket.SocketKind, port: int, setting: str):
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind((site.site.address, port))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        transport = "tcp" if kind == socket.SOCK_STREAM else "udp"
        (line,) = lines(site)
    comm = Path("/proc/self/comm").read_text().strip()
    assert f"port {port}/{transport} on {site.site.address} is taken by {comm} (process {os.getpid()})" in line
    assert f"Stop that program or change {setting}." in line


@pytest.mark.engine
def test_connections_that_just_ended_do_not_count(site: SiteFile):
    with socket.create_server((site.site.address, 5061)) as server:
        client = socket.create_connection((site.site.address, 5061))
        accepted, _ = server.accept()
        accepted.close()
        client.close()
    assert lines(site) == []


def test_a_missing_engine_names_its_package(site: SiteFile, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda program, path: None if program == "rtpengine" else f"/bin/{program}")
    (line,) = lines(site)
    assert line == "rtpengine is not installed. Run `apt-get install rtpengine-daemon`."


def test_a_site_without_a_relay_needs_no_rtpengine(tmp_path: Path, loopback: Loopback, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda program, path: None if program == "rtpengine" else f"/bin/{program}")
    site = site_file(tmp_path, loopback(), loopback(), media={"relay": "never"})
    assert not [line for line in lines(site) if "rtpengine" in line]


def test_an_address_of_another_machine_is_told_once(tmp_path: Path, loopback: Loopback):
    site = site_file(tmp_path, "192.0.2.1", loopback())
    assert sum("does not have the address 192.0.2.1" in line for line in lines(site)) == 1


def test_a_full_disk_is_told(site: SiteFile, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5_000_000))
    assert any("the disk is full: 5 MB free" in line for line in lines(site))


def test_a_folder_too_deep_for_sockets_is_told(tmp_path: Path, loopback: Loopback):
    site = site_file(tmp_path / ("x" * 80), loopback(), loopback())
    assert any("is too long" in line for line in lines(site))


def test_files_of_trunks_are_there_and_secrets_are_secret(tmp_path: Path, loopback: Loopback):
    account = {"user": "4711", "password_file": "telco.secret"}
    trunk = {"name": "telco", "address": "192.0.2.1", "registration": account}
    site = site_file(tmp_path, loopback(), loopback(), trunk=[trunk])
    assert any("a file of trunk telco can't be read" in line for line in lines(site))
    secret = site.path.parent / "telco.secret"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("open sesame")
    secret.chmod(0o644)
    assert any("a secret of trunk telco can be read by others" in line for line in lines(site))
    secret.chmod(0o600)
    assert not any("telco" in line for line in lines(site))
