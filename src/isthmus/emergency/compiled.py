"""What calls need of a site's locations, as one frozen value: looked up in it in O(log n) or better. Pure.

Subnets are laid out as a line of addresses cut where another place begins, so that the longest prefix was already
found when the map was made, and a look-up is one bisection. All others are a hash each; a BSSID asks for at most as
many as an entry with `*` can have digits.
"""

from __future__ import annotations

import bisect
import ipaddress
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from isthmus.emergency.model import Choice, Element, Loan, NetworkElement, Place, Settings

Value = bool | int | str | None

NOWHERE = -1
_FEWEST_CHARACTERS = 9  # of a BSSID with *, without the *


class Line(msgspec.Struct, frozen=True, array_like=True):
    """Addresses of one IP version in order. starts: packed addresses; from each on, up to the next, `places` holds.

    places: positions in TenantMap.places, NOWHERE between subnets. prefixes: which subnet it was, for the trace.
    """

    starts: tuple[bytes, ...] = ()
    places: tuple[int, ...] = ()
    prefixes: tuple[str, ...] = ()

    def find(self, packed: bytes) -> tuple[int, str]:
        """Position of the place, and the subnet; NOWHERE and empty for an address in none."""
        at = bisect.bisect_right(self.starts, packed) - 1
        return (self.places[at], self.prefixes[at]) if at >= 0 else (NOWHERE, "")


class TenantMap(msgspec.Struct, frozen=True, array_like=True):
    """One tenant's places, and what leads to them by position in `places`.

    ports: by chassis id, line feed and port id. bssids: as `elements.bssid` writes them. default: for the whole site.
    policies: settings of those that places name. choices: of people for themselves, by address-of-record.
    settings: what is in force for people before a place is known; people: whose are not the first of them.
    """

    places: tuple[Place, ...] = ()
    named: Mapping[str, int] = {}
    ports: Mapping[str, int] = {}
    switches: Mapping[str, int] = {}
    bssids: Mapping[str, int] = {}
    ipv4: Line = Line()
    ipv6: Line = Line()
    default: int = NOWHERE
    policies: Mapping[str, Mapping[str, Value]] = {}
    choices: Mapping[str, tuple[Choice, ...]] = {}
    settings: tuple[Settings, ...] = (Settings(),)
    people: Mapping[str, int] = {}

    def own(self, aor: str) -> Settings:
        """What the policies say of a person, before the place is known."""
        return self.settings[self.people.get(aor, 0)]

    def at(self, position: int) -> Place | None:
        """The place there."""
        return self.places[position] if position != NOWHERE else None

    def by_name(self, name: str) -> Place | None:
        """The place of that name."""
        return self.at(self.named.get(name, NOWHERE))

    def by_port(self, chassis: str, port: str) -> Place | None:
        """The place of a switch's port."""
        return self.at(self.ports.get(f"{chassis}\n{port}", NOWHERE))

    def by_switch(self, chassis: str) -> Place | None:
        """The place of a switch."""
        return self.at(self.switches.get(chassis, NOWHERE))

    def by_bssid(self, bssid: str) -> tuple[Place | None, str]:
        """The place of an access point, and the entry that says so: the longest that fits."""
        if bssid in self.bssids:
            return self.at(self.bssids[bssid]), bssid
        for length in range(len(bssid) - 1, _FEWEST_CHARACTERS - 1, -1):
            entry = f"{bssid[:length]}*"
            if entry in self.bssids:
                return self.at(self.bssids[entry]), entry
        return None, ""

    def by_address(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> tuple[Place | None, str]:
        """The place of an IP address, and the subnet that says so."""
        position, prefix = (self.ipv4 if address.version == 4 else self.ipv6).find(address.packed)
        return self.at(position), prefix


class EmergencyMap(msgspec.Struct, frozen=True, array_like=True):
    """The locations of a site, tenant by tenant; nobody is found at another tenant's place. domains: whose each is.

    loans: the last one of each number, as far as it was written down.
    """

    tenants: Mapping[str, TenantMap] = {}
    domains: Mapping[str, str] = {}
    loans: Mapping[str, Loan] = {}

    def of(self, tenant: str) -> TenantMap:
        """The tenant's own; an empty one for who has none."""
        return self.tenants.get(tenant, _EMPTY)


_EMPTY = TenantMap()
_decoder = msgspec.msgpack.Decoder(EmergencyMap)


def encoded(made: EmergencyMap) -> bytes:
    """The map for who keeps it without knowing it, as the snapshot."""
    return msgspec.msgpack.encode(made)


def decoded(raw: bytes) -> EmergencyMap:
    """What `encoded` made; an empty map of nothing. Raises msgspec.DecodeError."""
    return _decoder.decode(raw) if raw else EmergencyMap()


def compiled(
    places: Sequence[Place],
    network: Iterable[NetworkElement],
    policies: Mapping[str, Mapping[str, Value]] = {},
    choices: Mapping[str, tuple[Choice, ...]] = {},
) -> TenantMap:
    """One tenant's map. Parts of the network that lead to a place that is not there are left out.

    policies: settings of emergency policies by name, of which those are kept that a place names.
    """
    named = {each.name: position for position, each in enumerate(places)}
    known = [(each, named[each.place]) for each in network if each.place in named]

    def of(kind: Element) -> dict[str, int]:
        return {each.id: position for each, position in known if each.kind is kind}

    subnets = [(ipaddress.ip_network(each.id), position) for each, position in known if each.kind is Element.SUBNET]
    return TenantMap(
        tuple(places),
        named,
        {f"{each.id}\n{each.port}": position for each, position in known if each.kind is Element.PORT},
        of(Element.SWITCH),
        of(Element.BSSID),
        _line([pair for pair in subnets if pair[0].version == 4]),
        _line([pair for pair in subnets if pair[0].version == 6]),
        next((position for position, each in enumerate(places) if each.default), NOWHERE),
        {name: policies[name] for name in sorted({each.policy for each in places}) if name in policies},
        dict(choices),
    )


def _line(subnets: Sequence[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, int]]) -> Line:
    """The cuts. Subnets are apart or one within the other: the inner one holds up to its end, then the outer again."""
    cuts: dict[int, tuple[int, str]] = {}
    open_: list[tuple[int, int, str]] = []  # end (exclusive), position, prefix: the innermost last
    ordered = sorted(subnets, key=lambda pair: (int(pair[0].network_address), pair[0].prefixlen))
    for network, position in ordered:
        start = int(network.network_address)
        _close(open_, cuts, start)
        cuts[start] = (position, str(network))
        open_.append((int(network.broadcast_address) + 1, position, str(network)))
    _close(open_, cuts, None)
    width = 4 if not subnets or subnets[0][0].version == 4 else 16
    found = [(at.to_bytes(width, "big"), *cuts[at]) for at in sorted(cuts) if at < 1 << 8 * width]
    return Line(tuple(each[0] for each in found), tuple(each[1] for each in found), tuple(each[2] for each in found))


def _close(open_: list[tuple[int, int, str]], cuts: dict[int, tuple[int, str]], start: int | None) -> None:
    """End the subnets that end at `start` or before it (None: all); behind each the one around it goes on."""
    while open_ and (start is None or open_[-1][0] <= start):
        end, _, _ = open_.pop()
        # One that ends at the same address as the one around it is cut once more when that is closed.
        cuts[end] = open_[-1][1:] if open_ else (NOWHERE, "")
