"""Carrying out what was decided: ring, hand over, dial, save; and what happens when that comes to nothing."""

from __future__ import annotations

from isthmus.activity.wire import Kind
from isthmus.engines.kamailio import contact, dialogs, hops, replies, timers
from isthmus.engines.kamailio.ksr import (
    FLAG_MEDIA,
    FLAG_OFFERED,
    FLAG_OUTSIDE,
    FLAG_PRIVATE,
    INTERNAL,
    KSR,
    Refused,
    has_sdp,
    header,
    headers,
    strip,
    text,
)
from isthmus.engines.kamailio.site import Site
from isthmus.routing.model import Answer, Decision, Dial, Local, Relay, Request, Source
from isthmus.routing.rules import decide
from isthmus.sip.sealing import open_flow


def out(site: Site, request: Request, decision: Decision, arrival: str, device: str = "") -> None:
    """Do what was decided. Every case ends in a relayed request or a final answer.

    device: whose credential proved the request; empty for a person's own.
    """
    if isinstance(decision, Answer):
        raise Refused(decision.code, decision.reason)
    if request.method == "REGISTER":
        if isinstance(decision, Local):
            _save(site, arrival, device)
        elif isinstance(decision, Relay):
            _relay_register(site, decision, arrival, device)
        return
    if request.method == "INVITE":
        _prepare_call(site, "peer" if arrival.startswith("peer:") else arrival)
    if isinstance(decision, Local):
        _ring(site, decision.aor)
    elif isinstance(decision, Relay):
        _hand_over(site, decision, request)
    else:
        _dial(site, decision)


def leads_outside(decision: Decision) -> bool:
    """Whether a call goes to the PSTN by the caller's wish, from here or from the peer that has the trunks."""
    if isinstance(decision, Dial):
        return not decision.instead_of
    return isinstance(decision, Relay) and not decision.aor


def _prepare_call(site: Site, arrival: str) -> None:
    """Marks that branch, reply and failure routes need. arrival: the listener's kind."""
    KSR.pv.sets("$avp(arrival)", arrival)
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
        KSR.pv.sets("$avp(timer)", "1")
    added = timers.for_request(asked)
    if added:
        KSR.hdr.append(added)


def _ring(site: Site, aor: str) -> None:
    """All bindings of somebody at home here."""
    uri = text("$ru")
    if not contact.is_gruu(uri):
        KSR.seturi(f"sip:{aor}")
    found = KSR.registrar.lookup("location")
    if found < 0:
        raise Refused(480, "Temporarily Unavailable")
    _relay()


def _hand_over(site: Site, decision: Relay, request: Request) -> None:
    """To the home of the one who is called."""
    if decision.aor and not contact.is_gruu(text("$ru")):
        KSR.seturi(f"sip:{decision.aor}")
    elif not decision.aor:
        KSR.seturi(f"sip:{request.target}@{site.settings.link_host.partition(':')[0]}")
    if decision.epoch >= 0:
        KSR.pv.sets("$avp(epoch)", str(decision.epoch))
    hops.to_peer(site, decision.site)
    KSR.pv.sets("$avp(relayed)", decision.site)
    KSR.pv.sets("$avp(target)", request.target)
    KSR.pv.sets("$avp(caller)", request.caller)
    KSR.pv.sets("$avp(source)", request.source.value)
    if request.method == "INVITE":
        KSR.tm.t_set_fr(120_000, site.settings.link_timeout_ms)
    _relay()


def _dial(site: Site, decision: Dial) -> None:
    """Out to the PSTN."""
    trunk = site.trunks[decision.trunk]
    uri = f"sip:{decision.number}@{trunk.uri_tail}"
    KSR.seturi(uri)
    KSR.setdsturi(f"sip:{trunk.uri_tail}")
    KSR.pv.sets("$fs", site.settings.sockets["tcp" if ";transport=tcp" in trunk.uri_tail else "udp"])
    _relay()


