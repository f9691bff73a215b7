"""Requests outside a dialog: who sends them, what they ask for, and where `decide` says they go."""

from __future__ import annotations

import re
import time
import zlib

import msgspec

from isthmus.activity.wire import Kind
from isthmus.addressing import dialled_number, is_e164
from isthmus.dialling.plan import Dialling
from isthmus.emergency import reported
from isthmus.engines.kamailio import (
    announcing,
    branches,
    carriers,
    carry,
    connecting,
    contact,
    dialogs,
    ending,
    hops,
    lending,
    locating,
    manipulating,
    naming,
    outward,
    recording,
    texting,
    vouching,
)
from isthmus.engines.kamailio.auth import Authenticator
from isthmus.engines.kamailio.config import TrunkSettings
from isthmus.engines.kamailio.ksr import (
    COUNTING,
    COUNTRY,
    CREDENTIALS,
    FLAG_OUTSIDE,
    FLAG_PASS_LINK,
    IDENTITY,
    INTERNAL,
    KSR,
    TRUNK,
    Refused,
    answer,
    header,
    headers,
    number,
    strip,
    text,
)
from isthmus.engines.kamailio.site import Site
from isthmus.routing import dialling, located
from isthmus.routing.model import SHORT, SOS, Answer, Decision, Dial, Local, PersonRecord, Request, Source, Step
from isthmus.routing.snapshot import View
from isthmus.stir.model import Verstat
from isthmus.trunking.model import Read

_NO_PLAN = Dialling()
_ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, REGISTER, REFER, SUBSCRIBE, NOTIFY, PUBLISH, INFO, UPDATE, PRACK"
# What is looked at in a request (the engine's bits); of one by UDP without a length it would write a warning each time.
_SOUND, _SOUND_WITHOUT_LENGTH = 1511, 1511 - 128
_ROUTED = frozenset({"INVITE", "MESSAGE", "OPTIONS", "REGISTER"})
_ASKED_MS = 5_000  # what a phone has to say in that it is there
_PAI_USER = re.compile(r"<(?:sips?|tel):([^@;>]+)(?:@([^;:>]+))?")


def handle(site: Site, auth: Authenticator) -> None:
    """One request, of any kind. Raises Refused for a final answer that the caller sends."""
    method = text("$rm")
    KSR.force_rport()
    if site.has_accounts:
        strip(*COUNTING)
    if KSR.maxfwd.process_maxfwd(20) < 0:
        raise Refused(483, "Too Many Hops")
    # Octets behind Content-Length are refused too, though RFC 3261 18.3 would discard them in a datagram: sent on over
    # the link they would be a request of the other site's.
    if KSR.sanity.sanity_check(_SOUND if header("Content-Length") else _SOUND_WITHOUT_LENGTH, 7) < 0:
        return
    arrival = site.arrival()
    if not arrival:
        raise Refused(403, "Forbidden")
    if arrival.startswith("connector:"):
        hops.note_connector(arrival[10:])
    if arrival == "control":
        if method == "OPTIONS":
            texting.deliver(site, _ASKED_MS)
        else:
            _import_binding(site, method)
        return
    if arrival == "presence":
        if method == "MESSAGE":
            texting.deliver(site)
        else:
            announcing.notify(site, method)
        return
    if arrival == "udp" and (_is_relayed(site) or _is_flood(site)):
        return
    if method == "CANCEL":
        if KSR.tm.t_check_trans() > 0:
            KSR.tm.t_relay()
        return
    if KSR.pv.get("$tt") is not None:
        if method == "SUBSCRIBE" and _serves_presence(site, arrival):
            announcing.refresh(site, arrival)
            return
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
        naming.introduce(site, arrival)
        answer(200, "OK")
        return
    if method in announcing.METHODS and _serves_presence(site, arrival):
        announcing.handle(site, auth, arrival, method, _realm)
        return
    if method in announcing.METHODS and site.settings.upstream and _is_phone(site, arrival):
        if not _passed_on(site, arrival, method):
            raise Refused(480, "Online Can't Be Reached")
        return
    kept = method == "MESSAGE" and site.settings.messages and _serves_presence(site, arrival)
    if kept and texting.handle(site, auth, arrival, _realm, _meant):
        return
    if method not in _ROUTED:
        KSR.hdr.append_to_reply(f"Allow: {_ALLOW}\r\n")
        raise Refused(405, "Method Not Allowed")
    if arrival.startswith("peer:"):
        _from_peer(site, arrival[5:], method)
    elif not (site.settings.upstream and _passed_on(site, arrival, method)):
        _from_edge(site, auth, arrival, method)


