"""Replies on their way back: the answerer's flow is sealed into its Contact, its media is relayed."""

from __future__ import annotations

from isthmus.activity.wire import Kind
from isthmus.engines.kamailio import branches, hops, media, timers
from isthmus.engines.kamailio.ksr import (
    FLAG_MEDIA,
    FLAG_OFFERED,
    FLAG_OUTSIDE,
    IDENTITY,
    KSR,
    has_sdp,
    header,
    strip,
    text,
)
from isthmus.engines.kamailio.site import Site

FLOW_FAILED = 430  # RFC 5626 section 11.5
SAID_BY_PEOPLE = {486: "Busy Here", 600: "Busy Everywhere", 603: "Decline"}


def handle(site: Site) -> None:
    """One reply to a request that was relayed."""
    code = int(KSR.pv.get("$rs"))
    if code <= 100:
        return
    if code == FLOW_FAILED:
        _forget_binding()
    if code in SAID_BY_PEOPLE:
        KSR.pv.seti("$avp(said)", code)
    if not site.sent_by_peer():
        strip(*IDENTITY)
        if code < 300:
            hops.seal_contact(site, _edge(site))
    if 200 <= code < 300 and KSR.isflagset(FLAG_OUTSIDE) > 0:
        site.activity.tell(Kind.ANSWERED, call_id=text("$ci"))
    if 200 <= code < 300 and KSR.pv.get("$avp(timer)") is not None:
        added = timers.for_answer(header("Session-Expires"), caller_supports_timer=True)
        if added:
            KSR.hdr.append(added)
    if KSR.isbflagset(FLAG_MEDIA) > 0 and has_sdp():
        side = branches.side()
        if KSR.isflagset(FLAG_OFFERED) > 0:
            KSR.rtpengine.rtpengine_answer(media.answer(text("$ci"), side))
        else:
            KSR.rtpengine.rtpengine_offer(media.offer(text("$ci"), side, text("$avp(arrival)") or "udp"))


def _forget_binding() -> None:
    """The edge says that the phone's connection is gone: the binding that led there is of no more use."""
    ruid = KSR.pv.get("$T_reply_ruid")
    if ruid is not None:
        KSR.registrar.unregister_ruid("location", f"sip:{text('$tU')}@{text('$td')}", str(ruid))


def _edge(site: Site) -> str:
    """The listener by which the answerer is connected."""
    protocol = text("$pr").lower()
    if protocol.startswith("ws"):
        return "ws"
    if protocol == "udp":
        return "udp"
    return site.settings.listeners.get(int(KSR.pv.get("$Rp") or 0), "tcp")
