"""Media bypass: between which phones and trunks media goes directly, rule by rule."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.addressing.networks import Networks
from isthmus.routing import bypass, explain
from isthmus.routing.bypass import Offer, Phone
from isthmus.routing.model import Request, Source, TrunkRecord
from tests.routing.people import MemorySnapshot, config, record

GATEWAY = TrunkRecord("gw", "10.1.0.9:5060", direct_networks=("10.1.0.0/16", "2001:db8:1::/48"))
HERE, ELSEWHERE = "10.1.2.3", "10.2.2.3"
DESK = Phone(HERE, wants=(HERE,))
PLAIN = Offer(codecs=("PCMA", "PCMU"), addresses=(HERE,))


def sdp(
    formats: str = "8 0 101",
    profile: str = "RTP/AVP",
    address: str = HERE,
    port: int = 4000,
    *more: str,
    keys: bool = True,
) -> str:
    lines = ["v=0", f"c=IN IP4 {address}", "t=0 0", f"m=audio {port} {profile} {formats}", *more]
    return "\r\n".join((*lines, *(["a=rtpmap:101 telephone-event/8000"] if keys else []), ""))


def test_a_desk_phone_and_a_gateway_that_reach_each_other_need_no_relay():
    verdict = bypass.of_call(GATEWAY, DESK, PLAIN)
    assert verdict.direct
    assert str(verdict) == f"media goes directly: the phone at {HERE} and trunk gw reach each other"
    assert bypass.of_call(GATEWAY, Phone("[2001:db8:1::7]"), PLAIN).direct


@pytest.mark.parametrize(
    ("trunk", "phone", "offer", "why"),
    [
        (TrunkRecord("gw", ""), DESK, PLAIN, "trunk gw has no direct_networks"),
        (TrunkRecord("gw", "", media="srtp", direct_networks=("0.0.0.0/0",)), DESK, PLAIN, "is encrypted (srtp)"),
        (GATEWAY, Phone(ELSEWHERE, wants=(ELSEWHERE,)), PLAIN, f"the phone is at {ELSEWHERE}, which is not in"),
        (GATEWAY, Phone(ELSEWHERE, wants=(HERE,)), PLAIN, f"the phone is at {ELSEWHERE}"),  # behind a NAT
        (GATEWAY, Phone(HERE, wants=("203.0.113.9",)), PLAIN, "the phone is at 203.0.113.9"),  # which asked by STUN
        (GATEWAY, Phone(HERE, wants=("phone.example",)), PLAIN, "the phone is at phone.example"),
        (GATEWAY, Phone(HERE, browser=True), PLAIN, "the phone is a browser"),
        (GATEWAY, Phone(HERE, away=True), PLAIN, "the phone is at another site"),
        (GATEWAY, Phone(), PLAIN, "where the phone is, is not known; in 10.1.0.0/16 or 2001:db8:1::/48"),
        (GATEWAY, DESK, None, "begins without an offer"),
        (GATEWAY, DESK, Offer(plain=False), "the offer is encrypted"),
        (GATEWAY, DESK, Offer(keys=False), "no keys as events"),
    ],
)
def test_what_is_relayed_and_why(trunk: TrunkRecord, phone: Phone, offer: Offer | None, why: str):
    verdict = bypass.of_call(trunk, phone, offer)
    assert not verdict.direct
    assert str(verdict).startswith("media is relayed: ")
    assert why in verdict.why


@pytest.mark.parametrize(
    ("wished", "offered", "direct"),
    [
        ((), ("OPUS", "PCMU"), True),
        (("PCMA", "PCMU"), ("PCMA", "PCMU"), True),
        (("pcma", "PCMU"), ("PCMU",), True),
        (("PCMA", "PCMU"), ("PCMU", "PCMA"), False),  # the relay would put the trunk's best first
        (("PCMA",), ("PCMA", "PCMU"), False),  # and leave the other out
        (("PCMA",), ("PCMU",), False),
    ],
)
def test_the_relay_changes_codecs_so_an_offer_without_it_has_to_be_as_the_trunk_wants_it(
    wished: tuple[str, ...], offered: tuple[str, ...], direct: bool
):
    trunk = TrunkRecord("gw", "", codecs=wished, direct_networks=GATEWAY.direct_networks)
    assert bypass.of_call(trunk, DESK, Offer(codecs=offered)).direct is direct


def test_an_offer_is_read_in_its_order():
    assert bypass.read(sdp()) == Offer(True, True, ("PCMA", "PCMU"), (HERE,))
    opus = sdp("96 18 13 101", "RTP/AVP", HERE, 4000, "a=rtpmap:96 opus/48000/2", "c=IN IP4 10.1.0.5")
    assert bypass.read(opus) == Offer(True, True, ("OPUS", "G729"), ("10.1.0.5",))  # 13 is comfort noise
    assert not bypass.read(sdp(keys=False)).keys


@pytest.mark.parametrize("profile", ["RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/AVPF"])
def test_only_plain_rtp_is_plain(profile: str):
    assert not bypass.read(sdp(profile=profile)).plain
    assert not bypass.read(sdp() + f"m=video 4002 {profile} 96\r\n").plain
    assert bypass.read(sdp() + f"m=video 0 {profile} 96\r\n").plain  # it is refused


def test_each_stream_has_to_be_wanted_within():
    offer = bypass.read(sdp() + "m=video 4002 RTP/AVP 96\r\nc=IN IP4 203.0.113.9\r\n")
    assert offer.addresses == (HERE, "203.0.113.9")
    assert not bypass.of_call(GATEWAY, Phone(HERE, wants=offer.addresses), offer).direct


def test_a_call_goes_on_directly_until_its_phone_is_elsewhere_or_wants_encryption():
    networks = Networks(GATEWAY.direct_networks)
    assert bypass.goes_on(networks, HERE, bypass.read(sdp()))
    assert bypass.goes_on(networks, HERE, bypass.read(sdp(address="0.0.0.0")))  # hold, as it was said of old
    assert bypass.goes_on(networks, HERE, bypass.read(sdp(keys=False)))  # as a fax: keys were there once
    assert not bypass.goes_on(networks, HERE, bypass.read(sdp(address=ELSEWHERE)))
    assert not bypass.goes_on(networks, ELSEWHERE, bypass.read(sdp()))
    assert not bypass.goes_on(networks, HERE, bypass.read(sdp(profile="RTP/SAVP")))


@given(st.text())
def test_whatever_is_in_a_body_is_read(body: str):
    offer = bypass.read(body)
    assert offer.codecs == tuple(name.upper() for name in offer.codecs)


ANNA = record("anna@contoso.example", "premises", number="+14255550101")


@pytest.mark.parametrize(
    ("phone", "said"),
    [
        (HERE, f"media goes directly: the phone at {HERE} and trunk gw reach each other"),
        (ELSEWHERE, f"media is relayed: the phone is at {ELSEWHERE}, which is not in direct_networks of trunk gw"),
        (
            "",
            "media is relayed: where the phone is, is not known; "
            "in 10.1.0.0/16 or 2001:db8:1::/48 it would go directly",
        ),
    ],
)
def test_who_asks_why_a_call_goes_where_it_goes_is_told_of_its_media(phone: str, said: str):
    world = MemorySnapshot(config(trunks=(GATEWAY,)), [ANNA])
    request = Request("INVITE", "+12065550123", Source.PHONE, ANNA.aor, phone=phone)
    path = explain.call(request, "premises", lambda site: nullcontext(world))
    assert [step.text for step in path.hops[-1].outcome.trace if step.rule == "media"] == [said]


def test_of_a_call_from_a_trunk_it_depends_on_the_phone_that_answers():
    world = MemorySnapshot(config(trunks=(GATEWAY,)), [ANNA])
    request = Request("INVITE", "+14255550101", Source.TRUNK, "+12065550123", "gw", phone=HERE)
    path = explain.call(request, "premises", lambda site: nullcontext(world))
    (step,) = [step for step in path.hops[-1].outcome.trace if step.rule == "media"]
    assert "where the phone is, is not known" in step.text
