"""Dialogs: route sets as RFC 3261 section 12 makes them; audio in SDP; digest credentials."""

from __future__ import annotations

import pytest

from isthmus.useragent import auth
from isthmus.useragent.dialog import Dialog, Hop
from isthmus.useragent.message import Request, Response
from isthmus.useragent.sdp import Audio
from isthmus.useragent.transaction import Flow

FLOW = Flow(("127.0.0.2", 5060), None, reliable=False)
ROUTES = (("Record-Route", "<sip:p2;lr>"), ("Record-Route", "<sip:p1;lr>"))
COMMON = (
    ("From", "<sip:alice@a.example>;tag=a"),
    ("To", "<sip:bob@b.example>;tag=b"),
    ("Call-ID", "c1"),
    ("CSeq", "1 INVITE"),
    ("Contact", "<sip:phone@10.0.0.1:5070;transport=tcp>"),
)


def test_the_caller_reverses_record_route_and_the_callee_does_not():
    invite = Request((*COMMON, *ROUTES), b"", "INVITE", "sip:bob@b.example")
    answer = Response((*COMMON, *ROUTES), b"", 200, "OK")
    assert Dialog.as_caller(invite, answer, FLOW).routes == ("<sip:p1;lr>", "<sip:p2;lr>")
    assert Dialog.as_callee(invite, "b", FLOW).routes == ("<sip:p2;lr>", "<sip:p1;lr>")


def test_a_loose_router_gets_the_target_as_request_uri_and_a_strict_one_itself():
    invite = Request((*COMMON, *ROUTES), b"", "INVITE", "sip:bob@b.example")
    dialog = Dialog.as_callee(invite, "b", FLOW)
    target = "sip:phone@10.0.0.1:5070;transport=tcp"
    assert dialog.leads() == (target, ("<sip:p2;lr>", "<sip:p1;lr>"), "sip:p2;lr")
    dialog.routes = ("<sip:strict>", "<sip:p1;lr>")
    assert dialog.leads() == ("sip:strict", ("<sip:p1;lr>", f"<{target}>"), "sip:strict")
    dialog.routes = ()
    assert dialog.leads() == (target, (), target)


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:a@b.example", Hop("udp", "b.example", 5060)),
        ("sips:a@b.example", Hop("tls", "b.example", 5061)),
        ("sip:10.0.0.1:5062;transport=TLS;lr", Hop("tls", "10.0.0.1", 5062)),
        ("sip:a@[2001:db8::1];transport=tcp", Hop("tcp", "2001:db8::1", 5060)),
    ],
)
def test_next_hops(uri: str, hop: Hop):
    assert Hop.of(uri) == hop


def test_audio_round_trips_and_is_mirrored():
    audio = Audio("10.0.0.1", 4000, "sendonly", session=7, version=2)
    assert Audio.parse(bytes(audio)) == audio
    assert audio.held
    assert Audio("10.0.0.2", 5000).answering(audio).direction == "recvonly"
    with pytest.raises(ValueError, match="no audio"):
        Audio.parse(b"v=0\r\n")


def test_streams_that_are_not_audio_are_refused_each_in_its_place():
    """RFC 3264 section 6: an answer has as many streams as the offer; and an offer after it (section 8)."""
    video = b"m=video 4002 RTP/AVP 96 97\r\na=inactive\r\n"
    offer = Audio.parse(bytes(Audio("10.0.0.1", 4000)) + video)
    assert offer.direction == "sendrecv"
    answer = Audio("10.0.0.2", 5000).answering(offer)
    streams = [line for line in bytes(answer).decode().splitlines() if line.startswith("m=")]
    assert streams == ["m=audio 5000 RTP/AVP 0 101", "m=video 0 RTP/AVP 96 97"]
    assert Audio.parse(bytes(answer)) == answer
    first, second = bytes(Audio("10.0.0.1", 4000)).split(b"m=audio")
    assert Audio.parse(first + video + b"m=audio" + second).streams == ("m=video 0 RTP/AVP 96 97", "")


def test_the_topmost_challenge_one_speaks_is_answered():
    challenge = 'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, nonce="7ypf", opaque="F"'
    headers = tuple(("WWW-Authenticate", challenge.format(name)) for name in ("SHA-256", "MD5"))
    response = Response(headers, b"", 401, "Unauthorized")
    name, value = auth.answer(response, "REGISTER", "sip:b", "Mufasa", "Circle of Life") or ("", "")
    assert name == "Authorization"
    assert auth.parameters(value)["algorithm"] == "SHA-256"
    assert len(auth.parameters(value)["response"]) == 64
    _, value = auth.answer(response, "REGISTER", "sip:b", "Mufasa", "Circle of Life", ["MD5"]) or ("", "")
    assert auth.parameters(value)["opaque"] == "F"
    assert len(auth.parameters(value)["response"]) == 32
    assert auth.answer(response, "REGISTER", "sip:b", "x", "y", ["SHA-512-256"]) is None
