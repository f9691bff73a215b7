"""Parts of networks as people and devices write them, in their one form. Pure.

LLDP names a switch by its chassis id and a socket by its port id (IEEE 802.1AB 8.5.2, 8.5.3); an access point is known
by its BSSID. MAC addresses are `00:1a:2b:3c:4d:5e` here, however they were written.
"""

from __future__ import annotations

import ipaddress
import re

from isthmus.addressing.networks import parse_network
from isthmus.emergency.model import Element, NetworkElement
from isthmus.errors import UsageError

_MAC = re.compile(r"(?:[0-9a-f]{2}[:-]?){5}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}", re.IGNORECASE)
_NOT_HEX = re.compile(r"[:.\-]")
_HEX = re.compile(r"[0-9a-f]+")
_DIGITS = 12
_FEWEST_DIGITS = 6  # of a BSSID with *: the maker's part of it
_LONGEST = 255  # bytes of a chassis or port id (IEEE 802.1AB)


def checked(tenant: str, kind: Element, id_: str, place: str, port: str = "") -> NetworkElement:
    """A part of a network in its one form. Raises UsageError."""
    if (kind is Element.PORT) != bool(port.strip()):
        raise UsageError("a port has a chassis id and a port id" if not port.strip() else f"a {kind} has no port")
    if kind is Element.SUBNET:
        return NetworkElement(tenant, kind, str(parse_network(id_)), place)
    if kind is Element.BSSID:
        return NetworkElement(tenant, kind, bssid(id_, wildcard=True), place)
    return NetworkElement(tenant, kind, chassis(id_), place, port_id(port) if port else "")


def chassis(text: str) -> str:
    """A chassis id: a MAC address, or whatever else the switch calls itself. Raises UsageError."""
    bare = text.strip()
    if _MAC.fullmatch(bare):
        return _mac(_NOT_HEX.sub("", bare).lower())
    return _named(bare, "chassis id")


def port_id(text: str) -> str:
    """A port id, as `Gi1/0/12`. Raises UsageError."""
    return _named(text.strip(), "port id")


def bssid(text: str, *, wildcard: bool = False) -> str:
    """A BSSID. wildcard: whether its last digits may be `*`, for access points that have one for each network name.

    Raises UsageError.
    """
    bare = _NOT_HEX.sub("", text.strip()).lower()
    digits = bare.removesuffix("*") if wildcard else bare
    open_ = digits != bare
    right = _FEWEST_DIGITS <= len(digits) < _DIGITS if open_ else len(digits) == _DIGITS
    if not right or _HEX.fullmatch(digits) is None:
        raise UsageError(
            f"{text[:40]!r} is no BSSID",
            do="Write it as 00:1a:2b:3c:4d:5e"
            + (f", or with * for its last digits, from the {_FEWEST_DIGITS + 1}th on." if wildcard else "."),
        )
    return _mac(digits) + ("*" if open_ else "")


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An IP address, IPv4 also where it comes as mapped into IPv6; None for what is none."""
    try:
        parsed = ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def _mac(digits: str) -> str:
    pairs = [digits[start : start + 2] for start in range(0, len(digits), 2)]
    return ":".join(pairs) + (":" if len(digits) % 2 == 0 and len(digits) < _DIGITS else "")


def _named(text: str, what: str) -> str:
    if not text or not text.isprintable() or len(text.encode()) > _LONGEST:
        raise UsageError(f"{text[:40]!r} is no {what}", do=f"It has 1 to {_LONGEST} printable characters.")
    return text
