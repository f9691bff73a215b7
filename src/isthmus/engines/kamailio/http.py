"""HTTP inside Kamailio's workers: the WebSocket handshake, and RPC whose answers are too long for a datagram."""

from __future__ import annotations

from isthmus.engines.kamailio.ksr import KSR, header, text
from isthmus.engines.kamailio.site import Site

RPC_PATH = "/rpc"


def handle(site: Site) -> None:
    """One HTTP request. Only the listener behind haproxy's web frontend takes any."""
    if site.arrival() != "ws":
        KSR.xhttp.xhttp_reply(404, "Not Found", "", "")
    elif text("$hu") == RPC_PATH:
        _rpc(site)
    elif "sip" not in [protocol.strip() for protocol in header("Sec-WebSocket-Protocol").split(",")]:
        KSR.xhttp.xhttp_reply(400, "Bad Request", "text/plain", "Ask for the sub-protocol sip\n")
    elif KSR.websocket.handle_handshake() < 0:
        KSR.xhttp.xhttp_reply(400, "Bad Request", "", "")


def _rpc(site: Site) -> None:
    """A question of this site's control service, proved by its secret: the web frontend leads here too."""
    if not site.is_control(header("X-Isthmus-Control")):
        KSR.xhttp.xhttp_reply(404, "Not Found", "", "")
        return
    KSR.jsonrpcs.dispatch()
