"""What rtpengine is asked for."""

from __future__ import annotations

from isthmus.addressing.networks import Networks
from isthmus.engines.kamailio import media
from isthmus.sip.sealing import Side


def test_the_other_site_is_offered_srtp_a_browser_dtls_a_phone_plain_rtp() -> None:
    assert "RTP/SAVP " in media.offer("c", Side.EDGE, "peer")
    assert "RTP/SAVPF ICE=force" in media.offer("c", Side.EDGE, "ws")
    for edge in ("udp", "tcp", "tls"):
        assert "RTP/AVP ICE=remove" in media.offer("c", Side.EDGE, edge)


def test_towards_browsers_the_relay_waits_for_their_checks() -> None:
    """RFC 8445 section 2.5: so whoever adds a stream, it is always the browser that chooses the way."""
    assert " ICE-lite=forward " in media.offer("c", Side.EDGE, "ws", made_by="udp")
    assert " ICE-lite=backward " in media.offer("c", Side.EDGE, "peer", made_by="ws")
    assert " ICE-lite=both " in media.offer("c", Side.EDGE, "ws", made_by="ws")
    assert "ICE-lite" not in media.offer("c", Side.EDGE, "udp", made_by="peer")


def test_a_call_that_passes_twice_has_two_sessions() -> None:
    assert media.session("c", Side.EDGE) != media.session("c", Side.LINK)


def test_no_character_of_a_call_id_gets_into_the_command() -> None:
    session = media.session("x RTP/SAVP\r\n call-id=other", Side.EDGE)
    assert session.startswith("call-id=")
    assert session.removeprefix("call-id=").isalnum()


def test_offer_and_answer_of_one_passage_meet() -> None:
    session = media.session("c", Side.LINK)
    assert media.offer("c", Side.LINK, "udp").endswith(session)
    assert media.answer("c", Side.LINK).endswith(session)


def test_direct_networks() -> None:
    networks = Networks(("10.0.0.0/8", "2001:db8::/32"))
    assert networks.hold("10.1.2.3")
    assert networks.hold("[2001:db8::5]")
    assert not networks.hold("192.0.2.1")
    assert not networks.hold("not an address")
    assert not Networks(()).hold("10.1.2.3")


def test_the_relay_waits_for_the_dtls_of_a_page_that_was_loaded_anew_and_of_no_other():
    assert " DTLS=passive " in media.answer("c", Side.EDGE, strict=False, anew=True)
    assert "DTLS" not in media.answer("c", Side.EDGE, strict=False)
