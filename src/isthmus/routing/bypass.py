"""Whether the media of a call with a trunk goes directly between phone and gateway (media bypass). Pure.

1. The trunk has `direct_networks`, and is offered plain RTP. Whatever is not known to be possible is relayed.
2. The phone is in one of these networks, and so is where it wants its media: by its offer, where it calls; by its
   Contact, where it is called. A phone behind a NAT names another address than the one it is seen by.
3. It is no browser, and at this site: what comes over the link is relayed by the other site already.
4. The offer is plain RTP, has keys as events (RFC 4733), and the trunk's codecs alone, the best one first.
5. A call that went directly is relayed from the moment on that its phone asks for media elsewhere, or for encryption.
   It never goes directly again: the relay knows by then what the two ends speak.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Protocol

import msgspec

from isthmus.addressing.networks import Networks

_MEDIA = re.compile(r"^m=(\w+) (\d+)(?:/\d+)? (\S+) ([^\r\n]*)", re.MULTILINE)
_RTPMAP = re.compile(r"^a=rtpmap:(\d+) ([^/\s]+)/", re.MULTILINE)
_CONNECTION = re.compile(r"^c=IN IP[46] ([^\s/]+)", re.MULTILINE)
_STATIC = {"0": "PCMU", "3": "GSM", "4": "G723", "8": "PCMA", "9": "G722", "15": "G728", "18": "G729"}  # RFC 3551 6
_KEYS, _NOISE = "TELEPHONE-EVENT", "CN"  # no speech, but what goes with it (RFC 4733, RFC 3389)
_HELD = ("0.0.0.0", "::")


class Wish(Protocol):
    """Settings of a trunk, as the site file has them."""

    @property
    def name(self) -> str: ...

    @property
    def media(self) -> str: ...

    @property
    def codecs(self) -> tuple[str, ...]: ...

    @property
    def direct_networks(self) -> tuple[str, ...]: ...


class Offer(msgspec.Struct, frozen=True):
    """What an SDP offers. plain: RTP without encryption. keys: as events (RFC 4733). codecs: of speech, the best first.

    addresses: where its media is wanted.
    """

    plain: bool = True
    keys: bool = True
    codecs: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class Phone(msgspec.Struct, frozen=True):
    """The end that is no trunk. address: that it is seen by; empty where it is not known. browser: by WebSocket.

    away: it is at the other site. wants: where it wants its media, as far as it has said.
    """

    address: str = ""
    browser: bool = False
    away: bool = False
    wants: tuple[str, ...] = ()


class Verdict(msgspec.Struct, frozen=True):
    """Whether media goes directly, and why."""

    direct: bool
    why: str

    def __str__(self) -> str:
        return f"media goes directly: {self.why}" if self.direct else f"media is relayed: {self.why}"


def of_call(trunk: Wish, phone: Phone, offer: Offer | None, networks: Networks | None = None) -> Verdict:
    """The verdict about a call between this phone and this trunk. offer: of whoever calls; None where there is none.

    networks: those of the trunk, where they are at hand already.
    """
    networks = networks or Networks(trunk.direct_networks)
    if not trunk.direct_networks:
        return Verdict(False, f"trunk {trunk.name} has no direct_networks")
    if trunk.media != "rtp":
        return Verdict(False, f"media of trunk {trunk.name} is encrypted ({trunk.media})")
    if phone.away:
        return Verdict(False, "the phone is at another site")
    if phone.browser:
        return Verdict(False, "the phone is a browser")
    if not phone.address:
        return Verdict(False, f"where the phone is, is not known; in {_named(trunk)} it would go directly")
    outside = _outside((phone.address, *phone.wants), networks)
    if outside:
        return Verdict(False, f"the phone is at {outside}, which is not in direct_networks of trunk {trunk.name}")
    if offer is None:
        return Verdict(False, "the call begins without an offer")
    if not offer.plain:
        return Verdict(False, "the offer is encrypted")
    if not offer.keys:
        return Verdict(False, "the offer has no keys as events (RFC 4733)")
    if not _as_wished(trunk, offer):
        return Verdict(False, f"the offer has other codecs than trunk {trunk.name}, or in another order")
    return Verdict(True, f"the phone at {phone.address} and trunk {trunk.name} reach each other")


def goes_on(networks: Networks, address: str, offer: Offer) -> bool:
    """Whether a call that goes directly may go on so, with this new offer of its phone, seen at `address`."""
    return offer.plain and not _outside((address, *offer.addresses), networks)


def read(sdp: str) -> Offer:
    """An SDP's offer. Streams that are refused (port 0) don't count."""
    session, *parts = re.split(r"(?=^m=)", sdp, flags=re.MULTILINE)
    general = _CONNECTION.findall(session)
    plain, addresses, names = True, dict[str, None](), dict[str, None]()
    for part in parts:
        kind, port, profile, formats = _MEDIA.findall(part)[0] if _MEDIA.match(part) else ("", "0", "", "")
        if port == "0":
            continue
        plain = plain and profile.upper() in ("RTP/AVP", "UDPTL")
        addresses.update(dict.fromkeys(_CONNECTION.findall(part) or general))
        if kind == "audio":
            known = _STATIC | {number: name.upper() for number, name in _RTPMAP.findall(part)}
            names.update(dict.fromkeys(known[each] for each in formats.split() if each in known))
    speech = tuple(name for name in names if name not in (_KEYS, _NOISE))
    return Offer(plain, _KEYS in names, speech, tuple(addresses))


def _outside(addresses: Iterable[str], networks: Networks) -> str:
    """The first that is in none of them; a name may lead anywhere. Empty where all are."""
    return next((each for each in addresses if each not in _HELD and not networks.hold(each)), "")


def _as_wished(trunk: Wish, offer: Offer) -> bool:
    wanted = [name.upper() for name in trunk.codecs]
    return not wanted or list(offer.codecs) == [name for name in wanted if name in offer.codecs]


def _named(trunk: Wish) -> str:
    return " or ".join(trunk.direct_networks)


def is_address(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
