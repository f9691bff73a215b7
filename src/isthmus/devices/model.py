"""What is told of devices. Frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.addressing import Aor
from isthmus.directory.model import Device


@dataclass(frozen=True, slots=True)
class Owned:
    """A device with the person whose it is."""

    aor: Aor
    tenant: str
    device: Device


@dataclass(frozen=True, slots=True)
class Use:
    """When and where a device last proved itself at a site.

    generation: of the secret it used. at_ms: milliseconds since 1970. address: IP address. edge: udp, tcp, tls or ws.
    client: what the phone calls itself (User-Agent), empty where it says nothing. site: empty at the site itself.
    """

    name: str
    generation: int
    at_ms: int
    address: str
    edge: str
    client: str
    site: str = ""
