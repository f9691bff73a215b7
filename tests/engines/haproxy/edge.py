"""A real haproxy with our configuration, and stand-ins for what is behind it."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus.engines import haproxy
from isthmus.engines.haproxy import runtime
from isthmus.pki import store
from isthmus.pki.model import Names
from isthmus.pki.service import CertificateAuthority
from isthmus.site import internal
from isthmus.site.file import SiteFile
from tests.support import Loopback, Process, Processes

# The key and its answer are those of RFC 6455 section 1.3; haproxy looks whether they are there.
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)
SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)
PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n"
OPTIONS = b"OPTIONS sip:x@contoso.example SIP/2.0\r\nCall-ID: 1\r\n\r\n"


def site_file(folder: Path, name: str, address: str, inner: str, peers: dict[str, str], **sections: Any) -> SiteFile:
    """A site called `name` with peers by name and address."""
    return SiteFile.model_validate(
        {
            "site": {
                "name": name,
                "role": "premises",
                "fqdn": f"{name}.contoso.example",
                "domains": ["contoso.example"],
                "address": address,
                "internal_address": inner,
                "authority": True,
            },
            "peer": [
                {"name": peer, "fqdn": f"{peer}.contoso.example", "address": where} for peer, where in peers.items()
            ],
            "path": folder / name / "site.toml",
            **sections,
        }
    )


def install_certificate(site: SiteFile, ca: CertificateAuthority, fqdn: str = "") -> None:
    """Give the site a certificate, in another's name if so wished."""
    store.write_private(internal.ca_certificate(site), ca.pem)
    store.write_private(internal.site_certificate(site), ca.issue(Names(fqdn or site.site.fqdn), 30))


class Upstream:
    """Stands behind haproxy: answers each packet with `answer`; keeps connections open until the other closes."""

    def __init__(self, where: tuple[str, int] | Path, answer: bytes | None = b"SIP/2.0 200 OK\r\n\r\n") -> None:
        family = socket.AF_UNIX if isinstance(where, Path) else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(str(where) if isinstance(where, Path) else where)
        self._listener.listen(1024)
        self._answer = answer
        self.received: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            proxied = b""
            while data := connection.recv(65536):
                if data.startswith(PROXY_V2) and len(data) == 16 + struct.unpack("!H", data[14:16])[0]:
                    proxied = data  # alone in its packet: what it announces is to come
                    continue
                data, proxied = proxied + data, b""
                self.received.append(data)
                connection.sendall(self._answer if self._answer is not None else http_echo(data))

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def http_echo(request: bytes) -> bytes:
    """An HTTP answer whose body is the request's headers in JSON."""
    lines = request.decode().split("\r\n\r\n")[0].split("\r\n")[1:]
    pairs = [[part.strip() for part in line.split(":", 1)] for line in lines]
    body = json.dumps(pairs).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def proxy_source(data: bytes) -> str:
    """The source address in a PROXY v2 header over IPv4."""
    assert data.startswith(PROXY_V2), "no PROXY v2 header"
    length = struct.unpack("!H", data[14:16])[0]
    assert length >= 12
    return socket.inet_ntoa(data[16:20])


@dataclass
class Edge:
    """haproxy of one site, running."""

    site: SiteFile
    ca: CertificateAuthority
    process: Process
    upstreams: dict[str, Upstream] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return self.site.site.address

    def context(self, fqdn: str | None = None, ca: CertificateAuthority | None = None) -> ssl.SSLContext:
        """A client's context that trusts our CA; with a certificate in the name of `fqdn` if given."""
        context = ssl.create_default_context(cadata=self.ca.pem.decode())
        context.check_hostname = True
        if fqdn:
            path = self.site.state_dir / f"client-{fqdn}-{id(ca)}.pem"
            if not path.exists():
                store.write_private(path, (ca or self.ca).issue(Names(fqdn), 1))
            context.load_cert_chain(path)
        return context

    def tls(self, port: int, fqdn: str | None = None, ca: CertificateAuthority | None = None) -> ssl.SSLSocket:
        """A TLS connection to the site, its name verified."""
        raw = socket.create_connection((self.address, port), timeout=10)
        return self.context(fqdn, ca).wrap_socket(raw, server_hostname=self.site.site.fqdn)

    def tcp(self, port: int) -> socket.socket:
        """A plain connection to the site."""
        return socket.create_connection((self.address, port), timeout=10)

    def close(self) -> None:
        """End haproxy and what stands behind it."""
        self.process.stop()
        for upstream in self.upstreams.values():
            upstream.close()


def start_edge(processes: Processes, site: SiteFile, ca: CertificateAuthority) -> Edge:
    """Start haproxy for a site whose certificate is installed, with stand-ins behind every port."""
    for folder in (site.run_dir, internal.link_out_dir(site)):
        store.private_folder(folder)
    haproxy.prepare(site)
    inner = site.site.internal_address
    upstreams = {
        "tcp": Upstream((inner, internal.KAMAILIO_TCP)),
        "tls": Upstream((inner, internal.KAMAILIO_TLS)),
        "ws": Upstream((inner, internal.KAMAILIO_WS), SWITCHING),
        "web": Upstream(internal.web_socket(site), None),
        "link": Upstream(internal.link_socket(site), None),
    }
    for index, peer in enumerate(site.peer):
        upstreams[f"from-{peer.name}"] = Upstream((inner, internal.link_in_port(index)))
    process = processes.start(
        haproxy.command(site), ready=lambda: runtime.uptime_s(internal.haproxy_socket(site)) >= 0, name=site.site.name
    )
    return Edge(site, ca, process, upstreams)


def new_edge(
    folder: Path, loopback: Loopback, processes: Processes, *, ca: CertificateAuthority | None = None, **sections: Any
) -> Edge:
    """A site `premises` with a peer `online` that does not run, on addresses of its own."""
    authority = ca or CertificateAuthority.create(folder / "ca")
    site = site_file(folder, "premises", loopback(), loopback(), {"online": loopback()}, **sections)
    install_certificate(site, authority)
    return start_edge(processes, site, authority)


def answer_of(connection: socket.socket, request: bytes) -> bytes:
    """What comes back, or nothing when the connection is refused (TLS 1.3 tells a refusal only now)."""
    try:
        connection.sendall(request)
        return connection.recv(65536)
    except (ssl.SSLError, ConnectionError):
        return b""
