"""The place of who calls the emergency services, put into the INVITE to a trunk that wants it (RFC 6442).

Whatever goes wrong here, the call goes out as it is.
"""

from __future__ import annotations

import time
import uuid

from isthmus.emergency import pidflo, reported, rules
from isthmus.emergency.model import Found, Known
from isthmus.engines.kamailio import contact
from isthmus.engines.kamailio.ksr import KSR, header, text
from isthmus.engines.kamailio.site import Site
from isthmus.routing import located
from isthmus.routing.model import Request, Source


def place_of(site: Site, hop: str) -> str:
    """The network site where a phone is, by the URI that it is reached at; empty where that is none.

    A phone behind another site is nowhere: its address is not known here.
    """
    if site.peer_of_hop(hop) is not None:
        return ""
    with site.snapshot.view() as view:
        return located.place_of(view.config.network_sites, contact.host_of(hop))


def place_of_trunk(site: Site, request: Request) -> str:
    """The network site of the trunk that a request came by; empty for none."""
    if request.source is not Source.TRUNK:
        return ""
    with site.snapshot.view() as view:
        return next((each.network_site for each in view.config.trunks if each.name == request.via), "")


def rings_at(site: Site, place: str) -> bool:
    """Let the branches at hand ring at this network site alone. Whether any is there."""
    KSR.pv.sets("$avp(place)", place)
    hops = [
        text("$du"),
        *(text(f"$(branch(dst_uri)[{each}])") for each in range(int(KSR.pv.get("$branch(count)") or 0))),
    ]
    return any(place_of(site, hop) == place for hop in hops if hop)


def is_elsewhere(site: Site, hop: str) -> bool:
    """Whether the branch at hand leads to a phone where this call may not ring."""
    place = KSR.pv.get("$avp(place)")
    return place is not None and place_of(site, hop) != str(place)


def add_place(site: Site, caller: str, device: str) -> None:
    """Add the document and the headers that lead to it. caller: address-of-record; device: as the digest named it."""
    try:
        _add_place(site, caller, device)
    except Exception as error:
        KSR.err(f"an emergency call of {caller} goes out without its place: {type(error).__name__}: {error}\n")


def found(site: Site, caller: str, device: str, number: str = "") -> Found:
    """Where the device is that makes the call at hand, and what is in force for it. number: the caller's own, E.164."""
    known = Known(text("$si"), bssid=reported.bssid(header("P-Access-Network-Info")))
    locations = site.locations.map()
    where = locations.of(locations.domains.get(caller.rpartition("@")[2], ""))
    return rules.found(where, known, where.own(caller), aor=caller, device=device.partition(".")[0], number=number)


def _add_place(site: Site, caller: str, device: str) -> None:
    # What a phone says of its own place by itself is its word, and not to be said twice (RFC 6442 section 4.1).
    if header("Geolocation") or text("$cT").partition(";")[0].strip().lower() != "application/sdp":
        return
    place = found(site, caller, device)
    document = pidflo.of_call(place.located, caller, int(time.time()))
    if document is None or place.settings.send != "pidf-lo":
        return
    content_id, boundary = f"{uuid.uuid4().hex}@{site.settings.internal_host.strip('[]')}", uuid.uuid4().hex
    body = pidflo.multipart(boundary, text("$rb").encode(), pidflo.written(document), content_id)
    if KSR.textops.set_body(body.decode(), f"multipart/mixed;boundary={boundary}") < 0:
        raise ValueError("Kamailio does not take the body")
    for name, value in pidflo.headers(content_id):
        KSR.hdr.append(f"{name}: {value}\r\n")
    # rtpengine writes the SDP of each branch anew, and has to find it where it is now.
    if KSR.textopsx.msg_apply_changes() < 0:
        raise ValueError("Kamailio does not apply the changes")
