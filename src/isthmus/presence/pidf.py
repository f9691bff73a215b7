"""Presence documents: PIDF (RFC 3863) with the activities and places of RPID (RFC 4480), as SIP clients read and write
them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from isthmus.errors import UsageError
from isthmus.presence import rules
from isthmus.presence.model import Availability, Known, Level, Published

KIND = "application/pidf+xml"
MOST_BYTES = 16 * 1024
_MOST_ELEMENTS = 400
_PIDF = "urn:ietf:params:xml:ns:pidf"
_RPID = "urn:ietf:params:xml:ns:pidf:rpid"
_DATA = "urn:ietf:params:xml:ns:pidf:data-model"
_PLACE = "urn:ietf:params:xml:ns:location-type"
# RFC 4589 section 3. Those that say nothing (other, unknown) are left out.
_PLACES = frozenset(
    {"aircraft", "airport", "arena", "automobile", "bank", "bar", "bicycle", "bus", "bus-station", "cafe",
     "classroom", "club", "construction", "convention-center", "government", "hospital", "hotel", "industrial",
     "library", "motorcycle", "office", "outdoors", "parking", "place-of-worship", "prison", "public",
     "public-transport", "residence", "restaurant", "school", "shopping-area", "stadium", "store", "street",
     "theater", "train", "train-station", "truck", "underway", "warehouse", "water", "watercraft"}
)  # fmt: skip
_DO_NOT_DISTURB = "do-not-disturb"
# RFC 4480 section 3.2: what others' clients say somebody does.
_BUSY = frozenset(
    {
        "appointment",
        "busy",
        "in-transit",
        "meeting",
        "on-the-phone",
        "performance",
        "presentation",
        "steering",
        "worship",
    }
)
_AWAY = frozenset(
    {"away", "breakfast", "dinner", "holiday", "looking-for-work", "lunch", "meal", "permanent-absence", "playing",
     "shopping", "sleeping", "spectator", "travel", "tv", "vacation"}
)  # fmt: skip
_ACTIVITIES = {
    Availability.BUSY: ("<rpid:busy/>",),
    Availability.DO_NOT_DISTURB: ("<rpid:busy/>", f"<rpid:other>{_DO_NOT_DISTURB}</rpid:other>"),
    Availability.AWAY: ("<rpid:away/>",),
    Availability.UNKNOWN: ("<rpid:unknown/>",),
}
_CLOSED = frozenset({Availability.OFFLINE, Availability.UNKNOWN})


def document(known: Known, level: Level, *, current: bool) -> bytes:
    """What a watcher is told of somebody. current: whether it is of now; else it is what was known last."""
    told = rules.shown(known, level)
    availability = Availability(told["availability"])
    activities = [*_ACTIVITIES.get(availability, ())]
    if told["in_call"]:
        activities.append("<rpid:on-the-phone/>")
    if told["out_of_office"]:
        activities.append("<rpid:other>out-of-office</rpid:other>")
    if not current and availability is not Availability.UNKNOWN:
        activities.append("<rpid:unknown/>")
    note = f"<dm:note>{escape(told['note'])}</dm:note>" if told["note"] else ""
    doing = f"<rpid:activities>{''.join(activities)}</rpid:activities>" if activities else ""
    place = _place_type(told["location"])
    person = f'<dm:person id="person">{doing}{place}{note}</dm:person>' if doing or place or note else ""
    basic = "closed" if availability in _CLOSED else "open"
    since = f"<timestamp>{_time(told['since'])}</timestamp>" if told["since"] else ""
    uri = f"sip:{known.aor}"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<presence xmlns="{_PIDF}" xmlns:dm="{_DATA}" xmlns:rpid="{_RPID}" '
        f'xmlns:lt="{_PLACE}" '
        f"entity={quoteattr(uri)}>"
        f'<tuple id="isthmus"><status><basic>{basic}</basic></status><contact>{escape(uri)}</contact>{since}</tuple>'
        f"{person}</presence>\n"
    ).encode()


def published(body: bytes) -> Published:
    """What a client says of its person. Raises UsageError for what is no such document, or too much of one."""
    if len(body) > MOST_BYTES:
        raise UsageError(f"the presence document is longer than {MOST_BYTES} bytes")
    root = _parsed(body)
    if root.tag != f"{{{_PIDF}}}presence":
        raise UsageError("the document is no presence document (RFC 3863)")
    doing = {
        _local(each.tag) if _local(each.tag) != "other" else (each.text or "").strip().lower()
        for activities in root.iter(f"{{{_RPID}}}activities")
        for each in activities
        if isinstance(each.tag, str)
    }
    basics = {(each.text or "").strip().lower() for each in root.iter(f"{{{_PIDF}}}basic")}
    notes = [each.text for tag in (_DATA, _PIDF) for each in root.iter(f"{{{tag}}}note") if each.text]
    return Published(_availability(doing, basics), rules.tidied(notes[0]) if notes else "", _place(root))


def _place_type(place: str) -> str:
    """RFC 4480 section 3.7. A word that stands for a type of place is that; anything else a text."""
    if not place:
        return ""
    known = place.lower() in _PLACES
    kind = f"<lt:{place.lower()}/>" if known else f"<rpid:other>{escape(place)}</rpid:other>"
    return f"<rpid:place-type>{kind}</rpid:place-type>"


def _place(root: etree._Element) -> str:
    """The first place that the document names: in words where it has some, else by its types."""
    for found in root.iter(f"{{{_RPID}}}place-type"):
        texts = [each.text for name in ("other", "note") for each in found.iter(f"{{{_RPID}}}{name}") if each.text]
        types = [
            _local(each.tag) for each in found if isinstance(each.tag, str) and each.tag.startswith(f"{{{_PLACE}}}")
        ]
        place = rules.tidied(texts[0] if texts else ", ".join(t for t in types if t in _PLACES), rules.LONGEST_PLACE)
        if place:
            return place
    return ""


def _availability(doing: set[str], basics: set[str]) -> Availability:
    if "open" not in basics:
        return Availability.OFFLINE
    if _DO_NOT_DISTURB in doing or "dnd" in doing:
        return Availability.DO_NOT_DISTURB
    if doing & _BUSY:
        return Availability.BUSY
    return Availability.AWAY if doing & _AWAY else Availability.AVAILABLE


def _parsed(body: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UsageError(f"the presence document is no XML ({str(error)[:100]})") from None
    if root.getroottree().docinfo.doctype:
        raise UsageError("a presence document has no DOCTYPE")
    for count, _ in enumerate(root.iter(), 1):
        if count > _MOST_ELEMENTS:
            raise UsageError(f"the presence document has more than {_MOST_ELEMENTS} elements")
    return root


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
