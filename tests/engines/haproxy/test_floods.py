"""Crowds, the idle and the slow: shown out, and nobody else notices."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

import pytest

from tests.engines.haproxy.edge import OPTIONS, Edge, answer_of, new_edge
from tests.support import Loopback, Processes, wait_for

pytestmark = pytest.mark.engine

PEER = "online.contoso.example"


async def one_handshake(edge: Edge, port: int, context: ssl.SSLContext) -> bool:
    try:
        _, writer = await asyncio.open_connection(
            edge.address, port, ssl=context, server_hostname=edge.site.site.fqdn, ssl_handshake_timeout=30
        )
    except OSError:
        return False
    writer.transport.abort()
    return True


async def crowd(edge: Edge, port: int, context: ssl.SSLContext, *, total: int, at_a_time: int) -> int:
    """How many of the handshakes were answered."""
    gate = asyncio.Semaphore(at_a_time)

    async def guest() -> bool:
        async with gate:
            return await one_handshake(edge, port, context)

    return sum(await asyncio.gather(*(guest() for _ in range(total))))


async def bystander(edge: Edge, done: asyncio.Event) -> tuple[int, int]:
    """Somebody who goes on talking by TCP all the while: questions and answers."""
    reader, writer = await asyncio.open_connection(edge.address, 5060)
    asked = answered = 0
    while not done.is_set():
        writer.write(OPTIONS)
        asked += 1
        answered += (await asyncio.wait_for(reader.read(65536), 30)).startswith(b"SIP/2.0 200")
        await asyncio.sleep(0.02)
    writer.close()
    return asked, answered


@pytest.mark.parametrize("port", [5061, 8443, 5062, 8444])
async def test_three_thousand_handshakes_are_answered_and_others_served(
    folder: Path, loopback: Loopback, processes: Processes, port: int
):
    edge = new_edge(folder, loopback, processes)
    done = asyncio.Event()
    talking = asyncio.create_task(bystander(edge, done))
    try:
        context = edge.context(PEER if port in (5062, 8444) else None)
        assert await crowd(edge, port, context, total=3000, at_a_time=200) == 3000
        done.set()
        asked, answered = await talking
        assert asked == answered > 0
        assert edge.process.running
    finally:
        edge.close()


def closed(connection: socket.socket) -> bool:
    """Whether the other side has closed; an answer before that (408) is taken and thrown away."""
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    return True


def idlers(edge: Edge, stack: contextlib.ExitStack, port: int) -> list[socket.socket]:
    """Two hundred who never get as far as saying something: without a byte, with one, and after a handshake."""
    silent = [stack.enter_context(edge.tcp(port)) for _ in range(150)]
    slow = [stack.enter_context(edge.tcp(port)) for _ in range(30)]
    for connection in slow:
        connection.sendall(b"OPT" if port == 5060 else b"\x16")
    if port in (5061, 8443, 8444):  # on 5062 a peer that has proved who it is may wait
        slow += [stack.enter_context(edge.tls(port, PEER if port == 8444 else None)) for _ in range(20)]
    return silent + slow


def test_the_idle_and_the_slow_are_shown_out_while_a_talking_one_stays(edge: Edge):
    with contextlib.ExitStack() as stack:
        phone = stack.enter_context(edge.tls(5061))
        assert answer_of(phone, OPTIONS).startswith(b"SIP/2.0 200")
        idle = [connection for port in (5060, 5061, 8443, 5062, 8444) for connection in idlers(edge, stack, port)]
        assert answer_of(phone, OPTIONS).startswith(b"SIP/2.0 200")
        wait_for(lambda: all(map(closed, idle)), 60, "the idle are shown out")
        assert answer_of(phone, OPTIONS).startswith(b"SIP/2.0 200")


def test_what_is_not_sip_never_reaches_kamailio(edge: Edge):
    with edge.tcp(5060) as scanner:
        scanner.sendall(b"GET / HTTP/1.0\r\n\r\n")
        wait_for(lambda: closed(scanner), 60, "the scanner is shown out")
    assert edge.upstreams["tcp"].received == []


def test_one_address_holds_so_many_connections_and_no_more(folder: Path, loopback: Loopback, processes: Processes):
    protection = {"connections_per_address": 10, "exempt_networks": ["127.0.0.99/32"]}
    edge = new_edge(folder, loopback, processes, protection=protection)
    try:
        with contextlib.ExitStack() as stack:

            def served(source: str) -> bool:
                try:
                    connection = socket.create_connection((edge.address, 5060), 5, source_address=(source, 0))
                except OSError:
                    return False
                stack.enter_context(connection)
                return answer_of(connection, OPTIONS) != b""

            assert sum(served("127.0.0.66") for _ in range(30)) == 10
            assert served("127.0.0.67")
            assert sum(served("127.0.0.99") for _ in range(30)) == 30
    finally:
        edge.close()


def test_one_address_opens_so_many_in_ten_seconds(folder: Path, loopback: Loopback, processes: Processes):
    edge = new_edge(folder, loopback, processes, protection={"connection_rate_per_10s": 20})
    try:
        answers = 0
        for _ in range(60):
            with contextlib.suppress(OSError), edge.tcp(5060) as connection:
                answers += answer_of(connection, OPTIONS) != b""
        assert answers == 20
    finally:
        edge.close()
