"""The place of who calls the emergency services, put into the INVITE to a trunk that wants it (RFC 6442).

A call that goes out by the other site tells that one what is known here (emergency/carried.py).
Whatever goes wrong here, the call goes out as it is.
"""

from __future__ import annotations

import time
import uuid

import msgspec

from isthmus.emergency import carried, pidflo, reported, rules
from isthmus.emergency.carried import Carried
from isthmus.emergency.compiled import TenantMap
from isthmus.emergency.model import Choice, Found, Known
from isthmus.engines.kamailio import contact
from isthmus.engines.kamailio.config import TrunkSettings
from isthmus.engines.kamailio.ksr import KSR, PHONE, PLACE, header, strip, text
from isthmus.engines.kamailio.site import Site
from isthmus.routing import located
from isthmus.routing.model import Request, Source

_TOLD = "$avp(told_place)"
_PUT = "$avp(put_place)"  # the call at hand bears a document that is not the phone's own
_CHOSEN_S = 7200.0  # as long as a registration lasts at most
_choices = msgspec.json.Decoder(tuple[Choice, ...])
_HEADERS = ("Geolocation", "Geolocation-Routing")


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


def found(site: Site, request: Request, device: str, number: str = "") -> tuple[Known, Found]:
    """Where the device is that makes the call at hand, by what is known of it, and what is in force for the call.

    device: as the digest named it. number: the caller's own, E.164.
    """
    known = Known(address_of(request.via), bssid=reported.bssid(header("P-Access-Network-Info")))
    where = _map_of(site, request.caller)
    if request.caller not in where.choices and (chosen := _chosen_at_home(site, request.caller)):
        where = msgspec.structs.replace(where, choices={request.caller: chosen})
    own = where.own(request.caller)
    return known, rules.found(where, known, own, aor=request.caller, device=bare(device), number=number)


def tell_edge(site: Site) -> None:
    """The REGISTER at hand comes from the other site, where the phone is: its answer says what the person chose here,
    so that they are found by it there. Nothing of it is anybody else's to know."""
    aor = f"{text('$tU')}@{text('$td')}".lower()
    where = _map_of(site, aor)
    if choices := where.choices.get(aor):
        KSR.hdr.append_to_reply(f"{PLACE}: {carried.written_choices(choices, where)}\r\n")


def hear_home(site: Site) -> None:
    """A reply of their home to the REGISTER of a phone here: remember what it says that the person chose."""
    told = header(PLACE)
    strip(PLACE)
    if not site.sent_by_peer() or not 200 <= int(KSR.pv.get("$rs")) < 300:
        return
    aor = f"{text('$tU')}@{text('$td')}".lower()
    try:
        if chosen := carried.read_choices(told, aor):
            site.choices.put(aor, msgspec.json.encode(chosen), time.time() + _CHOSEN_S)
        else:
            site.choices.drop(aor)
    except OSError as error:
        KSR.warn(f"what {aor} chose is not known to calls for help: {error.strerror}\n")


def _chosen_at_home(site: Site, aor: str) -> tuple[Choice, ...]:
    """What somebody chose who is at home at another site, as that said when their phone registered here."""
    try:
        kept = site.choices.get(aor)
        chosen = () if kept is None else _choices.decode(kept)
    except (OSError, msgspec.DecodeError) as error:
        KSR.warn(f"what {aor} chose can't be read: {error}\n")
        return ()
    if not chosen:
        return ()
    with site.snapshot.view() as view:
        person = view.person(aor)
        if person is None or view.config.sites[person.home] == view.config.site:
            return ()
    return chosen


def address_of(connector: str) -> str:
    """Of the phone that asks: as a connector tells it, where it is at one. connector: empty for none."""
    return (header(PHONE) if connector else "") or text("$si")


def bare(device: str) -> str:
    """The name of a device, of what the digest named."""
    return device.partition(".")[0]


def tell_other_site(site: Site, request: Request, device: str, number: str, lent: str) -> None:
    """Remember what the other site is to be told, should the emergency call at hand go out there."""
    try:
        known, place = found(site, request, device, number)
        told = carried.of_call(known, place, device=bare(device), lent=lent, own_word=bool(header("Geolocation")))
        KSR.pv.sets(_TOLD, carried.written(told))
    except Exception as error:
        KSR.err(f"an emergency call of {request.caller} goes on without its place: {type(error).__name__}: {error}\n")