def _serves_presence(site: Site, arrival: str) -> bool:
    """Whether this site is to deal with presence and messages from there: of phones, those at connectors among them."""
    return not site.settings.upstream and _is_phone(site, arrival)


def _is_phone(site: Site, arrival: str) -> bool:
    """Whether the request at hand is a phone's, here or at a connector, and neither the other site's nor a trunk's."""
    if arrival.startswith("connector:"):
        return not header(TRUNK)
    return not arrival.startswith("peer:") and site.trunk_here(arrival) is None


def _passed_on(site: Site, arrival: str, method: str) -> bool:
    """At a connector: whether what a phone asks for is for the site that judges, and was handed to it."""
    if site.trunk_here(arrival) is not None:
        return False
    with site.snapshot.view() as view:
        plan = view.config.class_of(None).dialling
        target = _target(site, view, next(iter(view.config.domains), ""), plan)
    return connecting.passes_on(site, arrival, method, target, plan.country)


def _is_relayed(site: Site) -> bool:
    """SIP by way of our own TURN server, which is there for media: nobody's phone, and it would seem to be our own."""
    low, high = site.settings.turn_ports
    return bool(high) and low <= number("$sp") <= high and text("$si").strip("[]") == site.settings.address


def _is_flood(site: Site) -> bool:
    """Too much by UDP from one address, which then gets no answer. TCP, TLS and WebSocket are haproxy's to limit."""
    source = text("$si")
    if site.exempt.hold(source) or site.trunk_at(source) is not None:
        return False
    return bool(KSR.pike.pike_check_req() < 0)


