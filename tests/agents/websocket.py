"""SIP over WebSocket for test agents (RFC 7118), with the library `websockets`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import Server, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from isthmus.addressing.hostport import HostPort
from isthmus.useragent.transaction import Flow

SIP = Subprotocol("sip")


class WebSocketWire:
    """Connections to whom we call, and, if asked to listen, from whom calls us. Plain without `tls`."""

    def __init__(self, address: str, *, tls: ssl.SSLContext | None = None, server_name: str = "") -> None:
        self.transport = "wss" if tls else "ws"
        self.on_bytes: Callable[[bytes, Flow], None] = lambda data, flow: None
        self._address, self._tls, self._server_name = address, tls, server_name
        self._open: dict[tuple[str, int], Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: Server | None = None
        self._local = HostPort(address, 5060)

    async def listen(self, port: int = 0) -> None:
        """Take plain connections too."""
        self._server = await serve(self._read, self._address, port, subprotocols=[SIP])
        name = next(iter(self._server.sockets)).getsockname()
        self._local = HostPort(name[0], name[1])

    @property
    def local(self) -> HostPort:
        """Where we listen, or our end of the connection."""
        return self._local

    async def flow_to(self, host: str, port: int) -> Flow:
        """A connection to this address, an open one if there is any. Raises OSError."""
        connection = self._open.get((host, port))
        if connection is None:
            scheme, options = "ws", {}
            if self._tls:
                scheme, options = "wss", {"ssl": self._tls, "server_hostname": self._server_name or host}
            connection = await connect(
                f"{scheme}://{HostPort(host, port)}/sip",
                subprotocols=[SIP],
                local_addr=(self._address, 0),
                compression=None,
                proxy=None,
                **options,
            )
            self._local = HostPort(*connection.local_address[:2])
            self._open[host, port] = connection
            self._spawn(self._read(connection))
        return Flow((host, port), connection, reliable=True)

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one message as one text frame (RFC 7118 section 5)."""
        connection = flow.connection

        async def write() -> None:
            with suppress(ConnectionClosed):
                await connection.send(data, text=True)

        if isinstance(connection, Connection):
            self._spawn(write())

    async def close(self) -> None:
        """Close all connections."""
        if self._server:
            self._server.close()
        for connection in list(self._open.values()):
            await connection.close()
        for task in list(self._tasks):
            task.cancel()

    async def _read(self, connection: Connection) -> None:
        peer = connection.remote_address[:2]
        flow = Flow(peer, connection, reliable=True)
        self._open.setdefault(peer, connection)
        with suppress(ConnectionClosed):
            async for frame in connection:
                self.on_bytes(frame if isinstance(frame, bytes) else frame.encode(), flow)
        self._open.pop(peer, None)

    def _spawn(self, work: asyncio.Future[None] | object) -> None:
        task = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
