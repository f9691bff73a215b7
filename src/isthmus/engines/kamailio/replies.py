"""Replies on their way back: the answerer's flow is sealed into its Contact, its media is relayed."""

from __future__ import annotations

from isthmus.activity.wire import Kind
from isthmus.engines.kamailio import (
    branches,
    carriers,
    ending,
    hops,
    naming,
    outward,
    recording,
    redirecting,
    streaming,
    timers,
    transferring,
    waiting,
)
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
    answerer = site.answerer()
    waiting.note(site, code, answerer)
    if code <= 100:
        return
    if code == FLOW_FAILED:
        _forget_binding(site)
    if code in SAID_BY_PEOPLE:
        KSR.pv.seti("$avp(said)", code)
    outward.heard(code)
    redirecting.heard(code)
    if code in (401, 407):
        carriers.note_challenge(site, code)
    recording.replied(site, code)
    recording.answered_within(site)
    contact = _contact(site, code, answerer)
    if 200 <= code < 300:
        ending.answered(site, contact)
    if 200 <= code < 300 and KSR.isflagset(FLAG_OUTSIDE) > 0:
        site.activity.tell(Kind.ANSWERED, call_id=text("$ci"))
    if 200 <= code < 300 and (asked := KSR.pv.get("$avp(timer)")) is not None:
        added = timers.for_answer(header("Session-Expires"), caller_supports_timer=True, expires_s=int(asked))
        if added:
            KSR.hdr.append(added)
    relayed = KSR.isbflagset(FLAG_MEDIA) > 0
    if not relayed and 200 <= code < 300 and site.direct_of:
        streaming.answered_directly(text("$ci"), branches.side())
    if relayed and has_sdp():
        side = branches.side()
        if streaming.answer_is_too_open(site) and code < 200:
            KSR.set_drop()
        elif KSR.isflagset(FLAG_OFFERED) > 0:
            streaming.answer(text("$ci"), side)
            if streaming.answer_is_too_open(site):
                streaming.silence(text("$ci"), side)
        else:
            # Should it be a reliable provisional answer, its PRACK has the answer to this (RFC 3262 section 5).
            KSR.pv.sets("$dlg_var(late)", "1")
            streaming.offer(site, text("$ci"), side, text("$avp(arrival)") or "udp", back=True)


def _contact(site: Site, code: int, answerer: str) -> str:
    """The answerer's Contact, as it is from here on for all but a trunk that sees names. Empty where there is none."""
    is_sealed = answerer in ("peer", "connector")
    if answerer != "peer":
        strip(*IDENTITY)
    contact = header("Contact") if is_sealed else hops.sealed_contact(site, answerer) if code < 300 else ""
    trunk = naming.seen_by(site, text("$avp(arrival)")) if contact and code < 300 else None
    if code < 300 and site.trunks:
        transferring.hide_in_answer(site)
    if trunk is not None:
        naming.called()
    if contact and (trunk is not None or not is_sealed):
        naming.put(trunk, contact)
    return contact


def _forget_binding(site: Site) -> None:
    """The edge says that the phone's connection is gone: the binding that led there is of no more use."""
    ruid = KSR.pv.get("$T_reply_ruid")
    if ruid is not None:
        aor = f"{text('$tU')}@{text('$td')}".lower()
        KSR.registrar.unregister_ruid("location", f"sip:{aor}", str(ruid))
        site.activity.tell_unbound(aor)
