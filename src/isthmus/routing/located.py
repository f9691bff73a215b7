"""Location-based routing: calls that may pass a trunk only where they begin or end at its place. Pure.

Some countries forbid toll bypass: a call between the PSTN and the organisation's own network has to change over where
the caller, or the called, is. It holds for people whose voice-routing policy says so.

| call | rule |
|---|---|
| out, from a location-based network site | the caller's own policy has to allow it; goes by the usages of the site |
| out, from elsewhere, or nobody knows where | by the caller's own policy, and by no trunk that has a network site |
| in, by a trunk that has a network site | rings phones at that network site alone |
| transfer, forwarding, ringing elsewhere as well | each is a call of its own, in or out |
| emergency | as if there were no such rules |

Where a phone is, the subnet of its address says: the smallest that holds it.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable

import msgspec

from isthmus.routing.model import Class, Config, NetworkSite, RouteRecord, Step

Ways = tuple[tuple[str, RouteRecord | None], ...]


def place_of(sites: tuple[NetworkSite, ...], address: str) -> str:
    """The network site of an IP address; empty where it is in none."""
    return _place(sites, address) if sites else ""


@functools.lru_cache(maxsize=4096)
def _place(sites: tuple[NetworkSite, ...], address: str) -> str:
    try:
        found = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return ""
    fitting = [
        (network.prefixlen, site.name)
        for site in sites
        for network in map(ipaddress.ip_network, site.subnets)
        if network.version == found.version and found in network
    ]
    return max(fitting)[1] if fitting else ""


def by_usages_of(place: str, caller: Class, config: Config, steps: list[Step]) -> Class:
    """The class that the caller's call is routed by at a place: with the usages of the network site."""
    if not caller.location_based:
        return caller
    site = next((each for each in config.network_sites if each.name == place), None)
    if site is None or not site.location_based:
        steps.append(Step("location", f"the caller is {f'at {place}' if place else 'at no known network site'}"))
        return caller
    usages = site.usages or caller.usages
    steps.append(Step("location", f"the caller is at {place}: calls go by usage {', '.join(usages)} there"))
    return msgspec.structs.replace(caller, usages=usages)


def kept(ways: Ways, place: str, caller: Class, config: Config, steps: list[Step]) -> Ways:
    """The ways without the trunks that are at another network site than the caller."""
    if not caller.location_based:
        return ways
    elsewhere = {trunk.name: trunk.network_site for trunk in config.trunks if trunk.network_site not in ("", place)}
    left_out = [way for way, _ in ways if way in elsewhere]
    steps += _told(f"not by {way}, which is for calls from {elsewhere[way]} alone" for way in left_out)
    return tuple(each for each in ways if each[0] not in elsewhere)


def rings_at(trunk: str, called: Class, config: Config, steps: list[Step]) -> str:
    """The network site whose phones alone may ring for a call that came by a trunk; empty: all."""
    if not called.location_based:
        return ""
    place = next((each.network_site for each in config.trunks if each.name == trunk), "")
    steps += _told(f"it came by {trunk}: phones at {each} alone may ring" for each in [place] if each)
    return place


def _told(texts: Iterable[str]) -> list[Step]:
    return [Step("location", text) for text in texts]