def _from_edge(site: Site, auth: Authenticator, arrival: str, method: str) -> None:
    """From a phone, a gateway or a stranger: nothing is believed before it is proved.

    arrival: also `connector:NAME`, which has passed it on from one of those.
    """
    connector = arrival[10:] if arrival.startswith("connector:") else ""
    trunk, person = None if connector else site.trunk_here(arrival), None
    called = _called_user() if trunk is not None and carriers.is_calling_us(trunk, text("$rU")) else text("$rU")
    read = manipulating.read(site, trunk.shape, trunk.name, called) if trunk is not None else None
    device, shown = "", None
    steps: tuple[Step, ...] = ()
    with site.snapshot.view() as view:
        barred = not connector and site.bars(view, text("$si"))
        if barred and method != "INVITE":
            raise Refused(403, "Blocked")
        if trunk is not None:
            request, asserted, steps = _trunk_request(site, view, trunk.name, method, trunk, read)
        elif connector and header(TRUNK):
            request, asserted, steps = _trunk_request(site, view, connector, method)
        else:
            if site.settings.upstream:
                connecting.check_known(view, method)
            domain = _realm(view)
            if connector:
                connecting.check_realm(view, domain, connecting.tenant_of(site, connector))
            proved = auth.authenticate(
                view, method, domain, lambda who: _is_emergency(site, view, who, domain, method, connector)
            )
            if proved is None:
                return  # challenged
            person, device = proved
            if device:
                site.activity.tell_device(device, locating.address_of(connector), arrival, lambda: header("User-Agent"))
            request, asserted = _phone_request(site, view, person, domain, method, connector)
        if connector:
            KSR.setflag(FLAG_PASS_LINK)
            request = msgspec.structs.replace(request, via=connector, tenant=connecting.tenant_of(site, connector))
        # Whoever is kept out may still call for help.
        if barred and not request.target.startswith(SOS):
            raise Refused(403, "Blocked")
        outcome = outward.decided(site, request, view)
        if steps:
            outcome = msgspec.structs.replace(outcome, trace=(*steps, *outcome.trace))
        decision = outcome.decision
        if person is not None:
            shown, lent = outcome.shown, ""
            if method == "INVITE" and request.target.startswith(SOS) and not isinstance(decision, Answer):
                lent = lending.lend(site, request, device, person.number or "")
                shown = lent or shown
                locating.tell_other_site(site, request, device, person.number or "", lent)
            _tell_activity(site, person, request, decision, device, lent)
            if shown is not None:
                asserted = _identity(person, shown)
    recording.begins(site, request, outcome)
    if method != "REGISTER" or not isinstance(decision, Local):  # what is saved here goes nowhere
        strip(*INTERNAL, *IDENTITY, *CREDENTIALS, "Route", *(() if connector else ("Path",)))
    if connector or site.settings.upstream:
        strip(*connecting.MARKS)
    if read is not None:
        manipulating.pass_on(read)
    elif not (connector and header(TRUNK)):
        manipulating.disbelieve()
    if asserted:
        KSR.pv.sets("$avp(identity)", asserted)
    if shown is not None:
        outward.show(shown)
        if not shown and not header("Privacy"):
            KSR.hdr.append("Privacy: id\r\n")  # for the site whose trunk it is (RFC 3325 section 9.3)
    if method == "INVITE":
        # A connector has sealed what its phones are reached by.
        sealed = header("Contact") if connector else hops.sealed_contact(site, arrival)
        if not sealed:
            # Also where there is none (RFC 3261 section 8.1.1.8): the called could never hang up.
            raise Refused(400, "Bad Contact")
        if not connector:
            naming.begin(site, sealed)
        ending.begins(sealed)
    # Only where `decide` knows no such target: a seal never leads past it to anybody it does know.
    if not (isinstance(decision, Answer) and carry.to_sealed_flow(site, request, arrival)):
        carry.out(site, request, decision, arrival, device)


def _phone_request(
    site: Site, view: View, person: PersonRecord, domain: str, method: str, connector: str = ""
) -> tuple[Request, str]:
    """What the phone of `person` asks for, and the identity header to assert. domain: the realm it proved itself in.

    connector: the one that the phone is at; empty for none.
    """
    if method == "REGISTER":
        if f"{text('$tU')}@{text('$td')}".lower() != person.aor:
            raise Refused(403, "Not Your Address")
        if connector:
            connecting.check_path(site, connector)
        elif header("Path"):
            # Stripping it would not help: the registrar reads what was received. It would lead calls anywhere.
            raise Refused(403, "Path Is Not For Phones")
        if not contact.may_register(headers("Contact")):
            raise Refused(400, "Bad Contact")
        target = person.aor
    else:
        claimed = f"{text('$fU')}@{text('$fd')}".lower()
        if claimed != person.aor and not claimed.endswith("@anonymous.invalid"):
            raise Refused(403, "From Is Not You")
        target = _meant(site, view, domain, person, connector)
    request = Request(
        method,
        target,
        Source.PHONE,
        person.aor,
        unreachable=site.unreachable(),
        at_s=int(time.time()),
        lot=_lot(),
        place=located.place_of(view.config.network_sites, text("$si")),
    )
    return request, "" if method == "REGISTER" else _identity(person, person.number)


def _is_emergency(site: Site, view: View, person: PersonRecord, domain: str, method: str, connector: str) -> bool:
    """Whether the request at hand is an emergency call. connector: as for `_meant`."""
    return method == "INVITE" and _meant(site, view, domain, person, connector).startswith(SOS)


