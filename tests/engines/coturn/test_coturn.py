"""coturn as a site runs it: who is let in, for how long, and where nothing is relayed to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from isthmus.engines import coturn
from isthmus.engines.coturn import runtime
from isthmus.pki import store
from isthmus.site import certificates, health, internal
from isthmus.site.file import SiteFile
from isthmus.site.private import read_secret
from isthmus.turn.rules import Credential, credential
from tests.engines.coturn.client import Turn
from tests.site.sites import site_file, site_on_disk
from tests.support import Loopback, Process, Processes, wait_for

SECRET = "open sesame"


def lines(site: SiteFile) -> set[str]:
    return set(coturn.render(site, SECRET).splitlines())


def test_nothing_is_relayed_but_to_the_site_itself(tmp_path: Path):
    found = lines(site_file(tmp_path, "192.0.2.7", "127.0.1.2", turn={"enabled": True}))
    assert {line for line in found if "peer" in line} == {
        "denied-peer-ip=0.0.0.0-255.255.255.255",
        "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "allowed-peer-ip=192.0.2.7",
        "no-multicast-peers",
    }
    assert {"no-cli", "use-auth-secret", f"static-auth-secret={SECRET}"} <= found


def test_a_site_on_loopback_says_so_and_ipv6_is_taken(tmp_path: Path):
    assert "allow-loopback-peers" in lines(site_file(tmp_path, "127.0.1.1", "127.0.1.2"))
    assert "listening-ip=2001:db8::1" in lines(site_file(tmp_path, "2001:db8::1", "::1"))


def test_the_secret_is_in_files_alone_and_made_once(tmp_path: Path):
    site = site_file(tmp_path, "127.0.1.1", "127.0.1.2", turn={"enabled": True})
    coturn.prepare(site)
    secret = read_secret(internal.turn_secret(site))
    assert len(secret) == 64
    assert secret not in " ".join(coturn.command(site))
    assert internal.coturn_config(site).stat().st_mode & 0o777 == 0o600
    coturn.prepare(site)
    assert read_secret(internal.turn_secret(site)) == secret


class Running:
    """coturn of a site that has nothing else."""

    def __init__(self, site: SiteFile, process: Process) -> None:
        self.site, self.process = site, process
        self.secret = read_secret(internal.turn_secret(site))

    def credential(self, person: str, seconds: float = 600) -> Credential:
        return credential(self.secret, person, int(time.time() + seconds))

    @contextmanager
    def client(self, shown: Credential) -> Iterator[Turn]:
        made = Turn((self.site.site.address, self.site.turn.port), shown)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("c")
    extra = "\n[turn]\nenabled = true\nallocations_per_person = 2\n"
    site = site_on_disk(folder, loopback(), loopback(), loopback(), extra)
    for path in (site.run_dir, site.pki_dir):
        store.private_folder(path)
    certificates.ensure(site)
    coturn.prepare(site)
    processes = Processes(folder)

    def answers() -> bool:
        health.coturn(site)
        return True

    try:
        yield Running(site, processes.start(coturn.command(site), ready=answers))
    finally:
        processes.close()


@pytest.mark.engine
def test_who_has_a_credential_reaches_the_site_and_nobody_else(running: Running):
    with running.client(running.credential("anna")) as turn:
        assert turn.allocate() == 0
        assert turn.permit(running.site.site.address) == 0
        for other in ("127.0.0.1", running.site.site.internal_address, "10.1.2.3", "192.0.2.1", "224.0.0.1", "0.0.0.0"):
            assert turn.permit(other) == 403, other


@pytest.mark.engine
def test_strangers_and_those_whose_time_is_over_are_not_let_in(running: Running):
    forged = credential("another secret", "berta", int(time.time() + 600))
    good = running.credential("berta")
    longer = Credential(good.username.replace("1", "2", 1), good.password)
    for shown in (forged, longer, running.credential("berta", -5)):
        with running.client(shown) as turn:
            assert turn.allocate() == 401


@pytest.mark.engine
def test_what_is_up_goes_on_when_its_credential_ends(running: Running):
    """Calls may be longer than that."""
    shown = running.credential("carla", 2)
    with running.client(shown) as turn:
        assert turn.allocate() == 0
        wait_for(lambda: time.time() > int(shown.username.partition(":")[0]) + 1, 60, "it has ended")
        assert turn.refresh() == 0
        assert turn.permit(running.site.site.address) == 0


@pytest.mark.engine
def test_a_person_has_so_many_ports_by_however_many_credentials(running: Running):
    with (
        running.client(running.credential("dora")) as first,
        running.client(running.credential("dora", 700)) as second,
        running.client(running.credential("dora", 800)) as third,
    ):
        assert [first.allocate(), second.allocate(), third.allocate()] == [0, 0, 486]
        with running.client(running.credential("emma")) as other:
            assert other.allocate() == 0


@pytest.mark.engine
def test_a_renewed_certificate_is_shown_while_it_runs(running: Running):
    site = running.site
    address = (site.site.address, site.turn.tls_port)
    before = runtime.shown_certificate(*address, timeout_s=10)
    with running.client(running.credential("fine")) as turn:
        assert turn.allocate() == 0
        ca = certificates.authority(site)
        assert ca is not None
        certificates.issue(site, ca)
        path = internal.site_certificate(site)
        wanted = store.parse_certificate(path.read_bytes(), str(path)).public_bytes(Encoding.DER)
        assert wanted != before
        runtime.read_certificate(running.process.pid)
        wait_for(lambda: runtime.shown_certificate(*address, timeout_s=10) == wanted, 60, "the new one is shown")
        assert turn.refresh() == 0
