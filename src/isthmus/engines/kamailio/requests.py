"""Requests outside a dialog: who sends them, where `decide` says they go, and taking them there."""

from __future__ import annotations

import re

from isthmus.addressing import is_e164
from isthmus.engines.kamailio import contact, dialogs, hops, replies
from isthmus.engines.kamailio.auth import Authenticator, Challenged
from isthmus.engines.kamailio.ksr import (
    FLAG_MEDIA,
    FLAG_OFFERED,
    FLAG_PASS_LINK,
    FLAG_PRIVATE,
    KSR,
    Refused,
    answer,
    has_sdp,
    header,
    text,
)
from isthmus.engines.kamailio.site import Site
from isthmus.routing.model import Answer, Decision, Dial, Local, PersonRecord, Relay, Request, Source
from isthmus.routing.rules import decide
from isthmus.routing.snapshot import View

_ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, REGISTER, REFER, NOTIFY, INFO, UPDATE, PRACK"
_ROUTED = frozenset({"INVITE", "MESSAGE", "OPTIONS", "REGISTER"})
# What only we may say, or what is nobody else's business: gone before anything leaves this site.
_INTERNAL = (
    "^(X-Isthmus-.*|P-Asserted-Identity|P-Preferred-Identity|Remote-Party-ID|Route|Path"
    "|Proxy-Authorization|Authorization)$"
)
_VISUAL = str.maketrans("", "", "-.() ")
_PAI_USER = re.compile(r"<(?:sips?|tel):([^@;>]+)(?:@([^;:>]+))?")


def handle(site: Site, auth: Authenticator) -> None:
    """One request, of any kind. Raises Refused for a final answer that the caller sends."""
    method = text("$rm")
    if KSR.maxfwd.process_maxfwd(20) < 0:
        raise Refused(483, "Too Many Hops")
    if KSR.sanity.sanity_check(1511, 7) < 0:
        return
    arrival = site.arrival()
    if arrival == "control":
        _import_binding(site, method)
        return
    KSR.force_rport()
    if method == "CANCEL":
        if KSR.tm.t_check_trans() > 0:
            KSR.tm.t_relay()
        return
    if KSR.pv.get("$tt") is not None:
        dialogs.handle(site, arrival, method)
        return
    if method == "ACK":
        KSR.tm.t_check_trans()
        return
    if method in ("BYE", "PRACK", "UPDATE", "INFO"):
        raise Refused(481, "Call/Transaction Does Not Exist")
    if KSR.tm.t_check_trans() == 0:
        return
    if method == "OPTIONS" and not text("$rU"):
        answer(200, "OK")
        return
    if method not in _ROUTED:
        KSR.hdr.append_to_reply(f"Allow: {_ALLOW}\r\n")
        raise Refused(405, "Method Not Allowed")
    if arrival.startswith("peer:"):
        _from_peer(site, arrival[5:], method)
    else:
        _from_edge(site, auth, arrival, method)


def _from_edge(site: Site, auth: Authenticator, arrival: str, method: str) -> None:
    """From a phone, a gateway or a stranger: nothing is believed before it is proved."""
    trunk = site.trunk_at(text("$si"))
    with site.snapshot.view() as view:
        if trunk is not None:
            request, asserted = _trunk_request(site, view, trunk.name, method)
        else:
            try:
                request, asserted = _phone_request(site, auth, view, method)
            except Challenged:
                return
        decision = decide(request, view).decision
    KSR.textops.remove_hf_re(_INTERNAL)
    if asserted:
        KSR.pv.sets("$avp(identity)", asserted)
    if method == "INVITE" and not hops.seal_contact(site, arrival):
        raise Refused(400, "Bad Contact")
    _carry_out(site, request, decision, arrival)


