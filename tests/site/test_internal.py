"""The internal ports never run into one another."""

import pytest

from isthmus.site import internal


def test_ports_are_all_different():
    peers = range(internal.MAX_PEERS)
    ports = [
        internal.KAMAILIO_TCP,
        internal.KAMAILIO_TLS,
        internal.KAMAILIO_WS,
        internal.KAMAILIO_CONTROL_UDP,
        internal.RTPENGINE_NG,
        *map(internal.link_in_port, peers),
        *map(internal.link_out_port, peers),
    ]
    assert len(set(ports)) == len(ports)


def test_a_peer_beyond_the_range_is_refused():
    with pytest.raises(ValueError, match="at most"):
        internal.link_in_port(internal.MAX_PEERS)
