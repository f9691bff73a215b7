"""REFER in a call with a trunk (RFC 3515): who may lead whom where.

A proxy carries no transfer out itself: the one who gets the REFER makes the new call. A phone's is judged as any other
that its person makes, so a gateway gets nobody anything that they may not call. A gateway's is no call of ours at all:
what it is asked to call has to be one of our own, or somebody could have it call what their class of service forbids.
"""

from __future__ import annotations

from isthmus.addressing import is_e164
from isthmus.dialling.plan import Dialling
from isthmus.engines.kamailio import contact
from isthmus.engines.kamailio.config import TrunkSettings
from isthmus.engines.kamailio.ksr import KSR, Refused, headers, strip
from isthmus.engines.kamailio.site import Site
from isthmus.routing import dialling
from isthmus.sip.referring import ReferTo, refer_to, without_refer
from isthmus.sip.sealing import open_flow
from isthmus.trunking import numbering

_ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, INFO, UPDATE, PRACK"
_ASKED_BY = "$avp(asked_by)"
_NO_PLAN = Dialling()


def judge(site: Site, sender: TrunkSettings | None, receiver: TrunkSettings | None) -> None:
    """The REFER in a dialog at hand. Raises Refused where it goes no further.

    sender, receiver: the trunk that it came from, and goes to; None for a phone, or the other site.
    """
    trunk = receiver or sender
    if trunk is None:
        return
    if any(each is not None and each.refer == "none" for each in (sender, receiver)):
        KSR.hdr.append_to_reply(f"Allow: {_ALLOW}\r\n")
        raise Refused(405, "No REFER On This Trunk")
    asked = refer_to(headers("Refer-To"))
    if asked is None:
        raise Refused(400, "Bad Refer-To")
    if asked.replaces and _is_sealed(site, asked):
        return
    target = _target(site, sender, asked)
    if not target:
        outside = receiver is None and trunk.refer == "outside"
        raise Refused(403, "Not A Number" if outside else "Transfer Leads Outside")
    if sender is not None and not asked.replaces:
        # What was judged is what the phone calls: as this site reads it, whatever the gateway wrote.
        strip("Refer-To")
        KSR.hdr.append(f"Refer-To: <sip:{target}>\r\n")


def begins(trunk: str) -> None:
    """The request at hand is that trunk's: it gets the answer."""
    KSR.pv.sets(_ASKED_BY, trunk)


def hide_in_answer(site: Site) -> None:
    """The answer at hand goes back to who asked: see `hide`."""
    name = KSR.pv.get(_ASKED_BY)
    hide(site.trunks.get(str(name)) if name is not None else None)


def hide(trunk: TrunkSettings | None) -> None:
    """The message at hand goes to that trunk: where no REFER passes it, nobody there is told that one would."""
    if trunk is not None and trunk.refer == "none" and "REFER" in headers("Allow").upper():
        allowed = without_refer(headers("Allow"))
        strip("Allow")
        KSR.hdr.append(f"Allow: {allowed}\r\n")


def _target(site: Site, sender: TrunkSettings | None, asked: ReferTo) -> str:
    """Whom it leads to, `user@domain`: one of our people, or by a trunk's wish a number where it may be one.

    Empty where it may not lead there.
    """
    user = asked.user
    if sender is not None and numbering.is_number(user):
        user, _ = numbering.apply(sender.shape.numbers, "called", "in", user, sender.shape.country)
    with site.snapshot.view() as view:
        own = next(iter(view.config.domains), "")
        if asked.host not in (*view.config.domains, *site.settings.own_hosts, ""):
            # Gateways write numbers with a host of their own.
            if sender is None or not is_e164(user):
                return ""
            host = own
        else:
            host = asked.host if asked.host in view.config.domains else own
        target = dialling.target(user, f"{user.lower()}@{host}", _NO_PLAN, view)
        if is_e164(target):
            known = view.owner_of(target) is not None or (sender is not None and sender.refer == "outside")
            return f"{target}@{host}" if known else ""
        return target if view.person(target) is not None else ""


def _is_sealed(site: Site, asked: ReferTo) -> bool:
    """Whether it is the Contact of one of our phones in the very call that is to be replaced."""
    uri, seal = contact.split_flow(contact.unnamed(asked.uri))
    replaced = asked.replaces.partition(";")[0].strip()
    return bool(seal) and open_flow(site.secret, replaced, seal, contact.bound(uri)) is not None
