"""What a trunk's settings make of an SDP."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from isthmus.engines.kamailio import trunkmedia


@dataclass(frozen=True)
class Wish:
    media: str = "rtp"
    codecs: tuple[str, ...] = ()
    transcode: bool = False


def sdp(profile: str = "RTP/AVP", formats: str = "0 8", *lines: str) -> str:
    return "\r\n".join(("v=0", f"m=audio 4000 {profile} {formats}", *(f"a={line}" for line in lines), ""))


OPUS = sdp("RTP/AVP", "96 101", "rtpmap:96 opus/48000/2", "rtpmap:101 telephone-event/8000")


@pytest.mark.parametrize("profile", ["RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"])
def test_by_keys_or_by_dtls_encrypted_is_encrypted(profile: str):
    assert not trunkmedia.is_too_open(Wish("srtp"), sdp(profile))
    assert not trunkmedia.is_too_open(Wish("dtls-srtp"), sdp(profile))


@pytest.mark.parametrize("media", ["srtp", "dtls-srtp"])
def test_one_stream_in_the_clear_is_one_too_many(media: str):
    assert trunkmedia.is_too_open(Wish(media), sdp())
    assert trunkmedia.is_too_open(Wish(media), sdp("RTP/SAVP") + "m=video 4002 RTP/AVP 96\r\n")
    assert not trunkmedia.is_too_open(Wish(media), sdp("RTP/SAVP") + "m=video 0 RTP/AVP 96\r\n")
    assert not trunkmedia.is_too_open(Wish("rtp"), sdp())


def test_codecs_are_known_by_name_or_by_their_fixed_number():
    assert trunkmedia.speech_codecs(sdp("RTP/AVP", "18 0 101")) == ("G729", "PCMU")
    assert trunkmedia.speech_codecs(OPUS) == ("OPUS",)
    assert trunkmedia.speech_codecs(OPUS + "m=video 5000 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n") == ("OPUS",)


def test_the_trunks_best_comes_first():
    assert trunkmedia.in_common(Wish(codecs=("PCMA", "G722", "PCMU")), sdp(formats="0 8")) == ("PCMA", "PCMU")
    flags = trunkmedia.codec_flags(sdp(), to=Wish(codecs=("PCMA", "PCMU")))
    assert flags.startswith("codec-strip-all codec-offer-PCMA codec-offer-PCMU codec-offer-telephone-event")
    assert "transcode" not in flags


def test_a_trunk_without_codecs_of_its_own_changes_nothing():
    assert trunkmedia.codec_flags(sdp(), to=Wish("srtp")) == ""
    assert trunkmedia.codec_flags(sdp()) == ""
    assert not trunkmedia.is_refused(Wish(), OPUS)


def test_translated_only_where_it_is_allowed_and_nothing_is_in_common():
    strict, kind = Wish(codecs=("PCMA",)), Wish(codecs=("PCMA",), transcode=True)
    assert trunkmedia.is_refused(strict, OPUS)
    assert not trunkmedia.is_refused(kind, OPUS)
    assert not trunkmedia.is_refused(strict, sdp())
    assert "codec-mask-all codec-transcode-PCMA" in trunkmedia.codec_flags(OPUS, to=kind)
    assert "transcode" not in trunkmedia.codec_flags(sdp(), to=kind)


def test_what_a_phone_may_not_have_stands_behind_the_trunks_own_codecs():
    kind = Wish(codecs=("G722",), transcode=True)
    flags = trunkmedia.codec_flags(sdp(formats="9 18"), came_from=kind).split()
    assert flags.index("codec-offer-G722") < flags.index("codec-transcode-PCMU")
    assert "codec-offer-G729" not in flags


def test_the_trunk_that_is_called_rules_over_the_one_that_calls():
    flags = trunkmedia.codec_flags(sdp(), to=Wish(codecs=("PCMU",)), came_from=Wish(codecs=("PCMA",)))
    assert "codec-offer-PCMU" in flags
    assert "codec-offer-PCMA" not in flags