def _phone_request(site: Site, auth: Authenticator, view: View, method: str) -> tuple[Request, str]:
    """The request of a phone that proved who it is, and the identity header to assert."""
    domain = _realm(site, view)
    person = auth.authenticate(view, method, domain)
    claimed = f"{text('$fU')}@{text('$fd')}".lower()
    if method == "REGISTER":
        if f"{text('$tU')}@{text('$td')}".lower() != person.aor:
            raise Refused(403, "Not Your Address")
        target = person.aor
    else:
        if claimed != person.aor and not claimed.endswith("@anonymous.invalid"):
            raise Refused(403, "From Is Not You")
        target = _target(site, view, domain)
    request = Request(method, target, Source.PHONE, person.aor, unreachable=site.unreachable())
    return request, "" if method == "REGISTER" else _identity(person)


def _realm(site: Site, view: View) -> str:
    """The domain whose people may be asking: that of From where it is ours, else the called one, else our first."""
    for domain in (text("$fd").lower(), text("$rd").lower()):
        if domain in view.config.domains:
            return domain
    if not view.config.domains:
        raise Refused(403, "No People Live Here")
    return next(iter(view.config.domains))


def _identity(person: PersonRecord) -> str:
    """P-Asserted-Identity (RFC 3325): address and number."""
    name = person.display_name.replace("\\", "").replace('"', "")
    lines = f'P-Asserted-Identity: "{name}" <sip:{person.aor}>\r\n'
    return lines + (f"P-Asserted-Identity: <tel:{person.number}>\r\n" if person.number else "")


def _trunk_request(site: Site, view: View, trunk: str, method: str) -> tuple[Request, str]:
    """A call from the PSTN. Its caller is a number or nobody; it can't be one of our people."""
    if method == "REGISTER":
        raise Refused(403, "Trunks Do Not Register")
    domain = next(iter(view.config.domains), "")
    caller = _number(text("$fU"))
    target = _target(site, view, domain)
    request = Request(method, target, Source.TRUNK, caller or "", trunk, unreachable=site.unreachable())
    return request, f"P-Asserted-Identity: <tel:{caller}>\r\n" if caller else ""


def _target(site: Site, view: View, domain: str) -> str:
    """What the Request-URI means: an E.164 number, or an AOR. `domain` stands in for our own host names."""
    user, host = text("$rU"), text("$rd").lower()
    number = _number(user)
    known = host in view.config.domains or host in site.settings.own_hosts or not host
    if number and known:
        return number
    return f"{user.lower()}@{domain if host in site.settings.own_hosts else host}"


def _number(user: str) -> str | None:
    """A user part as E.164: `+1425...`, with visual separators, or eleven or more bare digits."""
    bare = user.partition(";")[0].translate(_VISUAL)
    if is_e164(bare):
        return bare
    return f"+{bare}" if bare.isascii() and bare.isdigit() and len(bare) >= 11 and is_e164(f"+{bare}") else None


def _from_peer(site: Site, peer: str, method: str) -> None:
    """From the other site: it has judged caller and rights; the epoch says what it knew."""
    KSR.setflag(FLAG_PASS_LINK)
    route = contact.first_uri(header("Route"))
    received = contact.received_of(route)
    if received and method != "REGISTER":
        _to_flow(site, received)
        return
    epoch = header("X-Isthmus-Epoch")
    with site.snapshot.view() as view:
        if method == "REGISTER":
            target = f"{text('$tU')}@{text('$td')}".lower()
        else:
            target = _target(site, view, next(iter(view.config.domains), ""))
        request = Request(
            method,
            target,
            Source.PEER,
            _asserted(),
            peer,
            int(epoch) if epoch.lstrip("-").isdigit() else -1,
            site.unreachable(),
        )
        decision = decide(request, view).decision
    KSR.textops.remove_hf_re("^(X-Isthmus-.*|Route)$")
    _carry_out(site, request, decision, f"peer:{peer}")


def _asserted() -> str:
    match = _PAI_USER.search(header("P-Asserted-Identity"))
    if match is None:
        return ""
    return f"{match[1]}@{match[2]}" if match[2] else match[1]


