"""Requests outside a dialog: who sends them, what they ask for, and where `decide` says they go."""

from __future__ import annotations

import re

from isthmus.activity.wire import Kind
from isthmus.addressing import dialled_number, is_e164
from isthmus.dialling.plan import Dialling
from isthmus.engines.kamailio import branches, carry, contact, dialogs, hops
from isthmus.engines.kamailio.auth import Authenticator
from isthmus.engines.kamailio.ksr import (
    CREDENTIALS,
    FLAG_OUTSIDE,
    FLAG_PASS_LINK,
    IDENTITY,
    INTERNAL,
    KSR,
    Refused,
    answer,
    header,
    headers,
    strip,
    text,
)
from isthmus.engines.kamailio.site import Site
from isthmus.routing import dialling
from isthmus.routing.model import SHORT, SOS, Answer, Decision, Local, PersonRecord, Request, Source
from isthmus.routing.rules import decide
from isthmus.routing.snapshot import View

_NO_PLAN = Dialling()
_ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, REGISTER, REFER, NOTIFY, INFO, UPDATE, PRACK"
_ROUTED = frozenset({"INVITE", "MESSAGE", "OPTIONS", "REGISTER"})
_PAI_USER = re.compile(r"<(?:sips?|tel):([^@;>]+)(?:@([^;:>]+))?")


def handle(site: Site, auth: Authenticator) -> None:
    """One request, of any kind. Raises Refused for a final answer that the caller sends."""
    method = text("$rm")
    KSR.force_rport()
    if KSR.maxfwd.process_maxfwd(20) < 0:
        raise Refused(483, "Too Many Hops")
    # Octets behind Content-Length are refused too, though RFC 3261 18.3 would discard them in a datagram: sent on over
    # the link they would be a request of the other site's.
    if KSR.sanity.sanity_check(1511, 7) < 0:
        return
    arrival = site.arrival()
    if arrival == "control":
        _import_binding(site, method)
        return
    if arrival == "udp" and _is_flood(site):
        return
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
    # A REGISTER that comes again is saved again, or found by t_relay: to look first would cost every one.
    if method != "REGISTER" and KSR.tm.t_check_trans() == 0:
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


def _is_flood(site: Site) -> bool:
    """Too much by UDP from one address, which then gets no answer. TCP, TLS and WebSocket are haproxy's to limit."""
    source = text("$si")
    if site.exempt.hold(source) or site.trunk_at(source) is not None:
        return False
    return bool(KSR.pike.pike_check_req() < 0)


def _from_edge(site: Site, auth: Authenticator, arrival: str, method: str) -> None:
    """From a phone, a gateway or a stranger: nothing is believed before it is proved."""
    trunk, person = site.trunk_at(text("$si")), None
    device = ""
    with site.snapshot.view() as view:
        if site.bars(view, text("$si")):
            raise Refused(403, "Blocked")
        if trunk is not None:
            request, asserted = _trunk_request(site, view, trunk.name, method)
        else:
            domain = _realm(view)
            proved = auth.authenticate(view, method, domain)
            if proved is None:
                return  # challenged
            person, device = proved
            if device:
                site.activity.tell_device(device, text("$si"), arrival, lambda: header("User-Agent"))
            request, asserted = _phone_request(site, view, person, domain, method)
        decision = decide(request, view).decision
        if person is not None:
            _tell_activity(site, person, request, decision, device)
    if method != "REGISTER" or not isinstance(decision, Local):  # what is saved here goes nowhere
        strip(*INTERNAL, *IDENTITY, *CREDENTIALS, "Route", "Path")
    if asserted:
        KSR.pv.sets("$avp(identity)", asserted)
    if method == "INVITE" and not hops.seal_contact(site, arrival):
        # Also where there is none (RFC 3261 section 8.1.1.8): the called could never hang up.
        raise Refused(400, "Bad Contact")
    # Only where `decide` knows no such target: a seal never leads past it to anybody it does know.
    if not (isinstance(decision, Answer) and carry.to_sealed_flow(site, request, arrival)):
        carry.out(site, request, decision, arrival, device)


