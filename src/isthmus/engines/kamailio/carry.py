"""Carrying out what was decided: ring, hand over, dial, save; and what happens when that comes to nothing."""

from __future__ import annotations

import time

from isthmus.activity.wire import Kind
from isthmus.engines.kamailio import (
    carriers,
    contact,
    dialogs,
    given_up,
    hops,
    later,
    locating,
    outward,
    recording,
    redirecting,
    replies,
    serving,
    streaming,
    timers,
    transferring,
    waiting,
)
from isthmus.engines.kamailio.auth import Authenticator
from isthmus.engines.kamailio.ksr import (
    FLAG_BEGINS,
    FLAG_MEDIA,
    FLAG_OFFERED,
    FLAG_OUTSIDE,
    FLAG_PRIVATE,
    INTERNAL,
    KSR,
    TRUNK,
    Refused,
    has_sdp,
    header,
    headers,
    strip,
    text,
)
from isthmus.engines.kamailio.site import Site
from isthmus.registration.rules import by_way_of
from isthmus.routing.model import SOS, Answer, Decision, Dial, Local, Relay, Request, Source
from isthmus.sip.sealing import open_flow


def out(site: Site, request: Request, decision: Decision, arrival: str, device: str = "") -> None:
    """Do what was decided. Every case ends in a relayed request or a final answer.

    device: whose credential proved the request; empty for a person's own.
    """
    if isinstance(decision, Answer):
        if decision.code == 503 and request.method == "REGISTER":
            later.say()
        raise Refused(decision.code, decision.reason)
    if request.method == "REGISTER":
        if isinstance(decision, Local):
            _save(site, arrival, device)
        elif isinstance(decision, Relay):
            _relay_register(site, decision, arrival, device)
        return
    if request.method == "INVITE":
        _prepare_call(site, "peer" if hops.is_link(arrival) else arrival)
        if request.source is Source.TRUNK and request.via in site.trunks:
            outward.count(site.trunks[request.via])
            transferring.begins(request.via)
        elif outward.leads_outside(decision):
            outward.count_caller(request)
    if isinstance(decision, Local):
        _ring(site, decision)
    elif isinstance(decision, Relay):
        if request.target.startswith(SOS) and any(trunk.location for trunk in site.trunks.values()):
            # Should the other site be silent: then it goes out here, and only now can a document be put into it.
            locating.add_place(site, request, device)
        _hand_over(site, decision, request)
    else:
        _remember(request)
        if request.target.startswith(SOS):
            # Who needs help has to be called back: the trunk learns the number, and its network what the caller wants.
            KSR.resetflag(FLAG_PRIVATE)
            # A later trunk may take what the first one does not, and only now can a document be put in: each branch
            # to one that wants none is made without it.
            if any(trunk.location for trunk in site.trunks.values()):
                locating.add_place(site, request, device)
            else:
                locating.drop_place(site, request)
        _dial(site, decision)


def _prepare_call(site: Site, arrival: str) -> None:
    """Marks that branch, reply and failure routes need. arrival: the listener's kind."""
    streaming.comes_from(site, arrival)
    KSR.pv.sets("$avp(arrival)", arrival)
    KSR.setflag(FLAG_BEGINS)
    if arrival == "peer":
        waiting.comes_by_link()
    if has_sdp():
        KSR.setflag(FLAG_OFFERED)
    if site.settings.relay != "never":
        KSR.setflag(FLAG_MEDIA)
    if "id" in header("Privacy"):
        KSR.setflag(FLAG_PRIVATE)
    if arrival != "peer":
        _keep_time()
    KSR.dialog.dlg_manage()


def _keep_time() -> None:
    """Session timers, once a call: by the site at which it begins."""
    asked = header("Session-Expires")
    if timers.is_too_short(asked):
        KSR.hdr.append_to_reply(f"Min-SE: {timers.MIN_SE_S}\r\n")
        raise Refused(422, "Session Interval Too Small")
    if timers.supports_timer(headers("Supported")):
        KSR.pv.seti("$avp(timer)", timers.wanted_s(asked))
    added = timers.for_request(asked)
    if added:
        KSR.hdr.append(added)


