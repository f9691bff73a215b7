"""A victim's address: takes whatever is sent to it by UDP or TCP, and says what that was."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Watcher(asyncio.DatagramProtocol):
    """Listens on the SIP port of an address that has nothing to do with the sites."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.port = 5060
        self.seen: list[bytes] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, self.port))
        self._tcp = await asyncio.start_server(self._connected, self.address, self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._udp.close()
        self._tcp.close()

    @property
    def uri(self) -> str:
        """`sip:victim@address:port`."""
        return f"sip:victim@{self.address}:{self.port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.seen.append(data)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen.append(b"a connection from %r" % (writer.get_extra_info("peername"),))
        writer.close()
