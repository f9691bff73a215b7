"""What rtpengine is asked to do with a session description. Pure: flags in words of its ng protocol."""

from __future__ import annotations

import hashlib

from isthmus.sip.sealing import Side

_ALWAYS = "replace-origin replace-session-connection"
# Media that comes from anywhere but where the far end's was learned to come from is nobody's. Not with a browser, whose
# address ICE settles, and may change: the engine would drop what it says. It proves itself by DTLS.
_STRICT = " strict-source"
# What gateways know is left: AES in counter mode with 128 and 256 bits (RFC 4568 section 6.2, RFC 6188). The engine's
# GCM and that of libre do not understand each other, NULL is no encryption, and nobody has the others.
_NOT_FOR_GATEWAYS = (
    "AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_192_CM_HMAC_SHA1_80", "AES_192_CM_HMAC_SHA1_32",
    "F8_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_32", "NULL_HMAC_SHA1_80", "NULL_HMAC_SHA1_32",
)  # fmt: skip
_SUITES = " ".join(f"SDES-no-{name}" for name in _NOT_FOR_GATEWAYS)
# One offer for each kind of far end: the other site gets SRTP with keys in the SDP, which travels in mutual TLS;
# a browser gets ICE and DTLS-SRTP; a trunk what its settings say; any other phone plain RTP, which all of them speak.
_OFFER = {
    "peer": "RTP/SAVP ICE=remove DTLS=off rtcp-mux-demux",
    "ws": "RTP/SAVPF ICE=force SDES-off rtcp-mux-offer",
    "srtp": f"RTP/SAVP ICE=remove DTLS=off rtcp-mux-demux {_SUITES}",
    "dtls-srtp": "UDP/TLS/RTP/SAVP ICE=remove SDES-off rtcp-mux-demux",
    "plain": "RTP/AVP ICE=remove DTLS=off SDES-off rtcp-mux-demux",
}
# Towards browsers the relay is a lite ICE agent (RFC 8445 section 2.5): it waits for their checks. As a full one it
# takes the part of who offers for each stream anew, while browsers keep theirs for the whole call: a stream that is
# added by whom was called then never gets a way, since both say that the other one is to choose it. Keys: whether a
# browser offers, whether a browser is offered it.
_LITE = {(True, True): " ICE-lite=both", (False, True): " ICE-lite=forward", (True, False): " ICE-lite=backward"}
# The relay begins DTLS at once, before the browser has found a way to it, and asks again after a second only. Where a
# call goes on, that second is one of silence: the browser begins, which knows when there is a way.
_WAITS = " DTLS=passive"


def session(call_id: str, side: Side) -> str:
    """rtpengine's name for one passage of a call. A call that passes twice has two sessions.

    A digest, so that no character a stranger puts into a Call-ID gets into the command.
    """
    return "call-id=" + hashlib.blake2b(f"{side}|{call_id}".encode(), digest_size=12).hexdigest()


def offer(call_id: str, side: Side, far_end: str, codecs: str = "", *, made_by: str = "", strict: bool = True) -> str:
    """Flags for an offer towards `far_end`: peer, udp, tcp, tls, ws, srtp or dtls-srtp.

    codecs: more flags, about which of them are left (trunkmedia.py). made_by: the kind of who offers, where it is
    known. strict: neither end is a browser.
    """
    more = f" {codecs}" if codecs else ""
    more += _LITE.get((made_by == "ws", far_end == "ws"), "")
    return f"{_ALWAYS}{_STRICT if strict else ''} {_OFFER.get(far_end, _OFFER['plain'])}{more} {session(call_id, side)}"


def answer(call_id: str, side: Side, *, strict: bool = True, anew: bool = False) -> str:
    """Flags for an answer; rtpengine remembers what the offering side speaks.

    strict: as in the offer. anew: it goes to a browser's page that took its call over a reload.
    """
    return f"{_ALWAYS}{_STRICT if strict else ''}{_WAITS if anew else ''} {session(call_id, side)}"
