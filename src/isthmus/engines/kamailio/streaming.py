"""The media of the call at hand, where trunks have a say in it: which are its ends, and what the relay is told."""

from __future__ import annotations

from isthmus.engines.kamailio import ending, media, trunkmedia
from isthmus.engines.kamailio.config import TrunkSettings
from isthmus.engines.kamailio.ksr import KSR, Refused, has_sdp, header, strip, text
from isthmus.engines.kamailio.site import Site
from isthmus.sip.sealing import Side

_SILENCED = "$dlg_var(clear)"
_IN_THE_CLEAR = 'SIP ;cause=488 ;text="Media Has To Be Encrypted"'
_BROWSER = "$dlg_var(browser)"
_RESUMED = (
    "X-Isthmus-Resumed"  # says a page of its offer, where it was loaded anew in mid-call (web/src/calls/phone.ts)
)
_ANEW = "$avp(anew)"
_FROM, _TO = "$avp(media_from)", "$avp(media_to)"


def comes_from(site: Site, arrival: str) -> None:
    """Remember whose request is at hand. Raises Refused where a trunk's SDP is not as it has to be.

    arrival: see `Site.arrival`.
    """
    trunk = site.trunk_here(arrival) if site.has_wishes else None
    if trunk is None or not trunkmedia.has_wishes(trunk):
        return
    KSR.pv.sets(_FROM, trunk.name)
    if has_sdp() and trunkmedia.is_too_open(trunk, text("$rb")):
        KSR.warn(f"trunk {trunk.name} offers media in the clear, which has to be encrypted: refused\n")
        raise Refused(488, "Media Has To Be Encrypted")
    if has_sdp() and trunkmedia.is_refused(trunk, text("$rb")):
        raise Refused(488, "No Codec In Common")


def goes_to(site: Site, hop: str) -> None:
    """Remember where the branch at hand, or the request in a dialog, leads to."""
    if not site.has_wishes:
        return
    trunk = site.trunk_of_hop(hop)
    if trunk is not None and trunkmedia.has_wishes(trunk):
        KSR.pv.sets(_TO, trunk.name)
    else:
        KSR.pv.unset(_TO)


def fits(trunk: TrunkSettings, *, emergency: bool = False) -> bool:
    """Whether the trunk can have the call at hand, as far as codecs go. An emergency call is translated anyway."""
    return emergency or not has_sdp() or not trunkmedia.is_refused(trunk, text("$rb"))


def needs_relay(site: Site) -> bool:
    """Whether the call at hand can't do without the relay."""
    return site.has_wishes and (_trunk(site, _FROM) is not None or _trunk(site, _TO) is not None)


def offer(site: Site, call_id: str, side: Side, far_end: str, *, back: bool = False) -> None:
    """Hand the offer at hand to the relay.

    far_end: the listener's kind of who gets it. back: it stands in an answer, and goes to who sent the request.
    """
    to, made_by = _trunk(site, _TO), _trunk(site, _FROM)
    if back:
        to, made_by = made_by, to
    form = to.media if to is not None and to.media != "rtp" else far_end
    codecs = trunkmedia.codec_flags(text("$rb"), to, made_by) if to is not None or made_by is not None else ""
    arrival = text("$avp(arrival)")
    if "ws" in (far_end, arrival):
        KSR.pv.sets(_BROWSER, "1")
    maker = "" if back else arrival
    if not back and header(_RESUMED):
        strip(_RESUMED)
        KSR.pv.sets(_ANEW, "1")
    KSR.rtpengine.rtpengine_offer(media.offer(call_id, side, form, codecs, made_by=maker, strict=_is_strict()))


def answer(call_id: str, side: Side) -> None:
    """Hand the answer at hand to the relay."""
    anew = KSR.pv.get(_ANEW) is not None
    KSR.rtpengine.rtpengine_answer(media.answer(call_id, side, strict=_is_strict(), anew=anew))


def _is_strict() -> bool:
    """Whether no end of the call at hand is a browser."""
    return KSR.pv.get(_BROWSER) is None


def answer_is_too_open(site: Site) -> bool:
    """Whether the answer at hand is of a trunk, and in the clear though its media has to be encrypted."""
    trunk = _trunk(site, _TO) if site.has_wishes else None
    return trunk is not None and trunkmedia.is_too_open(trunk, text("$rb"))


def silence(call_id: str, side: Side) -> None:
    """The call at hand was answered in the clear: nothing of it is heard, and it ends with its ACK (`end_silenced`)."""
    KSR.warn(f"trunk {text(_TO)} answers in the clear what has to be encrypted: the call ends\n")
    KSR.rtpengine.block_media(media.session(call_id, side))
    KSR.pv.sets(_SILENCED, "1")


def end_silenced(site: Site, call_id: str) -> None:
    """End the call at hand, which the ACK has just completed, if it was silenced."""
    if KSR.pv.get(_SILENCED) is None:
        return
    found = ending.rpc("dlg.list_match", "callid", "eq", call_id)
    for dialog in found if isinstance(found, list) else []:
        ending.end(site, dialog, _IN_THE_CLEAR)


def _trunk(site: Site, variable: str) -> TrunkSettings | None:
    name = KSR.pv.get(variable)
    return None if name is None else site.trunks.get(str(name))
