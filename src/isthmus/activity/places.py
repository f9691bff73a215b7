"""Where something comes from and where a call goes, in the few classes that habits are made of. Pure."""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberType

_VERSION = re.compile(r"[/ _-]?v?\d+(\.\d+)+\S*|\([^)]*\)|/\S*|\b[0-9a-f]{12}\b", re.IGNORECASE)
_LONGEST_CLIENT = 48
# Country calling codes of no country: satellite networks and international services, dear all of them.
_GLOBAL = frozenset({870, 878, 881, 882, 883, 888, 979})
_DEAR = frozenset({PhoneNumberType.PREMIUM_RATE})


class Destination(NamedTuple):
    """Where a call goes. region: ISO 3166, or `+CODE` where the code is no country's. dear: premium or satellite."""

    region: str
    dear: bool

    def __str__(self) -> str:
        return f"{self.region} premium" if self.dear else self.region


@functools.lru_cache(maxsize=65536)
def destination_of(number: str) -> Destination:
    """Of an E.164 number. What is no number of any country is taken by its country code alone."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return Destination(number[:4], dear=False)
    code = parsed.country_code or 0
    region = phonenumbers.region_code_for_number(parsed)
    if code in _GLOBAL:
        return Destination(f"+{code}", dear=True)
    if not region or region == "001":
        # A range of no known use (fraud likes those) still is of the code's main country.
        region = phonenumbers.region_code_for_country_code(code)
    region = f"+{code}" if region in ("001", "ZZ") else region
    return Destination(region, phonenumbers.number_type(parsed) in _DEAR)


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
