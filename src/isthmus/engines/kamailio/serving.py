"""Requests of phones that the control service answers: presence (announcing.py) and messages (texting.py)."""

from __future__ import annotations

from isthmus.addressing.hostport import bracketed
from isthmus.engines.kamailio import later
from isthmus.engines.kamailio.ksr import KSR, Refused
from isthmus.engines.kamailio.site import Site

SERVED = frozenset({"MESSAGE", "SUBSCRIBE", "PUBLISH"})
_LINK_MS = 2_000  # for the service's answer to come to a connector's phone


def to_service(site: Site, port: int) -> None:
    """Hand the request at hand over. port: of the service's listener. Raises Refused."""
    KSR.hdr.append(f"X-Isthmus-Control: {site.control_secret}\r\n")
    KSR.setdsturi(f"sip:{bracketed(site.settings.internal_host)}:{port};transport=udp")
    KSR.pv.sets("$fs", site.settings.sockets["presence"])
    later.wait()
    if KSR.tm.t_relay() < 0:
        raise Refused(503, "Not Available Now")


def wait_at_connector() -> None:
    """The request at hand goes to the site whose service answers: for that, too, it may take its time."""
    KSR.tm.t_set_fr(0, later.WITHIN_MS + _LINK_MS)