def _ring(site: Site, decision: Local) -> None:
    """All bindings of somebody at home here; where the call may ring at one place alone, those that are there."""
    uri = text("$ru")
    if not contact.is_gruu(uri):
        KSR.seturi(f"sip:{decision.aor}")
    found = KSR.registrar.lookup("location")
    if found < 0:
        raise Refused(480, "Temporarily Unavailable")
    if decision.place and not locating.rings_at(site, decision.place):
        raise Refused(480, "Not Where The Trunk Is")
    _relay()


def _hand_over(site: Site, decision: Relay, request: Request) -> None:
    """To the home of the one who is called."""
    if decision.aor and not contact.is_gruu(text("$ru")):
        KSR.seturi(f"sip:{decision.aor}")
    elif not decision.aor and request.source is not Source.BRANCH:
        peer = site.peer(decision.site)
        if peer is None:
            raise Refused(480, "Connector Is Gone")
        KSR.seturi(f"sip:{request.target}@{peer.host.partition(':')[0]}")
    if decision.epoch >= 0:
        KSR.pv.sets("$avp(epoch)", str(decision.epoch))
    hops.to_peer(site, decision.site)
    KSR.pv.sets("$avp(relayed)", decision.site)
    if not decision.aor and decision.site != site.settings.upstream:
        outward.relayed(decision.site)
    if site.settings.upstream and request.source is Source.TRUNK:
        KSR.hdr.append(f"{TRUNK}: {request.via}\r\n")
    _remember(request)
    if request.method == "INVITE":
        KSR.tm.t_set_fr(120_000, site.settings.link_timeout_ms)
    _relay()


def _remember(request: Request) -> None:
    """What has to be known to decide again, should this come to nothing."""
    KSR.pv.sets("$avp(target)", request.target)
    KSR.pv.sets("$avp(caller)", request.caller)
    KSR.pv.sets("$avp(source)", request.source.value)
    KSR.pv.seti("$avp(lot)", request.lot)
    if request.place:
        KSR.pv.sets("$avp(at)", request.place)


def _dial(site: Site, decision: Dial) -> None:
    """Out to the PSTN."""
    outward.dial(site, decision)
    _relay()


def _relay() -> None:
    """Send on, once for each branch; branches, replies and failures come back to us."""
    KSR.tm.t_on_branch("ksr_branch_out")
    KSR.tm.t_on_reply("ksr_reply_in")
    KSR.tm.t_on_failure("ksr_failure")
    # Where this fails TM has sent its own answer; a second one would confuse the caller.
    KSR.tm.t_relay()


def _relay_to_flow(site: Site, code: int = replies.FLOW_FAILED, reason: str = "Flow Failed") -> None:
    """To one phone by its flow. When that is gone the home must know it (RFC 5626 section 5.3.1)."""
    recording.alone()
    KSR.tm.t_on_branch("ksr_branch_out")
    KSR.tm.t_on_reply("ksr_reply_in")
    KSR.tm.t_set_disable_internal_reply(1)
    if KSR.tm.t_relay() < 0:
        recording.refused(site, code, reason)
        KSR.tm.t_send_reply(code, reason)


def _save(site: Site, arrival: str, device: str) -> None:
    if hops.is_link(arrival):
        if device:  # of a phone at a connector, which does not know whose credential it was
            _put_path(f"<{contact.uris(headers('Path'))[0]};device={device}>")
        hops.to_registrar(site)
        KSR.tm.t_relay()
        return
    KSR.pv.sets("$avp(RCV)", hops.own_contact(arrival, device))
    hops.save(site, arrival)


def _relay_register(site: Site, decision: Relay, arrival: str, device: str) -> None:
    """A phone that registers at the wrong site: its home keeps the binding, with the way back through us.

    Also from one of our connectors, to which its home has no other way; and by a connector, to the site that judges.
    """
    if arrival.startswith("connector:"):
        _put_path(by_way_of(site.settings.link_host, contact.uris(headers("Path"))[0], device))
    elif not hops.is_link(arrival):
        path = contact.path_uri(site.settings.link_host, hops.own_contact(arrival, device))
        if arrival == "udp":
            # Over UDP the phone would look after its flow by STUN (RFC 5626 section 4.4.2), which nobody answers.
            strip("Supported")
        else:
            path += ";ob"
        KSR.hdr.append(f"Path: <{path}>\r\n")
    KSR.hdr.append(f"X-Isthmus-Epoch: {decision.epoch}\r\n")
    hops.to_peer(site, decision.site)
    KSR.tm.t_on_reply("ksr_reply_bound")
    later.wait()
    KSR.tm.t_relay()