def _tell_activity(
    site: Site, person: PersonRecord, request: Request, decision: Decision, device: str, lent: str
) -> None:
    """What the profile of an account is made of: registrations, and calls to the PSTN; and emergency calls.

    lent: the number lent to one, empty for none.
    """
    if request.method == "REGISTER":
        if not isinstance(decision, Answer):
            site.activity.tell_registered(person.aor, locating.address_of(request.via), header("User-Agent"), device)
    elif request.method == "INVITE" and request.target.startswith(SOS):
        # Whatever became of it: who looks after the building has to know that somebody needs help.
        site.activity.tell(
            Kind.EMERGENCY,
            person.aor,
            locating.address_of(request.via),
            header("User-Agent"),
            number=request.target.removeprefix(SOS),
            own_number=person.number or "",
            call_id=text("$ci"),
            device=device,
            access=header("P-Access-Network-Info"),
            lent=lent,
            told=locating.told_of_call(),
        )
    elif request.method == "INVITE" and outward.leads_outside(decision) and is_e164(request.target):
        KSR.setflag(FLAG_OUTSIDE)
        site.activity.tell(
            Kind.CALL,
            person.aor,
            locating.address_of(request.via),
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


def _identity(person: PersonRecord, number: str | None) -> str:
    """P-Asserted-Identity (RFC 3325): address, and number if there is one."""
    name = person.display_name.replace("\\", "").replace('"', "")
    lines = f'P-Asserted-Identity: "{name}" <sip:{person.aor}>\r\n'
    return lines + (f"P-Asserted-Identity: <tel:{number}>\r\n" if number else "")


def _lot() -> int:
    """0 to 99, the same for one call wherever it is asked."""
    return zlib.crc32(text("$ci").encode()) % 100


def _trunk_request(
    site: Site,
    view: View,
    via: str,
    method: str,
    trunk: TrunkSettings | None = None,
    read: Read | None = None,
) -> tuple[Request, str, tuple[Step, ...]]:
    """A call from the PSTN. Its caller is a number or nobody; it can't be one of our people.

    via: name of the trunk, which is `trunk` where it is one of this site's, or of the connector that has it.
    read: what it means by the rules of `trunk`. Gives the identity header to assert, and what there is to say of the
    caller.
    """
    if method == "REGISTER":
        raise Refused(403, "Trunks Do Not Register")
    if method == "INVITE" and trunk is not None and outward.is_full(trunk):
        raise Refused(503, "Trunk Is Full")
    domain = next(iter(view.config.domains), "")
    caller = dialled_number(read.calling if read else text("$fU"))
    # Anybody can set a caller's number in the PSTN: one that is our own people's is not vouched for, and an address of
    # ours never comes from there.
    vouched = caller is not None and view.owner_of(caller) is None
    if not vouched and text("$fd").lower() in view.config.domains:
        raise Refused(403, "From Is Not Of The PSTN")
    target = _target(site, view, domain, user=read.called if read else None)
    called_back = ""
    if method == "INVITE" and is_e164(target):
        # Whoever made an emergency call with a lent number is called back by it, for a while.
        called_back = lending.called_back(site, target)
    request = Request(
        method,
        called_back or target,
        Source.TRUNK,
        caller or "",
        via,
        unreachable=site.unreachable(),
        at_s=int(time.time()),
        called_back=bool(called_back),
    )
    verdict = vouching.verified(site, caller or "") if method == "INVITE" else None
    if verdict is None:
        return request, f"P-Asserted-Identity: <tel:{caller}>\r\n" if vouched else "", ()
    if site.voucher.refuses and verdict.verstat is Verstat.FAILED:
        raise Refused(verdict.code, verdict.phrase)
    identity = f"P-Asserted-Identity: <tel:{caller};verstat={verdict.verstat.value}>\r\n" if vouched else ""
    return request, identity, (vouching.step(verdict),)


def _called_user() -> str:
    """Whom a call to our Contact at a carrier is for: by P-Called-Party-ID (RFC 7315 section 4.2), else by To."""
    named = _PAI_USER.search(header("P-Called-Party-ID"))
    return named[1] if named is not None else text("$tU")


def _target(site: Site, view: View, domain: str, plan: Dialling = _NO_PLAN, user: str | None = None) -> str:
    """What the Request-URI means (see Request.target). `domain` stands in for our own host names.

    plan: that of the person who dials; without it numbers have their country code. user: in place of its user part.
    """
    user, host = text("$rU") if user is None else user, text("$rd").lower()
    known = host in view.config.domains or host in site.settings.own_hosts or not host
    # A connector that was told nothing yet knows of no domain: calls for help go out all the same.
    known = known or bool(site.settings.upstream and not view.config.domains)
    address = f"{user.lower()}@{domain if host in site.settings.own_hosts else host}"
    return dialling.target(user, address, plan, view) if known else address


def _meant(site: Site, view: View, domain: str, person: PersonRecord, connector: str = "") -> str:
    """What the Request-URI means to a person of that domain: by their dial plan, and as a call for help where they are.

    connector: the one that the phone is at; empty for none. It says the country alone, not which numbers call for help.
    """
    meant = _target(site, view, domain, view.config.class_of(person).dialling)
    if connector and not meant.startswith(SOS) and (country := header(COUNTRY)):
        there = _target(site, view, domain, Dialling(country=country))
        return there if there.startswith(SOS) else meant
    return meant


def _from_peer(site: Site, peer: str, method: str) -> None:
    """From the other site: it has judged caller and rights; the epoch says what it knew."""
    KSR.setflag(FLAG_PASS_LINK)
    route = contact.first_uri(header("Route"))
    received = contact.received_of(route)
    if received and method != "REGISTER":
        recording.begins_at_flow(site, peer, _asserted())
        carry.to_flow(site, received)
        return
    if method != "REGISTER" and (behind := hops.behind_connector(site, headers("Route"))) is not None:
        recording.begins_at_flow(site, peer, _asserted())
        carry.to_connector(site, behind)
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
            at_s=int(time.time()),
            lot=_lot(),
        )
        outcome = outward.decided(site, request, view)
        if request.target.startswith(SOS) and method == "INVITE":
            _help_over_link(site, view, request, outcome.decision)
    recording.begins(site, request, outcome)
    strip(*INTERNAL, "Route")
    if header(branches.SEAL_ONLY):
        # The peer could not judge the target and asks for the seal alone.
        if not carry.to_sealed_flow(site, request, "peer"):
            raise Refused(404, "Not Found")
        return
    if method == "INVITE":
        ending.begins(header("Contact"))
    carry.out(site, request, outcome.decision, f"peer:{peer}")


