"""A port that is taken is told with the one who holds it."""

import os
import socket

import pytest

from isthmus.demo.ports import Endpoint, taken


@pytest.mark.parametrize("bound", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_the_holder_of_a_tcp_port_is_named(bound: str) -> None:
    family = socket.AF_INET6 if ":" in bound else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as server:
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind((bound, 0))
        server.listen()
        endpoint = Endpoint("tcp", "127.0.0.1", server.getsockname()[1])
        (holder,) = taken([endpoint])
        assert holder.pid == os.getpid()
        assert f"(process {os.getpid()})" in str(holder)
        assert str(endpoint) in str(holder)


def test_the_holder_of_a_udp_port_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        (holder,) = taken([Endpoint("udp", "127.0.0.1", server.getsockname()[1])])
        assert holder.pid == os.getpid()


def test_a_free_port_is_not_taken_and_stays_free() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    endpoint = Endpoint("tcp", "127.0.0.1", port)
    assert taken([endpoint]) == []
    assert taken([endpoint]) == []


def test_another_address_may_have_the_same_port() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        assert taken([Endpoint("tcp", "127.0.0.5", server.getsockname()[1])]) == []
