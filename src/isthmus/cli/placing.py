"""Where a phone is that a call is explained for: what `--at` takes."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from isthmus.errors import UsageError
from isthmus.routing import located
from isthmus.routing.snapshot import View


def apart(given: Sequence[str]) -> tuple[str | None, list[str]]:
    """The site a call enters at, and IP addresses of the caller's phone. Raises UsageError."""
    addresses = [each for each in given if _is_address(each)]
    sites = [each for each in given if each not in addresses]
    if len(sites) > 1 or len(addresses) > 1:
        raise UsageError("a call enters at one site, from one address", where=" ".join(given))
    return (sites[0] if sites else None), addresses


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def place(addresses: Sequence[str], view: View) -> str:
    """The network site of the phone at the address; empty where no address was given, or it is at none."""
    return located.place_of(view.config.network_sites, addresses[0]) if addresses else ""
