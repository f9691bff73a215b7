"""The internal ports never run into one another."""

import pytest

from isthmus.site import internal


def test_ports_are_all_different():
    peers, trunks = range(internal.MAX_PEERS), range(internal.MAX_TRUNKS)
    ports = [
        internal.KAMAILIO_TCP,
        internal.KAMAILIO_TLS,
        internal.KAMAILIO_WS,
        internal.KAMAILIO_CONTROL_UDP,
        internal.RTPENGINE_NG,
        *map(internal.link_in_port, peers),
        *map(internal.link_out_port, peers),
        *map(internal.trunk_in_port, trunks),
        *map(internal.trunk_out_port, trunks),
    ]
    assert len(set(ports)) == len(ports)


def test_a_peer_beyond_the_range_is_refused():
    with pytest.raises(ValueError, match="at most"):
        internal.link_in_port(internal.MAX_PEERS)


def test_a_trunk_beyond_the_range_is_refused():
    with pytest.raises(ValueError, match="at most"):
        internal.trunk_out_port(internal.MAX_TRUNKS)