def _put_path(value: str) -> None:
    strip("Path")
    KSR.hdr.append(f"Path: {value}\r\n")


def to_sealed_flow(site: Site, request: Request, arrival: str) -> bool:
    """An attended transfer to the Contact of a call (RFC 5589 section 7.2): our own seal says where that phone is.

    The seal is bound to the call that is replaced. One of another site's is for that site to open. Returns False
    where the Request-URI is nothing of the kind.
    """
    uri, sealed = contact.split_flow(text("$ru"))
    replaced = header("Replaces").partition(";")[0].strip()
    if request.method != "INVITE" or not sealed or not replaced:
        return False
    flow = open_flow(site.secret, replaced, sealed, contact.bound(uri))
    if flow is not None:
        place = locating.place_of_trunk(site, request)
        if place and locating.place_of(site, flow.uri) != place:
            raise Refused(480, "Not Where The Trunk Is")
        KSR.seturi(uri)
        KSR.setdsturi(flow.uri)
        _prepare_call(site, "peer" if hops.is_link(arrival) else arrival)
        _relay_to_flow(site)
        return True
    others = [name for name in site.peers if name not in request.unreachable]
    if request.source is Source.PEER or not others:
        return False
    _prepare_call(site, "peer" if hops.is_link(arrival) else arrival)
    KSR.pv.sets("$avp(seal_only)", "1")
    hops.to_peer(site, others[0])
    _relay()
    return True


def to_flow(site: Site, received: str) -> None:
    """The home found a phone of ours by its Path: the flow to it is in the Path, which only peers can say."""
    edge = contact.edge_of(received)
    if not edge or edge == "trunk":
        raise Refused(430, "Flow Failed")
    strip(*INTERNAL, "Route")
    KSR.setdsturi(received)
    if KSR.is_INVITE():
        _prepare_call(site, "peer")
    _relay_to_flow(site)


def to_connector(site: Site, behind: hops.Behind) -> None:
    """Their home found a visitor's phone by its Path, which leads through us to a connector: that has its flow."""
    strip(*INTERNAL, "Route")
    KSR.hdr.append(f"Route: <{behind.route}>\r\n")
    hops.to_peer(site, behind.connector)
    if KSR.is_INVITE():
        _prepare_call(site, "peer")
    # No 430, for which their home would forget the phone: it is still there when the connector is back.
    _relay_to_flow(site, 480, "Connector Can't Be Reached")


def handle_failure(site: Site, auth: Authenticator) -> None:
    """A request ended without success. Where the other site stayed silent, look for another way for a call."""
    gone = waiting.take_gone()
    if KSR.is_INVITE():
        given_up.leave(site, gone=gone)
    if KSR.tm.t_is_canceled() > 0:
        _end_call(site)
        return
    if KSR.is_INVITE() and carriers.take_proof(site):
        outward.again(site)
        _relay()
        return
    peer = KSR.pv.get("$avp(relayed)")
    if peer is not None and site.settings.upstream and text("$rm") in serving.SERVED:
        later.failed(site)
        return
    if gone:  # early media, too: who answers next is somebody else
        dialogs.end_media()
    silent = gone or (KSR.tm.t_branch_timeout() > 0 and KSR.tm.t_branch_replied() < 0)
    # A MESSAGE says nothing of the link: its only answer is the phone's.
    if peer is not None and silent and KSR.is_INVITE():
        name = str(peer)
        KSR.pv.sets("$avp(cut)", name)
        if site.mark_unreachable(name):
            KSR.warn(f"{name} does not answer: calls to it are led another way\n")
        _another_way(site, auth, text("$avp(outward)"), silent=True)
        return
    if KSR.is_INVITE() and redirecting.is_redirected():
        _redirect(site)
        return
    failed = outward.failed(gone=gone) if KSR.is_INVITE() else ""
    if failed:
        _another_way(site, auth, failed, silent=gone or KSR.tm.t_branch_timeout() > 0)
        return
    _end_call(site)
    _prefer_what_people_said()


