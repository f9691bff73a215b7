"""Networks as text, and whether an address is in one of them. Pure."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable

from isthmus.errors import UsageError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Networks:
    """A set of networks, such as those whose phones reach one another directly."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)
        # Asked for each packet, and by few addresses at a time.
        self.hold = functools.lru_cache(maxsize=4096)(self._hold)

    def _hold(self, host: str) -> bool:
        """Whether `host`, an IP address as text, is in one of them."""
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def parse_network(text: str) -> Network:
    """A network in its one form, as 192.0.2.0/24 or 2001:db8::/48. Raises UsageError."""
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise UsageError(f"{text[:80]!r} is no network: {error}", do="Write it like 192.0.2.0/24.") from None