def _help_over_link(site: Site, view: View, request: Request, decision: Decision) -> None:
    """An emergency call of a phone at the other site, which has told where that is; who called is known there.

    Where it is known better here, the security desk here is told as well.
    """
    number = _asserted_number()
    told = locating.told_by_peer(site, request.caller, number)
    if told is None:
        return
    said, place, here = told
    lending.note(site, view, request.caller, said)
    if not here:
        return
    lent = lending.lend_at(site, request.caller, said.device, place) if isinstance(decision, Dial) else ""
    if lent:
        outward.show(lent)
    site.activity.tell(
        Kind.EMERGENCY,
        request.caller,
        said.address,
        number=request.target.removeprefix(SOS),
        own_number=said.lent or number,
        call_id=text("$ci"),
        device=said.device,
        access=reported.written(said.bssid),
        lent=lent,
    )


def _asserted_number() -> str:
    """The number that the peer vouches for, E.164; empty for none."""
    numbers = (dialled_number(found[1]) for found in _PAI_USER.finditer(headers("P-Asserted-Identity")))
    return next((each for each in numbers if each and is_e164(each)), "")


def _asserted() -> str:
    match = _PAI_USER.search(header("P-Asserted-Identity"))
    if match is None:
        return ""
    return f"{match[1]}@{match[2]}" if match[2] else match[1]


def _import_binding(site: Site, method: str) -> None:
    """The control service hands over a binding in a move: a REGISTER that carries its proof."""
    if method != "REGISTER" or not site.is_control(header("X-Isthmus-Control")):
        raise Refused(403, "Forbidden")
    if header("Path"):
        locating.tell_edge(site)
    hops.save(site, contact.edge_of(contact.received_of(header("Path"))))
