"""The media of the call at hand, where trunks have a say in it: which are its ends, and what the relay is told."""

from __future__ import annotations

from isthmus.engines.kamailio import contact, ending, media, trunkmedia
from isthmus.engines.kamailio.config import TrunkSettings
from isthmus.engines.kamailio.ksr import KSR, Refused, has_sdp, header, strip, text
from isthmus.engines.kamailio.site import Site
from isthmus.routing import bypass
from isthmus.sip.sealing import Side

_SILENCED = "$dlg_var(clear)"
_IN_THE_CLEAR = 'SIP ;cause=488 ;text="Media Has To Be Encrypted"'
_BROWSER = "$dlg_var(browser)"
# A call that began without the relay goes through it by now.
_RELAYED = "$dlg_var(relayed)"
# From the peer: the SDP names the caller's phone itself, which phones in direct networks reach.
DIRECT = "X-Isthmus-Direct"
# A page says it of its offer, where it was loaded anew in mid-call (web/src/calls/phone.ts).
_RESUMED = "X-Isthmus-Resumed"
_ANEW = "$avp(anew)"
_FROM, _TO = "$avp(media_from)", "$avp(media_to)"
_SOME = "$avp(media_some)"  # some branch of the call was offered through the relay


def comes_from(site: Site, arrival: str) -> None:
    """Remember whose request is at hand. Raises Refused where a trunk's SDP is not as it has to be.

    arrival: see `Site.arrival`.
    """
    trunk = site.trunk_here(arrival) if site.minds_media else None
    if trunk is None or not _has_a_say(site, trunk):
        return
    KSR.pv.sets(_FROM, trunk.name)
    if not trunkmedia.has_wishes(trunk):
        return
    if has_sdp() and trunkmedia.is_too_open(trunk, text("$rb")):
        KSR.warn(f"trunk {trunk.name} offers media in the clear, which has to be encrypted: refused\n")
        raise Refused(488, "Media Has To Be Encrypted")
    if has_sdp() and trunkmedia.is_refused(trunk, text("$rb")):
        raise Refused(488, "No Codec In Common")


def goes_to(site: Site, hop: str) -> None:
    """Remember where the branch at hand, or the request in a dialog, leads to."""
    if not site.minds_media:
        return
    trunk = site.trunk_of_hop(hop)
    if trunk is not None and _has_a_say(site, trunk):
        KSR.pv.sets(_TO, trunk.name)
    else:
        KSR.pv.unset(_TO)


def fits(trunk: TrunkSettings, *, emergency: bool = False) -> bool:
    """Whether the trunk can have the call at hand, as far as codecs go. An emergency call is translated anyway."""
    return emergency or not has_sdp() or not trunkmedia.is_refused(trunk, text("$rb"))


def needs_relay(site: Site) -> bool:
    """Whether the call at hand can't do without the relay."""
    return site.has_wishes and any(trunkmedia.has_wishes(_trunk(site, each)) for each in (_FROM, _TO))


def goes_directly(site: Site, far_end: str, *, from_link: bool) -> bool | None:
    """Whether the media of the branch at hand needs no relay; None where no trunk says so of any (routing/bypass.py).

    far_end: the listener's kind of who gets the branch.
    """
    if not site.direct_of:
        return None
    to, made_by = _trunk(site, _TO), _trunk(site, _FROM)
    trunk = to or made_by
    if trunk is None or trunk.name not in site.direct_of:
        return None
    offer = _offer()
    if to is None:
        phone = _called(far_end)
    elif made_by is not None or site.trunk_here(text("$avp(arrival)")) is not None:
        return False  # from trunk to trunk
    else:
        phone = _calling(offer, from_link=from_link)
    return bypass.of_call(trunk, phone, offer, site.direct_of[trunk.name]).direct


def _offer() -> bypass.Offer | None:
    """What the SDP at hand offers; None where there is none, or it is no text: the relay reads it all the same."""
    try:
        return bypass.read(text("$rb")) if has_sdp() else None
    except UnicodeDecodeError:
        return None


def _calling(offer: bypass.Offer | None, *, from_link: bool) -> bypass.Phone:
    wants = offer.addresses if offer is not None else ()
    if from_link:
        # The other site doesn't relay it, and doesn't say where the phone is but by where its media is.
        return bypass.Phone(wants[0] if wants else "", away=header(DIRECT) != "1", wants=wants)
    return bypass.Phone(text("$si").strip("[]"), browser=text("$avp(arrival)") == "ws", wants=wants)


def _called(far_end: str) -> bypass.Phone:
    named = contact.host_of(text("$ru"))
    seen = contact.host_of(text("$du"))
    wants = (named,) if bypass.is_address(named) else ()
    return bypass.Phone(seen, browser=far_end == "ws", away=far_end == "peer", wants=wants)


def is_relayed_by_now(site: Site, method: str) -> bool:
    """Whether the call of the request at hand, which began without the relay, goes through it from here on."""
    if not site.direct_of:
        return False
    if is_relayed_since():
        return True
    trunk = site.trunk_of_hop(text("$du")) if method in ("INVITE", "UPDATE") and has_sdp() else None
    networks = site.direct_of.get(trunk.name) if trunk is not None else None
    if networks is None:
        return False
    offer = _offer()
    if offer is not None and bypass.goes_on(networks, text("$si"), offer):
        return False
    KSR.pv.sets(_RELAYED, "1")
    return True


def is_relayed_since() -> bool:
    """Whether the call of the request at hand began without the relay, and goes through it by now."""
    return KSR.pv.get(_RELAYED) is not None


def _has_a_say(site: Site, trunk: TrunkSettings) -> bool:
    """Whether calls by the trunk are not simply relayed as any other."""
    return trunkmedia.has_wishes(trunk) or trunk.name in site.direct_of


def offer(site: Site, call_id: str, side: Side, far_end: str, *, back: bool = False) -> None:
    """Hand the offer at hand to the relay.

    far_end: the listener's kind of who gets it. back: it stands in an answer, and goes to who sent the request.
    """
    to, made_by = _trunk(site, _TO), _trunk(site, _FROM)
    if back:
        to, made_by = made_by, to
    form = to.media if to is not None and to.media != "rtp" else far_end
    named = any(each is not None and each.codecs for each in (to, made_by))
    codecs = trunkmedia.codec_flags(text("$rb"), to, made_by) if named else ""
    arrival = text("$avp(arrival)")
    if "ws" in (far_end, arrival):
        KSR.pv.sets(_BROWSER, "1")
    if site.direct_of:
        KSR.pv.sets(_SOME, "1")
    maker = "" if back else arrival
    if not back and header(_RESUMED):
        strip(_RESUMED)
        KSR.pv.sets(_ANEW, "1")
    KSR.rtpengine.rtpengine_offer(media.offer(call_id, side, form, codecs, made_by=maker, strict=_is_strict()))


def answered_directly(call_id: str, side: Side) -> None:
    """A branch that needs no relay has answered the call at hand: what another one was given there is of no use."""
    if KSR.pv.get(_SOME) is not None:
        KSR.pv.unset(_SOME)
        KSR.rtpengine.rtpengine_delete(media.session(call_id, side))


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
    return trunk is not None and trunk.media != "rtp" and trunkmedia.is_too_open(trunk, text("$rb"))


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
