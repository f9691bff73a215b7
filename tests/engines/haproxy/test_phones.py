"""What phones and browsers meet at the edge."""

import json
import socket
import ssl

import pytest

from tests.engines.haproxy.edge import OPTIONS, UPGRADE, Edge, answer_of, proxy_source

pytestmark = pytest.mark.engine


def test_tcp_and_tls_arrive_behind_with_the_phones_address(edge: Edge):
    with socket.create_connection((edge.address, 5060), 5, source_address=("127.0.0.77", 0)) as phone:
        assert answer_of(phone, OPTIONS).startswith(b"SIP/2.0 200")
    assert proxy_source(edge.upstreams["tcp"].received[0]) == "127.0.0.77"
    with edge.tls(5061) as phone:
        assert answer_of(phone, OPTIONS).startswith(b"SIP/2.0 200")
    assert proxy_source(edge.upstreams["tls"].received[0]).startswith("127.")


def test_a_proxy_header_of_a_strangers_own_stays_text(edge: Edge):
    with edge.tcp(5060) as stranger:
        answer_of(stranger, b"PROXY TCP4 6.6.6.6 7.7.7.7 1 2\r\n" + OPTIONS)
    assert proxy_source(edge.upstreams["tcp"].received[0]) != "6.6.6.6"


def test_a_websocket_goes_to_kamailio_and_all_else_to_the_pages(edge: Edge):
    with edge.tls(8443) as browser:
        answer = answer_of(browser, UPGRADE)
    assert answer.startswith(b"HTTP/1.1 101")
    assert proxy_source(edge.upstreams["ws"].received[0]).startswith("127.")
    with edge.tls(8443) as browser:
        request = b"GET / HTTP/1.1\r\nHost: x\r\nX-Isthmus-Peer: online\r\nx-isthmus-epoch: 9\r\n"
        request += b"X-Forwarded-For: 6.6.6.6\r\n\r\n"
        headers = json.loads(answer_of(browser, request).split(b"\r\n\r\n", 1)[1])
    names = [name.lower() for name, _ in headers]
    assert not [name for name in names if name.startswith("x-isthmus")]
    assert names.count("x-forwarded-for") == 1
    assert ["6.6.6.6"] not in [[value] for _, value in headers]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("port", [5061, 8443, 5062, 8444])
def test_old_tls_is_refused(edge: Edge, port: int):
    context = edge.context("online.contoso.example")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with edge.tcp(port) as raw, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(raw, server_hostname=edge.site.site.fqdn)
