"""Where something comes from, in the few classes that habits are made of. Pure."""

from __future__ import annotations

import functools
import ipaddress
import re

_VERSION = re.compile(r"[/ _-]?v?\d+(\.\d+)+\S*|\([^)]*\)|/\S*|\b[0-9a-f]{12}\b", re.IGNORECASE)
_LONGEST_CLIENT = 48


@functools.lru_cache(maxsize=65536)
def network_of(address: str) -> str:
    """The network an address is in: /24 of IPv4, /48 of IPv6; empty for what is no address."""
    try:
        parsed = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    bits = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network((parsed, bits), strict=False))


@functools.lru_cache(maxsize=4096)
def client_of(user_agent: str) -> str:
    """A client without its version and serial number, so that an update makes no new one of it."""
    bare = " ".join(_VERSION.sub(" ", user_agent).lower().split())
    return "".join(c for c in bare if c.isprintable())[:_LONGEST_CLIENT] or "(none)"
