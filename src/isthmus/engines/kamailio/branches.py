"""Each branch of a request on its way out: next hop, Record-Route, identity and media for the one who gets it."""

from __future__ import annotations

from isthmus.engines.kamailio import carriers, contact, hops, locating, manipulating, naming, outward, streaming
from isthmus.engines.kamailio.ksr import FLAG_MEDIA, FLAG_PASS_LINK, FLAG_PRIVATE, KSR, has_sdp, header, text
from isthmus.engines.kamailio.site import Site
from isthmus.sip.sealing import Pass, Side, seal_pass

# To the peer: open the seal in the Request-URI, and do nothing else with this request.
SEAL_ONLY = "X-Isthmus-Seal"


def handle(site: Site) -> None:
    """One branch of an out-of-dialog request."""
    if KSR.pv.get("$avp(place)") is not None and locating.is_elsewhere(site, text("$du")):
        KSR.set_drop()
        return
    far_end = _next_hop(site)
    if not far_end:
        KSR.err(f"a branch to {text('$du') or text('$ru')} is none of ours: dropped\n")
        KSR.set_drop()
        return
    if far_end == "peer" and KSR.pv.get("$avp(epoch)") is not None:
        KSR.hdr.append(f"X-Isthmus-Epoch: {text('$avp(epoch)')}\r\n")
    if far_end == "peer" and (place := locating.told_other_site()):
        KSR.hdr.append(place)
    if far_end == "peer" and KSR.pv.get("$avp(seal_only)") is not None:
        KSR.hdr.append(f"{SEAL_ONLY}: 1\r\n")
    _identity(site, far_end)
    naming.show_contact(site, far_end)
    if site.has_accounts:
        carriers.keep_count()
    if text("$rm") == "SUBSCRIBE":  # at a connector: sites answer it themselves
        _record_route(site, far_end, Pass(side(), False))
    if KSR.is_INVITE():
        streaming.goes_to(site, text("$du"))
        relayed = _is_media_relayed(site, far_end)
        _record_route(site, far_end, Pass(side(), relayed))
        if not relayed:
            KSR.resetbflag(FLAG_MEDIA)  # it may have been set for the way that was tried before
        else:
            KSR.setbflag(FLAG_MEDIA)
            if has_sdp():
                streaming.offer(site, text("$ci"), side(), far_end)


def side() -> Side:
    """The side of this passage: where the first request of the dialog came from."""
    return Side.LINK if KSR.isflagset(FLAG_PASS_LINK) > 0 else Side.EDGE


def _next_hop(site: Site) -> str:
    """Settle the hop; gives the kind of far end: peer, or the listener (udp, tcp, tls, ws) whose side it is on.

    A trunk by TCP or TLS is `trunk:NAME`.

    Empty where the hop is no peer, no phone's flow and no trunk: whatever led there, nothing is sent.
    """
    hop = text("$du") or text("$ru")
    peer = site.peer_of_hop(hop)
    if peer is not None:
        hops.to_peer(site, peer.name)
        return "peer"
    edge = contact.edge_of(hop)
    if edge and edge != "trunk":
        hops.to_flow(site, hop, edge)
        return edge
    trunk = site.trunk_of_hop(hop)
    if trunk is None:
        return ""
    if trunk.out_port:
        hops.to_trunk(site, trunk)
    locating.spare_trunk(trunk)
    return trunk.edge


def _identity(site: Site, far_end: str) -> None:
    """Who calls: asserted by us, or by the peer before us; kept from phones where the caller wants privacy."""
    if far_end != "peer" and outward.tell_trunk(site):
        return
    manipulating.tell_inside(site)
    if KSR.isflagset(FLAG_PRIVATE) > 0 and far_end != "peer":
        KSR.hdr.remove("P-Asserted-Identity")
        return
    asserted = KSR.pv.get("$avp(identity)")
    if asserted is not None:
        KSR.hdr.append(str(asserted))


def _is_media_relayed(site: Site, far_end: str) -> bool:
    """Not where this site only passes a call on between links, nor between two phones that reach each other.

    Nor between a phone and a trunk that do: that is the trunk's to say alone, whatever `relay` is.
    """
    from_link, to_link = side() is Side.LINK, far_end == "peer"
    mode = site.settings.relay
    if mode == "never" or (from_link and to_link):
        return False
    directly = streaming.goes_directly(site, far_end, from_link=from_link)
    if directly is not None:
        return not directly
    if streaming.needs_relay(site):
        return True
    if mode == "always" or "ws" in (far_end, text("$avp(arrival)")):
        return True
    if to_link:
        return not _may_be_direct(site)
    callee = text("$du").partition(":")[2].partition(";")[0].rpartition(":")[0]
    caller_is_direct = header(streaming.DIRECT) == "1" if from_link else site.direct.hold(text("$si"))
    return not (caller_is_direct and site.direct.hold(callee))


def _may_be_direct(site: Site) -> bool:
    """Whether the caller's media may go to the peer's phones unrelayed. The peer is told, and relays where it must."""
    peer = site.peer_of_hop(text("$du"))
    if peer is None or not peer.direct_media or not site.direct.hold(text("$si")):
        return False
    KSR.hdr.append(f"{streaming.DIRECT}: 1\r\n")
    return True


def _record_route(site: Site, far_end: str, passage: Pass) -> None:
    """One Record-Route where both sides are reached alike, else one for each (RFC 5658).

    Not by the engine's own function, which allows one for all branches of a request.
    """
    seal = seal_pass(site.secret, text("$ci"), passage)
    routes = site.settings.record_routes
    outward = routes[far_end].replace("{seal}", seal)
    inward = routes[text("$avp(arrival)")].replace("{seal}", seal)
    if outward == inward:
        KSR.hdr.insert(f"Record-Route: <{outward}>\r\n")
    else:
        # A line each: linphone (belle-sip 5.1) gives the second of two on one line back twice, and its calls never end.
        KSR.hdr.insert(f"Record-Route: <{outward};r2=on>\r\nRecord-Route: <{inward};r2=on>\r\n")
