"""rtpengine's command line."""

from pathlib import Path

from isthmus.engines import rtpengine
from tests.site.sites import site_file


def test_it_hears_orders_on_the_internal_address_alone(tmp_path: Path):
    command = rtpengine.command(site_file(tmp_path, "127.0.1.1", "127.0.1.2"))
    assert "--listen-ng=127.0.1.2:22222" in command
    assert "--interface=127.0.1.1" in command
    assert "--config-file=none" in command, "Debian's file opens another control port"


def test_ipv6_and_the_range_come_from_the_site_file(tmp_path: Path):
    media = {"rtp_low": 40000, "rtp_high": 40099}
    command = rtpengine.command(site_file(tmp_path, "2001:db8::1", "::1", media=media))
    assert "--listen-ng=[::1]:22222" in command
    assert "--interface=2001:db8::1" in command
    assert {"--port-min=40000", "--port-max=40099"} <= set(command)
