"""The link: only a peer gets in, only the peer we mean is talked to."""

import json
import socket
from pathlib import Path

import httpx
import pytest

from isthmus.pki.service import CertificateAuthority
from isthmus.site import internal
from tests.engines.haproxy.edge import (
    OPTIONS,
    Edge,
    answer_of,
    install_certificate,
    site_file,
    start_edge,
)
from tests.support import Loopback, Processes

pytestmark = pytest.mark.engine

PEER = "online.contoso.example"
HELLO = b"GET /link/hello HTTP/1.1\r\nHost: x\r\nX-Isthmus-Peer: admin\r\nX-ISTHMUS-PEER: root\r\n\r\n"


def test_the_peer_gets_in_and_is_known_by_the_port(edge: Edge):
    with edge.tls(5062, PEER) as peer:
        assert answer_of(peer, OPTIONS).startswith(b"SIP/2.0 200")
    assert edge.upstreams["from-online"].received == [OPTIONS]


def test_the_peers_name_is_set_by_us_alone(edge: Edge):
    with edge.tls(8444, PEER) as peer:
        headers = json.loads(answer_of(peer, HELLO).split(b"\r\n\r\n", 1)[1])
    assert [value for name, value in headers if name.lower() == "x-isthmus-peer"] == ["online"]


@pytest.mark.parametrize(("port", "request_bytes"), [(5062, OPTIONS), (8444, HELLO)])
def test_others_are_refused(edge: Edge, folder: Path, port: int, request_bytes: bytes):
    stranger = "stranger.contoso.example"
    for fqdn in (stranger, "premises.contoso.example", "xonline.contoso.example", "online.contoso.example.evil.org"):
        with edge.tls(port, fqdn) as connection:
            assert answer_of(connection, request_bytes) == b"", f"{fqdn} got in with a certificate of our CA"
    other_ca = CertificateAuthority.create(folder / "other-ca")
    for fqdn, ca in ((PEER, other_ca), (None, None)):
        try:
            with edge.tls(port, fqdn, ca) as connection:
                assert answer_of(connection, request_bytes) == b"", f"got in with {fqdn} of {ca}"
        except (OSError, ConnectionError):
            pass
    assert edge.upstreams["from-online"].received == []
    assert edge.upstreams["link"].received == []


def two_sites(folder: Path, loopback: Loopback, processes: Processes, **names: str) -> tuple[Edge, Edge]:
    """premises and online, each other's peer. names: whose certificate online has, if not its own."""
    ca = CertificateAuthority.create(folder / "ca")
    here, there = loopback(), loopback()
    premises = site_file(folder, "premises", here, loopback(), {"online": there})
    online = site_file(folder, "online", there, loopback(), {"premises": here})
    install_certificate(premises, ca)
    install_certificate(online, ca, names.get("online", ""))
    return start_edge(processes, premises, ca), start_edge(processes, online, ca)


def through_sip(edge: Edge) -> bytes:
    """What the peer answers to SIP sent by way of haproxy."""
    address = (edge.site.site.internal_address, internal.link_out_port(0))
    with socket.create_connection(address, timeout=5) as connection:
        return answer_of(connection, OPTIONS)


def through_api(edge: Edge) -> httpx.Response:
    """What the peer's link API answers."""
    transport = httpx.HTTPTransport(uds=str(internal.link_out_socket(edge.site, "online")))
    with httpx.Client(transport=transport) as client:
        return client.get("http://online/link/hello", headers={"X-Isthmus-Peer": "root"})


def test_the_way_out_leads_to_the_peer(folder: Path, loopback: Loopback, processes: Processes):
    premises, online = two_sites(folder, loopback, processes)
    try:
        assert through_sip(premises).startswith(b"SIP/2.0 200")
        assert online.upstreams["from-premises"].received == [OPTIONS]
        answer = through_api(premises)
        assert [value for name, value in answer.json() if name.lower() == "x-isthmus-peer"] == ["premises"]
    finally:
        premises.close()
        online.close()


def test_a_server_of_another_name_gets_nothing(folder: Path, loopback: Loopback, processes: Processes):
    premises, online = two_sites(folder, loopback, processes, online="impostor.contoso.example")
    try:
        assert through_sip(premises) == b""
        assert through_api(premises).status_code == 503
        assert online.upstreams["from-premises"].received == []
        assert online.upstreams["link"].received == []
    finally:
        premises.close()
        online.close()
