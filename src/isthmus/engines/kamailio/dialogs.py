"""Requests inside a dialog: they go only where this site's own seals in Route and Request-URI lead."""

from __future__ import annotations

from isthmus.activity.wire import Kind
from isthmus.engines.kamailio import branches, contact, hops, media
from isthmus.engines.kamailio.ksr import (
    CREDENTIALS,
    FLAG_MEDIA,
    FLAG_OFFERED,
    FLAG_PASS_LINK,
    IDENTITY,
    INTERNAL,
    KSR,
    Refused,
    has_sdp,
    header,
    strip,
    text,
)
from isthmus.engines.kamailio.site import Site
from isthmus.sip.sealing import Pass, Side, open_flow, open_pass

_REFRESHES = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})


def handle(site: Site, arrival: str, method: str) -> None:
    """One request with a To tag. Raises Refused where it is not of a dialog that went through here."""
    call_id = text("$ci")
    passage = open_pass(site.secret, call_id, contact.route_seal(contact.first_uri(header("Route"))))
    if method == "ACK" and (passage is None or KSR.tm.t_check_trans() == 0):
        return
    if passage is None:
        raise Refused(481, "Call/Transaction Does Not Exist")
    if method != "ACK" and KSR.tm.t_check_trans() == 0:
        return
    if KSR.rr.loose_route() < 0:
        raise Refused(481, "Call/Transaction Does Not Exist")
    far_end = _next_hop(site, call_id)
    from_peer = arrival.startswith("peer:")
    if not from_peer:
        strip(*INTERNAL, *IDENTITY, *CREDENTIALS)
        if method in _REFRESHES and header("Contact") and not hops.seal_contact(site, arrival):
            raise Refused(400, "Bad Contact")
    if passage.side is Side.LINK:
        KSR.setflag(FLAG_PASS_LINK)
    elif method == "BYE":
        site.activity.tell(Kind.ENDED, call_id=call_id)
    if passage.media:
        _keep_media(method, call_id, passage, far_end)
    if method in _REFRESHES:
        KSR.pv.sets("$avp(arrival)", "peer" if from_peer else arrival)
        KSR.tm.t_on_reply("ksr_reply_in")
    KSR.tm.t_relay()


def _next_hop(site: Site, call_id: str) -> str:
    """Set destination and socket; gives the kind of far end. After loose_route: $du is the next Route, if any."""
    hop = text("$du")
    if hop:
        peer = site.peer_of_hop(hop)
        if peer is None:
            raise Refused(481, "Call/Transaction Does Not Exist")
        hops.to_peer(site, peer.name)
        return "peer"
    uri, sealed = contact.split_flow(text("$ru"))
    flow = open_flow(site.secret, call_id, sealed, contact.bound(uri)) if sealed else None
    if flow is None:
        raise Refused(481, "Call/Transaction Does Not Exist")
    KSR.seturi(uri)
    if contact.is_gruu(uri) and KSR.registrar.lookup("location") > 0:
        return _looked_up(site)
    hops.to_flow(site, flow.uri, flow.edge)
    return flow.edge


def _looked_up(site: Site) -> str:
    """The far end is a globally routable address at home here: found anew, so that it survives a lost flow."""
    hop = text("$du")
    peer = site.peer_of_hop(hop)
    if peer is not None:
        hops.to_peer(site, peer.name)
        return "peer"
    edge = contact.edge_of(hop)
    if not edge:
        raise Refused(481, "Call/Transaction Does Not Exist")
    hops.to_flow(site, hop, edge)
    return edge


def _keep_media(method: str, call_id: str, passage: Pass, far_end: str) -> None:
    """Tell the relay what a request in the dialog changes."""
    if method == "BYE":
        KSR.rtpengine.rtpengine_delete(media.session(call_id, passage.side))
        return
    # A branch flag: the reply route reads it for the branch that answers.
    KSR.setbflag(FLAG_MEDIA)
    if has_sdp():
        if method == "ACK":
            KSR.rtpengine.rtpengine_answer(media.answer(call_id, passage.side))
        elif method in ("INVITE", "UPDATE"):
            KSR.setflag(FLAG_OFFERED)
            KSR.rtpengine.rtpengine_offer(media.offer(call_id, passage.side, far_end))


def end_media() -> None:
    """The call at hand came to nothing: free its ports."""
    if KSR.isflagset(FLAG_MEDIA) > 0:
        KSR.rtpengine.rtpengine_delete(media.session(text("$ci"), branches.side()))
