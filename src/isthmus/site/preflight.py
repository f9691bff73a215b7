"""What has to be right before a site starts; each fault is one line with what to do."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isthmus.addressing import HostPort
from isthmus.errors import IsthmusError, RefusedError
from isthmus.site import internal, process
from isthmus.site.file import SiteFile

_PACKAGES = {
    "turnserver": "coturn",
    "haproxy": "haproxy",
    "kamailio": "kamailio kamailio-python3-modules kamailio-websocket-modules kamailio-outbound-modules "
    "kamailio-sqlite-modules kamailio-utils-modules kamailio-extra-modules",
    "rtpengine": "rtpengine-daemon",
    "setpriv": "util-linux",
}
_FREE_BYTES = 100_000_000
# A Unix socket's path has 107 bytes (unix(7)); haproxy binds to PATH.<pid>.tmp first.
_LONGEST_SOCKET_PATH = 92


@dataclass(frozen=True, slots=True)
class Listener:
    """A port the site needs. transport: tcp or udp. setting: what to change in the site file."""

    transport: str
    host: str
    port: int
    setting: str


def faults(site: SiteFile) -> list[IsthmusError]:
    """Everything that is wrong on this machine for this site, in the order in which to mend it."""
    return [*_missing_programs(site), *_folder_faults(site), *_file_faults(site), *_taken_ports(site)]


def listeners(site: SiteFile) -> list[Listener]:
    """The ports the site listens on, but for those of media."""
    outer, inner = site.site.address, site.site.internal_address
    ports = site.ports
    found = [
        Listener("udp", outer, ports.sip, "[ports] sip"),
        Listener("tcp", outer, ports.sip, "[ports] sip"),
        Listener("tcp", outer, ports.sips, "[ports] sips"),
        Listener("tcp", outer, ports.web, "[ports] web"),
    ]
    if _takes_links(site):
        found.append(Listener("tcp", outer, ports.link_sip, "[ports] link_sip"))
        found.append(Listener("tcp", outer, ports.link_api, "[ports] link_api"))
    if site.turn.enabled:
        found += [Listener(kind, outer, site.turn.port, "[turn] port") for kind in ("udp", "tcp")]
        found.append(Listener("tcp", outer, site.turn.tls_port, "[turn] tls_port"))
    streams = [(index, trunk.transport) for index, trunk in enumerate(site.trunk) if trunk.transport != "udp"]
    encrypted = [index for index, transport in streams if transport == "tls"]
    if encrypted:
        found.append(Listener("tcp", outer, ports.trunk_sips, "[ports] trunk_sips"))
    private = [("tcp", internal.KAMAILIO_TCP), ("tcp", internal.KAMAILIO_TLS), ("tcp", internal.KAMAILIO_WS)]
    private.append(("udp", internal.KAMAILIO_CONTROL_UDP))
    if site.media.relay != "never":
        private.append(("udp", internal.RTPENGINE_NG))
    for index in range(len(site.peer)):
        private += [("tcp", internal.link_in_port(index)), ("tcp", internal.link_out_port(index))]
    private += [("tcp", internal.connector_in_port(slot)) for slot in range(site.connector_slots)]
    private += [("tcp", internal.trunk_out_port(index)) for index, _ in streams]
    private += [("tcp", internal.trunk_in_port(index)) for index in encrypted]
    return found + [Listener(kind, inner, port, "site.internal_address") for kind, port in private]


def _takes_links(site: SiteFile) -> bool:
    """Whether other sites connect to this one. Nothing does to a connector."""
    return not site.upstream and bool(site.peer or site.connector_slots)


def port_fault(listener: Listener) -> IsthmusError | None:
    """Why the port can't be listened on, with who holds it; None when it is free."""
    code = _bind_error(listener)
    if code == errno.EADDRINUSE:
        port = f"port {listener.port}/{listener.transport} on {listener.host}"
        return RefusedError(
            f"{port} is taken by {_holder(listener)}", do=f"Stop that program or change {listener.setting}."
        )
    if code == errno.EADDRNOTAVAIL:
        return RefusedError(
            f"this machine does not have the address {listener.host}", do="Change it in [site], or add it."
        )
    if code:
        shown = HostPort(listener.host, listener.port)
        return RefusedError(f"can't listen on {shown} ({os.strerror(code)})", do=f"Change {listener.setting}.")
    return None


