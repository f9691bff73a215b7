"""Credentials for TURN, and how a browser is told of them. Pure.

Source: "A REST API For Access To TURN Services" (draft-uberti-behave-turn-rest-00), which coturn's `use-auth-secret`
follows: the server knows no users, and lets in by itself who shows an unspoilt credential that has not ended.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from isthmus.addressing.hostport import bracketed


@dataclass(frozen=True, slots=True)
class Server:
    """Where a site's server is. address: its IP address. fqdn: the name in its certificate."""

    address: str
    fqdn: str
    port: int
    tls_port: int

    @property
    def stun(self) -> str:
        """The URL (RFC 7064)."""
        return f"stun:{bracketed(self.address)}:{self.port}"

    @property
    def turn(self) -> tuple[str, str, str]:
        """The URLs (RFC 7065), the best way first: UDP, TCP, TLS.

        By address where there is no certificate: a name would have to be looked up first.
        """
        plain = f"turn:{bracketed(self.address)}:{self.port}"
        return (
            f"{plain}?transport=udp",
            f"{plain}?transport=tcp",
            f"turns:{self.fqdn}:{self.tls_port}?transport=tcp",
        )


@dataclass(frozen=True, slots=True)
class Credential:
    """User name and password of one person, until a moment."""

    username: str
    password: str


def credential(secret: str, person: str, until: int) -> Credential:
    """Good until then, Unix seconds. person: whose ports are counted together; may hold no colon."""
    if ":" in person:
        raise ValueError("a colon divides the two parts of the name")
    username = f"{until}:{person}"
    # SHA-1 is what coturn takes; HMAC does not lean on its resistance to collisions.
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return Credential(username, base64.b64encode(digest).decode())
