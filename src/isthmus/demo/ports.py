"""Who holds a port, from proc(5): so that "address already in use" comes with a name."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Protocol = Literal["tcp", "udp"]

_PROC = Path("/proc")
_TCP_LISTEN = "0A"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and port that somebody wants to listen on."""

    protocol: Protocol
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}/{self.protocol}"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who listens there: process id 0 when it belongs to somebody whose processes we may not see."""

    endpoint: Endpoint
    pid: int
    name: str

    def __str__(self) -> str:
        who = f"{self.name} (process {self.pid})" if self.pid else "a process of another user"
        return f"{self.endpoint} is held by {who}"


def taken(endpoints: Iterable[Endpoint]) -> list[Holder]:
    """Those that can't be listened on, each with its holder. Nothing stays open."""
    busy = [endpoint for endpoint in endpoints if not _free(endpoint)]
    return [_holder(endpoint) for endpoint in busy]


def _free(endpoint: Endpoint) -> bool:
    family = socket.AF_INET6 if ":" in endpoint.address else socket.AF_INET
    kind = socket.SOCK_STREAM if endpoint.protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as probe:
        if endpoint.protocol == "tcp":
            # Connections that linger after their end (TIME_WAIT) are in nobody's way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((endpoint.address, endpoint.port))
            if endpoint.protocol == "tcp":
                probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def _holder(endpoint: Endpoint) -> Holder:
    inodes = set(_inodes(endpoint))
    for process in _PROC.iterdir():
        if process.name.isdigit() and inodes & set(_sockets(process)):
            return Holder(endpoint, int(process.name), _name(process))
    return Holder(endpoint, 0, "")


def _inodes(endpoint: Endpoint) -> Iterator[str]:
    """The sockets listening on the port, on that very address or on all."""
    wanted = ipaddress.ip_address(endpoint.address)
    for table in (endpoint.protocol, f"{endpoint.protocol}6"):
        try:
            lines = (_PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            fields = line.split()
            address, _, port = fields[1].partition(":")
            listens = endpoint.protocol == "udp" or fields[3] == _TCP_LISTEN
            if listens and int(port, 16) == endpoint.port and _covers(_address(address), wanted):
                yield fields[9]


def _covers(
    bound: ipaddress.IPv4Address | ipaddress.IPv6Address,
    wanted: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> bool:
    return bound == wanted or bound.is_unspecified or getattr(bound, "ipv4_mapped", None) == wanted


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address of proc(5): words of 32 bits, each in the order of bytes of this machine."""
    words = [int(text[at : at + 8], 16).to_bytes(4, "little") for at in range(0, len(text), 8)]
    return ipaddress.ip_address(b"".join(words))


def _sockets(process: Path) -> Iterator[str]:
    try:
        for descriptor in (process / "fd").iterdir():
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                yield target[8:-1]
    except OSError:
        return  # ended meanwhile, or another user's


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a process"
