"""haproxy's configuration, rendered from the site file: the same file gives the same text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from isthmus.addressing.hostport import bracketed
from isthmus.errors import UsageError
from isthmus.pki import store
from isthmus.site import internal
from isthmus.site.file import SiteFile, Trunk

# Debian's default for a service. haproxy needs two descriptors a connection and refuses to start when its
# maxconn asks for more than the limit.
DEFAULT_FD_LIMIT = 20_000
_FD_RESERVE = 200  # listeners, sockets to the runtime, logs, pollers
_MAX_CONNECTIONS = 20_000
SYSTEM_CA = Path("/etc/ssl/certs/ca-certificates.crt")


def authorities(site: SiteFile) -> bytes:
    """The authorities of all trunks that have to show a certificate, PEM.

    One frontend has one such file: that a trunk's certificate is of its own authority is not looked at, so its address
    has to fit as well. Raises UsageError where a file can't be read.
    """
    files = dict.fromkeys(_ca_file(site, trunk) for trunk in site.trunk if trunk.tls and trunk.tls.shows_certificate)
    try:
        return b"\n".join(file.read_bytes() for file in files)
    except OSError as error:
        raise UsageError(f"a trunk's ca_file can't be read ({error.strerror})", where=str(error.filename)) from error


def command(site: SiteFile) -> list[str]:
    """How the supervisor starts it: in the foreground, from the rendered file."""
    return ["haproxy", "-db", "-f", str(internal.haproxy_config(site))]


def prepare(site: SiteFile, *, fd_limit: int = DEFAULT_FD_LIMIT) -> None:
    """Write what it reads at its start. A map of connectors that is there already is kept."""
    store.write_private(internal.haproxy_config(site), render(site, fd_limit=fd_limit).encode())
    store.write_private(internal.trunk_authorities(site), authorities(site))
    if site.connector_slots and not internal.connectors_map(site).exists():
        store.write_private(internal.connectors_map(site), b"")


def render(site: SiteFile, *, fd_limit: int = DEFAULT_FD_LIMIT) -> str:
    """The whole configuration. fd_limit: most file descriptors the process may open."""
    environment = Environment(  # noqa: S701 (the output is no HTML)
        loader=PackageLoader("isthmus.engines.haproxy", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = quoted
    return environment.get_template("haproxy.cfg.j2").render(_values(site, fd_limit))


def max_connections(fd_limit: int) -> int:
    """Most connections at a time, two descriptors each, that fit under the limit."""
    return max(50, min(_MAX_CONNECTIONS, (fd_limit - _FD_RESERVE) // 2))


def connections_of_a_kind(fd_limit: int) -> int:
    """Most that one port takes at a time: one that is full of strangers must leave room on the others."""
    return max(20, max_connections(fd_limit) * 2 // 3)


def quoted(text: object) -> str:
    """One word of a haproxy configuration, whatever is in it (configuration manual 2.2)."""
    word = str(text)
    if "\n" in word or "\0" in word:
        raise ValueError(f"{word!r} can't stand in a configuration file")
    return "'" + word.replace("'", "'\\''") + "'"


def _values(site: SiteFile, fd_limit: int) -> dict[str, Any]:
    maxconn = max_connections(fd_limit)
    return {
        "maxconn": maxconn,
        "frontend_maxconn": connections_of_a_kind(fd_limit),
        "per_address": site.protection.connections_per_address,
        "rate_per_10s": site.protection.connection_rate_per_10s,
        "exempt": site.protection.exempt_networks,
        "address": bracketed(site.site.address),
        "internal": bracketed(site.site.internal_address),
        "ports": site.ports,
        "kamailio_tcp": internal.KAMAILIO_TCP,
        "kamailio_tls": internal.KAMAILIO_TLS,
        "kamailio_ws": internal.KAMAILIO_WS,
        "runtime_socket": internal.haproxy_socket(site),
        "web_socket": internal.web_socket(site),
        "link_socket": internal.link_socket(site),
        "certificate": internal.site_certificate(site),
        "ca": internal.ca_certificate(site),
        "connect_ms": site.link.timeout_ms,
        "takes_links": not site.upstream and bool(site.peer or site.connector_slots),
        "connectors": internal.connectors_map(site) if site.connector_slots else None,
        "slots": [(slot, internal.connector_in_port(slot)) for slot in range(site.connector_slots)],
        "peers": [
            {
                "name": peer.name,
                "fqdn": peer.fqdn,
                "address": bracketed(peer.address),
                "link_sip": peer.link_sip,
                "link_api": peer.link_api,
                "port_in": internal.link_in_port(index),
                "port_out": internal.link_out_port(index),
                "socket_out": internal.link_out_socket(site, peer.name),
            }
            for index, peer in enumerate(site.peer)
        ],
        "trunks": [_trunk(site, index, trunk) for index, trunk in enumerate(site.trunk) if trunk.transport != "udp"],
        "trunk_certificates": list(dict.fromkeys(str(_certificate(site, trunk)) for trunk in site.trunk if trunk.tls)),
        "trunk_authorities": internal.trunk_authorities(site),
    }


def _trunk(site: SiteFile, index: int, trunk: Trunk) -> dict[str, Any]:
    """One trunk that is reached through haproxy."""
    found: dict[str, Any] = {
        "name": trunk.name,
        "address": bracketed(trunk.address),
        "port": trunk.port,
        "sources": [trunk.address, *trunk.networks],
        "port_in": internal.trunk_in_port(index),
        "port_out": internal.trunk_out_port(index),
        "tls": trunk.tls is not None,
    }
    if trunk.tls is not None:
        found["fqdn"] = trunk.tls.name
        found["ca"] = _ca_file(site, trunk)
        found["certificate"] = _certificate(site, trunk)
        found["shows"] = trunk.tls.shows_certificate
    return found


def _ca_file(site: SiteFile, trunk: Trunk) -> Path:
    own = trunk.tls.ca_file if trunk.tls else None
    return site.path.parent / own if own else SYSTEM_CA


def _certificate(site: SiteFile, trunk: Trunk) -> Path:
    """What this site shows to a trunk, both ways."""
    own = trunk.tls.certificate_file if trunk.tls else None
    return site.path.parent / own if own else internal.site_certificate(site)
