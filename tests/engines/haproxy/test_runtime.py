"""A certificate is changed while connections go on."""

from pathlib import Path

import pytest

from isthmus.engines.haproxy import runtime
from isthmus.errors import RefusedError, UnavailableError
from isthmus.pki import store
from isthmus.site import internal
from tests.engines.haproxy.edge import OPTIONS, Edge, answer_of, install_certificate

pytestmark = pytest.mark.engine


def serial_seen(edge: Edge, port: int) -> str:
    fqdn = "online.contoso.example" if port in (5062, 8444) else None
    with edge.tls(port, fqdn) as connection:
        certificate = connection.getpeercert()
        assert certificate
        return str(certificate["serialNumber"]).lower().lstrip("0")


def test_new_connections_get_the_new_certificate_and_live_ones_go_on(edge: Edge):
    path, socket_path = internal.site_certificate(edge.site), internal.haproxy_socket(edge.site)
    before = serial_seen(edge, 5061)
    with edge.tls(5061) as phone, edge.tls(5062, "online.contoso.example") as peer:
        assert answer_of(phone, OPTIONS)
        assert answer_of(peer, OPTIONS)
        install_certificate(edge.site, edge.ca)
        runtime.replace_certificate(socket_path, path, path.read_bytes())
        wanted = store.describe(store.parse_certificate(path.read_bytes(), "pem")).serial.lstrip("0")
        assert [serial_seen(edge, port) for port in (5061, 8443, 5062, 8444)] == [wanted] * 4
        assert wanted != before
        assert runtime.certificate_serial(socket_path, path) == wanted
        assert answer_of(phone, OPTIONS).startswith(b"SIP/2.0 200")
        assert answer_of(peer, OPTIONS).startswith(b"SIP/2.0 200")


def test_a_broken_certificate_changes_nothing(edge: Edge):
    path, socket_path = internal.site_certificate(edge.site), internal.haproxy_socket(edge.site)
    before = serial_seen(edge, 5061)
    for pem in (b"nonsense", edge.ca.pem):
        with pytest.raises(RefusedError, match="refused the certificate"):
            runtime.replace_certificate(socket_path, path, pem)
    assert serial_seen(edge, 5061) == before
    install_certificate(edge.site, edge.ca)
    runtime.replace_certificate(socket_path, path, path.read_bytes())
    assert serial_seen(edge, 5061) != before


def test_no_haproxy_is_said_so(tmp_path: Path):
    with pytest.raises(UnavailableError, match="does not answer"):
        runtime.uptime_s(tmp_path / "none.sock")
