"""Many at once: slow ones, idle ones, handshakes and requests by the thousand. All others are served meanwhile."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from contextlib import AsyncExitStack, suppress

import pytest

from isthmus.engines.haproxy import runtime
from isthmus.site import internal
from tests.hostile.sites import OURS, EdgeSites
from tests.hostile.stranger import SDP, Draft, Stranger, others_served, quiet

pytestmark = pytest.mark.engine

TCP_PORTS = (5060, 5061, 5062, 8443, 8444)
TLS_PORTS = (5061, 8443, 5062, 8444)


async def a_phone_registers_and_calls(sites: EdgeSites) -> None:
    """By every TCP transport: the very ports that are under attack."""
    for transport in ("tcp", "tls", "ws"):
        async with (
            await sites.phone("alice", transport=transport) as alice,
            await sites.phone("carol", "online", transport) as carol,
        ):
            call = await alice.dial(f"sip:carol@{OURS}")
            await carol.called()
            await call.hang_up()
    sites.forget_bindings()


async def _connect(sites: EdgeSites, port: int, address: str, context: ssl.SSLContext | None) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection(sites.address(), port, local_addr=(address, 0), ssl=context)
    return writer


@pytest.mark.parametrize("port", TCP_PORTS)
@pytest.mark.parametrize("kind", ["idle", "slow"])
async def test_idle_and_slow_connections_by_the_hundred(edge_sites: EdgeSites, port: int, kind: str) -> None:
    """400 that say nothing, or one byte now and then: none gets in anybody's way."""
    address = edge_sites.loopback()
    data = b"REGISTER sip:contoso.example SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n"
    async with AsyncExitStack() as stack:
        writers = []
        for _ in range(400):
            writer = await _connect(edge_sites, port, address, None)
            stack.callback(writer.close)
            writers.append(writer)
        if kind == "slow":

            async def drip() -> None:
                for byte in data:
                    for writer in writers:
                        writer.write(bytes([byte]))
                    await asyncio.sleep(0.05)

            task = asyncio.create_task(drip())
            stack.callback(task.cancel)
        await a_phone_registers_and_calls(edge_sites)


@pytest.mark.parametrize("transport", ["tcp", "tls", "ws"])
async def test_half_a_message_on_many_connections(edge_sites: EdgeSites, transport: str) -> None:
    """Past haproxy's first look, into the engine itself: a start line, then silence."""
    async with AsyncExitStack() as stack:
        address = edge_sites.loopback()
        for _ in range(150):
            stranger = await stack.enter_async_context(await Stranger.open(edge_sites, transport, address=address))
            stranger.send_bytes(
                b"REGISTER sip:contoso.example SIP/2.0\r\nVia: SIP/2.0/TCP x\r\nContent-Length: 60000\r\n"
            )
        await a_phone_registers_and_calls(edge_sites)


@pytest.mark.parametrize("port", TLS_PORTS)
async def test_three_thousand_handshakes_two_hundred_at_a_time(edge_sites: EdgeSites, port: int) -> None:
    """Without a certificate of ours: on the link ports none gets in, on the others all are served."""
    context = edge_sites.tls()
    gate, done, address = asyncio.Semaphore(200), [0, 0], edge_sites.loopback()

    async def shake() -> None:
        async with gate:
            try:
                writer = await asyncio.wait_for(_connect(edge_sites, port, address, context), 30)
                done[0] += 1
                writer.transport.abort()
            except (OSError, TimeoutError):
                done[1] += 1

    async with others_served(edge_sites):
        await asyncio.gather(*(shake() for _ in range(3000)))
    assert port in (5062, 8444) or done == [3000, 0]
    await a_phone_registers_and_calls(edge_sites)


async def test_more_connections_than_one_address_may_have(edge_sites: EdgeSites) -> None:
    """The limit of an address is its own: at its end, everybody else still connects."""
    flooder = edge_sites.loopback()
    sockets = []
    try:
        for _ in range(1100):
            connection = socket.socket()
            connection.bind((flooder, 0))
            connection.settimeout(3)
            sockets.append(connection)
            with suppress(ConnectionResetError):  # what is too much is taken and dropped at once
                connection.connect((edge_sites.address(), 5060))
        shown = runtime.ask(internal.haproxy_socket(edge_sites.files["premises"]), "show table sip")
        held = re.search(rf"{re.escape(flooder)}.*conn_cur=(\d+)", shown)
        assert held and int(held[1]) <= 1001, shown
        await a_phone_registers_and_calls(edge_sites)
    finally:
        for connection in sockets:
            connection.close()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_registration_flood_takes_nobody_with_it(edge_sites: EdgeSites, transport: str) -> None:
    """From strangers, by thousands, as fast as one process can."""
    async with AsyncExitStack() as stack:
        strangers = [await stack.enter_async_context(await Stranger.open(edge_sites, transport)) for _ in range(4)]
        async with others_served(edge_sites):
            for number in range(600):
                for stranger in strangers:
                    own = f"sip:user{number}@{OURS}"
                    stranger.send(
                        Draft("REGISTER", f"sip:{OURS}", own, own, headers=[f"Contact: <sip:x@{stranger.address}>"])
                    )
                if number % 20 == 0:
                    await asyncio.sleep(0)
        await quiet(edge_sites)
        assert any(stranger.received for stranger in strangers)


async def test_one_address_that_floods_by_udp_is_ignored_alone(edge_sites: EdgeSites) -> None:
    async with await Stranger.open(edge_sites) as flooder:
        for number in range(6000):
            flooder.send(Draft("OPTIONS", f"sip:{edge_sites.address()}", call_id=f"flood-{number}"))
            if number % 100 == 0:
                await asyncio.sleep(0)
        await quiet(edge_sites)
        answered = len(flooder.received)
        assert answered < 6000
        async with await Stranger.open(edge_sites) as somebody:
            assert (await somebody.ask(Draft("OPTIONS", f"sip:{edge_sites.address()}"))).code == 200


async def test_a_flood_of_calls_by_a_phone_leaves_others_their_calls(edge_sites: EdgeSites) -> None:
    async with await edge_sites.phone("bob") as bob, await Stranger.open(edge_sites) as alice:
        headers = [f"Contact: <sip:a@{alice.address}>", "Content-Type: application/sdp"]
        async with others_served(edge_sites):
            for _ in range(60):
                draft = Draft("INVITE", f"sip:bob@{OURS}", f"sip:alice@{OURS}", headers=headers, body=SDP)
                assert (await alice.signed(draft, "alice")).code in (200, 486)
        assert bob.incoming