def _redirect(site: Site) -> None:
    """A gateway wants the call to go elsewhere: decided about as if the caller had dialled it."""
    outward.leave()
    request = redirecting.request(site)
    if request is None:
        _end_call(site)
        KSR.tm.t_reply(480, "Redirected To Nowhere")
        return
    for variable in ("outward", "relayed", "tried", "rings", "epoch"):
        KSR.pv.unset(f"$avp({variable})")
    with site.snapshot.view() as view:
        outcome = outward.decided(site, request, view)
    decision = outcome.decision
    recording.rerouted(site, outcome)
    KSR.tm.t_reset_fr()
    if isinstance(decision, Answer):
        _end_call(site)
        KSR.tm.t_reply(decision.code, decision.reason)
        return
    if outward.leads_outside(decision):
        redirecting.tell(site, request)
    try:
        if isinstance(decision, Local):
            _ring(site, decision)
        elif isinstance(decision, Relay):
            _hand_over(site, decision, request)
        else:
            _remember(request)
            _dial(site, decision)
    except Refused as refused:
        _end_call(site)
        KSR.tm.t_reply(refused.code, refused.reason)


def _end_call(site: Site) -> None:
    """The call at hand came to nothing."""
    dialogs.end_media()
    recording.failed(site)
    if KSR.isflagset(FLAG_OUTSIDE) > 0:
        site.activity.tell(Kind.ENDED, call_id=text("$ci"))


def _prefer_what_people_said() -> None:
    """A phone that is switched off must not hide that another one was busy or declined (RFC 3261 16.7, step 6).

    Of several answers the engine takes the lowest code: 408 for a dead phone's silence, 430 for one whose connection
    is gone, which is nothing a caller should hear of (RFC 5626 section 5.3.1).
    """
    said = KSR.pv.get("$avp(said)")
    gone = KSR.tm.t_check_status("430") > 0
    if said is not None and (gone or KSR.tm.t_check_status("408") > 0):
        KSR.tm.t_reply(int(said), replies.SAID_BY_PEOPLE[int(said)])
    elif gone:
        KSR.tm.t_reply(480, "Temporarily Unavailable")


def _another_way(site: Site, auth: Authenticator, failed: str, *, silent: bool) -> None:
    """Decide again, with what is known by now.

    failed: the way to the PSTN on which the call came to nothing. silent: nobody there has said so.
    """
    # Else what is silent from here on would be held against that site.
    KSR.pv.unset("$avp(relayed)")
    request = Request(
        "INVITE",
        text("$avp(target)"),
        Source(text("$avp(source)")),
        text("$avp(caller)"),
        # The mark of the silent peer may be over by the time that a trunk was silent, too.
        unreachable=site.unreachable() | frozenset({text("$avp(cut)")}),
        tried=outward.tried(*([failed] if failed else [])),
        at_s=int(time.time()),
        lot=int(KSR.pv.get("$avp(lot)") or 0),
        place=text("$avp(at)"),
    )
    with site.snapshot.view() as view:
        outcome = outward.decided(site, request, view)
    decision = outcome.decision
    KSR.pv.unset("$avp(epoch)")
    if isinstance(decision, Dial):
        recording.rerouted(site, outcome)
        KSR.tm.t_reset_fr()
        _dial(site, decision)
    elif isinstance(decision, Relay) and not decision.aor:
        recording.rerouted(site, outcome)
        KSR.tm.t_reset_fr()
        _hand_over(site, decision, request)
    elif isinstance(decision, Local) and site.settings.upstream:
        recording.rerouted(site, outcome)
        KSR.tm.t_reset_fr()
        _ring(site, decision)
    else:
        _end_call(site)
        if isinstance(decision, Answer) and decision.code == 407:
            # The phone's proof was for the site that is away: it is asked for one to this branch, and calls again.
            auth.challenge_here(text("$fd").lower())
        # What the last gateway said itself is the better answer.
        unproved = any(KSR.tm.t_check_status(code) > 0 for code in ("401", "407"))
        if isinstance(decision, Answer) and (silent or unproved or not failed):
            KSR.tm.t_reply(decision.code, decision.reason)
