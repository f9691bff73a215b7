"""What rtpengine is asked to do with a session description. Pure: flags in words of its ng protocol."""

from __future__ import annotations

import hashlib

from isthmus.sip.sealing import Side

_ALWAYS = "replace-origin replace-session-connection"
# One offer for each kind of far end: the other site gets SRTP with keys in the SDP, which travels in mutual TLS;
# a browser gets ICE and DTLS-SRTP; any other phone plain RTP, which all of them speak.
_OFFER = {
    "peer": "RTP/SAVP ICE=remove DTLS=off rtcp-mux-demux",
    "ws": "RTP/SAVPF ICE=force SDES-off rtcp-mux-offer",
    "plain": "RTP/AVP ICE=remove DTLS=off SDES-off rtcp-mux-demux",
}


def session(call_id: str, side: Side) -> str:
    """rtpengine's name for one passage of a call. A call that passes twice has two sessions.

    A digest, so that no character a stranger puts into a Call-ID gets into the command.
    """
    return "call-id=" + hashlib.blake2b(f"{side}|{call_id}".encode(), digest_size=12).hexdigest()


def offer(call_id: str, side: Side, far_end: str) -> str:
    """Flags for an offer towards `far_end`: peer, udp, tcp, tls or ws."""
    return f"{_ALWAYS} {_OFFER.get(far_end, _OFFER['plain'])} {session(call_id, side)}"


def answer(call_id: str, side: Side) -> str:
    """Flags for an answer; rtpengine remembers what the offering side speaks."""
    return f"{_ALWAYS} {session(call_id, side)}"