def told_other_site() -> str:
    """The line of the header for the branch at hand to the other site; empty for none."""
    told = told_of_call()
    return f"{PLACE}: {told}\r\n" if told else ""


def told_of_call() -> str:
    """What `tell_other_site` remembered of the call at hand; empty for nothing."""
    return text(_TOLD)


def told_by_peer(site: Site, caller: str, number: str) -> tuple[Carried, Found, bool] | None:
    """Where the phone is of an emergency call that comes over the link: what the other site says, what it is taken for,
    and whether it was found here. None where nothing was said, or it can't be read. number: the caller's own, E.164.
    """
    try:
        told = carried.read(header(PLACE))
        if told is None:
            return None
        where = _map_of(site, caller)
        place, here = carried.found(told, where, where.own(caller), aor=caller, number=number)
    except Exception as error:
        KSR.err(f"where {caller} calls for help from is not known: {type(error).__name__}: {error}\n")
        return None
    return told, place, here


def add_place(site: Site, request: Request, device: str) -> None:
    """Add the document and the headers that lead to it. device: as the digest named it. Whatever goes wrong, the call
    goes out without them."""
    try:
        if request.source is Source.PEER:
            told = told_by_peer(site, request.caller, "")
            if told is not None and not told[0].own_word:
                _put_place(site, request.caller, told[1])
                if header("Geolocation"):  # else what the other site has put in
                    KSR.pv.sets(_PUT, "1")
        elif request.source is Source.PHONE and not header("Geolocation"):
            # What a phone says of its own place by itself is its word, not to be said twice (RFC 6442 section 4.1).
            _put_place(site, request.caller, found(site, request, device)[1])
    except Exception as error:
        KSR.err(f"an emergency call of {request.caller} goes out without its place: {type(error).__name__}: {error}\n")


def spare_trunk(trunk: TrunkSettings) -> None:
    """The branch at hand goes to a trunk: without the document that this site, or the other, has put into the call,
    where the trunk takes none. What the phone says of itself stays."""
    if trunk.location or KSR.pv.get(_PUT) is None:
        return
    if KSR.textops.filter_body("application/sdp") < 0:
        KSR.warn(f"an emergency call goes to trunk {trunk.name} with its place\n")
        return
    for name in ("Content-Type", *_HEADERS):
        KSR.hdr.remove(name)
    KSR.hdr.append("Content-Type: application/sdp\r\n")


def drop_place(site: Site, request: Request) -> None:
    """Take the document out again that the other site has put into the call at hand, for a trunk that wants none."""
    try:
        told = carried.read(header(PLACE)) if request.source is Source.PEER else None
        if told is not None and not told.own_word and header("Geolocation"):
            _put_body(_sdp(), "application/sdp")
            strip(*_HEADERS)
            _apply()
    except Exception as error:
        KSR.err(f"an emergency call of {request.caller} goes out as it came: {type(error).__name__}: {error}\n")


def _map_of(site: Site, caller: str) -> TenantMap:
    locations = site.locations.map()
    return locations.of(locations.domains.get(caller.rpartition("@")[2], ""))


def _put_place(site: Site, caller: str, place: Found) -> None:
    document = pidflo.of_call(place.located, caller, int(time.time()))
    sdp = _sdp() if document is not None and place.settings.send == "pidf-lo" else ""
    if document is None or not sdp:
        return
    strip(*_HEADERS)
    content_id, boundary = f"{uuid.uuid4().hex}@{site.settings.internal_host.strip('[]')}", uuid.uuid4().hex
    body = pidflo.multipart(boundary, sdp.encode(), pidflo.written(document), content_id)
    _put_body(body.decode(), f"multipart/mixed;boundary={boundary}")
    for name, value in pidflo.headers(content_id):
        KSR.hdr.append(f"{name}: {value}\r\n")
    _apply()
    KSR.pv.sets(_PUT, "1")


def _sdp() -> str:
    """The SDP of the call at hand; of one that the other site has put a document into, without that. Empty for none."""
    kind = text("$cT")
    if kind.partition(";")[0].strip().lower() == "application/sdp":
        return text("$rb")
    return pidflo.sdp_of(kind, text("$rb").encode()).decode()


def _put_body(body: str, kind: str) -> None:
    if not body or KSR.textops.set_body(body, kind) < 0:
        raise ValueError("Kamailio does not take the body")


def _apply() -> None:
    # rtpengine writes the SDP of each branch anew, and has to find it where it is now.
    if KSR.textopsx.msg_apply_changes() < 0:
        raise ValueError("Kamailio does not apply the changes")