def _relay() -> None:
    """Send on, once for each branch; branches, replies and failures come back to us."""
    KSR.tm.t_on_branch("ksr_branch_out")
    KSR.tm.t_on_reply("ksr_reply_in")
    KSR.tm.t_on_failure("ksr_failure")
    # Where this fails TM has sent its own answer; a second one would confuse the caller.
    KSR.tm.t_relay()


def _relay_to_flow() -> None:
    """To one phone by its flow. When that is gone the home must know it (RFC 5626 section 5.3.1)."""
    KSR.tm.t_on_branch("ksr_branch_out")
    KSR.tm.t_on_reply("ksr_reply_in")
    KSR.tm.t_set_disable_internal_reply(1)
    if KSR.tm.t_relay() < 0:
        KSR.tm.t_send_reply(replies.FLOW_FAILED, "Flow Failed")


def _save(site: Site, arrival: str, device: str) -> None:
    if arrival.startswith("peer:"):
        hops.to_registrar(site)
        KSR.tm.t_relay()
        return
    KSR.pv.sets("$avp(RCV)", hops.own_contact(arrival, device))
    KSR.registrar.save("location", 0)


def _relay_register(site: Site, decision: Relay, arrival: str, device: str) -> None:
    """A phone that registers at the wrong site: its home keeps the binding, with the way back through us."""
    if not arrival.startswith("peer:"):
        path = contact.path_uri(site.settings.link_host, hops.own_contact(arrival, device))
        if arrival == "udp":
            # Over UDP the phone would look after its flow by STUN (RFC 5626 section 4.4.2), which nobody answers.
            strip("Supported")
        else:
            path += ";ob"
        KSR.hdr.append(f"Path: <{path}>\r\n")
    KSR.hdr.append(f"X-Isthmus-Epoch: {decision.epoch}\r\n")
    hops.to_peer(site, decision.site)
    KSR.tm.t_relay()


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
        KSR.seturi(uri)
        KSR.setdsturi(flow.uri)
        _prepare_call(site, arrival)
        _relay_to_flow()
        return True
    others = [name for name in site.peers if name not in request.unreachable]
    if request.source is Source.PEER or not others:
        return False
    _prepare_call(site, arrival)
    KSR.pv.sets("$avp(seal_only)", "1")
    hops.to_peer(site, others[0])
    _relay()
    return True


def to_flow(site: Site, received: str) -> None:
    """The home found a phone of ours by its Path: the flow to it is in the Path, which only peers can say."""
    edge = contact.edge_of(received)
    if not edge:
        raise Refused(430, "Flow Failed")
    strip(*INTERNAL, "Route")
    KSR.setdsturi(received)
    if KSR.is_INVITE():
        _prepare_call(site, "peer")
    _relay_to_flow()


def handle_failure(site: Site) -> None:
    """A request ended without success. Where the other site stayed silent, look for another way for a call."""
    if KSR.tm.t_is_canceled() > 0:
        _end_call(site)
        return
    peer = KSR.pv.get("$avp(relayed)")
    silent = KSR.tm.t_branch_timeout() > 0 and KSR.tm.t_branch_replied() < 0
    # A MESSAGE says nothing of the link: its only answer is the phone's.
    if peer is not None and silent and KSR.is_INVITE():
        name = str(peer)
        if site.mark_unreachable(name):
            KSR.warn(f"{name} does not answer: calls to it are led another way\n")
        KSR.pv.unset("$avp(relayed)")
        _another_way(site)
        return
    _end_call(site)
    _prefer_what_people_said()


def _end_call(site: Site) -> None:
    """The call at hand came to nothing."""
    dialogs.end_media()
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


def _another_way(site: Site) -> None:
    request = Request(
        "INVITE",
        text("$avp(target)"),
        Source(text("$avp(source)")),
        text("$avp(caller)"),
        unreachable=site.unreachable(),
    )
    with site.snapshot.view() as view:
        decision = decide(request, view).decision
    KSR.pv.unset("$avp(epoch)")
    if isinstance(decision, Dial):
        KSR.tm.t_reset_fr()
        _dial(site, decision)
        return
    _end_call(site)
    if isinstance(decision, Answer):
        KSR.tm.t_reply(decision.code, decision.reason)