def _missing_programs(site: SiteFile) -> Iterator[IsthmusError]:
    for program, package in _PACKAGES.items():
        if program == "rtpengine" and site.media.relay == "never":
            continue
        if program == "turnserver" and not site.turn.enabled:
            continue
        if shutil.which(program, path=process.search_path()) is None:
            yield RefusedError(f"{program} is not installed", do=f"Run `apt-get install {package}`.")


def _folder_faults(site: SiteFile) -> Iterator[IsthmusError]:
    folder = site.state_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield RefusedError(
            "the state folder can't be written",
            where=str(existing),
            do="Change [state] directory or its owner.",
        )
        return
    free = shutil.disk_usage(existing).free
    if free < _FREE_BYTES:
        yield RefusedError(
            f"the disk is full: {free // 1_000_000} MB free, {_FREE_BYTES // 1_000_000} MB are needed",
            where=str(existing),
            do="Make room, or move [state] directory to another disk.",
        )
    longest = max((str(internal.link_out_socket(site, peer.name)) for peer in site.peer), key=len, default="")
    longest = max(longest, str(internal.kamailio_rpc_socket(site)), key=len)
    if len(longest.encode()) > _LONGEST_SOCKET_PATH:
        yield RefusedError(
            f"a socket's path of {len(longest.encode())} bytes is too long ({_LONGEST_SOCKET_PATH} at most)",
            where=longest,
            do="Give [state] directory a shorter path.",
        )


def _file_faults(site: SiteFile) -> Iterator[IsthmusError]:
    """Files of trunks: without one of them haproxy would not start, and no phone would get in."""
    for trunk in site.trunk:
        files = [trunk.tls.ca_file, trunk.tls.certificate_file] if trunk.tls else []
        secrets = [trunk.tls.certificate_file] if trunk.tls else []
        if trunk.registration:
            files.append(trunk.registration.password_file)
            secrets.append(trunk.registration.password_file)
        for path in (site.path.parent / file for file in dict.fromkeys(files) if file):
            if not os.access(path, os.R_OK) or not path.is_file():
                yield RefusedError(
                    f"a file of trunk {trunk.name} can't be read", where=str(path), do="Correct its path."
                )
        for path in (site.path.parent / file for file in secrets if file):
            if path.is_file() and path.stat().st_mode & 0o077:
                yield RefusedError(
                    f"a secret of trunk {trunk.name} can be read by others", where=str(path), do=f"chmod 600 {path}"
                )


def _taken_ports(site: SiteFile) -> Iterator[IsthmusError]:
    told: set[str] = set()
    for listener in listeners(site):
        fault = port_fault(listener)
        if fault is not None and str(fault) not in told:  # an address that is missing is so for each port
            told.add(str(fault))
            yield fault


def _bind_error(listener: Listener) -> int:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    kind = socket.SOCK_STREAM if listener.transport == "tcp" else socket.SOCK_DGRAM
    try:
        with socket.socket(family, kind) as probe:
            if listener.transport == "tcp":  # connections that just ended don't count, listeners do
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((listener.host, listener.port))
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _holder(listener: Listener) -> str:
    """`kamailio (process 123)`, or that nobody can be named."""
    inodes = set(_inodes(listener))
    for folder in Path("/proc").glob("[0-9]*"):
        if any(link in inodes for link in _sockets(folder)):
            with contextlib.suppress(OSError):
                return f"{(folder / 'comm').read_text().strip()} (process {folder.name})"
    return "a program of another user"


def _sockets(folder: Path) -> Iterator[str]:
    """Inodes of the sockets a process has open; descriptors come and go while we look."""
    with contextlib.suppress(OSError):
        for entry in (folder / "fd").iterdir():
            with contextlib.suppress(OSError):
                link = str(entry.readlink())
                if link.startswith("socket:["):
                    yield link[8:-1]


def _inodes(listener: Listener) -> Iterator[str]:
    """Sockets bound to the port: local address `HEX:PORT`, inode in the tenth column (proc(5))."""
    for name in (listener.transport, f"{listener.transport}6"):
        try:
            rows = Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            address, _, port = fields[1].rpartition(":")
            listening = listener.transport == "udp" or fields[3] == "0A"
            if listening and int(port, 16) == listener.port and _covers(address, listener.host):
                yield fields[9]


def _covers(hexadecimal: str, host: str) -> bool:
    if set(hexadecimal) == {"0"}:
        return True
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    wanted = socket.inet_pton(family, host)
    words = bytes.fromhex(hexadecimal)
    native = b"".join(words[start : start + 4][::-1] for start in range(0, len(words), 4))
    return native == wanted