def _phone_request(site: Site, view: View, person: PersonRecord, domain: str, method: str) -> tuple[Request, str]:
    """What the phone of `person` asks for, and the identity header to assert. domain: the realm it proved itself in."""
    if method == "REGISTER":
        if f"{text('$tU')}@{text('$td')}".lower() != person.aor:
            raise Refused(403, "Not Your Address")
        if header("Path"):
            # Stripping it would not help: the registrar reads what was received. It would lead calls anywhere.
            raise Refused(403, "Path Is Not For Phones")
        if not contact.may_register(headers("Contact")):
            raise Refused(400, "Bad Contact")
        target = person.aor
    else:
        claimed = f"{text('$fU')}@{text('$fd')}".lower()
        if claimed != person.aor and not claimed.endswith("@anonymous.invalid"):
            raise Refused(403, "From Is Not You")
        target = _target(site, view, domain, view.config.dial_plans[person.dial_plan])
    request = Request(method, target, Source.PHONE, person.aor, unreachable=site.unreachable())
    return request, "" if method == "REGISTER" else _identity(person)


def _tell_activity(site: Site, person: PersonRecord, request: Request, decision: Decision, device: str) -> None:
    """What the profile of an account is made of: registrations, and calls to the PSTN."""
    if request.method == "REGISTER":
        if not isinstance(decision, Answer):
            site.activity.tell_registered(person.aor, text("$si"), header("User-Agent"), device)
    elif request.method == "INVITE" and carry.leads_outside(decision) and is_e164(request.target):
        KSR.setflag(FLAG_OUTSIDE)
        site.activity.tell(
            Kind.CALL,
            person.aor,
            text("$si"),
            header("User-Agent"),
            number=request.target,
            own_number=person.number or "",
            call_id=text("$ci"),
            device=device,
        )


def _realm(view: View) -> str:
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
    caller = dialled_number(text("$fU"))
    # Anybody can set a caller's number in the PSTN: one that is our own people's is not vouched for, and an address of
    # ours never comes from there.
    vouched = caller is not None and view.owner_of(caller) is None
    if not vouched and text("$fd").lower() in view.config.domains:
        raise Refused(403, "From Is Not Of The PSTN")
    target = _target(site, view, domain)
    request = Request(method, target, Source.TRUNK, caller or "", trunk, unreachable=site.unreachable())
    return request, f"P-Asserted-Identity: <tel:{caller}>\r\n" if vouched else ""


def _target(site: Site, view: View, domain: str, plan: Dialling = _NO_PLAN) -> str:
    """What the Request-URI means (see Request.target). `domain` stands in for our own host names.

    plan: that of the person who dials; without it numbers have their country code.
    """
    user, host = text("$rU"), text("$rd").lower()
    known = host in view.config.domains or host in site.settings.own_hosts or not host
    address = f"{user.lower()}@{domain if host in site.settings.own_hosts else host}"
    return dialling.target(user, address, plan, view) if known else address


def _from_peer(site: Site, peer: str, method: str) -> None:
    """From the other site: it has judged caller and rights; the epoch says what it knew."""
    KSR.setflag(FLAG_PASS_LINK)
    route = contact.first_uri(header("Route"))
    received = contact.received_of(route)
    if received and method != "REGISTER":
        carry.to_flow(site, received)
        return
    epoch = header("X-Isthmus-Epoch")
    with site.snapshot.view() as view:
        if method == "REGISTER":
            target = f"{text('$tU')}@{text('$td')}".lower()
        else:
            user = text("$rU")
            # The peer has read by the plan of who dialled.
            as_dialled = user.startswith((SOS, SHORT)) and user.partition(".")[2].isdigit()
            target = user if as_dialled else _target(site, view, next(iter(view.config.domains), ""))
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
    strip(*INTERNAL, "Route")
    if header(branches.SEAL_ONLY):
        # The peer could not judge the target and asks for the seal alone.
        if not carry.to_sealed_flow(site, request, "peer"):
            raise Refused(404, "Not Found")
        return
    carry.out(site, request, decision, f"peer:{peer}")


def _asserted() -> str:
    match = _PAI_USER.search(header("P-Asserted-Identity"))
    if match is None:
        return ""
    return f"{match[1]}@{match[2]}" if match[2] else match[1]


def _import_binding(site: Site, method: str) -> None:
    """The control service hands over a binding in a move: a REGISTER that carries its proof."""
    if method != "REGISTER" or not site.is_control(header("X-Isthmus-Control")):
        raise Refused(403, "Forbidden")
    KSR.registrar.save("location", 0)
