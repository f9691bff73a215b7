"""What a phone says itself of the network it is in: P-Access-Network-Info (RFC 7315 sections 4.4, 5.4). Pure.

Phones in a Wi-Fi network say their access point so: `IEEE-802.11n; i-wlan-node-id=001a2b3c4d5e`. Of a switch's port
there is no such word; LLDP is between phone and switch, and who has it from there asks by API.
"""

from __future__ import annotations

from isthmus.emergency import elements
from isthmus.errors import UsageError

LONGEST = 256  # characters of the header that are looked at
_WIFI = "ieee-802.11"
_NODE = "i-wlan-node-id"


def bssid(header: str) -> str:
    """The access point, in its one form; empty where the header says none. Never raises."""
    for access in header[:LONGEST].split(","):
        kind, *parameters = (part.strip() for part in access.split(";"))
        if not kind.lower().startswith(_WIFI):
            continue
        for each in parameters:
            name, _, value = each.partition("=")
            if name.strip().lower() == _NODE:
                return _or_empty(value.strip().strip('"'))
    return ""


def written(access_point: str) -> str:
    """The header that says this access point, in its one form; empty for none."""
    return f"IEEE-802.11; {_NODE}={access_point.replace(':', '')}" if access_point else ""


def _or_empty(text: str) -> str:
    try:
        return elements.bssid(text)
    except UsageError:
        return ""
