"""Requests of phones that the control service answers: presence (announcing.py) and messages (texting.py)."""

from __future__ import annotations

from isthmus.addressing.hostport import bracketed
from isthmus.engines.kamailio.ksr import KSR, Refused
from isthmus.engines.kamailio.site import Site

SERVED = frozenset({"MESSAGE", "SUBSCRIBE", "PUBLISH"})
_WITHIN_MS = 14_000  # the service may have to ask the sender's home, and clients give up after 32 s
_LINK_MS = 2_000  # and its answer has to come to a connector's phone


def to_service(site: Site, port: int) -> None:
    """Hand the request at hand over. port: of the service's listener. Raises Refused."""
    KSR.hdr.append(f"X-Isthmus-Control: {site.control_secret}\r\n")
    KSR.setdsturi(f"sip:{bracketed(site.settings.internal_host)}:{port};transport=udp")
    KSR.pv.sets("$fs", site.settings.sockets["presence"])
    KSR.tm.t_set_fr(0, _WITHIN_MS)
    KSR.tm.t_on_failure("ksr_failure_later")
    if KSR.tm.t_relay() < 0:
        raise Refused(503, "Not Available Now")


def wait_at_connector() -> None:
    """The request at hand goes to the site whose service answers: for that, too, it may take its time."""
    KSR.tm.t_set_fr(0, _WITHIN_MS + _LINK_MS)
