"""Seals: short MACs by which a site knows again what it wrote into a dialog itself.

A proxy keeps no dialogs. What it needs later it writes into Record-Route and Contact, and the phones bring it
back. Anybody could write the like, and would have an open relay to any address; so both are sealed, and bound to
the dialog's Call-ID, which only those who take part in it know.

- The *pass* of a call through this site goes into Record-Route: from which side it came, whether media is relayed.
- The *flow* to a phone (protocol, address, port) goes into the Contact that the other side will send to.
"""

from __future__ import annotations

import hmac
import ipaddress
from enum import StrEnum

import msgspec

from isthmus.sip import base64url
from isthmus.sip.mac import mac

_MAC_BYTES = 10
EDGES = ("udp", "tcp", "tls", "ws", "trunk")


class Side(StrEnum):
    """Where the first request of a dialog came into this site from."""

    EDGE = "e"  # a phone, a gateway
    LINK = "l"  # the other site


class Pass(msgspec.Struct, frozen=True):
    """One passage of a dialog through this site. A call may pass twice, once for each side it came from."""

    side: Side
    media: bool


# Each passage there can be, by the two letters it is sealed as.
_PASSES = {f"{side}{'m' if media else 'n'}": Pass(side, media) for side in Side for media in (True, False)}


class Flow(msgspec.Struct, frozen=True):
    """The way to one user agent: the kind of listener it came to (udp, tcp, tls, ws), its address and port.

    trunk: a gateway by TCP or TLS. Address and port are those of haproxy's entrance to it, since its own connections
    come and go in the midst of calls.
    """

    edge: str
    host: str
    port: int

    @property
    def uri(self) -> str:
        """Next hop as a SIP URI. TLS ends before the SIP engine, so the engine's transport is tcp then."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        transport = "tcp" if self.edge in ("tls", "trunk") else self.edge
        return f"sip:{host}:{self.port};transport={transport};edge={self.edge}"


def seal_pass(secret: bytes, call_id: str, passage: Pass) -> str:
    """The Record-Route parameter value for this passage: two letters and a MAC, URI-safe."""
    marks = passage.side + ("m" if passage.media else "n")
    return marks + base64url.encode(_mac(secret, b"pass", marks.encode(), call_id))


def open_pass(secret: bytes, call_id: str, sealed: str) -> Pass | None:
    """The passage, if this site sealed it for this Call-ID."""
    marks, given = sealed[:2], sealed[2:]
    passage = _PASSES.get(marks)
    if passage is None:
        return None
    due = base64url.encode(_mac(secret, b"pass", marks.encode(), call_id))
    return passage if hmac.compare_digest(given.encode(), due.encode()) else None


def seal_flow(secret: bytes, call_id: str, flow: Flow, bound: str = "") -> str:
    """The Contact parameter value for this flow within this dialog, URI-safe.

    bound: a URI that the seal is for alone, where the URI leads somewhere by itself (a GRUU).
    """
    body = bytes((EDGES.index(flow.edge),)) + flow.port.to_bytes(2, "big") + _packed(flow.host)
    return base64url.encode(body + _mac(secret, b"flow", body, f"{call_id}|{bound}"))


def open_flow(secret: bytes, call_id: str, sealed: str, bound: str = "") -> Flow | None:
    """The flow, if this site sealed it for this Call-ID and this bound URI."""
    try:
        raw = base64url.decode(sealed)
    except ValueError:
        return None
    body, given = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(body) not in (7, 19) or not hmac.compare_digest(given, _mac(secret, b"flow", body, f"{call_id}|{bound}")):
        return None
    return Flow(EDGES[body[0]], _unpacked(body[3:]), int.from_bytes(body[1:3], "big"))


def _mac(secret: bytes, purpose: bytes, body: bytes, call_id: str) -> bytes:
    return mac(secret, purpose, body + b"|" + call_id.encode("utf-8", "surrogateescape"), _MAC_BYTES)


def _packed(host: str) -> bytes:
    # IPv4 by hand: ipaddress takes ten times as long, on each message of a call.
    return ipaddress.IPv6Address(host).packed if ":" in host else bytes(map(int, host.split(".")))


def _unpacked(raw: bytes) -> str:
    return str(ipaddress.IPv6Address(raw)) if len(raw) == 16 else ".".join(map(str, raw))