def _to_flow(site: Site, received: str) -> None:
    """The home found a phone of ours by its Path: the flow to it is in the Path, which only peers can say."""
    edge = contact.edge_of(received)
    if not edge:
        raise Refused(430, "Flow Failed")
    KSR.textops.remove_hf_re("^(X-Isthmus-.*|Route)$")
    KSR.setdsturi(received)
    if KSR.is_INVITE():
        _prepare_call(site, "peer")
    _relay_to_flow()


def _carry_out(site: Site, request: Request, decision: Decision, arrival: str) -> None:
    """Do what was decided. Every case ends in a relayed request or a final answer."""
    if isinstance(decision, Answer):
        raise Refused(decision.code, decision.reason)
    if request.method == "REGISTER":
        if isinstance(decision, Local):
            _save(site, arrival)
        elif isinstance(decision, Relay):
            _relay_register(site, decision, arrival)
        return
    if request.method == "INVITE":
        _prepare_call(site, "peer" if arrival.startswith("peer:") else arrival)
    if isinstance(decision, Local):
        _ring(site, decision.aor)
    elif isinstance(decision, Relay):
        _hand_over(site, decision, request)
    else:
        _dial(site, decision)


def _prepare_call(site: Site, arrival: str) -> None:
    """Marks that branch, reply and failure routes need. arrival: the listener's kind."""
    KSR.pv.sets("$avp(arrival)", arrival)
    if has_sdp():
        KSR.setflag(FLAG_OFFERED)
    if site.settings.relay != "never":
        KSR.setflag(FLAG_MEDIA)
    if "id" in header("Privacy"):
        KSR.setflag(FLAG_PRIVATE)
    KSR.dialog.dlg_manage()


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
    if KSR.is_INVITE():
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
        KSR.tm.t_send_reply(430, "Flow Failed")


def _save(site: Site, arrival: str) -> None:
    if arrival.startswith("peer:"):
        hops.to_registrar(site)
        KSR.tm.t_relay()
        return
    KSR.pv.sets("$avp(RCV)", hops.own_flow(arrival).uri)
    KSR.registrar.save("location", 0)


def _relay_register(site: Site, decision: Relay, arrival: str) -> None:
    """A phone that registers at the wrong site: its home keeps the binding, with the way back through us."""
    if not arrival.startswith("peer:"):
        KSR.hdr.append(f"Path: <{contact.path_uri(site.settings.link_host, hops.own_flow(arrival).uri)}>\r\n")
    KSR.hdr.append(f"X-Isthmus-Epoch: {decision.epoch}\r\n")
    hops.to_peer(site, decision.site)
    KSR.tm.t_relay()


def _import_binding(site: Site, method: str) -> None:
    """The control service hands over a binding in a move: a REGISTER that carries its proof."""
    if method != "REGISTER" or not site.is_control(header("X-Isthmus-Control")):
        raise Refused(403, "Forbidden")
    KSR.registrar.save("location", 0)


def handle_failure(site: Site) -> None:
    """A call ended without success. If the other site stayed silent, look for another way; else end the media."""
    if KSR.tm.t_is_canceled() > 0:
        dialogs.end_media()
        return
    peer = KSR.pv.get("$avp(relayed)")
    if peer is not None and KSR.tm.t_branch_timeout() > 0 and KSR.tm.t_branch_replied() < 0:
        name = str(peer)
        if site.mark_unreachable(name):
            KSR.warn(f"{name} does not answer: calls to it are led another way\n")
        KSR.pv.unset("$avp(relayed)")
        _another_way(site)
        return
    dialogs.end_media()
    _prefer_what_people_said()


def _prefer_what_people_said() -> None:
    """A phone that is switched off must not hide that another one was busy or declined (RFC 3261 16.7, step 6).

    Of several answers the engine takes the lowest code, and the silence of a dead phone counts as 408.
    """
    said = KSR.pv.get("$avp(said)")
    if said is not None and KSR.tm.t_check_status("408") > 0:
        KSR.tm.t_reply(int(said), replies.SAID_BY_PEOPLE[int(said)])


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
    dialogs.end_media()
    if isinstance(decision, Answer):
        KSR.tm.t_reply(decision.code, decision.reason)
