"""Requests inside a dialog: they go only where this site's own seals in Route and Request-URI lead."""

from __future__ import annotations

from isthmus.activity.wire import Kind
from isthmus.engines.kamailio import (
    branches,
    carriers,
    contact,
    ending,
    hops,
    media,
    naming,
    recording,
    streaming,
    transferring,
)
from isthmus.engines.kamailio.carriers import REFRESHES
from isthmus.engines.kamailio.ksr import (
    CREDENTIALS,
    FLAG_MEDIA,
    FLAG_OFFERED,
    FLAG_PASS_LINK,
    IDENTITY,
    INTERNAL,
    KSR,
    Refused,
    answer,
    has_sdp,
    header,
    strip,
    text,
)
from isthmus.engines.kamailio.site import Site
from isthmus.sip.sealing import Pass, Side, open_flow, open_pass


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
    if site.has_names and (within := contact.unnamed(text("$ru"))) != text("$ru"):
        # Before the Routes are read: a Request-URI with our own name says that they were read the strict way.
        KSR.seturi(within)
    if KSR.rr.loose_route() < 0:
        raise Refused(481, "Call/Transaction Does Not Exist")
    far_end = _next_hop(site, call_id)
    from_peer = hops.is_link(arrival)
    if not arrival.startswith("peer:"):
        strip(*INTERNAL, *IDENTITY, *CREDENTIALS)
    if arrival != "presence":
        _show_contact(site, arrival, method)
    if site.trunks and (method == "REFER" or method in REFRESHES):
        _mind_transfers(site, arrival, method)
    if passage.side is Side.LINK:
        KSR.setflag(FLAG_PASS_LINK)
    elif method == "BYE":
        site.activity.tell(Kind.ENDED, call_id=call_id)
    if passage.media or streaming.is_relayed_by_now(site, method):
        _keep_media(site, arrival, method, call_id, passage, far_end)
    if method == "BYE":
        recording.hung_up(site, call_id, passage.side)
    else:
        recording.within(site, method, call_id, passage.side)
    if method in REFRESHES:
        KSR.pv.sets("$avp(arrival)", "peer" if from_peer else arrival)
        KSR.tm.t_on_reply("ksr_reply_in")
    if site.has_accounts and method != "ACK" and carriers.goes_to(site.trunk_of_hop(text("$du")), text("$ru")):
        carriers.follow_within(method)
    if method == "BYE" and far_end == "peer" and _hangs_up_here(site, call_id, passage.side):
        return
    KSR.tm.t_relay()
    if method == "ACK" and site.has_wishes:
        streaming.end_silenced(site, call_id)


def _hangs_up_here(site: Site, call_id: str, side: Side) -> bool:
    """At a connector: whether the BYE at hand was dealt with, since the site it would go through can't be reached.

    Both ends of such a call may be here, and a gateway that nobody tells goes on charging.
    """
    upstream = site.settings.upstream
    if not upstream or not ending.keep_other_end(site, call_id, side):
        return False
    if upstream in site.unreachable():
        ending.hang_up_other_end(site)
        answer(200, "OK")
        return True
    KSR.tm.t_set_fr(120_000, site.settings.link_timeout_ms)
    KSR.tm.t_on_failure("ksr_failure_bye")
    return False


def _mind_transfers(site: Site, arrival: str, method: str) -> None:
    """REFER from and to trunks, and requests that say whether it is taken. Raises Refused."""
    sender, receiver = site.trunk_here(arrival), site.trunk_of_hop(text("$du"))
    if method == "REFER":
        transferring.judge(site, sender, receiver)
    else:
        transferring.hide(receiver)
        if sender is not None:
            transferring.begins(sender.name)


def _show_contact(site: Site, arrival: str, method: str) -> None:
    """Write the Contact of a request in the dialog as its far end is to see it. Raises Refused for none that can be."""
    trunk = site.trunk_of_hop(text("$du")) if site.has_names else None
    shown = trunk if trunk is not None and trunk.seen_as else None
    from_peer = hops.is_link(arrival)
    refreshes = method in REFRESHES or method == "SUBSCRIBE"  # of a phone at a connector
    if not header("Contact") or (shown is None and (from_peer or not refreshes)):
        return
    if not refreshes:
        strip("Contact")  # it says nothing there, and has an address in it
        return
    value = header("Contact") if from_peer else hops.sealed_contact(site, arrival)
    if not value:
        raise Refused(400, "Bad Contact")
    naming.put(shown, value)


def _next_hop(site: Site, call_id: str) -> str:
    """Set destination and socket; gives the kind of far end. After loose_route: $du is the next Route, if any."""
    hop = text("$du")
    peer = site.peer_of_hop(hop) if hop else None
    if peer is not None:
        hops.to_peer(site, peer.name)
        return "peer"
    uri, sealed = contact.split_flow(text("$ru"))
    flow = open_flow(site.secret, call_id, sealed, contact.bound(uri)) if sealed else None
    # Carriers have proxies that stay in the dialog. Their Routes are theirs to follow: here they lead to the trunk that
    # the sealed flow leads to, and nowhere else.
    if flow is None or (hop and site.trunk_of_hop(flow.uri) is None):
        raise Refused(481, "Call/Transaction Does Not Exist")
    KSR.seturi(uri)
    if not hop and contact.is_gruu(uri) and KSR.registrar.lookup("location") > 0:
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


def _keep_media(site: Site, arrival: str, method: str, call_id: str, passage: Pass, far_end: str) -> None:
    """Tell the relay what a request in the dialog changes. Raises Refused where it may not be so."""
    if method == "BYE":
        KSR.rtpengine.rtpengine_delete(media.session(call_id, passage.side))
        return
    # A branch flag: the reply route reads it for the branch that answers.
    KSR.setbflag(FLAG_MEDIA)
    streaming.comes_from(site, arrival)
    streaming.goes_to(site, text("$du"))
    if has_sdp():
        if method == "ACK" or (method == "PRACK" and KSR.pv.get("$dlg_var(late)") is not None):
            KSR.pv.unset("$dlg_var(late)")
            streaming.answer(call_id, passage.side)
        elif method in ("INVITE", "UPDATE", "PRACK"):
            KSR.setflag(FLAG_OFFERED)
            streaming.offer(site, call_id, passage.side, far_end)


def end_media() -> None:
    """The call at hand came to nothing: free its ports."""
    if KSR.isflagset(FLAG_MEDIA) > 0:
        KSR.rtpengine.rtpengine_delete(media.session(text("$ci"), branches.side()))
