"""A host with a port, IPv4, IPv6 or a name, as it stands in SIP (RFC 3261 section 25.1, `hostport`)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Self

from isthmus.errors import UsageError


@dataclass(frozen=True, slots=True)
class HostPort:
    """`host` without brackets; `port` 1..65535."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, default_port: int | None = None) -> Self:
        """Read `10.0.0.1:5060`, `[2001:db8::1]:5060`, `name:5060`, or a bare host with a default port."""
        host, port_text = text, ""
        if text.startswith("["):
            host, bracket, tail = text[1:].partition("]")
            if not bracket or (tail and not tail.startswith(":")):
                raise UsageError(f"{text!r} has no closing ']'")
            port_text = tail[1:]
        elif text.count(":") == 1:
            host, _, port_text = text.partition(":")
        if port_text == "" and default_port is None:
            raise UsageError(f"{text!r} names no port")
        if port_text and not (port_text.isascii() and port_text.isdigit() and 0 < int(port_text) < 65536):
            raise UsageError(f"{port_text!r} in {text!r} is not a port")
        if not host:
            raise UsageError(f"{text!r} names no host")
        return cls(host, int(port_text) if port_text else (default_port or 0))

    @property
    def sip_host(self) -> str:
        """The host as written in a URI: IPv6 in brackets."""
        return bracketed(self.host)

    def __str__(self) -> str:
        return f"{self.sip_host}:{self.port}"


def bracketed(host: str) -> str:
    """The host as a URI wants it: an IPv6 address in brackets, everything else as it is."""
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
