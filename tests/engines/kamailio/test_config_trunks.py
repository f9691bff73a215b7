"""What Kamailio and its brain are told of trunks."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.engines.kamailio import config
from isthmus.site.file import SiteFile
from tests.site.sites import site_file

TLS = {"name": "gw.example.com"}
ACCOUNT = {"user": "4711", "domain": "carrier.example", "password_file": "telco.secret"}


@pytest.fixture
def site(tmp_path: Path) -> SiteFile:
    trunk = [
        {"name": "plain", "address": "192.0.2.1", "registration": ACCOUNT},
        {"name": "stream", "address": "192.0.2.2", "transport": "tcp"},
        {"name": "secure", "address": "2001:db8::3", "transport": "tls", "tls": TLS, "registration": ACCOUNT},
    ]
    return site_file(tmp_path, "127.0.1.1", "127.0.1.2", trunk=trunk)


def test_each_is_reached_in_its_own_way(site: SiteFile):
    plain, stream, secure = config.brain_settings(site).trunks
    assert (plain.edge, stream.edge, secure.edge) == ("udp", "trunk:stream", "trunk:secure")
    assert (plain.out_port, stream.out_port, secure.out_port) == (0, 15371, 15372)
    assert plain.uri_tail == "192.0.2.1:5060"
    assert stream.uri_tail == "192.0.2.2:5060;transport=tcp"
    assert secure.uri_tail == "gw.example.com:5061;transport=tls"  # by the name that it has to prove


def test_one_by_tls_has_a_listener_of_its_own_and_a_way_back_by_the_trunks_port(site: SiteFile):
    settings = config.brain_settings(site)
    assert settings.listeners[15272] == "trunk:secure"
    assert settings.sockets["trunk:secure"] == "tcp:127.0.1.2:15272"
    assert settings.record_routes["trunk:secure"].startswith("sip:127.0.1.1:5067;transport=tls;lr")
    assert settings.record_routes["trunk:stream"] == settings.record_routes["tcp"]
    assert "listen=tcp:127.0.1.2:15272 advertise 127.0.1.1:5067" in config.render(site)


def test_they_are_asked_by_their_address_through_haproxy(site: SiteFile):
    plain, stream, secure = config.probes(site).splitlines()
    assert plain == "1 sip:192.0.2.1:5060 0 0 socket=udp:127.0.1.1:5060"
    assert stream.endswith(';obproxy="sip:127.0.1.2:15371;transport=tcp"')
    assert secure.startswith("3 sip:[2001:db8::3]:5061;transport=tcp 0 0 socket=tcp:127.0.1.2:15272;")


def test_where_calls_to_an_account_come_to(site: SiteFile):
    plain, _, secure = config.brain_settings(site).trunks
    assert plain.registration is not None
    assert secure.registration is not None
    assert plain.registration.contact == "sip:4711@127.0.1.1:5060"
    assert secure.registration.contact == "sip:4711@127.0.1.1:5067;transport=tls"
    assert secure.registration.address == "4711@carrier.example"
    assert "open sesame" not in config.render(site)


@pytest.mark.parametrize("host", ["", "sbc.contoso.example"])
def test_one_that_sees_a_name_is_told_no_address(tmp_path: Path, host: str):
    shape = {"by_name": True, "from_host": host}
    more = {"transport": "tls", "tls": TLS, "shape": shape, "registration": ACCOUNT}
    trunk = [{"name": "teams", "address": "192.0.2.1", **more}]
    site = site_file(tmp_path, "127.0.1.1", "127.0.1.2", trunk=trunk)
    seen = host or site.site.fqdn
    settings, rendered = config.brain_settings(site), config.render(site)
    teams = settings.trunks[0]
    assert settings.record_routes["trunk:teams"].startswith(f"sip:{seen}:5067;transport=tls;lr")
    assert (teams.seen_as, teams.probe_uri) == (f"{seen}:5067", "sip:192.0.2.1:5061;transport=tcp")
    assert teams.registration is not None
    assert teams.registration.contact == f"sip:4711@{seen}:5067;transport=tls"
    assert seen in settings.own_hosts
    assert f'alias="{seen}"' in rendered
    assert "ksr_own_request" in rendered


def test_nothing_is_counted_where_there_is_no_account(tmp_path: Path):
    text = config.render(site_file(tmp_path, "127.0.1.1", "127.0.1.2"))
    assert "track_cseq_updates" not in text
    assert "rtimer" not in text
    assert "ksr_own_request" not in text


def test_something_is_done_each_second_where_what_calls_wait_for_may_die(tmp_path: Path):
    assert not config.ticks(site_file(tmp_path, "127.0.1.1", "127.0.1.2"))
    over_udp = [{"name": "carrier", "address": "192.0.2.1", "ask_every_s": 0}]
    assert config.ticks(site_file(tmp_path, "127.0.1.1", "127.0.1.2", trunk=over_udp))
    asked = [{"name": "carrier", "address": "192.0.2.1"}]
    assert config.ticks(site_file(tmp_path, "127.0.1.1", "127.0.1.2", trunk=asked))
    over_tcp = [{"name": "carrier", "address": "192.0.2.1", "transport": "tcp", "ask_every_s": 0}]
    site = site_file(tmp_path, "127.0.1.1", "127.0.1.2", trunk=over_tcp)
    assert config.ticks(site)
    assert "route=ksr_second" in config.render(site)


def test_each_reply_is_looked_at_only_where_a_gateway_by_udp_may_answer_late(tmp_path: Path):
    def rendered(**more: object) -> str:
        return config.render(site_file(tmp_path, "127.0.1.1", "127.0.1.2", **more))

    over_udp = [{"name": "carrier", "address": "192.0.2.1"}]
    over_tcp = [{"name": "carrier", "address": "192.0.2.1", "transport": "tcp"}]
    assert 'kemi.reply_route_callback="ksr_reply"' in rendered(trunk=over_udp)
    assert 'kemi.reply_route_callback="none"' in rendered(trunk=over_tcp)
    assert 'kemi.reply_route_callback="none"' in rendered()
