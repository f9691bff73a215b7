"""haproxy's configuration, rendered from the site file. Pure: the same file gives the same text."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from isthmus.addressing.hostport import bracketed
from isthmus.site import internal
from isthmus.site.file import SiteFile

# Debian's default for a service. haproxy needs two descriptors a connection and refuses to start when its
# maxconn asks for more than the limit.
DEFAULT_FD_LIMIT = 20_000
_FD_RESERVE = 200  # listeners, sockets to the runtime, logs, pollers
_MAX_CONNECTIONS = 20_000


def command(site: SiteFile) -> list[str]:
    """How the supervisor starts it: in the foreground, from the rendered file."""
    return ["haproxy", "-db", "-f", str(internal.haproxy_config(site))]


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
        # One port full of strangers must leave room on the others.
        "frontend_maxconn": max(20, maxconn * 2 // 3),
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
    }
