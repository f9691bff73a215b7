"""How a user agent reaches others: UDP, TCP and TLS over asyncio (RFC 3261 section 18)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol, cast

from isthmus.addressing.hostport import HostPort
from isthmus.useragent.message import StreamReader
from isthmus.useragent.transaction import Flow

OnBytes = Callable[[bytes, Flow], None]


class Wire(Protocol):
    """One transport of one agent. `on_bytes` gets each whole message with where it came from."""

    transport: str  # as in the `transport` parameter: udp, tcp, tls, ws
    on_bytes: OnBytes

    @property
    def local(self) -> HostPort:
        """Address for Via and Contact."""

    async def flow_to(self, host: str, port: int) -> Flow:
        """A flow to this address, an open one if there is any. Raises OSError."""

    def send(self, data: bytes, flow: Flow) -> None:
        """Write one message; into a connection that is gone it is lost, as on the network."""

    async def close(self) -> None:
        """Close whatever is open."""


def _ignore(_data: bytes, _flow: Flow) -> None:
    """Before an agent takes the wire."""


class UdpWire(asyncio.DatagramProtocol):
    """One UDP socket, for sending and receiving."""

    transport = "udp"

    def __init__(self) -> None:
        self.on_bytes: OnBytes = _ignore
        self._socket: asyncio.DatagramTransport | None = None
        self._local = HostPort("", 0)

    @classmethod
    async def open(cls, address: str, port: int = 0) -> UdpWire:
        """Bind. Raises OSError when the address is taken."""
        loop = asyncio.get_running_loop()
        return (await loop.create_datagram_endpoint(cls, local_addr=(address, port)))[1]

    @property
    def local(self) -> HostPort:
        return self._local

    async def flow_to(self, host: str, port: int) -> Flow:
        return Flow((host, port), None, reliable=False)

    def send(self, data: bytes, flow: Flow) -> None:
        if self._socket:
            self._socket.sendto(data, flow.peer)

    async def close(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None
        await asyncio.sleep(0)  # asyncio closes the file in its next turn

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast(asyncio.DatagramTransport, transport)  # its class does not say so
        name = transport.get_extra_info("sockname")
        self._local = HostPort(name[0], name[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.strip(b"\r\n\0"):  # else a keep-alive
            self.on_bytes(data, Flow((addr[0], addr[1]), None, reliable=False))

    def error_received(self, exc: Exception) -> None:
        """ICMP: nobody is there now. The transaction's timers deal with it."""


class _Connection(asyncio.Protocol):
    def __init__(self, wire: StreamWire) -> None:
        self._wire = wire
        self._reader = StreamReader()
        self.socket: asyncio.Transport | None = None
        self.flow = Flow(("", 0), self, reliable=True)
        self.local = HostPort("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.socket = transport
        peer, mine = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self.flow = Flow((peer[0], peer[1]), self, reliable=True)
        self.local = HostPort(mine[0], mine[1])
        self._wire.connections[self.flow.peer] = self

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._reader.feed(data)
        except ValueError:
            if self.socket:
                self.socket.abort()
            return
        for message in messages:
            self._wire.on_bytes(message, self.flow)

    def connection_lost(self, exc: Exception | None) -> None:
        self.socket = None
        if self._wire.connections.get(self.flow.peer) is self:
            del self._wire.connections[self.flow.peer]
        self._wire.on_lost(self.flow)


class StreamWire:
    """TCP or TLS: connections to whom we call, and, if asked to listen, from whom calls us."""

    def __init__(self, address: str, *, tls: ssl.SSLContext | None = None, server_name: str = "") -> None:
        self.transport = "tls" if tls else "tcp"
        self.on_bytes: OnBytes = _ignore
        self.on_lost: Callable[[Flow], None] = lambda flow: None
        self.connections: dict[tuple[str, int], _Connection] = {}
        self._address, self._tls, self._server_name = address, tls, server_name
        self._server: asyncio.Server | None = None
        self._listening: HostPort | None = None

    async def listen(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Take connections too. tls: the server's side, with its certificate."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self._address, port, ssl=tls)
        name = self._server.sockets[0].getsockname()
        self._listening = HostPort(name[0], name[1])

    @property
    def local(self) -> HostPort:
        """Where we listen; else our end of the latest connection, to which all answers come back."""
        if self._listening:
            return self._listening
        newest = next(reversed(self.connections.values()), None)
        return newest.local if newest else HostPort(self._address, 5060)

    async def flow_to(self, host: str, port: int) -> Flow:
        connection = self.connections.get((host, port))
        if connection is None:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(
                lambda: _Connection(self),
                host,
                port,
                ssl=self._tls,
                server_hostname=(self._server_name or host) if self._tls else None,
                local_addr=(self._address, 0),
            )
        return connection.flow

    def send(self, data: bytes, flow: Flow) -> None:
        connection = flow.connection
        if isinstance(connection, _Connection) and connection.socket:
            connection.socket.write(data)

    async def close(self) -> None:
        if self._server:
            self._server.close()
        for connection in list(self.connections.values()):
            if connection.socket:
                connection.socket.abort()
        await asyncio.sleep(0)
