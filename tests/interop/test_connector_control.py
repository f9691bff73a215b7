"""A connector's whole life by the real commands, against an online site that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from isthmus.engines.haproxy import runtime
from isthmus.errors import IsthmusError, RefusedError
from isthmus.link.client import LinkDownError, PeerClient
from isthmus.pki import store
from isthmus.pki.rules import certificate_names
from isthmus.pki.service import CertificateAuthority, key_pem
from isthmus.site import certificates, internal
from tests.interop.conftest import Sites
from tests.interop.connectors import Appliance
from tests.support import Processes, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

GATEWAY = '[[trunk]]\nname = "{name}"\naddress = "{address}"\n'


@pytest.fixture(scope="module")
def branch(two_sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    folder = tmp_path_factory.mktemp("c")
    two_sites.create("tenant-is-known", "online")
    two_sites.wait_until_known(["tenant-is-known"])
    processes = Processes(folder)
    made = Appliance(two_sites, processes, folder / "branch", place="branch").pack()
    made.install()
    try:
        made.start()
        yield made
    finally:
        processes.close()


def test_it_comes_up_and_says_how_it_is(branch: Appliance):
    now = branch.becomes(state="healthy")
    assert (now["calls"], now["refused"], now["drains"]) == (0, "", False)
    assert now["fqdn"] == f"{branch.name}.connectors.{branch.sites.file('online').site.fqdn}"


def test_what_online_says_is_in_force_within_moments(branch: Appliance):
    gateway = branch.sites.loopback()
    branch.configure(GATEWAY.format(name="gw", address=gateway))
    now = wait_for(lambda: [each for each in branch.shown()["trunks"] if each["name"] == "gw"], 60, "its trunk is told")
    assert branch.site.trunk[0].address == gateway
    assert now[0]["calls"] == 0
    branch.becomes(state="healthy")


def test_what_it_can_t_work_by_is_refused_and_told_and_the_former_stays(branch: Appliance):
    before = branch.site
    # What an online of another version may say: the commands of this one would not let it pass.
    broken = {"trunk": [{"name": "gw", "address": "not an address"}]}
    _put_settings(branch, broken)
    now = wait_for(lambda: branch.shown()["refused"], 60, "the refusal")
    assert "not an address" in now or "trunk" in now
    assert branch.site == before
    branch.configure(GATEWAY.format(name="gw", address=before.trunk[0].address))
    branch.becomes(refused="", state="healthy")


def test_it_drains_and_resumes(branch: Appliance):
    branch.online("--site", "online", "connector", "drain", branch.name)
    branch.becomes(state="draining")
    branch.online("--site", "online", "connector", "resume", branch.name)
    branch.becomes(state="healthy")


def test_a_connector_reaches_its_own_routes_and_no_others(branch: Appliance):
    client = PeerClient("online", internal.link_out_socket(branch.site, "online"))
    for path in ("/link/hello", "/link/position", "/link/digests", "/link/nothing"):
        with pytest.raises(IsthmusError) as refused:
            client.get(path)
        assert "only the configured peers" in str(refused.value), path
    assert client.get("/link/connector/orders")["site"] == "branch"
    client.close()


def test_the_code_works_once(branch: Appliance):
    again = Appliance(branch.sites, branch.processes, branch.folder.with_name("again"))
    again.package, again.code = branch.package, branch.code
    assert "used already" in again.install(fails=True)
    assert "no such code" in again.install(code="AAAAA-AAAAA-AAAAA-AAAAA", fails=True)
    with branch.sites.api("online") as api:
        refused = api.get("/v1/audit", action="connector.refuse")
    assert len(refused) >= 2


def test_a_package_has_no_secret(branch: Appliance):
    text = branch.package.read_bytes()
    assert branch.code.encode() not in text
    assert b"PRIVATE KEY" not in text[: text.index(b"#--- the archive begins")]


def test_a_certificate_that_nears_its_end_is_renewed_by_itself(two_sites: Sites, branch: Appliance):
    site = branch.site
    old = _near_its_end(two_sites, branch)
    assert certificates.reload(site)
    renewed = wait_for(lambda: _other(certificates.current(site), old), 60, "another certificate")
    assert renewed.not_after > datetime.now(UTC) + timedelta(days=20)

    def served() -> str:
        return runtime.certificate_serial(internal.haproxy_socket(site), internal.site_certificate(site))

    # First the file is replaced, so that a crash leaves the newest, then haproxy is handed it.
    wait_for(lambda: served() == renewed.serial.lstrip("0"), 60, "haproxy serves the new certificate")
    branch.becomes(state="healthy")


def test_who_was_removed_is_let_in_no_more(two_sites: Sites, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("r")
    processes = Processes(folder)
    gone = Appliance(two_sites, processes, folder / "gone", place="other").pack()
    gone.install()
    try:
        gone.start()
        gone.becomes(state="healthy")
        client = PeerClient("online", internal.link_out_socket(gone.site, "online"))
        assert client.get("/link/connector/orders")["site"] == "other"
        gone.online("--site", "online", "connector", "remove", gone.name)
        with pytest.raises((LinkDownError, RefusedError)):
            client.get("/link/connector/orders")
        client.close()
        online = two_sites.file("online")
        known = runtime.ask(internal.haproxy_socket(online), f"show map {internal.connectors_map(online)}")
        assert gone.name not in known
        assert gone.name not in gone.online("--site", "online", "connector", "list")
        # Its name is not given again while its certificate might be.
        successor = Appliance(two_sites, processes, folder / "next", place="other").pack()
        assert successor.name == "other-2"
    finally:
        processes.close()


def _put_settings(branch: Appliance, settings: dict[str, object]) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(branch.sites.file("online").database_url)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE connector_site SET settings = :settings WHERE name = :name"),
            {"settings": json.dumps(settings), "name": branch.place},
        )
    engine.dispose()


def _near_its_end(two_sites: Sites, branch: Appliance) -> str:
    """Give the connector a certificate with two days left; its serial."""
    authority = CertificateAuthority.open(two_sites.demo.directory / "ca")
    key = ec.generate_private_key(ec.SECP256R1())
    names = certificate_names(branch.site.site.fqdn)
    pem = authority.certify(names, key.public_key(), 30, now=datetime.now(UTC) - timedelta(days=28))
    store.write_private(internal.site_certificate(branch.site), pem + key_pem(key))
    return store.describe(store.parse_certificate(pem, "pem")).serial


def _other(found: object, old: str) -> object:
    return found if getattr(found, "serial", old) != old else None
