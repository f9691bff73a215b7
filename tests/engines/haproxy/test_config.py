"""haproxy's configuration as text: pure, quoted, fit for IPv6 and for the descriptors there are."""

import subprocess
from pathlib import Path

import pytest

from isthmus.engines import haproxy
from isthmus.engines.haproxy import runtime
from isthmus.engines.haproxy.config import max_connections, quoted
from isthmus.errors import UsageError
from isthmus.pki import store
from isthmus.pki.service import CertificateAuthority
from isthmus.site import internal
from tests.engines.haproxy.edge import install_certificate, site_file
from tests.support import Loopback, Processes


def test_the_same_file_gives_the_same_text(tmp_path: Path):
    site = site_file(tmp_path, "premises", "127.0.1.1", "127.0.1.2", {"online": "127.0.2.1"})
    assert haproxy.render(site) == haproxy.render(site)


def test_ipv6_addresses_stand_in_brackets(tmp_path: Path):
    text = haproxy.render(site_file(tmp_path, "premises", "2001:db8::1", "::1", {"online": "2001:db8::2"}))
    assert "bind [2001:db8::1]:5061 " in text
    assert "server kamailio [::1]:15061 " in text
    assert "server peer [2001:db8::2]:5062 " in text


def test_each_peer_has_ports_of_its_own(tmp_path: Path):
    text = haproxy.render(site_file(tmp_path, "a", "127.0.1.1", "127.0.1.2", {"b": "127.0.2.1", "c": "127.0.3.1"}))
    assert "use_backend link_in_b if is_b" in text
    assert "server kamailio 127.0.1.2:15071" in text
    assert "bind 127.0.1.2:15171" in text


def test_limits_come_from_the_site_file_and_pass_over_exempt_networks(tmp_path: Path):
    text = haproxy.render(
        site_file(
            tmp_path,
            "a",
            "127.0.1.1",
            "127.0.1.2",
            {"b": "127.0.2.1"},
            protection={"connections_per_address": 7, "connection_rate_per_10s": 9, "exempt_networks": ["10.0.0.0/8"]},
        )
    )
    assert "reject if { sc0_conn_cur gt 7 } !exempt" in text
    assert "reject if { sc0_conn_rate gt 9 } !exempt" in text
    assert "acl exempt src 10.0.0.0/8" in text


def test_connections_never_ask_for_more_descriptors_than_there_are():
    for limit in (1024, 4096, 20_000, 1_000_000):
        assert 2 * max_connections(limit) < limit


@pytest.mark.parametrize("word", ["plain", "two words", "it's", 'a "b" $HOME \\'])
def test_words_are_quoted(word: str):
    assert quoted(word).startswith("'")


def test_a_word_with_a_line_end_is_refused():
    with pytest.raises(ValueError, match="configuration"):
        quoted("a\nb")


def trunks(address: str) -> list[dict[str, object]]:
    """By UDP, TCP, and TLS with and without a certificate of theirs."""
    shown = {"name": "a.gateways.example", "ca_file": "../ca/ca.pem"}
    return [
        {"name": "plain", "address": address},
        {"name": "stream", "address": address, "transport": "tcp"},
        {"name": "shows", "address": address, "transport": "tls", "tls": shown, "networks": ["10.0.0.0/8"]},
        {
            "name": "known",
            "address": address,
            "transport": "tls",
            "tls": {"name": "b.gateways.example", "shows_certificate": False},
        },
    ]


def test_trunks_by_tcp_and_tls_have_an_entrance_each_and_those_by_udp_have_none(tmp_path: Path):
    text = haproxy.render(site_file(tmp_path, "a", "127.0.1.1", "127.0.1.2", {}, trunk=trunks("192.0.2.5")))
    assert "trunk_out_plain" not in text
    assert "bind 127.0.1.2:15371\n" in text
    assert "server trunk 192.0.2.5:5060 tcp-ut 5s\n" in text
    assert "verify required verifyhost a.gateways.example sni str(a.gateways.example)" in text
    assert "use_backend trunk_in_shows if from_shows shows_shows" in text
    assert "use_backend trunk_in_known if from_known\n" in text
    assert "acl from_shows src 192.0.2.5 10.0.0.0/8\n" in text


def test_a_site_without_such_trunks_listens_for_none(tmp_path: Path):
    text = haproxy.render(site_file(tmp_path, "a", "127.0.1.1", "127.0.1.2", {}, trunk=trunks("192.0.2.5")[:2]))
    assert ":5067" not in text


def test_an_authority_that_is_not_there_is_told_by_name(tmp_path: Path):
    site = site_file(tmp_path, "a", "127.0.1.1", "127.0.1.2", {}, trunk=trunks("192.0.2.5"))
    with pytest.raises(UsageError, match="ca_file"):
        haproxy.authorities(site)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("address", "peers"),
    [
        ("127.0.1.1", {"online": "127.0.2.1"}),
        ("127.0.1.1", {"b": "127.0.2.1", "c-d": "127.0.3.1"}),
        ("::1", {"b": "::1"}),
    ],
)
def test_haproxy_accepts_it(folder: Path, address: str, peers: dict[str, str]):
    site = site_file(folder / "it's a $HOME", "premises", address, address, peers, trunk=trunks(address))
    install_certificate(site, CertificateAuthority.create(folder / "it's a $HOME" / "ca"))
    store.write_private(internal.trunk_authorities(site), haproxy.authorities(site))
    store.write_private(internal.haproxy_config(site), haproxy.render(site).encode())
    command = ["haproxy", "-c", "-f", str(internal.haproxy_config(site))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


@pytest.mark.engine
@pytest.mark.parametrize("limit", [400, 1024, 4096])
def test_it_starts_whatever_the_limit_of_descriptors(
    folder: Path, loopback: Loopback, processes: Processes, limit: int
):
    site = site_file(folder, "premises", loopback(), loopback(), {"online": loopback()})
    install_certificate(site, CertificateAuthority.create(folder / "ca"))
    store.private_folder(internal.link_out_dir(site))
    store.write_private(internal.haproxy_config(site), haproxy.render(site, fd_limit=limit).encode())
    command = ["prlimit", f"--nofile={limit}:{limit}", *haproxy.command(site)]
    processes.start(command, ready=lambda: runtime.uptime_s(internal.haproxy_socket(site)) >= 0)
